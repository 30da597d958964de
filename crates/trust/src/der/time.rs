//! `UTCTime` and `GeneralizedTime`.

use super::{DerError, GENERALIZED_TIME, UTC_TIME, Value};
use crate::UnixTime;
use crate::time::CivilTime;

/// Reads a time (RFC 5280 §4.1.2.5): UTC, seconds always there, no fractions.
pub(crate) fn read_time(value: Value<'_>) -> Result<UnixTime, DerError> {
    let digits = value.contents.strip_suffix(b"Z").ok_or(DerError)?;
    let (year, rest) = match value.tag {
        UTC_TIME => {
            let (year, rest) = take(digits, 2)?;
            // RFC 5280 §4.1.2.5.1: "Where YY is greater than or equal to 50, the year SHALL be interpreted as 19YY".
            (
                if year >= 50 {
                    1_900 + year
                } else {
                    2_000 + year
                },
                rest,
            )
        }
        GENERALIZED_TIME => take(digits, 4)?,
        _ => return Err(DerError),
    };
    let (month, rest) = take(rest, 2)?;
    let (day, rest) = take(rest, 2)?;
    let (hour, rest) = take(rest, 2)?;
    let (minute, rest) = take(rest, 2)?;
    let (second, rest) = take(rest, 2)?;
    if !rest.is_empty() {
        return Err(DerError);
    }
    CivilTime {
        year,
        month,
        day,
        hour,
        minute,
        second,
    }
    .to_secs()
    .map(UnixTime::from_secs)
    .ok_or(DerError)
}

fn take(digits: &[u8], count: usize) -> Result<(i64, &[u8]), DerError> {
    let (head, rest) = digits.split_at_checked(count).ok_or(DerError)?;
    let number = head.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i64::from(digit - b'0'))
            .ok_or(DerError)
    })?;
    Ok((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tag: u8, text: &str, expected: Option<&str>) {
        let value = Value {
            tag,
            contents: text.as_bytes(),
            whole: &[],
        };
        assert_eq!(
            read_time(value).ok().map(|time| time.to_string()),
            expected.map(str::to_owned),
            "{text}"
        );
    }

    #[test]
    fn reads_both_kinds() {
        check(UTC_TIME, "491231235959Z", Some("2049-12-31T23:59:59Z"));
        check(UTC_TIME, "500101000000Z", Some("1950-01-01T00:00:00Z"));
        check(
            GENERALIZED_TIME,
            "99991231235959Z",
            Some("9999-12-31T23:59:59Z"),
        );
        check(
            GENERALIZED_TIME,
            "20240229120000Z",
            Some("2024-02-29T12:00:00Z"),
        );
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "4912312359Z",
            "491231235959+0000",
            "4912312359599Z",
            "491331000000Z",
            "",
        ] {
            check(UTC_TIME, text, None);
        }
        for text in [
            "20240230000000Z",
            "20240229120000.5Z",
            "20240229120000",
            "2024022912000aZ",
        ] {
            check(GENERALIZED_TIME, text, None);
        }
        check(INTEGER, "491231235959Z", None);
    }
    use super::super::INTEGER;
}
