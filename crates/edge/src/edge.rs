//! An edge node: started, offered snapshots, drained.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use countersign_snapshot::{
    Acknowledgement, Generation, RevocationAcknowledgement, RevocationBodies, SignedRevocations,
    SignedSnapshot, SnapshotDigest, StatusSource,
};
use countersign_tls::{BuildTlsError, MemoryLimits, TicketSecret, TlsContext};
use countersign_trust::RevocationIndex;

use crate::accept::Bound;
use crate::accept::reception::Reception;
use crate::access_log::AccessLog;
use crate::connection::{Ending, Protocol};
use crate::node::{Node, Parts, Phase};
use crate::offer::Offers;
use crate::revocations::{Revocations, store::RevocationStore};
use crate::statuses::{AnswerFiles, Statuses};
use crate::store::LastGood;
use crate::{EdgeConfig, StartOtlpError, accept, http3, otlp, panics, statuses, sweep};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Between two looks whether the last handshake is over.
const LOOK: Duration = Duration::from_millis(10);

/// Starts edge nodes.
#[derive(Debug)]
pub struct Edge;

/// A running edge node. Cheap to clone; the node runs until it is drained or the runtime ends.
#[derive(Clone, Debug)]
pub struct EdgeHandle {
    node: Arc<Node>,
    offers: Arc<Offers>,
    revocations: Arc<Revocations>,
    addresses: Arc<[SocketAddr]>,
    /// The sockets that are listened at, for whoever takes them over; none once they are given up.
    sockets: Arc<Mutex<Vec<OwnedFd>>>,
    http3: Arc<tokio::sync::Mutex<Vec<JoinHandle<()>>>>,
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
    /// Access records cannot be delivered.
    #[error("cannot deliver access records over OTLP")]
    Otlp(#[source] StartOtlpError),
    /// The threads that receive clients cannot be started.
    #[error("cannot start the threads that receive clients")]
    Threads(#[source] io::Error),
    /// The keys of QUIC cannot be made.
    #[error("cannot make the keys of QUIC")]
    Quic(#[source] BuildTlsError),
    /// The secret of session tickets cannot be made.
    #[error("cannot make the secret of session tickets")]
    Tickets(#[source] BuildTlsError),
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
        if config.listen.is_empty() {
            return Err(StartError::NoAddress);
        }
        let bound = config
            .listen
            .into_iter()
            .map(accept::bind)
            .collect::<Result<Vec<_>, _>>()?;
        let addresses = bound
            .iter()
            .map(|bound| bound.local_addr().map_err(StartError::Listener))
            .collect::<Result<_, _>>()?;
        let sockets = bound
            .iter()
            .map(|bound| bound.duplicate().map_err(StartError::Listener))
            .collect::<Result<Vec<_>, _>>()?;
        let open = || {
            let store = LastGood::open(&config.state_dir, config.network)?;
            Ok((
                store,
                RevocationStore::open(&config.state_dir, config.network)?,
                AnswerFiles::open(&config.state_dir, config.network)?,
            ))
        };
        let (store, revocation_store, answers) =
            open().map_err(|source| StartError::StateDirectory {
                path: config.state_dir.clone(),
                source,
            })?;
        let tickets =
            TicketSecret::from_sealing_key(&config.sealing_key).map_err(StartError::Tickets)?;
        let tls = TlsContext::new(Arc::clone(&config.clock), tickets, MemoryLimits::default());
        let otlp = config.otlp_logs.map(|logs| {
            let source = otlp::Source {
                network: config.network,
                node: config.node_id.clone(),
            };
            otlp::Exporter::start(logs, source, &tls)
        });
        let otlp = otlp.transpose().map_err(StartError::Otlp)?;
        let handshake_threads = config
            .limits
            .handshake_threads
            .unwrap_or_else(|| available_parallelism().unwrap_or(NonZeroUsize::MIN));
        let reception = Reception::open(handshake_threads).map_err(StartError::Threads)?;
        let node = Node::new(Parts {
            network: config.network,
            id: config.node_id,
            limits: config.limits,
            tls,
            sealing_key: config.sealing_key,
            clock: config.clock,
            access_log: AccessLog::open(config.access_log, otlp).map_err(StartError::AccessLog)?,
            https_port: config.https_port,
            alt_svc: bound.iter().find_map(http3::alt_svc),
            proxy_protocol_from: config.proxy_protocol_from,
            statuses: Statuses::new(answers),
            serving: Handle::current(),
            handshake_threads,
        });
        let mut listeners = Vec::new();
        let mut quic_listeners = Vec::new();
        for bound in bound {
            match bound {
                Bound::Quic(socket) => quic_listeners.push(http3::Listener::new(&node, socket)?),
                Bound::Tcp(listener, speaks) => listeners.push((listener, speaks)),
            }
        }
        let offers = Arc::new(Offers::new(Arc::clone(&node), config.verifying_key, store));
        let revocations = Arc::new(Revocations::new(
            Arc::clone(&node),
            config.verifying_key,
            revocation_store,
        ));
        // Before the first connection is accepted, so that a restart refuses nobody, and lets in nobody who was revoked.
        let restoring = Arc::clone(&node);
        // Thousands of signatures: not on the threads that serve. A panic is reported by the runtime's hook, and the answers are asked for again.
        let _ = tokio::task::spawn_blocking(move || restoring.statuses.restore(&restoring)).await;
        if revocations.restore().await {
            offers.restore().await;
        }
        for (listener, speaks) in listeners {
            reception
                .listen(listener, |listener| {
                    let listener = Arc::new(listener);
                    keep(&node, move |node| {
                        accept::run(node, Arc::clone(&listener), speaks)
                    })
                })
                .map_err(StartError::Listener)?;
        }
        let mut phase = node.phase.subscribe();
        tokio::spawn(async move {
            let _ = phase.wait_for(|phase| *phase == Phase::Ended).await;
            drop(reception);
        });
        let http3 = quic_listeners
            .into_iter()
            .map(|listener| {
                let listener = Arc::new(listener);
                keep(&node, move |node| http3::run(node, Arc::clone(&listener)))
            })
            .collect();
        tokio::spawn(sweep::follow_changes(Arc::clone(&node)));
        keep(&node, sweep::follow_time);
        keep(&node, statuses::keep_fresh);
        Ok(EdgeHandle {
            node,
            offers,
            revocations,
            addresses,
            sockets: Arc::new(Mutex::new(sockets)),
            http3: Arc::new(tokio::sync::Mutex::new(http3)),
        })
    }
}

/// Runs what the node cannot be without.
fn keep<F>(node: &Arc<Node>, begin: impl Fn(Arc<Node>) -> F + Send + 'static) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let node = Arc::clone(node);
    tokio::spawn(panics::again_after_panics(Arc::clone(&node), move || {
        begin(Arc::clone(&node))
    }))
}

impl EdgeHandle {
    /// Offers a snapshot: enforced whole, on disk and acknowledged, or refused whole with the reason while the last good one serves on.
    ///
    /// The one that is enforced already is acknowledged again. The generation of the acknowledgement is 0 when the snapshot could not even
    /// be believed.
    pub async fn offer(&self, snapshot: Arc<SignedSnapshot>) -> Acknowledgement {
        self.offers.offer(snapshot).await
    }

    /// Offers what is known about revoked certificates: in force, on disk and acknowledged, or refused whole with the reason while the last
    /// good revocations stay in force.
    ///
    /// Only the bodies that the node does not have are read. Connections of clients that are revoked now are ended.
    pub async fn offer_revocations(
        &self,
        signed: Arc<SignedRevocations>,
        bodies: Arc<dyn RevocationBodies>,
    ) -> RevocationAcknowledgement {
        self.revocations.offer(signed, bodies).await
    }

    /// Names who can find out about clients that were never seen before. Only the first one counts; without one, the node goes on with what
    /// it has.
    pub fn ask_statuses_of(&self, source: Arc<dyn StatusSource>) {
        self.node.statuses.set_source(&self.node, source);
    }

    /// The first address that is listened at, with its real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        // A node without an address does not start.
        self.addresses
            .first()
            .copied()
            .unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)))
    }

    /// Every address that is listened at, in the order of the configuration.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The generation that is enforced; `None` before the first snapshot.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        self.node.enforced().map(|enforced| enforced.generation())
    }

    /// The digest of the snapshot that is enforced.
    #[must_use]
    pub fn digest(&self) -> Option<SnapshotDigest> {
        self.node.enforced().map(|enforced| enforced.digest())
    }

    /// How many authenticated client connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.node.registry.len()
    }

    /// Returns when every live connection knows what the changes of trust before this mean for it: those that have to end were told so, and the
    /// requests of the others need no new judgement for them.
    pub async fn swept(&self) {
        let epoch = self.node.epoch();
        let mut swept = self.node.swept.subscribe();
        // The sender lives as long as the node.
        let _ = swept.wait_for(|swept| *swept >= epoch).await;
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Puts new revocation data in force, for handshakes, requests and live connections alike. Its generation must differ from the last
    /// one's.
    pub fn replace_revocation(&self, index: Arc<RevocationIndex>) {
        self.node.enforce_revocation(index, Instant::now());
    }

    /// Returns when every access record of what happened before is written.
    pub async fn flush_access_log(&self) {
        self.node.access_log.flush().await;
    }

    /// Opens the access log's file again, for whoever moved it away.
    pub async fn reopen_access_log(&self) {
        self.node.access_log.reopen().await;
    }

    /// The sockets that are listened at, for a process that takes them over: both accept from the same queue until this one drains.
    ///
    /// # Errors
    /// When they cannot be duplicated.
    pub fn hand_over(&self) -> io::Result<Vec<OwnedFd>> {
        self.sockets().iter().map(OwnedFd::try_clone).collect()
    }

    fn sockets(&self) -> MutexGuard<'_, Vec<OwnedFd>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends HTTP/3 for good, and lets its requests end for a moment: two processes cannot read from one UDP socket.
    pub async fn end_http3(&self) {
        self.node.http3_ends.send_replace(true);
        self.node.registry.for_each(|connection, _| {
            if connection.protocol() == Protocol::Http3 {
                connection.end(Ending::Graceful);
            }
        });
        for listener in self.http3.lock().await.drain(..) {
            // A panic in it is reported by the runtime's hook.
            let _ = listener.await;
        }
    }

    /// Stops listening, lets requests in flight end, and closes every connection; what is left at the deadline is cut off.
    ///
    /// Returns how many connections were cut off.
    pub async fn drain(&self, deadline: Duration) -> usize {
        let node = &self.node;
        // A socket that nobody accepts from would still take connections.
        self.sockets().clear();
        node.phase.send_if_modified(|phase| {
            let begins = *phase == Phase::Serving;
            if begins {
                *phase = Phase::Draining;
            }
            begins
        });
        node.registry
            .for_each(|connection, _| connection.end(Ending::Graceful));
        let ended = async {
            node.registry.emptied().await;
            // Those whose handshake runs were taken from the queue, so that nobody else can serve them.
            while node.connections.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(LOOK).await;
                node.registry.emptied().await;
            }
        };
        let cut_off = match tokio::time::timeout(deadline, ended).await {
            Ok(()) => 0,
            Err(_) => {
                let left = node.registry.len();
                node.registry
                    .for_each(|connection, _| connection.end(Ending::Now));
                // Their tasks only have to notice.
                let _ = tokio::time::timeout(Duration::from_secs(1), node.registry.emptied()).await;
                left
            }
        };
        node.phase.send_replace(Phase::Ended);
        node.access_log.flush().await;
        cut_off
    }
}
