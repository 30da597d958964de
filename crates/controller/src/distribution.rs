//! The way to the edge nodes.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use countersign_snapshot::{
    Acknowledgement, Network, NodeId, RevocationAcknowledgement, RevocationBodies,
    SignedRevocations, SignedSnapshot,
};

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Brings snapshots to the edge nodes of a network: in process, or over a message bus.
pub trait Distribution: Debug + Send + Sync {
    /// Offers a snapshot to every live node of the network and resolves to their answers.
    ///
    /// Offering the same snapshot again does no harm. A node that does not answer in time is missing from the list.
    fn offer(
        &self,
        network: Network,
        snapshot: Arc<SignedSnapshot>,
    ) -> BoxFuture<'_, Vec<Acknowledgement>>;

    /// Offers what is known about revoked certificates to every live node of the network and resolves to their answers.
    ///
    /// The manifest is small; a node reads those of its bodies that it does not have. Offering the same manifest again does no harm.
    fn offer_revocations(
        &self,
        network: Network,
        revocations: Arc<SignedRevocations>,
        bodies: Arc<dyn RevocationBodies>,
    ) -> BoxFuture<'_, Vec<RevocationAcknowledgement>>;

    /// The live nodes of the network.
    fn nodes(&self, network: Network) -> Vec<NodeId>;
}
