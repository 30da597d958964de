//! A certificate without defects.

use super::{Check, Found, Rule, Severity, Subject, found};

/// RFC 5280 §4.1, §4.2: what every certificate must keep to.
pub(super) const RULE: Rule = Rule {
    code: "malformed",
    severity: Severity::Error,
    title: "Malformed certificate",
    check: Check::Certificate(check),
};

fn check(subject: Subject<'_>) -> Option<Found> {
    let defects = subject.certificate.defects();
    if defects.is_empty() {
        return None;
    }
    found(
        format!("{} has {}.", subject.name(), defects.join("; ")),
        "Issue the CA certificate again with a tool that writes X.509 as RFC 5280 describes it.",
    )
}
