//! A panic stays where it happened. None is expected; if there is one, it costs a connection or a request, never the node.
//!
//! Every connection is a task of its own, and so is every request of HTTP/3; the runtime catches what panics there, and what the task held is
//! given back as it unwinds. A request of HTTP/2 runs in its connection's task, which catches it. What the node cannot be without begins again.
//! The process's panic hook says where it was.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::node::Node;

/// What ended by a panic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Task {
    /// One connection, from its handshake to its end.
    Connection,
    /// One of the parts that run as long as the node does; it began again.
    Node,
    /// One request of a connection that went on.
    Request,
}

/// Counts the panic that ends the task which holds it.
#[derive(Debug)]
pub(crate) struct Watch {
    node: Arc<Node>,
    task: Task,
}

/// Before a part of the node begins again: one that panics at once is not to take a processor for it.
const PAUSE: Duration = Duration::from_millis(50);

impl Watch {
    pub(crate) fn new(node: &Arc<Node>, task: Task) -> Self {
        Self {
            node: Arc::clone(node),
            task,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.node.metrics.panicked(self.task);
        }
    }
}

/// Runs a part of the node in a task, until it ends by itself; after a panic it begins again.
pub(crate) async fn again_after_panics<F>(node: Arc<Node>, mut begin: impl FnMut() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    while let Err(error) = tokio::spawn(begin()).await {
        if !error.is_panic() {
            // The runtime ends.
            return;
        }
        node.metrics.panicked(Task::Node);
        tracing::error!("a part of the node ended by a panic and begins again");
        tokio::time::sleep(PAUSE).await;
    }
}
