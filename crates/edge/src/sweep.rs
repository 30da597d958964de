//! Judges live connections again when trust changed or time passed, and ends those that may not go on (design §3.5).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

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
            _ = phase.wait_for(|phase| *phase == Phase::Ended) => return,
            () = node.trust_changed.notified() => node.registry.for_each(|connection| connection.sweep()),
            _ = ticks.tick() => {
                let now = node.now();
                node.registry.for_each(|connection| {
                    if connection.is_due(now) {
                        connection.sweep();
                    }
                });
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
