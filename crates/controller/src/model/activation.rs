//! Activations: one attempt each to change what a network enforces.

use std::fmt;

use countersign_snapshot::{CaSetId, Network, VersionNumber};
use countersign_trust::UnixTime;

use super::{AccountId, Warning, text_enum};

/// Numbers activations and deactivations, across CA sets.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ActivationId(i64);

impl ActivationId {
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
}

impl fmt::Display for ActivationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_enum! {
    /// Which way.
    ActivationKind {
        /// The version becomes what the network enforces.
        Activate = "ACTIVATE",
        /// The network stops knowing the CA set.
        Deactivate = "DEACTIVATE",
    }
}

text_enum! {
    /// How far it came.
    ActivationStatus {
        /// Not every live node has answered.
        InProgress = "IN_PROGRESS",
        /// Every live node of the network enforces it.
        Complete = "COMPLETE",
        /// Something refused it; what was enforced before is enforced still.
        Failed = "FAILED",
    }
}

/// One attempt to change what a network enforces.
#[derive(Clone, Debug, PartialEq)]
pub struct Activation {
    /// Its number.
    pub id: ActivationId,
    /// Whose CA set.
    pub account: AccountId,
    /// The CA set.
    pub ca_set: CaSetId,
    /// The CA set's name.
    pub ca_set_name: String,
    /// The version.
    pub version: VersionNumber,
    /// The network.
    pub network: Network,
    /// Which way.
    pub kind: ActivationKind,
    /// How far it came.
    pub status: ActivationStatus,
    /// The share of live nodes that acknowledged, 0 to 100.
    pub percent: u8,
    /// When it was asked for.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// When its status or share last changed.
    pub modified_at: Option<UnixTime>,
    /// What changed it.
    pub modified_by: Option<String>,
    /// Why it failed, for a person.
    pub failure_reason: Option<String>,
    /// Those with the same number are enforced together or not at all.
    pub change_set: Option<i64>,
    /// What the person who asked was told beside.
    pub warnings: Vec<Warning>,
}
