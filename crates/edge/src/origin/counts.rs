//! What an origin did with its requests, for the metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_tls::OriginConnector;
use countersign_trust::Reason;

use super::health::State;
use super::{Origin, OriginError, Origins};

/// The reasons for which an origin does not answer.
const ERRORS: [Reason; 7] = [
    Reason::OriginUnreachable,
    Reason::OriginUnhealthy,
    Reason::OriginOverloaded,
    Reason::OriginTimeout,
    Reason::OriginUntrusted,
    Reason::OriginRefusedCertificate,
    Reason::OriginDidNotAsk,
];

/// The counts of one origin.
#[derive(Debug, Default)]
pub(super) struct Counts {
    new: AtomicU64,
    reused: AtomicU64,
    errors: [AtomicU64; ERRORS.len()],
    in_flight: AtomicU64,
    connecting: AtomicU64,
    open: AtomicU64,
    retried: AtomicU64,
    retries_denied: AtomicU64,
    ejections: AtomicU64,
    passed_checks: AtomicU64,
    failed_checks: AtomicU64,
    failed_lookups: AtomicU64,
}

/// Counts something for as long as it exists.
#[derive(Debug)]
pub(super) struct Counted {
    counts: Arc<Counts>,
    gauge: fn(&Counts) -> &AtomicU64,
}

/// The counts of an origin, whatever credentials it was asked with.
#[derive(Debug, Default)]
pub(crate) struct OriginCounts {
    pub(crate) new: u64,
    pub(crate) reused: u64,
    pub(crate) errors: BTreeMap<Reason, u64>,
    pub(crate) in_flight: u64,
    pub(crate) open: u64,
    pub(crate) retried: u64,
    pub(crate) retries_denied: u64,
    pub(crate) ejections: u64,
    pub(crate) passed_checks: u64,
    pub(crate) failed_checks: u64,
    pub(crate) failed_lookups: u64,
    pub(crate) used: u64,
    pub(crate) ejected: u64,
    pub(crate) down: u64,
    /// When the first of its credentials expires, in seconds since 1970.
    pub(crate) credential_expires: Option<i64>,
}

impl Counted {
    fn new(counts: &Arc<Counts>, gauge: fn(&Counts) -> &AtomicU64) -> (Self, u64) {
        let before = gauge(counts).fetch_add(1, Ordering::Relaxed);
        let counted = Self {
            counts: Arc::clone(counts),
            gauge,
        };
        (counted, before)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.gauge)(&self.counts).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counts {
    pub(super) fn connection_opened(self: &Arc<Self>) -> Counted {
        Counted::new(self, |counts| &counts.open).0
    }

    pub(super) fn retried(&self) {
        self.retried.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn retry_denied(&self) {
        self.retries_denied.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ejected(&self) {
        self.ejections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn checked(&self, passed: bool) {
        let count = if passed {
            &self.passed_checks
        } else {
            &self.failed_checks
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn lookup_failed(&self) {
        self.failed_lookups.fetch_add(1, Ordering::Relaxed);
    }
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

    /// Whether it asked for a certificate that there is not, and never answered a request since.
    pub(super) fn wants_what_is_missing(&self) -> bool {
        let counts = &self.counts;
        let asked = self
            .connector
            .as_ref()
            .is_some_and(OriginConnector::was_asked_in_vain);
        asked
            && counts.new.load(Ordering::Relaxed) == 0
            && counts.reused.load(Ordering::Relaxed) == 0
    }

    /// A request more in flight, when the origin may be burdened with it.
    pub(super) fn begin_request(&self) -> Result<Counted, OriginError> {
        let limit = self.model.policy.limits.requests;
        let (counted, before) = Counted::new(&self.counts, |counts| &counts.in_flight);
        if before >= u64::from(limit) {
            return Err(OriginError::overloaded("requests are in flight", limit));
        }
        Ok(counted)
    }

    /// A connection more in the making, when the origin may be burdened with it.
    pub(super) fn begin_connecting(&self) -> Result<Counted, OriginError> {
        let limit = self.model.policy.limits.connecting;
        let (counted, before) = Counted::new(&self.counts, |counts| &counts.connecting);
        if before >= u64::from(limit) {
            return Err(OriginError::overloaded("connections are being made", limit));
        }
        Ok(counted)
    }
}

impl Origins {
    /// The counts by origin id.
    pub(crate) fn counts(&self) -> BTreeMap<String, OriginCounts> {
        let mut all: BTreeMap<String, OriginCounts> = BTreeMap::new();
        self.for_each(|origin| {
            let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
            let (sum, counts) = (
                all.entry(origin.id().to_owned()).or_default(),
                &origin.counts,
            );
            for (sum, count) in [
                (&mut sum.new, &counts.new),
                (&mut sum.reused, &counts.reused),
                (&mut sum.in_flight, &counts.in_flight),
                (&mut sum.open, &counts.open),
                (&mut sum.retried, &counts.retried),
                (&mut sum.retries_denied, &counts.retries_denied),
                (&mut sum.ejections, &counts.ejections),
                (&mut sum.passed_checks, &counts.passed_checks),
                (&mut sum.failed_checks, &counts.failed_checks),
                (&mut sum.failed_lookups, &counts.failed_lookups),
            ] {
                *sum += load(count);
            }
            for (reason, count) in ERRORS.iter().zip(&counts.errors) {
                if load(count) > 0 {
                    *sum.errors.entry(*reason).or_default() += load(count);
                }
            }
            for state in origin.states() {
                *match state {
                    State::Down => &mut sum.down,
                    State::Ejected => &mut sum.ejected,
                    State::Used => &mut sum.used,
                } += 1;
            }
            let expires = [sum.credential_expires, origin.credential_expires];
            sum.credential_expires = expires.into_iter().flatten().min();
        });
        all
    }
}
