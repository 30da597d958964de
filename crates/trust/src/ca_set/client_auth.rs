//! A CA that may vouch for clients.

use super::{Check, Found, Rule, Severity, Subject, found};

/// CA/B BR §7.1.2.10.6: extended key usage in a CA certificate limits what is below it.
pub(super) const RULE: Rule = Rule {
    code: "no_client_auth",
    severity: Severity::Warning,
    title: "CA may not issue client certificates",
    check: Check::Certificate(check),
};

fn check(subject: Subject<'_>) -> Option<Found> {
    let usage = subject.certificate.extended_key_usage()?;
    if usage.client_auth() || usage.any() {
        return None;
    }
    found(
        format!(
            "The extended key usage of {} allows {usage} only, so that its clients are refused (`eku_missing`).",
            subject.name()
        ),
        "Use a CA whose certificate has no extended key usage, or one with clientAuth. Where server certificates must do as client certificates for some time, set the extended key usage rule accordingly.",
    )
}
