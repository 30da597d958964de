//! Writing the answers of an HTTP/2 connection together.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The content of one TLS record (RFC 8446 §5.1); what is larger goes out at once.
const COLLECTED_MAX_BYTES: usize = 16 * 1024;

/// Collects small writes until the end of the connection's turn.
///
/// The engine flushes after every frame of data. Sent at once, every answer would be a TLS record or two, a system call and a packet of its
/// own; collected for a turn, in which all streams run that are ready, they share them. The engine has one handle of it, and whoever knows
/// when the turn ends has the other. A connection without another request in flight has nothing to wait for and sends at once. That also keeps
/// an answer and the reset of a request that was not read to its end apart: some clients that find both in one record miss the answer.
pub(super) struct Coalesce<IO>(Arc<Mutex<Collected<IO>>>);

struct Collected<IO> {
    io: IO,
    /// Whether requests are in flight whose answers may come within the turn.
    awaits_more: Box<dyn Fn() -> bool + Send>,
    bytes: Vec<u8>,
    /// How much of `bytes` is sent.
    sent: usize,
    /// Why nothing can be sent any more; for the engine to hear.
    failed: Option<io::Error>,
}

impl<IO> Clone for Coalesce<IO> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<IO> Coalesce<IO> {
    pub(super) fn new(io: IO, awaits_more: impl Fn() -> bool + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Collected {
            io,
            awaits_more: Box::new(awaits_more),
            bytes: Vec::new(),
            sent: 0,
            failed: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Collected<IO>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<IO: AsyncWrite + Unpin> Coalesce<IO> {
    /// The turn is over: what was collected goes out. What cannot be written now is, when the connection beneath wakes the task, for another
    /// turn. An idle connection holds no buffer.
    pub(super) fn end_turn(&self, is_idle: bool, context: &mut Context<'_>) {
        let mut collected = self.lock();
        if collected.bytes.is_empty() {
            return;
        }
        match collected.poll_send(context) {
            Poll::Ready(Ok(())) if is_idle => collected.bytes = Vec::new(),
            Poll::Ready(Err(error)) => {
                collected.failed = Some(error);
                collected.bytes.clear();
                context.waker().wake_by_ref();
            }
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
    }
}

impl<IO: AsyncWrite + Unpin> Collected<IO> {
    /// Hands everything collected to the connection beneath.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut self.io).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        self.sent = 0;
        self.bytes.clear();
        Pin::new(&mut self.io).poll_flush(context)
    }

    /// Makes room for so many bytes; `false` when they are too many to be collected.
    fn poll_room(&mut self, context: &mut Context<'_>, bytes: usize) -> Poll<io::Result<bool>> {
        if self.bytes.len() + bytes > COLLECTED_MAX_BYTES {
            ready!(self.poll_send(context))?;
        }
        Poll::Ready(Ok(bytes <= COLLECTED_MAX_BYTES))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Coalesce<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut collected = self.lock();
        if !ready!(collected.poll_room(context, bytes.len()))? {
            return Pin::new(&mut collected.io).poll_write(context, bytes);
        }
        collected.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut collected = self.lock();
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        if !ready!(collected.poll_room(context, bytes))? {
            return Pin::new(&mut collected.io).poll_write_vectored(context, slices);
        }
        for slice in slices {
            collected.bytes.extend_from_slice(slice);
        }
        Poll::Ready(Ok(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut collected = self.lock();
        if (collected.awaits_more)() {
            // The turn's end sends it.
            return Poll::Ready(Ok(()));
        }
        collected.poll_send(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut collected = self.lock();
        ready!(collected.poll_send(context))?;
        Pin::new(&mut collected.io).poll_shutdown(context)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Coalesce<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut collected = self.lock();
        if let Some(error) = collected.failed.take() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut collected.io).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Keeps every write apart, until it fails.
    #[derive(Default)]
    struct Writes {
        all: Vec<Vec<u8>>,
        fails: bool,
    }

    impl AsyncWrite for Writes {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if self.fails {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            self.all.push(bytes.to_vec());
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

    /// Runs turns as the engine does, which flushes every piece. Checks what came out.
    fn check(turns: &[&[&[u8]]], awaits_more: bool, writes: &[usize]) {
        let mut context = Context::from_waker(Waker::noop());
        let mut stream = Coalesce::new(Writes::default(), move || awaits_more);
        for pieces in turns {
            for piece in *pieces {
                let written = Pin::new(&mut stream).poll_write(&mut context, piece);
                assert!(matches!(written, Poll::Ready(Ok(all)) if all == piece.len()));
                assert!(Pin::new(&mut stream).poll_flush(&mut context).is_ready());
            }
            stream.end_turn(true, &mut context);
        }
        let all = &stream.lock().io.all;
        assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), writes);
        assert_eq!(all.concat(), turns.concat().concat());
    }

    #[test]
    fn what_comes_within_a_turn_goes_out_together() {
        check(
            &[&[b"head", b"body", b"other"], &[b"next"], &[]],
            true,
            &[13, 4],
        );
    }

    #[test]
    fn nothing_waits_when_nothing_else_is_in_flight() {
        check(&[&[b"answer", b"reset"]], false, &[6, 5]);
    }

    #[test]
    fn what_fills_a_record_goes_out_at_once() {
        let large = vec![1; COLLECTED_MAX_BYTES + 1];
        let half = vec![1; COLLECTED_MAX_BYTES / 2 + 1];
        check(&[&[b"small", &large]], true, &[5, large.len()]);
        check(&[&[&half, &half]], true, &[half.len(), half.len()]);
    }

    #[test]
    fn the_engine_hears_of_what_could_not_be_sent() {
        let mut context = Context::from_waker(Waker::noop());
        let mut stream = Coalesce::new(Writes::default(), || true);
        stream.lock().io.fails = true;
        let _ = Pin::new(&mut stream).poll_write(&mut context, b"answer");
        stream.end_turn(false, &mut context);
        let mut bytes = [0; 1];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = Pin::new(&mut stream).poll_read(&mut context, &mut buffer);
        assert!(
            matches!(read, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe)
        );
    }
}
