//! How fast a sweep goes: it shares the processors with everybody's requests, and those come first.

use std::num::NonZeroUsize;
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

/// So long a request may find its processor taken.
const SLICE: Duration = Duration::from_micros(200);
/// So many connections end at a time.
const ENDINGS: u32 = 8;
/// What the threads that serve need for the end of one.
const PER_ENDING: Duration = Duration::from_micros(60);
/// After that whom nobody trusts any more goes before everybody's comfort.
const PATIENCE: Duration = Duration::from_millis(300);

/// The pace of one thread: short slices of work, and after each a rest as long as what it took.
#[derive(Debug)]
pub(super) struct Pace {
    /// When there is no more rest.
    hurry: Instant,
    slice: Instant,
    endings: u32,
}

impl Pace {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            hurry: now + PATIENCE,
            slice: now,
            endings: 0,
        }
    }

    /// To be called after each connection that was looked at, with whether it ends.
    pub(super) fn step(&mut self, ends: bool) {
        self.endings += u32::from(ends);
        let now = Instant::now();
        let worked = now.saturating_duration_since(self.slice);
        if worked < SLICE && self.endings < ENDINGS {
            return;
        }
        if now < self.hurry {
            sleep(worked + PER_ENDING * self.endings);
        }
        (self.slice, self.endings) = (Instant::now(), 0);
    }
}

/// How many threads a sweep has: half of the processors.
pub(super) fn threads() -> usize {
    available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .div_ceil(2)
}
