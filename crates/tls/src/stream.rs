//! Decrypted connections.

use std::io::{self, IoSlice};
use std::net::TcpStream as StdStream;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::Alpn;
use crate::held::Held;

macro_rules! stream {
    ($(#[$doc:meta])* $name:ident($inner:ty), $io:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<IO>($inner);

        impl<IO> $name<IO> {
            pub(crate) fn new(stream: $inner) -> Self {
                Self(stream)
            }

            /// The connection beneath, as for its addresses.
            pub fn get_ref(&self) -> &IO {
                let io: fn(&$inner) -> &IO = $io;
                io(&self.0)
            }

            /// The application protocol that was negotiated.
            #[must_use]
            pub fn alpn(&self) -> Alpn {
                Alpn::of(self.0.get_ref().1)
            }
        }

        impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for $name<IO> {
            fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_read(cx, buffer)
            }
        }

        impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for $name<IO> {
            fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0).poll_write(cx, bytes)
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_flush(cx)
            }

            fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_shutdown(cx)
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0).poll_write_vectored(cx, bytes)
            }

            fn is_write_vectored(&self) -> bool {
                self.0.is_write_vectored()
            }
        }
    };
}

stream! {
    /// The decrypted connection of a client.
    TlsStream(tokio_rustls::server::TlsStream<Held<IO>>), |stream| stream.get_ref().0.get_ref()
}

impl<IO> TlsStream<IO> {
    /// The name of the application protocol that was negotiated.
    #[must_use]
    pub fn alpn_protocol(&self) -> Option<&[u8]> {
        self.0.get_ref().1.alpn_protocol()
    }
}

impl TlsStream<TcpStream> {
    /// Has the connection driven by the runtime that this is called in from now on, whichever one did the handshake. Returns when that runtime
    /// knows that it can be written to: an engine that refuses an upgrade does not wait until its answer is out.
    ///
    /// # Errors
    /// When the process has no more file descriptors: for a moment it needs one more.
    pub async fn move_here(&mut self) -> io::Result<()> {
        let io = self.0.get_mut().0.get_mut();
        let same = StdStream::from(io.as_fd().try_clone_to_owned()?);
        // Both are the same socket: what belongs to the other runtime is closed, and what is left is not blocking either.
        *io = TcpStream::from_std(same)?;
        io.writable().await
    }
}

stream! {
    /// The decrypted connection to an origin.
    OriginStream(tokio_rustls::client::TlsStream<IO>), |stream| stream.get_ref().0
}
