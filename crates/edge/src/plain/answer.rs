//! The one answer to a request without TLS that is not served. The connection ends with it.

use std::io;
use std::time::Duration;

use http::Response;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::ResponseBody;

/// For the client to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is read of the rest of a request, so that the answer arrives: closing a socket with unread data resets the connection.
const REST_MAX_BYTES: u64 = 64 * 1024;
const REST_PATIENCE: Duration = Duration::from_secs(1);

/// Sends the answer and ends the connection. A client that does not take it is left.
pub(super) async fn send(stream: TcpStream, response: Response<ResponseBody>, is_head: bool) {
    let _ = tokio::time::timeout(PATIENCE, write(stream, response, is_head)).await;
}

async fn write(
    mut stream: TcpStream,
    response: Response<ResponseBody>,
    is_head: bool,
) -> io::Result<()> {
    let (parts, body) = response.into_parts();
    // Texts of our own, which are there at once.
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Err(io::Error::other(error)),
    };
    let mut bytes = format!("HTTP/1.1 {}\r\n", parts.status).into_bytes();
    for (name, value) in &parts.headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    let last = format!(
        "content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    bytes.extend_from_slice(last.as_bytes());
    if !is_head {
        bytes.extend_from_slice(&body);
    }
    stream.write_all(&bytes).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(REST_MAX_BYTES);
    let mut sink = tokio::io::sink();
    let _ = tokio::time::timeout(REST_PATIENCE, tokio::io::copy(&mut rest, &mut sink)).await;
    Ok(())
}
