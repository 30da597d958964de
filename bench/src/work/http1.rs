//! Just enough HTTP/1.1 for answers with a Content-Length, at little cost.

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

const BUFFER_BYTES: usize = 64 * 1024;
/// Many connections are open at once, and most of them see small answers only.
const SMALL_BUFFER_BYTES: usize = 4 * 1024;

pub(crate) struct Http1 {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Http1 {
    pub(crate) fn new(stream: TlsStream<TcpStream>) -> Self {
        Self {
            stream,
            buffer: vec![0; SMALL_BUFFER_BYTES],
        }
    }

    /// Asks and reads the answer to its end. Returns the length of its body.
    pub(crate) async fn get(&mut self, host: &str, path: &str, connection: &str) -> Result<u64> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench\r\nAccept: */*\r\nConnection: {connection}\r\n\r\n"
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.stream.flush().await?;
        let mut filled = 0;
        let (body, mut left) = loop {
            let free = self.buffer.get_mut(filled..).unwrap_or_default();
            let read = self.stream.read(free).await?;
            if read == 0 {
                bail!("the server ended the connection inside an answer");
            }
            filled += read;
            let head = self.buffer.get(..filled).unwrap_or_default();
            if let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let length = content_length(head.get(..end).unwrap_or_default())?;
                let begun = (filled - end - 4) as u64;
                break (length, length.saturating_sub(begun));
            }
        };
        if left > SMALL_BUFFER_BYTES as u64 {
            self.buffer.resize(BUFFER_BYTES, 0);
        }
        while left > 0 {
            let read = self.stream.read(&mut self.buffer).await?;
            if read == 0 {
                bail!("the server ended the connection inside a body");
            }
            left = left.saturating_sub(read as u64);
        }
        Ok(body)
    }

    /// Reads on until the server closes, so that it is the one that keeps no connection.
    pub(crate) async fn until_closed(mut self) -> Result<()> {
        while self.stream.read(&mut self.buffer).await.unwrap_or(0) > 0 {}
        let _ = self.stream.shutdown().await;
        Ok(())
    }
}

fn content_length(head: &[u8]) -> Result<u64> {
    let text = std::str::from_utf8(head)?;
    if !text.starts_with("HTTP/1.1 200") {
        bail!(
            "answered with `{}`",
            text.lines().next().unwrap_or_default()
        );
    }
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("an answer without Content-Length")?
        .1
        .trim()
        .parse()
        .context("a Content-Length that is no number")
}
