//! SHA-256 or better.

use super::{Check, Found, Rule, Severity, Sha1Signatures, Subject, found};
use crate::{Hash, SignatureAlgorithm};

/// NIST SP 800-131A; SHA-1 where the version allows it, nothing weaker ever.
pub(super) const RULE: Rule = Rule {
    code: "weak_signature",
    severity: Severity::Error,
    title: "Weak signature",
    check: Check::Certificate(check),
};

fn check(subject: Subject<'_>) -> Option<Found> {
    let algorithm = subject.certificate.signature_algorithm();
    let remedy = match algorithm.hash() {
        Some(Hash::Sha1) if subject.set.sha1 == Sha1Signatures::Allow => return None,
        Some(Hash::Sha1) if !matches!(algorithm, SignatureAlgorithm::Dsa(_)) => {
            "Have the CA certificate issued again with SHA-256 or better, or allow SHA-1 for this version while clients are replaced."
        }
        Some(Hash::Sha256 | Hash::Sha384 | Hash::Sha512) | None => return None,
        Some(_) => "Have the CA certificate issued again with SHA-256 or better.",
    };
    found(
        format!("{} is signed with {algorithm}.", subject.name()),
        remedy,
    )
}
