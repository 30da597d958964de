//! HTTP/2 connections whose streams run in the connection's own task.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::stream::{FuturesUnordered, Stream};
use hyper::rt::Executor;
use tokio::io::AsyncWrite;

use super::coalesce::Coalesce;
use super::drive::Engine;
use crate::node::Node;
use crate::panics::Task;

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// After so many rounds others have their turn.
const ROUNDS_MAX: u8 = 8;

/// Where the engine leaves its streams.
#[derive(Clone)]
pub(super) struct Streams(Arc<Shared>);

struct Shared {
    node: Arc<Node>,
    begun: Mutex<Vec<Boxed>>,
    /// Whether a stream ran, so that the engine may have something to send.
    ran: AtomicBool,
}

impl Streams {
    pub(super) fn new(node: &Arc<Node>) -> Self {
        Self(Arc::new(Shared {
            node: Arc::clone(node),
            begun: Mutex::default(),
            ran: AtomicBool::new(false),
        }))
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let shared = Arc::clone(&self.0);
        let noted = async move {
            let mut stream = pin!(stream);
            let turn = poll_fn(|context| {
                shared.ran.store(true, Ordering::Relaxed);
                // A panic stays in its stream, which is reset when it is dropped: the others of the connection go on.
                let poll = AssertUnwindSafe(|| stream.as_mut().poll(context));
                catch_unwind(poll).unwrap_or_else(|_| {
                    shared.node.metrics.panicked(Task::Request);
                    Poll::Ready(())
                })
            });
            turn.await;
        };
        let mut begun = self.0.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.push(Box::pin(noted));
    }
}

/// An engine and its streams. Each turn, the engine reads, all streams run that are ready, and what they answer goes out together. A task for
/// every stream would cost two changes of tasks per request, and each answer would come at another time.
pub(super) struct Turns<'e, E, IO> {
    engine: Pin<&'e mut E>,
    streams: Streams,
    running: FuturesUnordered<Boxed>,
    io: Coalesce<IO>,
}

impl<'e, E, IO> Turns<'e, E, IO> {
    pub(super) fn new(engine: Pin<&'e mut E>, streams: Streams, io: Coalesce<IO>) -> Self {
        Self {
            engine,
            streams,
            running: FuturesUnordered::new(),
            io,
        }
    }

    /// Runs the streams that are ready; `false` when there are none.
    fn run_streams(&mut self, context: &mut Context<'_>) -> bool {
        let shared = &self.streams.0;
        let mut begun = shared.begun.lock().unwrap_or_else(PoisonError::into_inner);
        self.running.extend(begun.drain(..));
        drop(begun);
        shared.ran.store(false, Ordering::Relaxed);
        while let Poll::Ready(Some(())) = Pin::new(&mut self.running).poll_next(context) {}
        shared.ran.load(Ordering::Relaxed)
    }
}

impl<E: Engine, IO: AsyncWrite + Unpin> Future for Turns<'_, E, IO> {
    type Output = hyper::Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        let this = self.get_mut();
        for _ in 0..ROUNDS_MAX {
            if let Poll::Ready(result) = this.engine.as_mut().poll(context) {
                this.io.end_turn(true, context);
                return Poll::Ready(result);
            }
            if !this.run_streams(context) {
                this.io.end_turn(this.running.is_empty(), context);
                return Poll::Pending;
            }
        }
        this.io.end_turn(false, context);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<E: Engine, IO: AsyncWrite + Unpin> Engine for Turns<'_, E, IO> {
    fn end_gracefully(self: Pin<&mut Self>) {
        self.get_mut().engine.as_mut().end_gracefully();
    }
}
