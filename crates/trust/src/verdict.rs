//! Verdicts: results with evidence.

use std::sync::Arc;

use crate::evaluate::{Failure, Good};
use crate::{Certificate, ClientIdentity, Reason, UnixTime};

/// The result of evaluating one client chain against one CA set at one time; cheap to clone.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The client sent no certificate.
    Missing,
    /// The chain leads to a CA of the set and nothing speaks against it.
    Valid(ValidChain),
    /// The chain is refused.
    Invalid(Refusal),
}

impl Verdict {
    /// Why the client is refused; `None` when it is not.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Missing => Some(Reason::Missing),
            Self::Valid(_) => None,
            Self::Invalid(refusal) => Some(refusal.reason()),
        }
    }

    /// Whether the client sent no certificate.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// Whether the chain is valid.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid(_))
    }
}

/// What is known about the revocation of a valid chain: the worst among the certificates that the policy's scope names.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum RevocationState {
    /// The policy does not look, except for revocations by hand.
    NotChecked,
    /// Their CAs say that they are good.
    Good,
    /// What their CAs said last is too old.
    Stale,
    /// Nothing.
    Unknown,
}

impl RevocationState {
    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotChecked => "not_checked",
            Self::Good => "good",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
        }
    }
}

/// A certificate on a path that is good otherwise, about which there is no recent revocation data. Its CA may be asked: the path was verified, so
/// that what the certificate says about where to ask is its CA's word.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unanswered {
    /// The certificate.
    pub certificate: Certificate,
    /// The certificate above it on the path.
    pub issuer: Certificate,
}

/// A chain that satisfied a CA set at a time. Made only by [`evaluate`](crate::evaluate); its existence is the proof.
#[derive(Clone, Debug)]
pub struct ValidChain(Arc<ValidParts>);

#[derive(Debug)]
struct ValidParts {
    path: Vec<Certificate>,
    anchor: Certificate,
    identity: ClientIdentity,
    valid_until: UnixTime,
    holds_until: UnixTime,
    evaluated_at: UnixTime,
    revocation: RevocationState,
    unanswered: Vec<Unanswered>,
}

impl ValidChain {
    /// For the evaluator alone: `path` goes from the leaf to the trust anchor; `good` says what was found.
    pub(crate) fn new(
        path: Vec<Certificate>,
        leaf: &Certificate,
        anchor: &Certificate,
        evaluated_at: UnixTime,
        good: Good,
    ) -> Self {
        let valid_until = path
            .iter()
            .map(|certificate| certificate.validity().not_after)
            .fold(UnixTime::MAX, UnixTime::min);
        Self(Arc::new(ValidParts {
            path,
            anchor: anchor.clone(),
            identity: ClientIdentity::new(leaf.clone()),
            valid_until,
            holds_until: valid_until.min(good.until),
            evaluated_at,
            revocation: good.revocation.state,
            unanswered: good.revocation.unanswered,
        }))
    }

    /// The path from the client's certificate to the trust anchor, both included.
    #[must_use]
    pub fn path(&self) -> &[Certificate] {
        &self.0.path
    }

    /// The certificate of the CA set that the path ends at.
    #[must_use]
    pub fn anchor(&self) -> &Certificate {
        &self.0.anchor
    }

    /// Whether both are one evaluation, so that whatever was made of one holds for the other. Two evaluations of equal chains are not.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The earliest end of validity along the path.
    #[must_use]
    pub fn valid_until(&self) -> UnixTime {
        self.0.valid_until
    }

    /// Until when this verdict holds while CA set, policy and revocation index are the same: [`valid_until`](Self::valid_until), or earlier the time
    /// at which required revocation data becomes too old or `serverAuth` no longer does.
    #[must_use]
    pub fn holds_until(&self) -> UnixTime {
        self.0.holds_until
    }

    /// What is known about the revocation of its certificates.
    #[must_use]
    pub fn revocation(&self) -> RevocationState {
        self.0.revocation
    }

    /// Its certificates about which their CAs could say more; none when the policy does not look.
    #[must_use]
    pub fn unanswered(&self) -> &[Unanswered] {
        &self.0.unanswered
    }

    /// Who the client is.
    #[must_use]
    pub fn identity(&self) -> &ClientIdentity {
        &self.0.identity
    }

    /// The time for which the chain was evaluated.
    #[must_use]
    pub fn evaluated_at(&self) -> UnixTime {
        self.0.evaluated_at
    }
}

/// Why a chain is refused, with the evidence; cheap to clone.
#[derive(Clone, Debug)]
pub struct Refusal(Arc<RefusalParts>);

#[derive(Debug)]
struct RefusalParts {
    reason: Reason,
    explanation: String,
    remedy: String,
    certificate: Option<Certificate>,
    attempts: Vec<PathAttempt>,
    unanswered: Vec<Unanswered>,
}

impl Refusal {
    /// A refusal without attempts; the remedy is that of the reason.
    pub(crate) fn new(
        reason: Reason,
        explanation: String,
        certificate: Option<Certificate>,
    ) -> Self {
        Self(Arc::new(RefusalParts {
            reason,
            explanation,
            remedy: reason.remedy().to_owned(),
            certificate,
            attempts: Vec::new(),
            unanswered: Vec::new(),
        }))
    }

    pub(crate) fn from_failure(failure: Failure, attempts: Vec<PathAttempt>) -> Self {
        Self(Arc::new(RefusalParts {
            reason: failure.reason,
            explanation: failure.explanation,
            remedy: failure
                .remedy
                .unwrap_or_else(|| failure.reason.remedy().to_owned()),
            certificate: failure.certificate,
            attempts,
            unanswered: failure.unanswered,
        }))
    }

    /// The one reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// One sentence with the evidence: names, times, values.
    #[must_use]
    pub fn explanation(&self) -> String {
        self.0.explanation.clone()
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        self.0.remedy.clone()
    }

    /// The certificate that it is about.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.0.certificate.as_ref()
    }

    /// The certificates whose CAs could take the refusal away by what they say: not empty only when nothing else speaks against the path.
    #[must_use]
    pub fn unanswered(&self) -> &[Unanswered] {
        &self.0.unanswered
    }

    /// The paths that were tried, each with the reason why it failed.
    #[must_use]
    pub fn attempts(&self) -> &[PathAttempt] {
        &self.0.attempts
    }
}

/// A path that was tried and failed.
#[derive(Clone, Debug)]
pub struct PathAttempt {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) reason: Reason,
    pub(crate) explanation: String,
}

impl PathAttempt {
    /// The path as far as it went, the client's certificate first.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Why it failed.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// One sentence with the evidence.
    #[must_use]
    pub fn explanation(&self) -> &str {
        &self.explanation
    }
}
