//! Makes one network enforce one state: numbered, compiled, signed, offered, acknowledged.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_snapshot::{
    Acknowledgement, AcknowledgementOutcome, Network, NodeId, SignedSnapshot, SnapshotDigest,
};
use tracing::{error, warn};

use super::Context;
use super::compile::{CompileError, Compiled, NetworkState};
use crate::store::networks::StoredSnapshot;
use crate::store::{self, StoreError};

const RETRY_MIN: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// The engine could not do its work; it tries again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    /// What the network enforces cannot be compiled any more.
    #[error("the committed state of the network cannot be compiled")]
    Compile(#[from] CompileError),
    /// Something else ended a change that was being carried out.
    #[error("a change was ended by something else while it was carried out")]
    Overtaken,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The compiling thread died.
    #[error("compiling did not end")]
    Thread(#[from] tokio::task::JoinError),
}

/// How far a snapshot came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Delivery {
    /// Every live node enforces it; so does every node that comes later, before it serves.
    Enforced,
    /// Not all live nodes have it yet; the share that does, 0 to 99.
    Partly(u8, Vec<NodeId>),
    /// A node refused it whole; why, and whether every other live node did so too.
    Refused {
        node: NodeId,
        why: String,
        by_all: bool,
    },
}

/// The way of snapshots to one network.
#[derive(Debug)]
pub(crate) struct Publisher {
    context: Arc<Context>,
    network: Network,
    /// What each live node acknowledged last.
    enforced: HashMap<NodeId, SnapshotDigest>,
    retry: Retry,
}

/// When to offer again to nodes that have not acknowledged.
#[derive(Debug)]
struct Retry {
    pause: Duration,
    not_before: Option<Instant>,
}

impl Publisher {
    pub(crate) fn new(context: Arc<Context>, network: Network) -> Self {
        Self {
            context,
            network,
            enforced: HashMap::new(),
            retry: Retry::none(),
        }
    }

    /// Gives a state its number and makes a signed snapshot of it. The inner error says why it cannot be enforced.
    pub(crate) async fn compile(
        &self,
        state: &NetworkState,
    ) -> Result<Result<Compiled, CompileError>, EngineError> {
        // Committed before anything with that number leaves: after a crash a node may have it, and no other snapshot ever will.
        let mut write = self.context.store.write().await?;
        let generation = store::networks::next_generation(write.connection(), self.network).await?;
        write.commit_progress().await?;
        let (state, network) = (state.clone(), self.network);
        let created = self.context.clock.now();
        let key = Arc::clone(&self.context.signing_key);
        Ok(tokio::task::spawn_blocking(move || {
            state.publishable(network, generation, created, &key)
        })
        .await?)
    }

    /// Offers a snapshot once to every live node.
    pub(crate) async fn offer(
        &mut self,
        signed: &Arc<SignedSnapshot>,
        patience: Duration,
    ) -> Delivery {
        let context = &self.context;
        // Before anything new is enforced: who is let in by it must not be revoked.
        if let Err(cause) = context
            .revocations
            .publish(context, self.network, patience)
            .await
        {
            error!(network = %self.network, error = &cause as &dyn std::error::Error, "revocations could not be published");
        }
        let offered = self
            .context
            .distribution
            .offer(self.network, Arc::clone(signed));
        let answers = tokio::time::timeout(patience, offered)
            .await
            .unwrap_or_default();
        let digest = signed.digest();
        let mut refusals = Vec::new();
        for Acknowledgement { node, outcome, .. } in answers
            .into_iter()
            // An answer about anything else proves nothing about this snapshot.
            .filter(|answer| answer.digest == digest && answer.network == self.network)
        {
            match outcome {
                AcknowledgementOutcome::Enforced => {
                    self.enforced.insert(node, digest);
                }
                AcknowledgementOutcome::Refused(why) => {
                    self.enforced.remove(&node);
                    refusals.push((node, why));
                }
            }
        }
        let live = self.context.distribution.nodes(self.network);
        let by_all = live
            .iter()
            .all(|node| refusals.iter().any(|(refusing, _)| refusing == node));
        match refusals.into_iter().next() {
            Some((node, why)) => Delivery::Refused { node, why, by_all },
            None => self.progress(digest),
        }
    }

    /// Offers a snapshot again to nodes that do not have it, not too often. Says nothing about the outcome: the log does.
    pub(crate) async fn keep_up(&mut self, signed: &Arc<SignedSnapshot>, patience: Duration) {
        if self.progress(signed.digest()) == Delivery::Enforced {
            self.retry = Retry::none();
            return;
        }
        if !self.retry.is_due() {
            return;
        }
        match self.offer(signed, patience).await {
            Delivery::Enforced => self.retry = Retry::none(),
            Delivery::Partly(_, missing) => {
                self.retry.later();
                let missing = names(&missing);
                warn!(network = %self.network, missing, "nodes have not acknowledged the current snapshot");
            }
            Delivery::Refused {
                node, why: reason, ..
            } => {
                self.retry.later();
                warn!(network = %self.network, %node, reason, "a node refuses the current snapshot");
            }
        }
    }

    fn progress(&mut self, digest: SnapshotDigest) -> Delivery {
        let live = self.context.distribution.nodes(self.network);
        // A node that went away may come back with anything.
        self.enforced.retain(|node, _| live.contains(node));
        let missing: Vec<NodeId> = live
            .iter()
            .filter(|node| self.enforced.get(node) != Some(&digest))
            .cloned()
            .collect();
        if missing.is_empty() {
            return Delivery::Enforced;
        }
        let share = (live.len() - missing.len()) * 100 / live.len().max(1);
        Delivery::Partly(u8::try_from(share.min(99)).unwrap_or(0), missing)
    }
}

impl Retry {
    const fn none() -> Self {
        Self {
            pause: RETRY_MIN,
            not_before: None,
        }
    }

    fn is_due(&self) -> bool {
        self.not_before.is_none_or(|at| at <= Instant::now())
    }

    fn later(&mut self) {
        self.pause = (self.pause * 2).min(RETRY_MAX * 30);
        self.not_before = Some(Instant::now() + self.pause);
    }
}

/// How long to wait before the next offer of a snapshot that is on its way; grows with each.
pub(crate) fn pause_after(round: u32) -> Duration {
    RETRY_MIN.saturating_mul(1 << round.min(8)).min(RETRY_MAX)
}

/// What the store keeps of a snapshot.
pub(crate) fn stored(compiled: &Compiled) -> StoredSnapshot {
    StoredSnapshot {
        generation: compiled.generation,
        content: compiled.content.as_bytes().to_vec(),
        body: compiled.signed.to_bytes(),
        created_at: compiled.created,
    }
}

/// A list of nodes for a person; the rest of a long one is counted.
pub(crate) fn names(nodes: &[NodeId]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = nodes
        .iter()
        .take(SHOWN)
        .map(|node| format!("`{node}`"))
        .collect();
    match nodes.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
