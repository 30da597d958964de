//! How often requests are sent again.

use std::sync::atomic::{AtomicU64, Ordering};

use countersign_snapshot::Retries;
use http::Method;

/// Requests earn parts of a retry, a retry costs a whole one: an origin that fails everything gets little more load than without.
#[derive(Debug)]
pub(super) struct RetryBudget {
    /// In thousandths of a retry.
    saved: AtomicU64,
    earned_per_request: u64,
}

const RETRY: u64 = 1000;
/// What can be saved, so that quiet hours do not pay for a storm; also what there is at the beginning.
const MOST_SAVED: u64 = 10 * RETRY;

impl RetryBudget {
    pub(super) fn new(retries: &Retries) -> Self {
        Self {
            saved: AtomicU64::new(MOST_SAVED),
            earned_per_request: u64::from(retries.budget_percent) * RETRY / 100,
        }
    }

    /// A request came.
    pub(super) fn earn(&self) {
        // While nothing fails this is all there is to do.
        if self.saved.load(Ordering::Relaxed) < MOST_SAVED {
            self.saved
                .fetch_add(self.earned_per_request, Ordering::Relaxed);
        }
    }

    /// Whether there is enough for a retry, which is then spent.
    pub(super) fn spend(&self) -> bool {
        self.saved
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| {
                saved.checked_sub(RETRY)
            })
            .is_ok()
    }
}

/// Whether doing it twice is the same as once (RFC 9110 §9.2.2). Of those methods only the safe ones: a second `DELETE` has another answer.
pub(super) fn is_repeatable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_that_fails_everything_gets_a_fifth_more_load_and_no_more() {
        let budget = RetryBudget::new(&Retries::default());
        let retried = (0..1000)
            .filter(|_| {
                budget.earn();
                budget.spend()
            })
            .count();
        assert!((200..=212).contains(&retried), "{retried}");
    }

    #[test]
    fn quiet_hours_are_not_saved_for_a_storm() {
        let budget = RetryBudget::new(&Retries::default());
        (0..100_000).for_each(|_| budget.earn());
        assert!((10..=11).contains(&(0..100).filter(|_| budget.spend()).count()));
    }
}
