//! New connections to origins.

use std::io;
use std::net::SocketAddr;

use countersign_snapshot::Endpoint;
use countersign_trust::Reason;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Origin, OriginError};
use crate::http::RequestBody;

/// Heads of responses may have this much.
const RESPONSE_HEAD_MAX_BYTES: usize = 128 * 1024;

pub(super) type Sender = http1::SendRequest<RequestBody>;

/// Looks the name up, connects and shakes hands, all within the origin's connect timeout.
pub(super) async fn connect(
    origin: &Origin,
    endpoint: &Endpoint,
) -> Result<(Sender, SocketAddr), OriginError> {
    let limit = origin.timeouts().connect;
    match tokio::time::timeout(limit, connect_at_leisure(origin, endpoint)).await {
        Ok(result) => result,
        Err(_) => Err(OriginError::new(
            Reason::OriginTimeout,
            format!(
                "no connection to {}:{} within {} ms",
                endpoint.host,
                endpoint.port,
                limit.as_millis()
            ),
        )),
    }
}

async fn connect_at_leisure(
    origin: &Origin,
    endpoint: &Endpoint,
) -> Result<(Sender, SocketAddr), OriginError> {
    let (stream, address) = tcp(endpoint)
        .await
        .map_err(|error| OriginError::connect(&error))?;
    let _ = stream.set_nodelay(true);
    let sender = match &origin.connector {
        None => start(stream).await,
        Some(connector) => {
            let stream = connector
                .connect(stream, &endpoint.host)
                .await
                .map_err(|error| OriginError::tls(&error))?;
            start(stream).await
        }
    };
    sender
        .map(|sender| (sender, address))
        .map_err(|error| OriginError::http(&error))
}

/// Tries the addresses of a name in the order of the resolver.
async fn tcp(endpoint: &Endpoint) -> io::Result<(TcpStream, SocketAddr)> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the origin's name has no address");
    for address in tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok((stream, address)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn start<IO>(stream: IO) -> hyper::Result<Sender>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_header_size(RESPONSE_HEAD_MAX_BYTES)
        .max_buf_size(512 * 1024)
        .handshake(TokioIo::new(stream))
        .await?;
    // The engine runs beside the request: an upload goes on while the client is slow to read the response. Errors reach the request.
    tokio::spawn(async move {
        let _ = connection.with_upgrades().await;
    });
    Ok(sender)
}
