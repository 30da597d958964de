//! Revocations by hand.

use std::fmt;

use countersign_trust::{ManualRevocation, RevocationReason, UnixTime};

use super::AccountId;

/// Numbers revocations, across accounts.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RevocationId(i64);

impl RevocationId {
    /// Wraps a stored number.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Reads the decimal form.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let number: i64 = text.parse().ok().filter(|number| *number > 0)?;
        (number.to_string() == text).then_some(Self(number))
    }
}

impl fmt::Display for RevocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A certificate, or many, that an operator does not want to see again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revocation {
    /// Its number.
    pub id: RevocationId,
    /// Whose it is. It holds for the clients of this account's CA sets.
    pub account: AccountId,
    /// Which certificates.
    pub what: ManualRevocation,
    /// Why.
    pub reason: RevocationReason,
    /// A remark.
    pub note: Option<String>,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// Until when it holds; for ever when none.
    pub ends_at: Option<UnixTime>,
    /// When somebody ended it before that.
    pub ended_at: Option<UnixTime>,
    /// Who did.
    pub ended_by: Option<String>,
}

impl Revocation {
    /// Whether it holds at a time.
    #[must_use]
    pub fn is_in_force(&self, at: UnixTime) -> bool {
        self.ended_at.is_none() && self.ends_at.is_none_or(|end| at < end)
    }
}

/// The reasons that an operator may give (RFC 5280 §5.3.1): all that CRLs know but `removeFromCRL`, which undoes one.
pub const REVOCATION_REASONS: &[RevocationReason] = &[
    RevocationReason::Unspecified,
    RevocationReason::KeyCompromise,
    RevocationReason::CaCompromise,
    RevocationReason::AffiliationChanged,
    RevocationReason::Superseded,
    RevocationReason::CessationOfOperation,
    RevocationReason::CertificateHold,
    RevocationReason::PrivilegeWithdrawn,
    RevocationReason::AaCompromise,
];

/// The reason with the name that RFC 5280 gives it.
#[must_use]
pub(crate) fn revocation_reason(name: &str) -> Option<RevocationReason> {
    REVOCATION_REASONS
        .iter()
        .copied()
        .find(|reason| reason.name() == name)
}
