//! Judges live connections again when trust changed or time passed, and ends those that may not go on (design §3.5).

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use countersign_trust::UnixTime;
use tokio::time::{MissedTickBehavior, interval};

use crate::connection::Connection;
use crate::node::{Node, Phase};

/// Expiry is noticed within this.
const TICK: Duration = Duration::from_millis(250);
/// Origin connections that nobody needs are looked for once in so many ticks.
const PRUNE_EVERY: u32 = 20;

/// Runs as long as the node serves.
pub(crate) async fn run(node: Arc<Node>) {
    let mut phase = node.phase.subscribe();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0_u32;
    loop {
        tokio::select! {
            () = async { drop(phase.wait_for(|phase| *phase == Phase::Ended).await) } => return,
            () = node.trust_changed.notified() => sweep(&node, |_, _| true).await,
            _ = ticks.tick() => {
                sweep(&node, |connection, now| connection.is_due(now)).await;
                count = count.wrapping_add(1);
                if count.is_multiple_of(PRUNE_EVERY)
                    && let Some(enforced) = node.enforced()
                {
                    enforced.origins().prune();
                }
            }
        }
    }
}

/// Judges the connections that `wanted` names, on all processors: each distinct chain costs signature checks, and all of them are to be
/// done within a second. Not on the threads that serve.
async fn sweep(node: &Arc<Node>, wanted: fn(&Connection, UnixTime) -> bool) {
    let now = node.now();
    if node.registry.len() == 0 {
        return;
    }
    let parts = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let parts: Vec<_> = (0..parts)
        .map(|part| {
            let node = Arc::clone(node);
            tokio::task::spawn_blocking(move || {
                let wanted = |connection: &Connection| wanted(connection, now);
                node.registry
                    .for_each_in(part, parts, wanted, |connection| connection.sweep());
            })
        })
        .collect();
    for part in parts {
        // A panic in one part is reported by the runtime's hook and leaves the others done.
        let _ = part.await;
    }
}
