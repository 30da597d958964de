//! Judges live connections again when trust changed or time passed, and ends those that may not go on (design §3.5).
//!
//! A change is compared with what connections have in common, so that only those are judged that it may concern; the others are told that
//! they are up to date. Time is a matter of those whose trust ends next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_trust::{Certificate, UnixTime};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::connection::{Connection, Why};
use crate::node::{Node, Phase};
use crate::registry::{Mark, cas};

mod change;
mod pace;

use change::{Change, Swept};
use pace::Pace;

/// Expiry is noticed within this, also when the clock was set.
const TICK: Duration = Duration::from_millis(250);
/// Origin connections that nobody needs are looked for this often.
const PRUNE: Duration = Duration::from_secs(5);

/// Looks at every change of trust, as long as the node serves. What could go wrong runs in tasks of its own: what was swept is never forgotten.
pub(crate) async fn follow_changes(node: Arc<Node>) {
    let mut phase = node.phase.subscribe();
    let mut swept = Swept::nothing(&node);
    loop {
        tokio::select! {
            () = async { drop(phase.wait_for(|phase| *phase == Phase::Ended).await) } => return,
            () = node.trust_changed.notified() => {
                swept = after_change(&node, swept).await;
                node.swept.send_replace(swept.epoch());
            }
        }
    }
}

/// Looks at whose trust has ended by time alone, and at connections to origins that nobody needs, as long as the node serves.
pub(crate) async fn follow_time(node: Arc<Node>) {
    let mut phase = node.phase.subscribe();
    let mut pruned = Instant::now();
    loop {
        tokio::select! {
            () = async { drop(phase.wait_for(|phase| *phase == Phase::Ended).await) } => return,
            () = sleep(TICK) => {}
        }
        after_time(&node).await;
        if pruned.elapsed() >= PRUNE {
            pruned = Instant::now();
            if let Some(enforced) = node.enforced() {
                enforced.origins().prune();
            }
        }
    }
}

/// Ends those that a change took the trust of: all of it is to be done within a second. Then the others are brought up to date. Not on the
/// threads that serve, and at a pace that leaves them the processors.
///
/// Gives what is swept now: what was before when something of it went wrong, so that the next change is compared with that.
async fn after_change(node: &Arc<Node>, swept: Swept) -> Swept {
    let begun = {
        let (node, swept) = (Arc::clone(node), swept.clone());
        spawn_blocking(move || Change::begin(&node, &swept)).await
    };
    let Ok(change) = begun.map(Arc::new) else {
        return swept;
    };
    let parts = pace::threads();
    let judged = on_all(parts, |part| {
        let (node, change) = (Arc::clone(node), Arc::clone(&change));
        move || change.judge(&node, part, parts)
    })
    .await;
    let (others, change_of_others) = (Arc::clone(node), Arc::clone(&change));
    let brought = spawn_blocking(move || change_of_others.bring_up_to_date(&others)).await;
    if judged && brought.is_ok() {
        change.swept()
    } else {
        swept
    }
}

/// Judges those whom an OCSP answer concerns that the node itself asked for: the clients with this certificate, or below it. To be called when
/// evaluation knows of it.
pub(crate) async fn after_answer(node: &Arc<Node>, certificate: &Certificate) {
    let registry = &node.registry;
    let fingerprint = certificate.fingerprint();
    let mut marks = vec![Mark::of_certificate(registry.keys(), &fingerprint)];
    if certificate
        .basic_constraints()
        .is_some_and(|constraints| constraints.ca)
    {
        let standings = registry.standings().into_iter();
        let below = standings.filter(|(_, standing)| {
            let mut paths = standing.valid.iter().map(|(_, chain)| cas(chain));
            paths.any(|cas| cas.contains(certificate))
        });
        marks.extend(below.map(|(mark, _)| mark));
    }
    let why = Why {
        revoked: Some(Instant::now()),
        ..Why::default()
    };
    let node = Arc::clone(node);
    on_all(1, |_| {
        let (node, marks) = (Arc::clone(&node), std::mem::take(&mut marks));
        move || {
            let mut pace = Pace::new();
            node.registry.marked(0, 1, &marks, |connection| {
                pace.step(connection.sweep(&why));
            });
        }
    })
    .await;
}

/// Judges those whose trust has ended by time alone.
async fn after_time(node: &Arc<Node>) {
    let now = node.now();
    let due = node.registry.take_due(now);
    if due.is_empty() {
        return;
    }
    let size = due.len().div_ceil(pace::threads());
    let parts: Vec<Vec<_>> = due.chunks(size).map(<[_]>::to_vec).collect();
    let mut parts = parts.into_iter();
    on_all(parts.len(), |_| {
        let due = parts.next().unwrap_or_default();
        move || judge_due(&due, now)
    })
    .await;
}

fn judge_due(due: &[(UnixTime, Arc<Connection>)], now: UnixTime) {
    let mut pace = Pace::new();
    for (end, connection) in due {
        let ago = now.saturating_since(*end);
        pace.step(connection.sweep(&Why {
            expired: Instant::now().checked_sub(ago),
            ..Why::default()
        }));
    }
}

/// Whether all of it was done. A panic is reported by the runtime's hook and leaves the other parts done.
async fn on_all<F>(parts: usize, mut work: impl FnMut(usize) -> F) -> bool
where
    F: FnOnce() + Send + 'static,
{
    let parts: Vec<_> = (0..parts).map(|part| spawn_blocking(work(part))).collect();
    let mut all = true;
    for part in parts {
        all &= part.await.is_ok();
    }
    all
}

#[cfg(test)]
mod tests;
