//! How long things took, in buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in microseconds: fine where a healthy node is, coarse up to the longest timeouts.
const BOUNDS: [u64; 15] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000, 60_000_000,
];

/// A histogram without a lock.
#[derive(Debug, Default)]
pub(super) struct Durations {
    buckets: [AtomicU64; BOUNDS.len()],
    beyond: AtomicU64,
    sum_nanoseconds: AtomicU64,
}

/// The state of a histogram, in the base unit.
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) sum_seconds: f64,
    pub(super) count: u64,
    /// Upper bounds in seconds, the last one without bound; counts of each bucket alone.
    pub(super) buckets: Vec<(f64, u64)>,
}

impl Durations {
    pub(super) fn observe(&self, took: Duration) {
        let bucket = BOUNDS
            .iter()
            .zip(&self.buckets)
            .find(|(bound, _)| took <= Duration::from_micros(**bound))
            .map_or(&self.beyond, |(_, bucket)| bucket);
        bucket.fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanoseconds
            .fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        let buckets = self.buckets.iter().chain([&self.beyond]);
        buckets.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn observed(&self) -> Observed {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut buckets: Vec<(f64, u64)> = BOUNDS
            .iter()
            .zip(&self.buckets)
            .map(|(bound, count)| (Duration::from_micros(*bound).as_secs_f64(), load(count)))
            .collect();
        // The encoder writes this bound as `+Inf`.
        buckets.push((f64::MAX, load(&self.beyond)));
        Observed {
            sum_seconds: Duration::from_nanos(load(&self.sum_nanoseconds)).as_secs_f64(),
            // Not counted apart, so that it always is the sum of the buckets.
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_that_holds_it() {
        let durations = Durations::default();
        for took in [
            Duration::ZERO,
            Duration::from_micros(250),
            Duration::from_micros(251),
            Duration::from_secs(61),
        ] {
            durations.observe(took);
        }
        let observed = durations.observed();
        assert_eq!(observed.count, 4);
        assert_eq!(observed.buckets[0], (0.000_25, 2));
        assert_eq!(observed.buckets[1], (0.000_5, 1));
        assert_eq!(observed.buckets.last(), Some(&(f64::MAX, 1)));
        assert!((observed.sum_seconds - 61.000_501).abs() < 1e-9);
    }
}
