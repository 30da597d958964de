//! What is known about the revocation of a path's certificates, for people; asked of the same index by the same rules as the decision.

use std::sync::Arc;

use super::revocation::may_speak;
use super::{Context, CrlSigners};
use crate::ocsp::OcspAnswer;
use crate::revocation::{CertificateStatus, Lookup, RevocationReason, RevocationSource};
use crate::{
    CaSetVersion, Certificate, Policy, RevocationIndex, RevocationMode, RevocationScope, UnixTime,
};

/// What is known about the revocation of one certificate.
#[derive(Clone, Debug)]
pub struct RevocationEvidence {
    /// The certificate.
    pub certificate: Certificate,
    /// Its issuer on the path.
    pub issuer: Certificate,
    /// Whether the policy wants something to be known.
    pub required: bool,
    /// What is known.
    pub status: RevocationStatus,
    /// What was asked; empty when the policy does not look.
    pub sources: Vec<RevocationSource>,
}

/// What is known about a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RevocationStatus {
    /// It is good, and that can be said until this time.
    Good {
        /// The last moment.
        until: UnixTime,
    },
    /// The policy does not look, and nobody revoked it by hand.
    NotAsked,
    /// It is revoked.
    Revoked {
        /// Since when.
        at: UnixTime,
        /// Why.
        reason: RevocationReason,
    },
    /// An operator revoked it.
    RevokedByHand {
        /// By what: the certificate, its key, its serial number, or its CA's time.
        mark: &'static str,
    },
    /// It was good when it was last heard of, and that was too long ago.
    Stale {
        /// When newer information was promised.
        since: UnixTime,
    },
    /// Nothing is known.
    Unknown,
}

/// What is known about each certificate of a path below its last one, from the client's certificate up: by the index, and by OCSP answers that are
/// not in it.
#[must_use]
pub fn revocation_evidence(
    path: &[Certificate],
    set: &CaSetVersion,
    revocation: &RevocationIndex,
    answers: &[Arc<OcspAnswer>],
    policy: &Policy,
    now: UnixTime,
) -> Vec<RevocationEvidence> {
    let Some(anchor) = path.last() else {
        return Vec::new();
    };
    let context = Context {
        set,
        revocation,
        answers,
        policy,
        now,
        signers: CrlSigners::UnderTheSameAnchor,
    };
    path.iter()
        .zip(path.iter().skip(1))
        .enumerate()
        .map(|(height, (certificate, issuer))| {
            let in_scope = policy.revocation.scope == RevocationScope::Path || height == 0;
            let (status, sources) = known_about(certificate, issuer, anchor, &context);
            RevocationEvidence {
                certificate: certificate.clone(),
                issuer: issuer.clone(),
                required: in_scope && policy.revocation.mode == RevocationMode::Require,
                status,
                sources,
            }
        })
        .collect()
}

fn known_about(
    certificate: &Certificate,
    issuer: &Certificate,
    anchor: &Certificate,
    context: &Context<'_>,
) -> (RevocationStatus, Vec<RevocationSource>) {
    let policy = &context.policy.revocation;
    let lookup = Lookup {
        certificate,
        issuer,
        owner: context.set.owner(),
        now: context.now,
        stale_grace: policy.stale_grace,
        sha1: context.set.sha1_signatures(),
        answers: context.answers,
    };
    let sources = match policy.mode {
        RevocationMode::Off => Vec::new(),
        RevocationMode::Prefer | RevocationMode::Require => context.revocation.sources(lookup),
    };
    let by_hand =
        context
            .revocation
            .revoked_by_hand(context.set.owner(), certificate, Some(issuer));
    if let Some(mark) = by_hand {
        return (RevocationStatus::RevokedByHand { mark }, sources);
    }
    if policy.mode == RevocationMode::Off {
        return (RevocationStatus::NotAsked, sources);
    }
    let found = context
        .revocation
        .status(lookup, |signer| may_speak(signer, anchor, context));
    let status = match found {
        CertificateStatus::Good { until } => RevocationStatus::Good { until },
        CertificateStatus::Revoked { at, reason } => RevocationStatus::Revoked { at, reason },
        CertificateStatus::Stale { since } => RevocationStatus::Stale { since },
        CertificateStatus::Unknown => RevocationStatus::Unknown,
    };
    (status, sources)
}
