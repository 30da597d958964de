//! Points in time in the two forms of the wire.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const NANOS_PER_MICRO: i128 = 1_000;

/// The text is no RFC 3339 time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an RFC 3339 time such as `2026-11-21T07:00:00Z`")]
pub struct ParseTimestampError;

/// A time that the server set: microseconds since the epoch, always written with six digits of fraction.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time that many microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }
}

/// A time out of a certificate: written in whole seconds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ValidityDate(i64);

impl ValidityDate {
    /// The time that many microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(f, self.0)?;
        write!(f, ".{:06}Z", self.0.rem_euclid(1_000_000))
    }
}

impl fmt::Display for ValidityDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(f, self.0)?;
        f.write_str("Z")
    }
}

/// The date and time of day. Beyond the years that the calendar knows, its first or last moment stands for it.
fn write_seconds(f: &mut fmt::Formatter<'_>, micros: i64) -> fmt::Result {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * NANOS_PER_MICRO)
        .unwrap_or(if micros < 0 {
            time::macros::datetime!(0000-01-01 00:00:00 UTC)
        } else {
            time::macros::datetime!(9999-12-31 23:59:59 UTC)
        });
    write!(
        f,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .and_then(|time| {
                i64::try_from(time.unix_timestamp_nanos().div_euclid(NANOS_PER_MICRO)).ok()
            })
            .map(Self)
            .ok_or(ParseTimestampError)
    }
}

impl FromStr for ValidityDate {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Timestamp>().map(|time| Self(time.0))
    }
}

macro_rules! serde_as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(D::Error::custom)
            }
        }
    };
}

serde_as_text!(Timestamp);
serde_as_text!(ValidityDate);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_times_have_six_digits_and_certificate_times_none() {
        let micros = 1_743_521_628_464_941;
        assert_eq!(
            Timestamp::from_micros(micros).to_string(),
            "2025-04-01T15:33:48.464941Z"
        );
        assert_eq!(
            Timestamp::from_micros(0).to_string(),
            "1970-01-01T00:00:00.000000Z"
        );
        assert_eq!(
            ValidityDate::from_micros(micros).to_string(),
            "2025-04-01T15:33:48Z"
        );
    }

    #[test]
    fn any_number_of_digits_and_any_offset_is_read() {
        let check = |text: &str, micros| {
            assert_eq!(text.parse(), Ok(Timestamp::from_micros(micros)), "{text}");
        };
        check("1970-01-01T00:00:00Z", 0);
        check("1970-01-01T00:00:00.5Z", 500_000);
        check("1970-01-01T01:00:00.000001999+01:00", 1);
        check("1969-12-31T23:59:59.999999Z", -1);
        assert_eq!("yesterday".parse::<Timestamp>(), Err(ParseTimestampError));
    }
}
