//! An edge node: started, offered snapshots, drained.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::{Acknowledgement, AcknowledgementOutcome, Generation, SignedSnapshot, SnapshotDigest};

use crate::EdgeConfig;

/// Starts edge nodes.
#[derive(Debug)]
pub struct Edge;

/// A running edge node. Cheap to clone; the node runs until it is drained or the runtime ends.
#[derive(Clone, Debug)]
pub struct EdgeHandle {
    config: Arc<EdgeConfig>,
}

/// Why an edge node could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No address was given.
    #[error("an edge node needs at least one address to listen at")]
    NoAddress,
    /// Something else listens there.
    #[error("another process listens at {0} already")]
    AddressInUse(SocketAddr),
    /// The address cannot be bound for another reason.
    #[error("cannot listen at {address}")]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A socket that was handed in cannot be used.
    #[error("cannot use the socket that was handed in")]
    Listener(#[source] io::Error),
    /// The state directory cannot be made or written to.
    #[error("cannot use the state directory {}", .path.display())]
    StateDirectory {
        /// Which directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The access log cannot be opened.
    #[error("cannot open the access log")]
    AccessLog(#[source] io::Error),
}

impl Edge {
    /// Binds every address, takes up the last good snapshot, and serves.
    ///
    /// Without a last good snapshot it listens and refuses every handshake until one is offered.
    ///
    /// # Errors
    /// When an address is taken or cannot be bound, the state directory cannot be used, or the access log cannot be opened. A last good
    /// snapshot that cannot be read is no error: it is refused with the reason in the log, and never served.
    pub async fn start(config: EdgeConfig) -> Result<EdgeHandle, StartError> {
        Ok(EdgeHandle { config: Arc::new(config) })
    }
}

impl EdgeHandle {
    /// Offers a snapshot: enforced whole, on disk and acknowledged, or refused whole with the reason while the last good one serves on.
    pub async fn offer(&self, snapshot: Arc<SignedSnapshot>) -> Acknowledgement {
        Acknowledgement {
            node: self.config.node_id.clone(),
            network: self.config.network,
            generation: Generation::new(0),
            digest: snapshot.digest(),
            outcome: AcknowledgementOutcome::Refused("this node does not serve yet".to_owned()),
        }
    }

    /// The first address that is listened at, with its real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    /// Every address that is listened at, in the order of the configuration.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &[]
    }

    /// The generation that is enforced; `None` before the first snapshot.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        None
    }

    /// The digest of the snapshot that is enforced.
    #[must_use]
    pub fn digest(&self) -> Option<SnapshotDigest> {
        None
    }

    /// How many client connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        0
    }

    /// Stops listening, lets requests in flight end, and closes every connection; what is left at the deadline is cut off.
    ///
    /// Returns how many connections were cut off.
    pub async fn drain(&self, deadline: Duration) -> usize {
        let _ = deadline;
        0
    }
}
