//! A CA certificate is X.509 version 3.

use super::{Check, Found, Rule, Severity, Subject, found};
use crate::Version;

/// RFC 5280 §6.1.4(k): a version 1 certificate cannot say that it is a CA; whoever has a client certificate of version 1 could issue others.
pub(super) const RULE: Rule = Rule {
    code: "unsupported_version",
    severity: Severity::Error,
    title: "Not X.509 version 3",
    check: Check::Certificate(check),
};

fn check(subject: Subject<'_>) -> Option<Found> {
    if subject.certificate.version() == Version::V3 {
        return None;
    }
    found(
        format!(
            "{} is an X.509 certificate of an old version without extensions, so that it does not say whether it is a CA.",
            subject.name()
        ),
        "Issue the root again with `basicConstraints = critical, CA:TRUE`, for example with `openssl req -x509 -key root.key -config root.conf` and that line in the section that x509_extensions names. With the same key and name, certificates that it has issued remain valid.",
    )
}
