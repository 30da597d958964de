//! The key usage of a CA.

use super::{Check, Found, Rule, Severity, Subject, found};

/// RFC 5280 §6.1.4(n): "If a key usage extension is present, verify that the keyCertSign bit is set."
pub(super) const CERT_SIGN: Rule = Rule {
    code: "key_usage",
    severity: Severity::Error,
    title: "CA must not sign certificates",
    check: Check::Certificate(check_cert_sign),
};

/// RFC 5280 §4.2.1.3: "Conforming CAs MUST include this extension in certificates that contain public keys that are used to validate digital
/// signatures on other public key certificates or CRLs." Many private roots do not, and validation does not ask for it.
pub(super) const ABSENT: Rule = Rule {
    code: "no_key_usage",
    severity: Severity::Warning,
    title: "No key usage",
    check: Check::Certificate(check_absent),
};

fn check_cert_sign(subject: Subject<'_>) -> Option<Found> {
    let usage = subject.certificate.key_usage()?;
    if usage.key_cert_sign() {
        return None;
    }
    found(
        format!(
            "The key usage of {} ({usage}) lacks keyCertSign, so that nothing it signs is a certificate.",
            subject.name()
        ),
        "Issue the CA certificate again with `keyUsage = critical, keyCertSign, cRLSign`.",
    )
}

fn check_absent(subject: Subject<'_>) -> Option<Found> {
    let is_ca = subject
        .certificate
        .basic_constraints()
        .is_some_and(|constraints| constraints.ca);
    if !is_ca || subject.certificate.key_usage().is_some() {
        return None;
    }
    found(
        format!(
            "{} does not say what its key is for. That is accepted.",
            subject.name()
        ),
        "When the CA certificate is renewed, add `keyUsage = critical, keyCertSign, cRLSign`; some other software insists on it.",
    )
}
