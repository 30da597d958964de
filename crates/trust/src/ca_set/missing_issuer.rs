//! An intermediate without its issuer.

use super::{Check, Found, Rule, Severity, Subject, found};
use crate::Certificate;

/// An intermediate in the set is a trust anchor by itself. That works, but its own issuer can no longer take it back.
pub(super) const RULE: Rule = Rule {
    code: "missing_issuer",
    severity: Severity::Warning,
    title: "Issuer is not in the set",
    check: Check::Certificate(check),
};

fn check(subject: Subject<'_>) -> Option<Found> {
    let certificate = subject.certificate;
    let is_ca = certificate
        .basic_constraints()
        .is_some_and(|constraints| constraints.ca);
    if !is_ca || certificate.is_self_issued() {
        return None;
    }
    // A certificate that names another key is not asked: a set of hundreds of CAs of one name would take long.
    let wanted = certificate
        .authority_key_identifier()
        .and_then(|identifier| identifier.key_identifier.as_deref());
    let may_be_issuer = |other: &&Certificate| {
        other.subject() == certificate.issuer()
            && match (wanted, other.subject_key_identifier()) {
                (Some(wanted), Some(found)) => wanted == found,
                _ => true,
            }
    };
    let has_issuer = subject
        .set
        .certificates
        .iter()
        .filter(may_be_issuer)
        .any(|other| certificate.verify_signed_by(other.public_key()).is_ok());
    if has_issuer {
        return None;
    }
    found(
        format!(
            "{} is an intermediate CA, and the certificate of its issuer {} is not in the set.",
            subject.name(),
            crate::text::name(certificate.issuer())
        ),
        "Nothing needs to be done when clients of this intermediate alone should be let in. Add the issuer as well when clients of its other intermediates should be, or so that a revocation of this intermediate is seen.",
    )
}
