//! What the HTTP/2 engine does not pass on: with which alert an origin ended the connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use countersign_tls::{Alert, origin_refused_certificate};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The alert about our certificate, once there was one.
pub(super) type Overheard = Arc<OnceLock<Alert>>;

/// A connection whose reading end is listened to.
#[derive(Debug)]
pub(super) struct Overhear<IO> {
    io: IO,
    heard: Overheard,
}

impl<IO> Overhear<IO> {
    pub(super) fn new(io: IO) -> (Self, Overheard) {
        let heard = Overheard::default();
        let io = Self {
            io,
            heard: Arc::clone(&heard),
        };
        (io, heard)
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Overhear<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if let Poll::Ready(Err(error)) = &read
            && let Some(alert) = origin_refused_certificate(error)
        {
            // The first one counts.
            let _ = self.heard.set(alert);
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Overhear<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
