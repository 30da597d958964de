//! No critical extension that we would not honour.

use super::{Check, Found, Rule, Severity, Subject, found};

/// RFC 5280 §4.2: "A certificate-using system MUST reject the certificate if it encounters a critical extension it does not recognize".
pub(super) const RULE: Rule = Rule {
    code: "unknown_critical_extension",
    severity: Severity::Error,
    title: "Unknown critical extension",
    check: Check::Certificate(check),
};

fn check(subject: Subject<'_>) -> Option<Found> {
    let extension = subject.certificate.unknown_critical_extension()?;
    found(
        format!(
            "{} has the critical extension {extension}, which is not understood; every client below it would be refused.",
            subject.name()
        ),
        "Use a CA certificate without that extension, or with it marked not critical.",
    )
}
