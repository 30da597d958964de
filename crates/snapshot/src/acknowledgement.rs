//! What an edge node says about a snapshot it was offered.

use crate::{Generation, Network, NodeId, SnapshotDigest};

/// An edge node's answer to one snapshot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Acknowledgement {
    /// Who answers.
    pub node: NodeId,
    /// The network that it enforces.
    pub network: Network,
    /// The generation that was offered.
    pub generation: Generation,
    /// The digest that was offered.
    pub digest: SnapshotDigest,
    /// What came of it.
    pub outcome: AcknowledgementOutcome,
}

/// What came of an offered snapshot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AcknowledgementOutcome {
    /// New requests are decided by it, and it is on the node's disk.
    Enforced,
    /// It was refused whole; the last good one keeps serving. The text says why, for a person.
    Refused(String),
}

impl Acknowledgement {
    /// Whether the node enforces the snapshot.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.outcome == AcknowledgementOutcome::Enforced
    }
}
