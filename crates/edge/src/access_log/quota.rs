//! Records that strangers can cause at will.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Written per [`SPAN`].
const RECORDS: u32 = 100;
const SPAN: Duration = Duration::from_secs(1);

/// Lets a bounded number of records through in a time, and counts the others. Metrics count all of what they tell.
#[derive(Debug, Default)]
pub(crate) struct Quota(Mutex<Span>);

#[derive(Debug, Default)]
struct Span {
    began: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl Quota {
    /// Whether a record may be written, and if so, how many were not since the last one.
    pub(crate) fn take(&self) -> Option<u64> {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Option<u64> {
        let mut span = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |began| now.saturating_duration_since(began) >= SPAN;
        if span.began.is_none_or(is_over) {
            span.began = Some(now);
            span.written = 0;
        }
        if span.written >= RECORDS {
            span.left_out += 1;
            return None;
        }
        span.written += 1;
        Some(std::mem::take(&mut span.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_told_by_the_next_one() {
        let (quota, began) = (Quota::default(), Instant::now());
        for _ in 0..RECORDS {
            assert_eq!(quota.take_at(began), Some(0));
        }
        assert_eq!(quota.take_at(began), None);
        assert_eq!(quota.take_at(began + SPAN / 2), None);
        assert_eq!(quota.take_at(began + SPAN), Some(2));
        assert_eq!(quota.take_at(began + SPAN), Some(0));
    }
}
