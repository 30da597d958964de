//! What an origin did with its requests, for the metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_trust::Reason;

use super::{Origin, Origins};

/// The reasons for which an origin does not answer.
const ERRORS: [Reason; 4] = [
    Reason::OriginUnreachable,
    Reason::OriginTimeout,
    Reason::OriginUntrusted,
    Reason::OriginRefusedCertificate,
];

#[derive(Debug, Default)]
pub(super) struct Counts {
    new: AtomicU64,
    reused: AtomicU64,
    errors: [AtomicU64; ERRORS.len()],
}

/// The counts of an origin, whatever credentials it was asked with.
#[derive(Debug, Default)]
pub(crate) struct OriginCounts {
    pub(crate) new: u64,
    pub(crate) reused: u64,
    pub(crate) errors: BTreeMap<Reason, u64>,
}

impl Origin {
    /// Counts a request that is over: whether the connection that it was answered on had been used before, or why it was not answered.
    pub(crate) fn count(&self, answered: Option<bool>, reason: Option<Reason>) {
        let count = match answered {
            Some(true) => Some(&self.counts.reused),
            Some(false) => Some(&self.counts.new),
            // Not the origin's fault when the client went away.
            None => reason.and_then(|reason| {
                let place = ERRORS.iter().position(|error| *error == reason)?;
                self.counts.errors.get(place)
            }),
        };
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Origins {
    /// The counts by origin id.
    pub(crate) fn counts(&self) -> BTreeMap<String, OriginCounts> {
        let mut all: BTreeMap<String, OriginCounts> = BTreeMap::new();
        self.for_each(|origin| {
            let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
            let sum = all.entry(origin.id().to_owned()).or_default();
            sum.new += load(&origin.counts.new);
            sum.reused += load(&origin.counts.reused);
            for (reason, count) in ERRORS.iter().zip(&origin.counts.errors) {
                if load(count) > 0 {
                    *sum.errors.entry(*reason).or_default() += load(count);
                }
            }
        });
        all
    }
}
