//! Writing the answers of an HTTP/2 connection together.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The content of one TLS record (RFC 8446 §5.1); what is larger goes out at once.
const COLLECTED_MAX_BYTES: usize = 16 * 1024;

/// Collects small writes, and lets other tasks that are ready run before it sends them.
///
/// Streams are answered by tasks of their own, each of which wakes the connection as soon as it has a frame. Sent at once, every answer
/// would be a TLS record, a system call and a packet of its own; collected for a turn of the runtime, the answers that are ready at the
/// same time share them. A connection without another request in flight has nothing to wait for and sends at once.
///
/// The engine flushes after every frame of data, so that a flush says nothing about its turn; it begins each turn with a read. What was collected
/// goes out when a turn brought nothing more. A body comes some turns after its head, since tasks hand it on to each other.
pub(super) struct Coalesce<IO, F> {
    io: IO,
    /// Whether requests are in flight whose answers may come at any moment.
    awaits_more: F,
    collected: Vec<u8>,
    /// How much of `collected` is sent.
    sent: usize,
    /// How many turns began since something was collected.
    turns: u8,
    /// How much was collected when the last of them began.
    before: usize,
    /// Whether the task is woken for another turn.
    is_woken: bool,
}

/// So many turns are waited for at most.
const TURNS_MAX: u8 = 4;

impl<IO, F: Fn() -> bool> Coalesce<IO, F> {
    pub(super) fn new(io: IO, awaits_more: F) -> Self {
        Self {
            io,
            awaits_more,
            collected: Vec::new(),
            sent: 0,
            turns: 0,
            before: 0,
            is_woken: false,
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
        (self.turns, self.before) = (0, 0);
        if (self.awaits_more)() {
            self.collected.clear();
        } else {
            // An idle connection holds no buffer.
            self.collected = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Asks for another turn. A task that wakes itself goes to the end of the queue.
    fn wake(&mut self, context: &Context<'_>) {
        if !self.is_woken {
            self.is_woken = true;
            context.waker().wake_by_ref();
        }
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
            if (self.awaits_more)() {
                self.wake(context);
                return Poll::Ready(Ok(()));
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

impl<IO: AsyncRead + AsyncWrite + Unpin, F: Fn() -> bool + Unpin> AsyncRead for Coalesce<IO, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_woken = false;
        if !self.collected.is_empty() {
            let brought_more = self.collected.len() > self.before;
            if brought_more && self.turns < TURNS_MAX {
                self.turns += 1;
                self.before = self.collected.len();
                self.wake(context);
            } else if let Poll::Ready(Err(error)) = self.poll_send(context) {
                // What cannot be written now is, when the connection beneath wakes the task.
                return Poll::Ready(Err(error));
            }
        }
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Wake, Waker};

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

    impl AsyncRead for Writes {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    /// Runs turns as the engine does: each begins with a read, and every piece is flushed. Checks what came out, and that the task is woken for
    /// as long as something waits.
    fn check(turns: &[&[&[u8]]], awaits_more: bool, writes: &[usize]) {
        let more = Cell::new(awaits_more);
        let mut stream = Coalesce::new(Writes::default(), || more.get());
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        for pieces in turns {
            let mut bytes = [0; 16];
            let mut buffer = ReadBuf::new(&mut bytes);
            assert!(
                Pin::new(&mut stream)
                    .poll_read(&mut context, &mut buffer)
                    .is_pending()
            );
            for piece in *pieces {
                let mut rest = *piece;
                while !rest.is_empty() {
                    let Poll::Ready(Ok(written)) =
                        Pin::new(&mut stream).poll_write(&mut context, rest)
                    else {
                        panic!("a writer that never waits");
                    };
                    rest = &rest[written..];
                }
                assert!(Pin::new(&mut stream).poll_flush(&mut context).is_ready());
            }
            let waits = !stream.collected.is_empty();
            assert!(woken.0.swap(false, Ordering::Relaxed) || !waits);
        }
        let sent: Vec<usize> = stream.io.0.iter().map(Vec::len).collect();
        assert_eq!(sent, writes);
        assert_eq!(stream.io.0.concat(), turns.concat().concat());
    }

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_comes_within_a_turn_goes_out_together() {
        let turns: &[&[&[u8]]] = &[&[b"head"], &[b"other", b"more"], &[b"body"], &[], &[]];
        check(turns, true, &[17]);
        check(&[&[b"one", b"two"], &[], &[]], true, &[6]);
    }

    #[test]
    fn what_comes_later_goes_out_later() {
        let turns: &[&[&[u8]]] = &[&[b"one"], &[], &[b"two"], &[], &[]];
        check(turns, true, &[3, 3]);
    }

    #[test]
    fn nothing_waits_for_ever() {
        let piece: &[&[u8]] = &[b"-"];
        let nothing: &[&[u8]] = &[];
        let turns = [piece, piece, piece, piece, piece, piece, nothing, nothing];
        check(&turns, true, &[5, 1]);
    }

    #[test]
    fn nothing_waits_when_nothing_else_is_in_flight() {
        check(&[&[b"one", b"two"]], false, &[3, 3]);
    }

    #[test]
    fn what_fills_a_record_goes_out_at_once() {
        let large = vec![1; COLLECTED_MAX_BYTES + 1];
        check(&[&[b"small", &large], &[], &[]], true, &[5, large.len()]);
    }
}
