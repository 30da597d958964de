//! What all parts of a running edge node share.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use countersign_snapshot::{IpRange, Network, NodeId, SealingKey};
use countersign_tls::TlsContext;
use countersign_trust::{Clock, RevocationIndex, UnixTime};
use http::HeaderValue;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::Limits;
use crate::accept::budget::HandshakeBudget;
use crate::accept::turns::Turns;
use crate::access_log::{AccessLog, Quota};
use crate::connection::Why;
use crate::enforced::Enforced;
use crate::metrics::Metrics;
use crate::rate_limit::RateLimiter;
use crate::registry::Registry;
use crate::statuses::Statuses;

/// Whether the node takes new connections.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Phase {
    /// It does.
    Serving,
    /// It does not; connections are asked to end.
    Draining,
    /// Nothing is left.
    Ended,
}

/// The shared state.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) network: Network,
    pub(crate) id: NodeId,
    pub(crate) limits: Limits,
    pub(crate) tls: Arc<TlsContext>,
    pub(crate) sealing_key: Arc<SealingKey>,
    pub(crate) registry: Registry,
    pub(crate) access_log: AccessLog,
    /// Where HTTP/3 is, for bindings that tell their clients.
    pub(crate) alt_svc: Option<HeaderValue>,
    /// Where redirects from plain HTTP lead.
    pub(crate) https_port: u16,
    proxy_protocol_from: Vec<IpRange>,
    pub(crate) metrics: Metrics,
    pub(crate) handshakes: Arc<HandshakeBudget>,
    pub(crate) turns: Arc<Turns>,
    /// Records of handshakes that were refused before anything was known about the client.
    pub(crate) strangers: Quota,
    /// Where known clients are served.
    pub(crate) serving: Handle,
    pub(crate) rate_limiter: RateLimiter,
    pub(crate) statuses: Statuses,
    pub(crate) phase: watch::Sender<Phase>,
    /// Whether HTTP/3 ends before the node does.
    pub(crate) http3_ends: watch::Sender<bool>,
    /// TCP connections, from accept to close.
    pub(crate) connections: AtomicUsize,
    /// Requests from their head to the end of their response.
    pub(crate) requests: AtomicUsize,
    clock: Arc<dyn Clock>,
    enforced: ArcSwapOption<Enforced>,
    /// Grows whenever the trust of live connections may have changed: the one integer that each request compares.
    epoch: AtomicU64,
    /// Since when there is something to sweep for.
    why: Mutex<Why>,
    /// Wakes the sweep of live connections.
    pub(crate) trust_changed: Notify,
    /// Up to which epoch all live connections were swept.
    pub(crate) swept: watch::Sender<u64>,
    next_connection: AtomicU64,
    /// Makes ids of requests that nobody can guess and that differ between nodes and starts.
    random: RandomState,
}

/// The parts that a node is put together from.
pub(crate) struct Parts {
    pub(crate) network: Network,
    pub(crate) id: NodeId,
    pub(crate) limits: Limits,
    pub(crate) tls: Arc<TlsContext>,
    pub(crate) sealing_key: Arc<SealingKey>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) access_log: AccessLog,
    pub(crate) proxy_protocol_from: Vec<IpRange>,
    pub(crate) alt_svc: Option<HeaderValue>,
    pub(crate) https_port: u16,
    pub(crate) statuses: Statuses,
    pub(crate) serving: Handle,
    pub(crate) handshake_threads: NonZeroUsize,
}

impl Node {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            network: parts.network,
            id: parts.id,
            tls: parts.tls,
            sealing_key: parts.sealing_key,
            registry: Registry::new(),
            access_log: parts.access_log,
            metrics: Metrics::new(),
            handshakes: HandshakeBudget::new(
                parts.limits.handshakes,
                parts.limits.handshakes_per_address,
            ),
            turns: Turns::new(parts.handshake_threads),
            strangers: Quota::default(),
            serving: parts.serving,
            rate_limiter: RateLimiter::new(),
            statuses: parts.statuses,
            phase: watch::Sender::new(Phase::Serving),
            http3_ends: watch::Sender::new(false),
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            clock: parts.clock,
            enforced: ArcSwapOption::empty(),
            epoch: AtomicU64::new(0),
            why: Mutex::default(),
            trust_changed: Notify::new(),
            swept: watch::Sender::new(0),
            next_connection: AtomicU64::new(1),
            random: RandomState::new(),
            alt_svc: parts.alt_svc,
            https_port: parts.https_port,
            proxy_protocol_from: parts.proxy_protocol_from,
            limits: parts.limits,
        })
    }

    /// Whether TCP connections from there begin with a PROXY header.
    pub(crate) fn begins_with_proxy_header(&self, address: IpAddr) -> bool {
        self.proxy_protocol_from
            .iter()
            .any(|range| range.contains(address))
    }

    /// What is enforced now; `None` before the first snapshot.
    pub(crate) fn enforced(&self) -> Option<Arc<Enforced>> {
        self.enforced.load_full()
    }

    /// Puts a snapshot, which the node has since then, in force: the next request and the next handshake are decided by it, live connections
    /// that it concerns are judged again.
    pub(crate) fn enforce(&self, enforced: Arc<Enforced>, since: Instant) {
        self.enforced.store(Some(enforced));
        self.trust_changed(|why| why.activated.get_or_insert(since));
    }

    /// Puts an index of revoked certificates, which the node has since then, in force: the next request and the next handshake are decided
    /// by it, live connections that it concerns are judged again.
    pub(crate) fn enforce_revocation(&self, index: Arc<RevocationIndex>, since: Instant) {
        self.tls.replace_revocation(index);
        self.trust_changed(|why| why.revoked.get_or_insert(since));
    }

    fn trust_changed(&self, note: impl FnOnce(&mut Why) -> &mut Instant) {
        note(&mut self.why.lock().unwrap_or_else(PoisonError::into_inner));
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.trust_changed.notify_one();
    }

    /// What was not swept yet. The older of several causes of a kind counts.
    pub(crate) fn take_why(&self) -> Why {
        std::mem::take(&mut self.why.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    pub(crate) fn next_connection_id(&self) -> u64 {
        self.next_connection.fetch_add(1, Ordering::Relaxed)
    }

    /// 24 hexadecimal digits for one request.
    pub(crate) fn request_id(&self, connection: u64, request: u64) -> String {
        let random = self.random.hash_one((connection, request));
        format!(
            "{random:016x}{:08x}",
            (connection << 12 ^ request) & 0xffff_ffff
        )
    }
}
