//! How an address of an origin does: what its health check says, and what requests found.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use countersign_snapshot::{HealthCheck, Outliers};

/// Whether requests are sent to an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// The health check says no.
    Down,
    /// Requests failed; it is left out for a while.
    Ejected,
    /// They are.
    Used,
}

/// What is known about one address. Requests read two integers of it.
#[derive(Debug, Default)]
pub(super) struct Health {
    down: AtomicBool,
    /// Answers to the health check in a row: above zero good ones, below zero failures.
    checks: AtomicI32,
    /// Requests that failed in a row.
    failures: AtomicU32,
    /// How often it was left out lately.
    ejections: AtomicU32,
    /// In the time of [`now`]; 0 is not ejected.
    ejected_until: AtomicU64,
    /// Since when it is used, in the time of [`now`]; 0 is for long.
    used_since: AtomicU64,
}

/// An address that behaved for so many times as long as it was left out begins anew.
const FORGIVEN_AFTER: u64 = 10;
/// An address is left out at most for so many times as long as the first time.
const LONGEST_EJECTION: u32 = 10;
/// The least that an address gets while it starts slowly, in thousandths of its share.
const LEAST_SHARE: u64 = 100;

impl Health {
    /// Of an address that came into use just now, beside others.
    pub(super) fn newcomer() -> Self {
        Self {
            used_since: AtomicU64::new(now()),
            ..Self::default()
        }
    }

    pub(super) fn state(&self) -> State {
        if self.down.load(Ordering::Relaxed) {
            return State::Down;
        }
        match self.ejected_until.load(Ordering::Relaxed) {
            0 => State::Used,
            until if now() < until => State::Ejected,
            until => {
                let back = self.ejected_until.compare_exchange(
                    until,
                    0,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                if back.is_ok() {
                    self.failures.store(0, Ordering::Relaxed);
                    self.used_since.store(now(), Ordering::Relaxed);
                }
                State::Used
            }
        }
    }

    /// Its part of its share, in thousandths.
    pub(super) fn share(&self, slow_start: Duration) -> u64 {
        let since = self.used_since.load(Ordering::Relaxed);
        if slow_start.is_zero() || since == 0 {
            return 1000;
        }
        let slow_start = milliseconds(slow_start).max(1);
        let passed = now().saturating_sub(since);
        if passed >= slow_start {
            self.used_since.store(0, Ordering::Relaxed);
            return 1000;
        }
        (passed.saturating_mul(1000) / slow_start).max(LEAST_SHARE)
    }

    /// A request was answered.
    pub(super) fn succeeded(&self) {
        // Nearly always nothing is to be done, and many threads may look at the same address.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// A request failed; whether it was one too many.
    pub(super) fn failed(&self, outliers: &Outliers) -> bool {
        let failures = self
            .failures
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        outliers.consecutive_failures > 0
            && failures >= outliers.consecutive_failures
            && self.ejected_until.load(Ordering::Relaxed) == 0
    }

    /// Leaves it out for a while.
    pub(super) fn eject(&self, outliers: &Outliers) {
        let last = self.used_since.load(Ordering::Relaxed);
        let base = milliseconds(outliers.ejection);
        if last != 0 && now().saturating_sub(last) > base.saturating_mul(FORGIVEN_AFTER) {
            self.ejections.store(0, Ordering::Relaxed);
        }
        let times = self
            .ejections
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1)
            .min(LONGEST_EJECTION);
        let until = now().saturating_add(base.saturating_mul(u64::from(times)));
        self.ejected_until.store(until, Ordering::Relaxed);
    }

    /// The health check was answered well or not; gives what the address is now, when that changed.
    pub(super) fn checked(&self, good: bool, check: &HealthCheck) -> Option<State> {
        let seen = self.checks.load(Ordering::Relaxed);
        let streak = if good {
            seen.max(0).saturating_add(1)
        } else {
            seen.min(0).saturating_sub(1)
        };
        // Only the one task that checks writes it.
        self.checks.store(streak, Ordering::Relaxed);
        let needed = if good {
            check.healthy_after
        } else {
            check.unhealthy_after
        };
        if streak.unsigned_abs() < needed || self.down.load(Ordering::Relaxed) != good {
            return None;
        }
        if good {
            self.failures.store(0, Ordering::Relaxed);
            self.ejected_until.store(0, Ordering::Relaxed);
            self.used_since.store(now(), Ordering::Relaxed);
        }
        self.down.store(!good, Ordering::Relaxed);
        Some(if good { State::Used } else { State::Down })
    }
}

/// Milliseconds of a clock that never goes back; never 0.
pub(super) fn now() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    milliseconds(BEGAN.elapsed()).saturating_add(1)
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_check_changes_its_mind_after_as_many_answers_as_it_is_told() {
        let check = HealthCheck {
            healthy_after: 2,
            unhealthy_after: 3,
            ..HealthCheck::default()
        };
        let health = Health::default();
        let told: Vec<_> = [
            false, false, true, false, false, false, false, true, false, true, true, true,
        ]
        .into_iter()
        .map(|good| health.checked(good, &check))
        .collect();
        let mut expected = vec![None; 12];
        expected[5] = Some(State::Down);
        expected[10] = Some(State::Used);
        assert_eq!(told, expected);
    }

    #[test]
    fn failures_in_a_row_are_one_too_many_and_a_success_begins_anew() {
        let outliers = Outliers {
            consecutive_failures: 2,
            ..Outliers::default()
        };
        let health = Health::default();
        assert!(!health.failed(&outliers));
        health.succeeded();
        assert!(!health.failed(&outliers));
        assert!(health.failed(&outliers));
        health.eject(&outliers);
        assert_eq!(health.state(), State::Ejected);
        // It is left out already.
        assert!(!health.failed(&outliers));
        let never = Outliers {
            consecutive_failures: 0,
            ..Outliers::default()
        };
        assert!(!Health::default().failed(&never));
    }

    #[test]
    fn an_ejection_ends_by_itself_and_the_address_starts_slowly() {
        let outliers = Outliers {
            ejection: Duration::ZERO,
            ..Outliers::default()
        };
        let health = Health::default();
        assert_eq!(health.share(Duration::from_secs(3600)), 1000);
        health.eject(&outliers);
        assert_eq!(health.state(), State::Used);
        assert_eq!(health.share(Duration::from_secs(3600)), LEAST_SHARE);
        assert_eq!(health.share(Duration::ZERO), 1000);
    }
}
