//! Points in time as integers, and where they come from.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

mod calendar;

pub(crate) use calendar::CivilTime;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A point in time: microseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnixTime(i64);

impl UnixTime {
    /// The earliest time that can be told.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time that can be told.
    pub const MAX: Self = Self(i64::MAX);

    /// The time that many microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The time that many seconds after the epoch; saturates about 292,000 years away.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// This time plus `duration`; saturates.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// This time minus `duration`; saturates.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// How long after `earlier` this is; zero when it is not after.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// RFC 3339 in UTC; the fraction (always six digits) is left out when it is zero.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = CivilTime::from_secs(self.as_secs());
        write!(f, "{civil}")?;
        match self.0.rem_euclid(MICROS_PER_SECOND) {
            0 => f.write_str("Z"),
            fraction => write!(f, ".{fraction:06}Z"),
        }
    }
}

/// The text is no RFC 3339 time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an RFC 3339 time such as `2026-11-21T07:00:00Z`")]
pub struct ParseTimeError;

/// Reads RFC 3339 with any offset; digits beyond microseconds are dropped.
impl FromStr for UnixTime {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        calendar::parse_rfc3339(text)
            .map(Self)
            .ok_or(ParseTimeError)
    }
}

/// Where the time comes from; the process decides once, tests decide freely.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time now.
    fn now(&self) -> UnixTime;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, micros: i64) {
        assert_eq!(text.parse(), Ok(UnixTime::from_micros(micros)), "{text}");
    }

    #[test]
    fn reads_rfc_3339_with_fractions_and_offsets() {
        check("1970-01-01T00:00:00Z", 0);
        check("1970-01-01t00:00:00.000001z", 1);
        check("2026-11-21T07:00:00.5Z", 1_795_244_400_500_000);
        check("2026-11-21T09:00:00+02:00", 1_795_244_400_000_000);
        check("1969-12-31T23:59:59Z", -1_000_000);
        check("2024-02-29T00:00:00Z", 1_709_164_800_000_000);
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "2026-11-21",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T07:00:00",
            "2026-11-21T07:00:00.Z",
            "2026-11-21T07:00:00Zx",
            "2026-11-21T07:00:00+25:00",
            "２026-11-21T07:00:00Z",
        ] {
            assert_eq!(text.parse::<UnixTime>(), Err(ParseTimeError), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_again(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
            let time = UnixTime::from_micros(micros);
            proptest::prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            let _ = text.parse::<UnixTime>();
        }

        #[test]
        fn any_time_can_be_written(micros: i64) {
            let _ = UnixTime::from_micros(micros).to_string();
        }
    }
}
