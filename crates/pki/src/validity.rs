//! From when to when a certificate is valid.

use thiserror::Error;
use time::OffsetDateTime;

/// From when to when a certificate is valid, in seconds since the epoch; both ends belong to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Validity {
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

/// Why two moments are no validity.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ValidityError {
    /// The end is before the beginning.
    #[error("the validity ends ({not_after}) before it begins ({not_before})")]
    Empty {
        /// The beginning, in seconds since the epoch.
        not_before: i64,
        /// The end, in seconds since the epoch.
        not_after: i64,
    },
    /// A moment that certificates cannot carry.
    #[error("{at} is outside the years 1950 to 9999")]
    OutOfRange {
        /// The moment, in seconds since the epoch.
        at: i64,
    },
}

impl Validity {
    /// The validity from `not_before` to `not_after`.
    ///
    /// # Errors
    ///
    /// When it would be empty, or an end is outside the years 1950 to 9999 (RFC 5280 §4.1.2.5).
    pub fn new(not_before: i64, not_after: i64) -> Result<Self, ValidityError> {
        if not_after < not_before {
            return Err(ValidityError::Empty {
                not_before,
                not_after,
            });
        }
        Ok(Self {
            not_before: moment(not_before)?,
            not_after: moment(not_after)?,
        })
    }

    /// The first second of it, since the epoch.
    pub fn not_before(&self) -> i64 {
        self.not_before.unix_timestamp()
    }

    /// The last second of it, since the epoch.
    pub fn not_after(&self) -> i64 {
        self.not_after.unix_timestamp()
    }

    /// How many whole days it lasts.
    pub(crate) fn days(&self) -> i64 {
        (self.not_after - self.not_before).whole_days()
    }

    pub(crate) fn bounds(&self) -> (OffsetDateTime, OffsetDateTime) {
        (self.not_before, self.not_after)
    }
}

fn moment(at: i64) -> Result<OffsetDateTime, ValidityError> {
    OffsetDateTime::from_unix_timestamp(at)
        .ok()
        .filter(|moment| (1950..=9999).contains(&moment.year()))
        .ok_or(ValidityError::OutOfRange { at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_certificates_cannot_say() {
        assert!(Validity::new(5, 5).is_ok());
        assert_eq!(
            Validity::new(5, 4),
            Err(ValidityError::Empty {
                not_before: 5,
                not_after: 4
            })
        );
        for at in [i64::MIN, -631_152_001, 253_402_300_800, i64::MAX] {
            let (from, to) = if at < 0 { (at, 0) } else { (0, at) };
            assert_eq!(
                Validity::new(from, to),
                Err(ValidityError::OutOfRange { at })
            );
        }
    }
}
