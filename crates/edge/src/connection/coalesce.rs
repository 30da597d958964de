//! Writing the answers of an HTTP/2 connection together.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The content of one TLS record (RFC 8446 §5.1); what is larger goes out at once.
const COLLECTED_MAX_BYTES: usize = 16 * 1024;

/// Collects small writes, and lets other tasks that are ready run once before it sends them.
///
/// Streams are answered by tasks of their own, each of which wakes the connection as soon as it has a frame. Sent at once, every answer
/// would be a TLS record, a system call and a packet of its own; collected for one turn of the runtime, the answers that are ready at the
/// same time share them. A connection without another request in flight has nothing to wait for and sends at once.
pub(super) struct Coalesce<IO, F> {
    io: IO,
    /// Whether requests are in flight whose answers may come at any moment.
    awaits_more: F,
    collected: Vec<u8>,
    /// How much of `collected` is sent.
    sent: usize,
    turn: Turn,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Turn {
    /// Others have not had a turn since something was collected.
    Fresh,
    /// They had.
    Given,
}

impl<IO, F: Fn() -> bool> Coalesce<IO, F> {
    pub(super) fn new(io: IO, awaits_more: F) -> Self {
        Self {
            io,
            awaits_more,
            collected: Vec::new(),
            sent: 0,
            turn: Turn::Fresh,
        }
    }
}

impl<IO: AsyncWrite + Unpin, F: Fn() -> bool> Coalesce<IO, F> {
    /// Hands everything collected to the connection beneath.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self
            .collected
            .get(self.sent..)
            .filter(|rest| !rest.is_empty())
        {
            let written = ready!(Pin::new(&mut self.io).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        self.sent = 0;
        self.turn = Turn::Fresh;
        if (self.awaits_more)() {
            self.collected.clear();
        } else {
            // An idle connection holds no buffer.
            self.collected = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Makes room for so many bytes; `false` when they are too many to be collected.
    fn poll_room(&mut self, context: &mut Context<'_>, bytes: usize) -> Poll<io::Result<bool>> {
        if self.collected.len() + bytes > COLLECTED_MAX_BYTES {
            ready!(self.poll_send(context))?;
        }
        Poll::Ready(Ok(bytes <= COLLECTED_MAX_BYTES))
    }
}

impl<IO: AsyncWrite + Unpin, F: Fn() -> bool + Unpin> AsyncWrite for Coalesce<IO, F> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !ready!(self.poll_room(context, bytes.len()))? {
            return Pin::new(&mut self.io).poll_write(context, bytes);
        }
        self.collected.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        if !ready!(self.poll_room(context, bytes))? {
            return Pin::new(&mut self.io).poll_write_vectored(context, slices);
        }
        for slice in slices {
            self.collected.extend_from_slice(slice);
        }
        Poll::Ready(Ok(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.collected.is_empty() {
            if self.turn == Turn::Fresh && (self.awaits_more)() {
                self.turn = Turn::Given;
                // A task that wakes itself goes to the end of the queue.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            ready!(self.poll_send(context))?;
        }
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

impl<IO: AsyncRead + Unpin, F: Unpin> AsyncRead for Coalesce<IO, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::task::Waker;

    use super::*;

    /// Keeps every write apart.
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

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Writes the pieces, flushes after each until that is done, and returns what came out and how often a flush gave way.
    fn check(pieces: &[&[u8]], awaits_more: bool, writes: &[usize], turns: usize) {
        let more = Cell::new(awaits_more);
        let mut stream = Coalesce::new(Writes::default(), || more.get());
        let mut context = Context::from_waker(Waker::noop());
        let mut given = 0;
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let Poll::Ready(Ok(written)) = Pin::new(&mut stream).poll_write(&mut context, rest)
                else {
                    panic!("a writer that never waits");
                };
                rest = &rest[written..];
            }
            if Pin::new(&mut stream).poll_flush(&mut context).is_pending() {
                given += 1;
            }
        }
        assert!(Pin::new(&mut stream).poll_flush(&mut context).is_ready());
        let sent: Vec<usize> = stream.io.0.iter().map(Vec::len).collect();
        assert_eq!(sent, writes);
        assert_eq!(stream.io.0.concat(), pieces.concat());
        assert_eq!(given, turns);
    }

    #[test]
    fn what_comes_within_a_turn_goes_out_together() {
        check(&[b"one", b"two"], true, &[6], 1);
    }

    #[test]
    fn nothing_waits_when_nothing_else_is_in_flight() {
        check(&[b"one", b"two"], false, &[3, 3], 0);
    }

    #[test]
    fn what_fills_a_record_goes_out_at_once() {
        let large = vec![1; COLLECTED_MAX_BYTES + 1];
        check(&[b"small", &large], true, &[5, large.len()], 1);
    }
}
