//! Inside of the validity.

use super::{Check, Found, Rule, Severity, Subject, found};

/// RFC 5280 §6.1.3(a)(2)
pub(super) const EXPIRED: Rule = Rule {
    code: "expired",
    severity: Severity::Error,
    title: "CA certificate expired",
    check: Check::Certificate(check_expired),
};

/// RFC 5280 §6.1.3(a)(2)
pub(super) const NOT_YET_VALID: Rule = Rule {
    code: "not_yet_valid",
    severity: Severity::Error,
    title: "CA certificate not yet valid",
    check: Check::Certificate(check_not_yet_valid),
};

fn check_expired(subject: Subject<'_>) -> Option<Found> {
    let end = subject.certificate.validity().not_after;
    if subject.set.now <= end {
        return None;
    }
    found(
        format!(
            "{} expired at {end}; it is {}.",
            subject.name(),
            subject.set.now
        ),
        "Remove it, or replace it by the renewed CA certificate.",
    )
}

fn check_not_yet_valid(subject: Subject<'_>) -> Option<Found> {
    let start = subject.certificate.validity().not_before;
    if subject.set.now >= start {
        return None;
    }
    found(
        format!(
            "{} is valid from {start} on; it is {}.",
            subject.name(),
            subject.set.now
        ),
        "Add it when it is valid. If it should be valid already, compare the clocks of the CA and of this server.",
    )
}
