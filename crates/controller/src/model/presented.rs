//! What networks present.

use countersign_snapshot::Network;
use countersign_trust::Certificate;

use super::{AccountId, DeploymentKind};

/// A certificate that a network presents: an edge certificate to clients, a client credential to origins.
#[derive(Clone, Debug, PartialEq)]
pub struct Presented {
    /// Whose.
    pub account: AccountId,
    /// What it is.
    pub kind: DeploymentKind,
    /// The number of what it is part of.
    pub id: i64,
    /// The name of what it is part of.
    pub name: String,
    /// Where.
    pub network: Network,
    /// The certificate.
    pub leaf: Certificate,
}
