//! A key that is strong enough.

use super::{Check, Found, Rule, Severity, Subject, found};
use crate::signature::{MAX_RSA_BITS, MIN_RSA_BITS};
use crate::{KeyAlgorithm, PssRestriction};

/// CA/B BR §6.1.5: RSA of at least 2048 bits, EC of at least 256.
pub(super) const WEAK: Rule = Rule {
    code: "weak_key",
    severity: Severity::Error,
    title: "Weak key",
    check: Check::Certificate(check_weak),
};

/// What we cannot verify with.
pub(super) const UNSUPPORTED: Rule = Rule {
    code: "unsupported_algorithm",
    severity: Severity::Error,
    title: "Unsupported key",
    check: Check::Certificate(check_unsupported),
};

fn check_weak(subject: Subject<'_>) -> Option<Found> {
    let key = subject.certificate.public_key();
    let weak = match &key.algorithm {
        KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss(_) => key.bits < MIN_RSA_BITS,
        KeyAlgorithm::EcOther(_) => (1..256).contains(&key.bits),
        KeyAlgorithm::Dsa => true,
        _ => false,
    };
    if !weak {
        return None;
    }
    found(
        format!(
            "The key of {} is {} with {} bits.",
            subject.name(),
            key.algorithm,
            key.bits
        ),
        "Make a new CA key: RSA with 2048 bits or more, EC P-256, P-384 or P-521, or Ed25519.",
    )
}

fn check_unsupported(subject: Subject<'_>) -> Option<Found> {
    let key = subject.certificate.public_key();
    let supported = match &key.algorithm {
        // A weak key has the rule above.
        KeyAlgorithm::RsaPss(PssRestriction::Unsupported) => key.bits < MIN_RSA_BITS,
        KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss(_) => key.bits <= MAX_RSA_BITS,
        KeyAlgorithm::EcOther(_) => (1..256).contains(&key.bits),
        KeyAlgorithm::Ed448 | KeyAlgorithm::Unknown(_) => false,
        _ => true,
    };
    if supported {
        return None;
    }
    found(
        format!(
            "The key of {} ({}, {} bits) cannot be used to verify signatures here.",
            subject.name(),
            key.algorithm,
            key.bits
        ),
        "Use a CA with a key of RSA (2048 to 8192 bits; RSASSA-PSS with SHA-256, SHA-384 or SHA-512), EC P-256, P-384 or P-521, Ed25519 or ML-DSA.",
    )
}
