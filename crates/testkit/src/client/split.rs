//! Streams that cut what is written, as networks and odd TLS stacks do.

use std::{
    collections::BTreeSet,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::JoinHandle,
};

/// A stream that passes bytes on in pieces: writes end at chosen positions, and the first TLS record (the ClientHello) can
/// be cut into several records, which RFC 8446 §5.1 allows.
#[derive(Debug)]
pub struct Split<IO> {
    inner: IO,
    cuts: BTreeSet<usize>,
    record_bytes: Option<usize>,
    /// The first record while it is incomplete; `None` once it went on.
    first_record: Option<Vec<u8>>,
    pending: Vec<u8>,
    written: usize,
    /// Ends when others have had a chance to run; nothing is written meanwhile.
    pause: Option<JoinHandle<()>>,
}

impl<IO> Split<IO> {
    /// Passes everything on as it comes, until told otherwise.
    pub fn new(inner: IO) -> Self {
        Self {
            inner,
            cuts: BTreeSet::new(),
            record_bytes: None,
            first_record: None,
            pending: Vec::new(),
            written: 0,
            pause: None,
        }
    }

    /// No write crosses these positions, counted in bytes from the beginning of the stream; the reader gets a chance to run at each.
    pub fn cut_at(mut self, positions: impl IntoIterator<Item = usize>) -> Self {
        self.cuts.extend(positions);
        self
    }

    /// Cuts the first TLS record into records with at most `bytes` bytes of content.
    pub fn first_record_in_records_of(mut self, bytes: usize) -> Self {
        assert!(bytes > 0);
        self.record_bytes = Some(bytes);
        self.first_record = Some(Vec::new());
        self
    }

    fn take(&mut self, bytes: &[u8]) {
        let Some(mut first) = self.first_record.take() else {
            self.pending.extend(bytes);
            return;
        };
        first.extend(bytes);
        let whole = first
            .get(3..5)
            .map(|length| 5 + usize::from(u16::from_be_bytes([length[0], length[1]])));
        match whole {
            Some(whole) if first.len() >= whole => {
                let size = self.record_bytes.unwrap();
                for piece in first[5..whole].chunks(size) {
                    self.pending.extend(&first[..3]);
                    self.pending.extend((piece.len() as u16).to_be_bytes());
                    self.pending.extend(piece);
                }
                self.pending.extend(&first[whole..]);
            }
            _ => self.first_record = Some(first),
        }
    }
}

impl<IO: AsyncWrite + Unpin> Split<IO> {
    fn drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            if let Some(pause) = &mut self.pause {
                ready!(Pin::new(pause).poll(context)).unwrap();
                self.pause = None;
            }
            if self.cuts.remove(&self.written) {
                self.pause = Some(tokio::spawn(let_others_run()));
                continue;
            }
            let next_cut = self.cuts.range(self.written..).next();
            let room = next_cut.map_or(usize::MAX, |cut| cut - self.written);
            let piece = &self.pending[..room.min(self.pending.len())];
            let count = ready!(Pin::new(&mut self.inner).poll_write(context, piece))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.drain(..count);
            self.written += count;
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Split<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.drain(context))?;
        self.take(bytes);
        // What cannot be passed on now goes with the next write or flush.
        if let Poll::Ready(Err(error)) = self.drain(context) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Split<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Who writes does not always flush once more after a flush that had to wait.
        if let Poll::Ready(Err(error)) = self.drain(context) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

async fn let_others_run() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}
