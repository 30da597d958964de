//! HTTP/1.1 connections that wait for their next request without the engine and its buffers.
//!
//! The engine keeps a read buffer, a write buffer and its own state for as long as it lives, which is more memory than everything else about
//! an idle connection. It is taken down while nothing happens and built again when the client sends something.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use countersign_tls::TlsStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::{Connection, Ending};

/// How long a connection is without a request before its engine is taken down. A client that keeps asking does not pay for a new one; the
/// shorter it is, the fewer engines there are at once when many clients come and stay.
pub(super) const REST_AFTER: Duration = Duration::from_millis(50);

/// A stream that can be waited for without a buffer to read into.
pub(crate) trait Wakeable: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Ready when a read may give something; being wrong about that is allowed.
    fn poll_wakes(&mut self, context: &mut Context<'_>) -> Poll<()>;
}

impl Wakeable for Box<TlsStream<TcpStream>> {
    fn poll_wakes(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // An error is a reason to read as well.
        self.get_ref().poll_read_ready(context).map(drop)
    }
}

impl Wakeable for TcpStream {
    fn poll_wakes(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.poll_read_ready(context).map(drop)
    }
}

/// Tells whether the engine above has said everything and waits for the client.
pub(super) struct Observed<IO> {
    io: IO,
    connection: Arc<Connection>,
    /// Read before, by an engine that is gone.
    before: Bytes,
    wants_to_write: bool,
    waits_to_read: bool,
    shut_down: bool,
}

impl<IO> Observed<IO> {
    pub(super) fn new(io: IO, before: Bytes, connection: Arc<Connection>) -> Self {
        let observed = Self {
            io,
            connection,
            before,
            wants_to_write: false,
            waits_to_read: false,
            shut_down: false,
        };
        observed.publish();
        observed
    }

    pub(super) fn into_inner(self) -> IO {
        self.io
    }

    fn publish(&self) {
        let waits = self.waits_to_read && !self.wants_to_write && !self.shut_down;
        self.connection.stream_waits.store(waits, Ordering::Relaxed);
    }

    fn wrote<T>(&mut self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        // What is written is out only when a flush says so.
        self.wants_to_write = true;
        self.publish();
        result
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Observed<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.before.has_remaining() {
            let length = self.before.len().min(buffer.remaining());
            buffer.put_slice(&self.before.split_to(length));
            return Poll::Ready(Ok(()));
        }
        let result = Pin::new(&mut self.io).poll_read(context, buffer);
        self.waits_to_read = result.is_pending();
        self.publish();
        result
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Observed<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(context, bytes);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_flush(context);
        self.wants_to_write = !matches!(result, Poll::Ready(Ok(())));
        self.publish();
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut_down = true;
        self.publish();
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// Whether everything that the client asked is answered and read to its end, as of before the engine's last turn.
///
/// Only then is the engine between two requests after that turn. A request body that somebody still reads, or that nobody read to its end,
/// would be taken for a request by the next engine (threats C5.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Quiescence {
    requests: u64,
    settled: bool,
}

impl Quiescence {
    pub(super) fn of(connection: &Connection) -> Self {
        // The bodies first: one that ends later than its request is seen here or not gone yet.
        let bodies = connection.open_bodies.load(Ordering::Acquire);
        Self {
            requests: connection.requests.load(Ordering::Relaxed),
            settled: bodies == 0 && connection.in_flight() == 0,
        }
    }

    /// Whether the engine may be taken down, right after it had its turn and had nothing to do.
    pub(super) fn holds(self, connection: &Connection) -> bool {
        self.settled
            && self == Self::of(connection)
            && connection.stream_waits.load(Ordering::Relaxed)
            && *connection.ending.borrow() == Ending::Open
    }
}

/// Waits until the client sends something or the connection is to end, which it is when it waited for too long.
pub(super) async fn rest<IO: Wakeable>(io: &mut IO, connection: &Connection) {
    let limits = &connection.node().limits;
    let longest = limits.idle_connection.min(limits.request_head);
    // The next request makes them again.
    connection.forwarded_identity.store(None);
    let mut ending = connection.ending();
    let ends = ending.wait_for(|ending| *ending > Ending::Open);
    let late = sleep_until(Instant::now() + longest.saturating_sub(connection.quiet()));
    connection.resting.store(true, Ordering::Relaxed);
    tokio::select! {
        biased;
        // Before the stream: bytes that make no request are no reason to wait longer.
        () = late => connection.end(Ending::Graceful),
        _ = ends => {}
        () = poll_fn(|context| io.poll_wakes(context)) => {}
    }
    connection.resting.store(false, Ordering::Relaxed);
}

/// A request body that the engine has not read to its end; counted while it exists.
#[derive(Debug)]
pub(crate) struct OpenBody(Arc<Connection>);

impl OpenBody {
    pub(crate) fn of(connection: &Arc<Connection>) -> Self {
        connection.open_bodies.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(connection))
    }
}

impl Drop for OpenBody {
    fn drop(&mut self) {
        self.0.open_bodies.fetch_sub(1, Ordering::AcqRel);
    }
}
