//! The CA bit.

use super::{Check, Found, Rule, Severity, Subject, found};
use crate::Version;

/// RFC 5280 §4.2.1.9: "If the basic constraints extension is not present in a version 3 public key certificate, or the extension is present
/// but the cA boolean is not asserted, then the certified public key MUST NOT be used to verify certificate signatures."
pub(super) const RULE: Rule = Rule {
    code: "not_a_ca",
    severity: Severity::Error,
    title: "Not a CA certificate",
    check: Check::Certificate(check),
};

fn check(subject: Subject<'_>) -> Option<Found> {
    let constraints = subject.certificate.basic_constraints();
    if constraints.is_some_and(|constraints| constraints.ca)
        || subject.certificate.version() != Version::V3
    {
        return None;
    }
    let why = match constraints {
        Some(_) => "its basicConstraints say CA:FALSE",
        None => "it has no basicConstraints",
    };
    let remedy = if subject.certificate.is_self_issued() {
        "Put the certificate of a root or intermediate CA into the set. If this is your CA, issue its certificate again with `basicConstraints = critical, CA:TRUE`.".to_owned()
    } else {
        format!(
            "Put the certificate of its issuer {} into the set instead.",
            crate::text::name(subject.certificate.issuer())
        )
    };
    found(format!("{} is not a CA: {why}.", subject.name()), remedy)
}
