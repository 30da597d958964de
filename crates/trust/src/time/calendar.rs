//! The Gregorian calendar, as far as certificates and RFC 3339 need it.

use std::fmt;

/// A second in the calendar, UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct CivilTime {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
}

impl CivilTime {
    pub(crate) fn from_secs(secs: i64) -> Self {
        let days = secs.div_euclid(86_400);
        let second_of_day = secs.rem_euclid(86_400);
        let (year, month, day) = civil_from_days(days);
        Self {
            year,
            month,
            day,
            hour: second_of_day / 3_600,
            minute: second_of_day % 3_600 / 60,
            second: second_of_day % 60,
        }
    }

    /// Seconds since the epoch, when every field is in its range.
    pub(crate) fn to_secs(self) -> Option<i64> {
        let in_range = (0..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=days_in_month(self.year, self.month)).contains(&self.day)
            && (0..24).contains(&self.hour)
            && (0..60).contains(&self.minute)
            && (0..60).contains(&self.second);
        in_range.then(|| {
            days_from_civil(self.year, self.month, self.day) * 86_400
                + self.hour * 3_600
                + self.minute * 60
                + self.second
        })
    }
}

impl fmt::Display for CivilTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01. The year is taken to start in March, so that the leap day is its last day.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Microseconds since the epoch.
pub(super) fn parse_rfc3339(text: &str) -> Option<i64> {
    let mut rest = Text(text.as_bytes());
    let year = rest.digits(4)?;
    rest.byte(b"-")?;
    let month = rest.digits(2)?;
    rest.byte(b"-")?;
    let day = rest.digits(2)?;
    rest.byte(b"Tt ")?;
    let hour = rest.digits(2)?;
    rest.byte(b":")?;
    let minute = rest.digits(2)?;
    rest.byte(b":")?;
    let second = rest.digits(2)?;
    let micros = rest.fraction()?;
    let offset_secs = match rest.byte(b"Zz+-")? {
        b'Z' | b'z' => 0,
        sign => {
            let hours = rest.digits(2)?;
            rest.byte(b":")?;
            let minutes = rest.digits(2)?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours * 3_600 + minutes * 60;
            if sign == b'-' { -offset } else { offset }
        }
    };
    let civil = CivilTime {
        year,
        month,
        day,
        hour,
        minute,
        second,
    };
    rest.0
        .is_empty()
        .then_some(())
        .and_then(|()| civil.to_secs())
        .map(|secs| (secs - offset_secs) * 1_000_000 + micros)
}

struct Text<'a>(&'a [u8]);

impl Text<'_> {
    fn byte(&mut self, one_of: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        one_of.contains(first).then_some(*first)
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits.iter().try_fold(0, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + i64::from(byte - b'0'))
        })
    }

    fn fraction(&mut self) -> Option<i64> {
        if self.0.first() != Some(&b'.') {
            return Some(0);
        }
        self.byte(b".")?;
        let mut micros = self.digits(1)? * 100_000;
        let mut unit = 10_000;
        while self.0.first().is_some_and(u8::is_ascii_digit) {
            micros += self.digits(1)? * unit;
            unit /= 10;
        }
        Some(micros)
    }
}
