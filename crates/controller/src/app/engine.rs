//! The reconcilers, one per network, as long as the controller lives.

use std::sync::Arc;

use countersign_snapshot::Network;
use tokio::task::JoinSet;

use super::Context;
use super::reconciler::Reconciler;
use super::{crls, ocsp, renewals, revocations};

/// The running reconcilers; dropped, they stop where they are, which leaves nothing half done.
#[derive(Debug)]
pub(crate) struct Engine {
    tasks: JoinSet<()>,
}

impl Engine {
    /// Starts one reconciler per network, so that none waits for the other's nodes.
    pub(crate) fn start(context: &Arc<Context>) -> Self {
        let mut tasks = JoinSet::new();
        for network in Network::ALL {
            tasks.spawn(Reconciler::new(Arc::clone(context), network).run());
            // Apart from the activations, which may wait for a slow node: what is revoked is told at once.
            tasks.spawn(revocations::run(Arc::clone(context), network));
        }
        tasks.spawn(revocations::watch_ages(Arc::clone(context)));
        tasks.spawn(crls::run(Arc::clone(context)));
        tasks.spawn(ocsp::run(Arc::clone(context)));
        tasks.spawn(renewals::run(Arc::clone(context)));
        Self { tasks }
    }

    /// Stops them; they hold nothing of the store afterwards.
    pub(crate) async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }
}
