//! Decrypted connections.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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

stream! {
    /// The decrypted connection to an origin.
    OriginStream(tokio_rustls::client::TlsStream<IO>), |stream| stream.get_ref().0
}
