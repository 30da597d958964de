//! What an edge node is started with.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_snapshot::{IpRange, Network, NodeId, SealingKey, VerifyingKey};
use countersign_trust::Clock;

use crate::{Limits, LogFile, OtlpLogs, StartError, accept};

/// Everything that an edge node needs to start. Nothing here grants trust: that comes in snapshots only.
#[derive(Debug)]
pub struct EdgeConfig {
    /// The network whose snapshots are enforced.
    pub network: Network,
    /// The name of this node, in acknowledgements.
    pub node_id: NodeId,
    /// Where clients connect.
    pub listen: Vec<Listen>,
    /// The port by which clients reach the listeners for TLS; redirects from plain HTTP lead there.
    pub https_port: u16,
    /// Whose TCP connections begin with a PROXY header, version 1 or 2, that says where the client is; from nobody else it is believed.
    pub proxy_protocol_from: Vec<IpRange>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The key that snapshots must be signed with.
    pub verifying_key: VerifyingKey,
    /// The key that opens the private keys in snapshots.
    pub sealing_key: Arc<SealingKey>,
    /// Where the last good snapshot is kept; made when it does not exist.
    pub state_dir: PathBuf,
    /// Bounds on everything.
    pub limits: Limits,
    /// Where access records go.
    pub access_log: AccessLogSink,
    /// Where they are delivered to as well.
    pub otlp_logs: Option<OtlpLogs>,
}

/// One place to listen at.
#[derive(Debug)]
pub enum Listen {
    /// An address to bind. Port 0 takes any free port.
    Address(SocketAddr),
    /// A socket that listens already, handed in by whoever started the process.
    Listener(TcpListener),
    /// An address to bind for HTTP/3, which is QUIC over UDP. Port 0 takes any free port.
    ///
    /// Every binding whose TLS policy leaves room for it is served there, under the same policy as over TCP.
    Quic(SocketAddr),
    /// A bound UDP socket for HTTP/3, handed in by whoever started the process.
    QuicSocket(UdpSocket),
    /// An address to bind for HTTP without TLS. Port 0 takes any free port.
    ///
    /// Only bindings that are served without TLS are served there; of the others some redirect to HTTPS, and all else is refused.
    Plain(SocketAddr),
    /// A socket for HTTP without TLS that listens already, handed in by whoever started the process.
    PlainListener(TcpListener),
}

impl Listen {
    /// Binds the address now instead of when the node starts.
    ///
    /// # Errors
    /// When it is taken or cannot be bound.
    pub fn bind(self) -> Result<Self, StartError> {
        accept::take(self)
    }
}

/// Where access records go, one line of JSON each.
pub enum AccessLogSink {
    /// Nowhere.
    Off,
    /// To the end of this file.
    File(LogFile),
    /// Of the requests that were let in and answered, one in so many; all refusals and failures. Records say for how many they stand.
    Sampled {
        /// 1 records all.
        one_in: NonZeroU32,
        /// Where they go.
        sink: Box<Self>,
    },
    /// To the standard output.
    Stdout,
    /// To the standard error output.
    Stderr,
    /// To anything that takes bytes. It is written to by a thread of its own and may block.
    Writer(Box<dyn Write + Send>),
}

impl std::fmt::Debug for AccessLogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("Off"),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
            Self::Sampled { one_in, sink } => f
                .debug_struct("Sampled")
                .field("one_in", one_in)
                .field("sink", sink)
                .finish(),
            Self::Stdout => f.write_str("Stdout"),
            Self::Stderr => f.write_str("Stderr"),
            Self::Writer(_) => f.write_str("Writer"),
        }
    }
}
