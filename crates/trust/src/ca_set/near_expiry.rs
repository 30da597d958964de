//! Enough time left.

use super::{Check, Found, Rule, Severity, Subject, found};

/// Relative to the lifetime, since CAs live for days in one place and for decades in another.
pub(super) const RULE: Rule = Rule {
    code: "near_expiry",
    severity: Severity::Warning,
    title: "CA certificate expires soon",
    check: Check::Certificate(check),
};

/// A warning comes when less than this part of the lifetime is left.
const PERCENT_LEFT: u128 = 30;

fn check(subject: Subject<'_>) -> Option<Found> {
    let validity = subject.certificate.validity();
    let now = subject.set.now;
    if now > validity.not_after || now < validity.not_before {
        return None;
    }
    let lifetime = validity
        .not_after
        .saturating_since(validity.not_before)
        .as_micros();
    let left = validity.not_after.saturating_since(now).as_micros();
    if left * 100 >= lifetime * PERCENT_LEFT {
        return None;
    }
    let percent = left * 100 / lifetime.max(1);
    let days = left / 86_400_000_000;
    found(
        format!(
            "{} expires at {}: {days} days, {percent} % of its lifetime, are left.",
            subject.name(),
            validity.not_after
        ),
        "Have the CA certificate renewed, and activate a version with the old and the new one before then.",
    )
}
