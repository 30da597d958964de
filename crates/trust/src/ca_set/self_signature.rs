//! A root signed itself.

use super::{Check, Found, Rule, Severity, Subject, found};
use crate::SignatureError;

/// A self-signed certificate whose own key does not verify it was altered, or put together from two.
pub(super) const RULE: Rule = Rule {
    code: "bad_signature",
    severity: Severity::Error,
    title: "Bad signature",
    check: Check::Certificate(check),
};

fn check(subject: Subject<'_>) -> Option<Found> {
    let certificate = subject.certificate;
    // RFC 5280 §4.2.1.1: a certificate that the CA's other key signed says so by its authority key identifier.
    let claims_own_key = match (
        certificate
            .authority_key_identifier()
            .and_then(|identifier| identifier.key_identifier.as_deref()),
        certificate.subject_key_identifier(),
    ) {
        (Some(authority), Some(own)) => authority == own,
        _ => true,
    };
    let bad = certificate.is_self_issued()
        && claims_own_key
        && certificate.verify_signed_by(certificate.public_key()) == Err(SignatureError::Bad);
    if !bad {
        return None;
    }
    found(
        format!(
            "{} names itself as its issuer, but its own key does not verify its signature.",
            subject.name()
        ),
        "Get the CA certificate again from its source; this copy was altered, or was issued by another key of the same CA.",
    )
}
