//! Why a path failed, and which of several failures is the reason to tell.

use crate::{Certificate, Reason, Unanswered};

/// One thing that speaks against a path, with the evidence.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    pub(crate) explanation: String,
    /// Where it says more than the reason's own.
    pub(crate) remedy: Option<String>,
    pub(crate) certificate: Option<Certificate>,
    /// What asking a CA could change about it.
    pub(crate) unanswered: Vec<Unanswered>,
}

impl Failure {
    pub(super) fn new(reason: Reason, certificate: &Certificate, explanation: String) -> Self {
        Self {
            reason,
            explanation,
            remedy: None,
            certificate: Some(certificate.clone()),
            unanswered: Vec::new(),
        }
    }

    pub(super) fn with_remedy(mut self, remedy: String) -> Self {
        self.remedy = Some(remedy);
        self
    }
}

/// How far from trust a failure is. Of several failures of one path the farthest is told: the leaf's own time comes last, when everything
/// else is in order. Of several paths the one is told whose failure is nearest: there the least has to be changed.
pub(super) fn distance(reason: Reason) -> u8 {
    FROM_NEAR_TO_FAR
        .iter()
        .zip(0..)
        .find(|(known, _)| **known == reason)
        .map_or(u8::MAX, |(_, distance)| distance)
}

const FROM_NEAR_TO_FAR: [Reason; 24] = [
    // The path is good but for the time of the leaf: renewing helps.
    Reason::Expired,
    Reason::NotYetValid,
    // The path is good, but we do not know enough, or too much.
    Reason::RevocationStale,
    Reason::RevocationUnknown,
    Reason::Revoked,
    // The path is of the wrong kind or out of time.
    Reason::EkuMissing,
    Reason::IssuerNotYetValid,
    Reason::IssuerExpired,
    // The path breaks what a CA on it laid down.
    Reason::CertificatePolicy,
    Reason::NameConstraint,
    Reason::PathLength,
    Reason::KeyUsage,
    Reason::NotACa,
    // The path proves nothing.
    Reason::WeakSignature,
    Reason::UnsupportedAlgorithm,
    Reason::WeakKey,
    Reason::UnknownCriticalExtension,
    Reason::UnsupportedVersion,
    Reason::Malformed,
    // There is no path.
    Reason::BadSignature,
    Reason::IncompleteChain,
    Reason::UnknownIssuer,
    Reason::NotInCaSet,
    // We do not know whether there is one.
    Reason::SearchExhausted,
];
