//! Writing what belongs together at once.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is held back at most; a server's flight is smaller unless its chain is enormous.
const HELD_MAX_BYTES: usize = 64 * 1024;

/// Holds writes of the handshake back until there is nothing to read, and its last ones until something else is written after them.
///
/// The session ticket is the last that a TLS 1.3 server says in a handshake, and nobody waits for it: it goes out with the first answer, in one
/// system call and one packet.
#[derive(Debug)]
pub(crate) struct Held<IO> {
    io: IO,
    held: Vec<u8>,
    /// How much of `held` is written.
    written: usize,
    in_handshake: bool,
    /// Whether nothing to read is a reason to write.
    releases_when_idle: bool,
}

impl<IO> Held<IO> {
    /// For the whole of a handshake.
    pub(crate) fn new(io: IO) -> Self {
        Self {
            io,
            held: Vec::new(),
            written: 0,
            in_handshake: true,
            releases_when_idle: true,
        }
    }

    pub(crate) fn get_ref(&self) -> &IO {
        &self.io
    }

    pub(crate) fn get_mut(&mut self) -> &mut IO {
        &mut self.io
    }

    /// From now on, whoever flushes wants it to be sent. `client_waits` for what is held: so it does in TLS 1.2, where the server may have the
    /// last word.
    pub(crate) fn handshake_done(&mut self, client_waits: bool) {
        self.in_handshake = false;
        self.releases_when_idle = client_waits;
    }
}

impl<IO: AsyncWrite + Unpin> Held<IO> {
    fn poll_release(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self
            .held
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            let written = ready!(Pin::new(&mut self.io).poll_write(context, rest))?;
            self.note(written)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes note of written bytes. Gives those that were not held.
    fn note(&mut self, written: usize) -> io::Result<usize> {
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let left = self.held.len() - self.written;
        if written < left {
            self.written += written;
            return Ok(0);
        }
        self.held = Vec::new();
        self.written = 0;
        Ok(written - left)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Held<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if read.is_pending() && self.releases_when_idle && !self.held.is_empty() {
            // The client may wait for it. The socket wakes this task for both.
            ready!(self.poll_release(context))?;
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Held<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.in_handshake {
            if self.held.len() + bytes.len() > HELD_MAX_BYTES {
                ready!(self.poll_release(context))?;
            }
            self.held.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        if self.held.is_empty() {
            return Pin::new(&mut self.io).poll_write(context, bytes);
        }
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.in_handshake {
            let bytes: Vec<u8> = slices
                .iter()
                .flat_map(|slice| slice.iter().copied())
                .collect();
            return self.poll_write(context, &bytes);
        }
        while !self.held.is_empty() {
            let this = &mut *self;
            let held = this.held.get(this.written..).unwrap_or_default();
            let all: Vec<_> = [IoSlice::new(held)]
                .into_iter()
                .chain(slices.iter().map(|slice| IoSlice::new(slice)))
                .collect();
            let written = ready!(Pin::new(&mut this.io).poll_write_vectored(context, &all))?;
            let beyond = self.note(written)?;
            if beyond > 0 {
                return Poll::Ready(Ok(beyond));
            }
        }
        match slices {
            // One call with one buffer is the cheaper one.
            [slice] => Pin::new(&mut self.io).poll_write(context, slice),
            _ => Pin::new(&mut self.io).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.in_handshake {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_release(context))?;
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_release(context))?;
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_the_handshake_says_goes_out_when_there_is_nothing_to_read() {
        let (mut client, server) = duplex(1024);
        let mut server = Held::new(server);
        server.write_all(b"flight").await.unwrap();
        server.flush().await.unwrap();
        let mut got = [0; 6];
        let (read, _) = tokio::join!(client.read_exact(&mut got), async {
            let mut byte = [0; 1];
            tokio::select! {
                _ = server.read(&mut byte) => {}
                () = tokio::task::yield_now() => {}
            }
        });
        read.unwrap();
        assert_eq!(&got, b"flight");
    }

    /// Counts writes.
    #[derive(Default)]
    struct Writes(Vec<Vec<u8>>);

    impl AsyncWrite for Writes {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.0.push(bytes.to_vec());
            Poll::Ready(Ok(bytes.len()))
        }

        /// Takes a part only, so that what is left has to be found.
        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let all: Vec<u8> = slices
                .iter()
                .flat_map(|slice| slice.to_vec())
                .take(8)
                .collect();
            self.0.push(all.clone());
            Poll::Ready(Ok(all.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_ticket_goes_out_with_the_first_answer() {
        let mut server = Held::new(Writes::default());
        server.write_all(b"ticket").await.unwrap();
        server.flush().await.unwrap();
        server.handshake_done(false);
        assert!(server.io.0.is_empty());
        server.write_all(b"answer").await.unwrap();
        server.flush().await.unwrap();
        let written: Vec<&[u8]> = server.io.0.iter().map(Vec::as_slice).collect();
        assert_eq!(written, [b"ticketan".as_slice(), b"swer"]);
        assert!(server.held.is_empty());
    }

    #[tokio::test]
    async fn what_is_held_goes_out_before_the_end() {
        let mut server = Held::new(Writes::default());
        server.write_all(b"alert").await.unwrap();
        server.shutdown().await.unwrap();
        assert_eq!(server.io.0, [b"alert".to_vec()]);
    }
}
