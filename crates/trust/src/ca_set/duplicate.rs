//! Each certificate once.

use super::{Check, Found, Rule, Severity, Subject, found};

/// A duplicate does no harm; it is stored once.
pub(super) const RULE: Rule = Rule {
    code: "duplicate_certificate",
    severity: Severity::Warning,
    title: "Duplicate certificate",
    check: Check::Certificate(check),
};

fn check(subject: Subject<'_>) -> Option<Found> {
    let first = subject
        .set
        .certificates
        .iter()
        .take(subject.position)
        .position(|other| other == subject.certificate)?;
    found(
        format!(
            "{} with fingerprint {} is the same certificate as number {}; it is kept once.",
            subject.name(),
            subject.certificate.fingerprint(),
            first + 1
        ),
        "Remove one of the two.",
    )
}
