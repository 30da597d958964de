//! Bytes both ways between a client and an origin, until one side ends, nothing moves for too long, or the client is no longer trusted.

use std::io;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use crate::connection::{Connection, Ending};

/// As much as one TLS record holds.
const BUFFER_BYTES: usize = 16 * 1024;

/// How it came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// Both sides ended it.
    Itself,
    /// One of them broke it.
    Broken(Side),
    /// Nothing moved for too long.
    Idle,
    /// We end it.
    Cut(Ending),
}

/// One end of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Client,
    Origin,
}

/// What has moved so far.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    from_client: AtomicU64,
    from_origin: AtomicU64,
    broken: OnceLock<Side>,
}

impl Traffic {
    pub(crate) fn from(&self, side: Side) -> u64 {
        self.bytes(side).load(Ordering::Relaxed)
    }

    fn bytes(&self, side: Side) -> &AtomicU64 {
        match side {
            Side::Client => &self.from_client,
            Side::Origin => &self.from_origin,
        }
    }

    fn total(&self) -> u64 {
        self.from(Side::Client)
            .saturating_add(self.from(Side::Origin))
    }
}

/// Passes bytes until the end. A drain lets it go on until its deadline; lost trust does not.
pub(crate) async fn relay(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    origin: &mut (impl AsyncRead + AsyncWrite + Unpin),
    traffic: &Traffic,
    connection: &Connection,
    idle: Duration,
) -> End {
    let mut ending = connection.ending();
    let quiet = sleep_until(Instant::now() + idle);
    let copy = tokio::io::copy_bidirectional_with_sizes(client, origin, BUFFER_BYTES, BUFFER_BYTES);
    tokio::pin!(quiet, copy);
    let mut seen = traffic.total();
    loop {
        tokio::select! {
            result = &mut copy => return match result {
                Ok(_) => End::Itself,
                Err(_) => End::Broken(traffic.broken.get().copied().unwrap_or(Side::Client)),
            },
            ending = ending.wait_for(|ending| *ending >= Ending::CutOff) => {
                return End::Cut(ending.map_or(Ending::Now, |ending| *ending));
            }
            () = &mut quiet => {
                let now = traffic.total();
                if now == seen {
                    return End::Idle;
                }
                seen = now;
                quiet.as_mut().reset(Instant::now() + idle);
            }
        }
    }
}

/// Looks at what is written to one side.
pub(crate) trait Watch: Unpin {
    fn written(&mut self, bytes: &[u8]);
}

impl Watch for () {
    fn written(&mut self, _: &[u8]) {}
}

/// One side, whose bytes are counted.
pub(crate) struct Counted<'a, IO, W = ()> {
    io: IO,
    side: Side,
    traffic: &'a Traffic,
    connection: &'a Connection,
    pub(crate) watch: W,
}

impl<'a, IO, W: Watch + Default> Counted<'a, IO, W> {
    pub(crate) fn new(
        io: IO,
        side: Side,
        traffic: &'a Traffic,
        connection: &'a Connection,
    ) -> Self {
        Self {
            io,
            side,
            traffic,
            connection,
            watch: W::default(),
        }
    }
}

impl<IO, W> Counted<'_, IO, W> {
    pub(crate) fn into_inner(self) -> IO {
        self.io
    }

    fn note<T>(&self, result: &Poll<io::Result<T>>) {
        if matches!(result, Poll::Ready(Err(_))) {
            // The first error is the cause, the others are what followed.
            let _ = self.traffic.broken.set(self.side);
        }
    }
}

impl<IO: AsyncRead + Unpin, W: Watch> AsyncRead for Counted<'_, IO, W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.io).poll_read(context, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        if read > 0 {
            self.traffic
                .bytes(self.side)
                .fetch_add(read as u64, Ordering::Relaxed);
            self.connection.progress();
        }
        self.note(&result);
        result
    }
}

impl<IO: AsyncWrite + Unpin, W: Watch> AsyncWrite for Counted<'_, IO, W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = &result {
            self.watch
                .written(bytes.get(..*written).unwrap_or_default());
        }
        self.note(&result);
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_flush(context);
        self.note(&result);
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_shutdown(context);
        self.note(&result);
        result
    }
}
