//! Makes a network enforce what it was asked to, one way or the other, until nothing is left to do.
//!
//! One code path for the first try and for recovery: each pass reads what is in progress, tries it, and writes down how it ended. What a
//! pass was doing when it was interrupted is still in progress afterwards, so the next one does it again under a newer generation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_snapshot::{Network, SignedSnapshot};
use tracing::{error, info};

use super::compile::{Compiled, NetworkState};
use super::materials::{Materials, PendingChange, Plan};
use super::publisher::{Delivery, EngineError, Publisher, names, pause_after, stored};
use super::{Context, activations, deletions, deployments};
use crate::model::Caller;
use crate::store;

/// Nothing wakes us when a node joins or leaves, so we look.
const POLL: Duration = Duration::from_millis(500);
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Who the history says ended an activation.
const NAME: &str = "activation engine";

/// The reconciler of one network.
#[derive(Debug)]
pub(crate) struct Reconciler {
    context: Arc<Context>,
    network: Network,
    materials: Materials,
    publisher: Publisher,
    /// What the store says the network enforces; none before it was looked up.
    current: Option<Arc<SignedSnapshot>>,
    /// Whether a node may enforce something newer than that.
    is_exposed: bool,
    is_started: bool,
    /// How many changes of revocation policies are enforced.
    policies: u64,
}

/// How a try to enforce some changes ended.
enum Attempt {
    /// They are enforced, and the store says so.
    Enforced(NetworkState),
    /// They cannot be enforced together; why.
    Refused(String),
    /// Nodes did not answer; who.
    Unanswered(String),
}

impl Reconciler {
    pub(crate) fn new(context: Arc<Context>, network: Network) -> Self {
        Self {
            publisher: Publisher::new(Arc::clone(&context), network),
            context,
            network,
            materials: Materials::default(),
            current: None,
            is_exposed: false,
            is_started: false,
            policies: 0,
        }
    }

    /// Works until it is dropped. Dropped at any point, it leaves nothing half done.
    pub(crate) async fn run(mut self) {
        let work = Arc::clone(&self.context.work);
        let mut backoff = BACKOFF_MIN;
        loop {
            // Made before looking, so that no request is missed that comes while we look.
            let woken = work.notified();
            match self.pass().await {
                Ok(()) => {
                    backoff = BACKOFF_MIN;
                    let _ = tokio::time::timeout(POLL, woken).await;
                }
                Err(cause) => {
                    error!(network = %self.network, error = &cause as &dyn std::error::Error, "a network could not be reconciled");
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }

    /// Does everything that there is to do.
    pub(crate) async fn pass(&mut self) -> Result<(), EngineError> {
        deletions::reconcile(&self.context).await?;
        if !self.is_started {
            self.start().await?;
        }
        // Read before the store, so that a change in between is taken up twice and never missed.
        let policies = *self.context.policies.borrow();
        self.is_exposed |= policies != self.policies;
        while self.has_work().await? {
            let plan = self
                .materials
                .plan(&self.context.store, self.network)
                .await?;
            self.settle(plan).await?;
        }
        if self.is_exposed || self.current.is_none() {
            let plan = self
                .materials
                .plan(&self.context.store, self.network)
                .await?;
            self.publish_committed(&plan.state, &[]).await?;
        }
        self.policies = policies;
        if let Some(current) = self.current.clone() {
            let patience = self.context.limits.acknowledgement_deadline;
            self.publisher.keep_up(&current, patience).await;
        }
        Ok(())
    }

    /// Finds out what the network enforces and whether a node may be ahead of it.
    async fn start(&mut self) -> Result<(), EngineError> {
        let (current, last) = {
            let mut read = self.context.store.read_consistently().await?;
            (
                store::networks::current(&mut read, self.network).await?,
                store::networks::last_generation(&mut read, self.network).await?,
            )
        };
        // A generation that was taken and never became current may have reached nodes before we were interrupted.
        self.is_exposed = last != current.as_ref().map(|current| current.generation);
        if let Some(current) = current {
            let plan = self
                .materials
                .plan(&self.context.store, self.network)
                .await?;
            let key = Arc::clone(&self.context.signing_key);
            let network = self.network;
            self.current = tokio::task::spawn_blocking(move || {
                // What another key signed, or another version compiled, is made anew.
                let signed = SignedSnapshot::from_bytes(&current.body).ok()?;
                signed.verify(&key.verifying_key(), network).ok()?;
                let content = plan.state.content(network, &key).ok()?;
                (content.as_bytes().as_slice() == current.content).then(|| Arc::new(signed))
            })
            .await?;
        }
        self.is_started = true;
        Ok(())
    }

    async fn has_work(&self) -> Result<bool, EngineError> {
        let mut read = self.context.store.read().await?;
        Ok(store::enforced::has_work(&mut read, self.network).await?)
    }

    /// Ends everything that is in progress. All of it is tried at once; what is refused is tried in halves, until what is to blame stands
    /// alone.
    async fn settle(&mut self, plan: Plan) -> Result<(), EngineError> {
        let mut state = plan.state;
        let mut failed = Vec::new();
        let mut batches = vec![in_units(plan.pending)];
        while let Some(mut units) = batches.pop() {
            let batch = units.concat();
            match self.attempt(&state, &batch).await? {
                Attempt::Enforced(next) => state = next,
                Attempt::Refused(why) if units.len() <= 1 => {
                    failed.extend(batch.into_iter().map(|change| (change, Err(why.clone()))));
                }
                Attempt::Refused(_) => {
                    let second = units.split_off(units.len() / 2);
                    batches.push(second);
                    batches.push(units);
                }
                // No change is to blame, and the others would wait for the same nodes.
                Attempt::Unanswered(why) => failed.extend(
                    batches
                        .drain(..)
                        .rev()
                        .chain([units])
                        .flatten()
                        .flatten()
                        .map(|change| (change, Err(why.clone()))),
                ),
            }
        }
        if self.is_exposed {
            self.publish_committed(&state, &failed).await
        } else if failed.is_empty() {
            Ok(())
        } else {
            self.commit(None, &failed).await
        }
    }

    async fn attempt(
        &mut self,
        state: &NetworkState,
        batch: &[PendingChange],
    ) -> Result<Attempt, EngineError> {
        let mut candidate = state.clone();
        for change in batch {
            if let Err(why) = self.materials.apply(&mut candidate, change) {
                return Ok(Attempt::Refused(format!("It cannot be enforced: {why}.")));
            }
        }
        let compiled = match self.publisher.compile(&candidate).await? {
            Ok(compiled) => compiled,
            Err(refusal) => return Ok(Attempt::Refused(sentence(&refusal.to_string()))),
        };
        let was_exposed = self.is_exposed;
        // From here on a node may enforce what the store does not know of.
        self.is_exposed = true;
        match self.deliver(&compiled, batch).await? {
            Delivery::Enforced => {
                let ended: Vec<_> = batch
                    .iter()
                    .map(|change| (change.clone(), Ok(())))
                    .collect();
                self.commit(Some(&compiled), &ended).await?;
                Ok(Attempt::Enforced(candidate))
            }
            Delivery::Refused { node, why, by_all } => {
                if by_all {
                    // Nobody took it up, so there is nothing to take back.
                    self.is_exposed = was_exposed;
                }
                Ok(Attempt::Refused(format!(
                    "The edge node `{node}` refused it: {}",
                    sentence(&why)
                )))
            }
            Delivery::Partly(_, missing) => Ok(Attempt::Unanswered(format!(
                "Edge nodes of {} did not answer within {} s: {}.",
                self.network,
                self.context.limits.acknowledgement_deadline.as_secs(),
                names(&missing)
            ))),
        }
    }

    /// Offers until every live node has answered, one has refused, or the time is up.
    async fn deliver(
        &mut self,
        compiled: &Compiled,
        batch: &[PendingChange],
    ) -> Result<Delivery, EngineError> {
        let deadline = Instant::now() + self.context.limits.acknowledgement_deadline;
        let mut told = 0;
        for round in 0.. {
            let left = deadline.saturating_duration_since(Instant::now());
            let delivery = self.publisher.offer(&compiled.signed, left).await;
            let Delivery::Partly(percent, _) = delivery else {
                return Ok(delivery);
            };
            if Instant::now() >= deadline {
                return Ok(delivery);
            }
            if percent != told {
                told = percent;
                self.note_progress(batch, percent).await?;
            }
            tokio::time::sleep(pause_after(round)).await;
        }
        Ok(Delivery::Partly(0, Vec::new()))
    }

    async fn note_progress(&self, batch: &[PendingChange], percent: u8) -> Result<(), EngineError> {
        let at = self.context.clock.now();
        let mut write = self.context.store.write().await?;
        for change in batch {
            let connection = write.connection();
            match change {
                PendingChange::CaSet(it) => {
                    store::activations::set_percent(connection, it.id, percent, at, NAME).await?;
                }
                PendingChange::Deployed(it) => {
                    store::deployments::set_percent(connection, it.id, percent, at).await?;
                }
            }
        }
        write.commit_progress().await?;
        self.context.progress.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Makes the network enforce what the store says, under a newer generation than anything a node may have, and ends what failed.
    async fn publish_committed(
        &mut self,
        state: &NetworkState,
        failed: &[(PendingChange, Result<(), String>)],
    ) -> Result<(), EngineError> {
        let compiled = match self.publisher.compile(state).await? {
            Ok(compiled) => compiled,
            Err(cause) => {
                self.commit(None, failed).await?;
                return Err(cause.into());
            }
        };
        let delivery = self.deliver(&compiled, &[]).await?;
        if delivery != Delivery::Enforced {
            error!(network = %self.network, generation = %compiled.generation, ?delivery, "nodes did not take up the network's committed state; it is offered again");
        }
        self.commit(Some(&compiled), failed).await
    }

    /// Writes down, in one transaction, what the network enforces and how changes ended.
    async fn commit(
        &mut self,
        snapshot: Option<&Compiled>,
        ended: &[(PendingChange, Result<(), String>)],
    ) -> Result<(), EngineError> {
        let at = self.context.clock.now();
        let mut write = self.context.store.write().await?;
        for (change, outcome) in ended {
            let outcome = match outcome {
                Ok(()) => Ok(()),
                Err(why) => Err(why.as_str()),
            };
            let was_running = match change {
                PendingChange::CaSet(it) => {
                    let caller = Caller::internal(it.account.clone(), NAME);
                    activations::finish(&mut write, &caller, it, outcome, at).await?
                }
                PendingChange::Deployed(it) => {
                    let caller = Caller::internal(it.account.clone(), NAME);
                    deployments::finish(&mut write, &caller, it, outcome, at).await?
                }
            };
            if !was_running {
                return Err(EngineError::Overtaken);
            }
        }
        if let Some(snapshot) = snapshot {
            store::networks::set_current(write.connection(), self.network, &stored(snapshot))
                .await?;
        }
        if ended.is_empty() {
            write.commit_progress().await?;
        } else {
            write.commit().await?;
        }
        if let Some(snapshot) = snapshot {
            info!(network = %self.network, generation = %snapshot.generation, changes = ended.len(), "published");
            self.current = Some(Arc::clone(&snapshot.signed));
            self.is_exposed = false;
            // It may present certificates whose staples are still to be fetched.
            self.context.ocsp_due.notify_one();
        }
        self.context.progress.send_modify(|count| *count += 1);
        Ok(())
    }
}

/// What is enforced together or not at all, in the order of the first of each: a change by itself, or a change set.
fn in_units(pending: Vec<PendingChange>) -> Vec<Vec<PendingChange>> {
    let mut units: Vec<(Option<i64>, Vec<PendingChange>)> = Vec::new();
    for change in pending {
        let change_set = change.change_set();
        let known = units
            .iter_mut()
            .find(|(known, _)| change_set.is_some() && *known == change_set);
        match known {
            Some((_, unit)) => unit.push(change),
            None => units.push((change_set, vec![change])),
        }
    }
    units.into_iter().map(|(_, unit)| unit).collect()
}

/// The text as a sentence of its own.
fn sentence(text: &str) -> String {
    let mut characters = text.trim_end_matches('.').chars();
    characters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), characters.as_str())
    })
}
