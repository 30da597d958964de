//! The one place that reads the machine's clock; everything else is handed a [`Clock`].

use std::time::{SystemTime, UNIX_EPOCH};

use countersign_trust::{Clock, UnixTime};

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        let micros = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
            });
        UnixTime::from_micros(micros)
    }
}
