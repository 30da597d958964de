//! One authenticated client connection: who it is, under which trust, and how it ends.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ::http::HeaderValue;
use arc_swap::{ArcSwap, ArcSwapOption};
use countersign_snapshot::{ClientAuthMode, Peer, ServerName};
use countersign_tls::TlsFacts;
use countersign_trust::{Reason, UnixTime, Verdict};
use tokio::sync::watch;

use crate::access_log::{Client, ConnectionRecord, Who, chain_text};
use crate::enforced::{Enforced, EnforcedBinding};
use crate::http::Encoded;
use crate::http::tunnel::{self, Tunnel};
use crate::node::Node;
use crate::tcp;

mod calm;
mod coalesce;
pub(crate) mod drive;
pub(crate) mod establish;
mod rest;
mod trust;
mod turns;
mod why;

pub(crate) use rest::OpenBody;
pub(crate) use trust::{Broken, Trust};
pub(crate) use why::Why;

/// A connection whose handshake is done. Shared by its task, its requests, its tunnels and the registry.
#[derive(Debug)]
pub(crate) struct Connection {
    node: Arc<Node>,
    id: u64,
    /// Only QUIC lets a connection move.
    client: ArcSwap<ClientAddress>,
    server_name: Arc<ServerName>,
    protocol: Protocol,
    /// None without TLS.
    tls: Option<TlsFacts>,
    peer: Peer,
    /// What the log says about the client; made when the first record needs it.
    who: OnceLock<Option<Who>>,
    /// Whether the log has the client's chain.
    chain_told: AtomicBool,
    /// Whether the handshake asked for a certificate. When it did not, nothing is known about the client, not even that it has none.
    asked: bool,
    /// Whether the binding refused the client from the first judgement on.
    came_refused: bool,
    trust: ArcSwap<Trust>,
    /// The identity headers of the last request, for the next one.
    forwarded_identity: ArcSwapOption<Encoded>,
    ending: watch::Sender<Ending>,
    tunnel: Mutex<Option<Box<Tunnel>>>,
    /// WebSockets that are streams of this connection.
    streams_tunnelled: AtomicU32,
    in_flight: AtomicU32,
    /// Of those in flight, the ones that were let in on the strength of a valid certificate.
    admitted: AtomicU32,
    requests: AtomicU64,
    /// Request bodies that the engine may not have read to their ends; counted for HTTP/1.1.
    open_bodies: AtomicU32,
    /// Whether the engine of HTTP/1.1 said everything and waits for the client.
    stream_waits: AtomicBool,
    resting: AtomicBool,
    began: Instant,
    /// Milliseconds after `began` at which a request last began, moved on or ended.
    progress_ms: AtomicU64,
}

/// Where a client is.
#[derive(Debug)]
struct ClientAddress {
    socket: SocketAddr,
    text: Option<HeaderValue>,
}

impl ClientAddress {
    fn new(socket: SocketAddr) -> Self {
        let address = socket.ip().to_canonical();
        Self {
            socket,
            text: HeaderValue::try_from(address.to_string()).ok(),
        }
    }
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
    Http3,
    /// Bytes that are passed on.
    Tcp,
}

impl Protocol {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
            Self::Http3 => "h3",
            Self::Tcp => "tcp",
        }
    }
}

/// On what strength a request was let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// Without a valid certificate, or not yet.
    Other,
    /// The client's certificate is valid.
    Valid,
}

/// How far a connection is from its end; only ever grows.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Ending {
    /// It serves.
    Open,
    /// It takes no new requests; those in flight may end (HTTP/1.1: close after the response, HTTP/2: GOAWAY).
    Graceful,
    /// As above, and what is not done within [`Limits::cut_off`](crate::Limits::cut_off) is cut off: the client is trusted no more.
    CutOff,
    /// Now.
    Now,
}

/// What the handshake found out.
#[derive(Debug)]
pub(crate) struct Handshake {
    pub(crate) client: SocketAddr,
    pub(crate) server_name: Arc<ServerName>,
    pub(crate) protocol: Protocol,
    /// None without TLS.
    pub(crate) tls: Option<TlsFacts>,
    pub(crate) peer: Peer,
    /// Whether it asked for a certificate, by the snapshot at its beginning, which may be an older one by now.
    pub(crate) asked: bool,
}

impl Connection {
    /// Judges the client for the first time.
    pub(crate) fn new(node: Arc<Node>, handshake: Handshake) -> Result<Arc<Self>, Broken> {
        let asked = handshake.asked;
        let trust = trust::judge(&node, &handshake.server_name, &handshake.peer, asked, None)?;
        Ok(Arc::new(Self {
            id: node.next_connection_id(),
            node,
            client: ArcSwap::from_pointee(ClientAddress::new(handshake.client)),
            server_name: handshake.server_name,
            protocol: handshake.protocol,
            tls: handshake.tls,
            who: OnceLock::new(),
            chain_told: AtomicBool::new(false),
            peer: handshake.peer,
            asked,
            came_refused: trust.refused().is_some(),
            trust: ArcSwap::from_pointee(trust),
            forwarded_identity: ArcSwapOption::empty(),
            ending: watch::Sender::new(Ending::Open),
            tunnel: Mutex::default(),
            streams_tunnelled: AtomicU32::new(0),
            in_flight: AtomicU32::new(0),
            admitted: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            open_bodies: AtomicU32::new(0),
            stream_waits: AtomicBool::new(false),
            resting: AtomicBool::new(false),
            began: Instant::now(),
            progress_ms: AtomicU64::new(0),
        }))
    }

    /// The trust to decide a request by: that of the generation that is enforced now. Costs one comparison of an integer and one of a
    /// time when nothing changed.
    pub(crate) fn trust(&self, now: UnixTime) -> Result<Arc<Trust>, Broken> {
        let trust = self.trust.load_full();
        if self.still_holds(&trust, now) {
            return Ok(trust);
        }
        match trust.renewed(&self.node, &self.server_name).map(Arc::new) {
            Some(renewed) => {
                self.trust.compare_and_swap(&trust, Arc::clone(&renewed));
                Ok(renewed)
            }
            None => self.judge_again(),
        }
    }

    /// Whether neither the generation nor the time has moved past the verdicts.
    fn still_holds(&self, trust: &Trust, now: UnixTime) -> bool {
        trust.epoch() == self.node.epoch() && trust.verdicts().hold_at(now)
    }

    /// The trust of the last judgement, whatever changed since; for the log.
    pub(crate) fn latest(&self) -> Arc<Trust> {
        self.trust.load_full()
    }

    /// Whether nothing changed since the last judgement.
    pub(crate) fn is_current(&self) -> bool {
        self.trust.load().epoch() == self.node.epoch()
    }

    fn judge_again(&self) -> Result<Arc<Trust>, Broken> {
        let earlier = self.trust.load_full();
        let trust = Arc::new(trust::judge(
            &self.node,
            &self.server_name,
            &self.peer,
            self.asked,
            Some(&earlier),
        )?);
        self.trust.store(Arc::clone(&trust));
        if !trust.verdicts().is_same(earlier.verdicts()) {
            self.node.registry.update(self.id);
        }
        Ok(trust)
    }

    /// Up to which epoch it is known that the connection need not be ended.
    pub(crate) fn swept(&self) -> u64 {
        self.trust.load().swept()
    }

    /// Takes up what is enforced now, with the verdicts that there are: they hold, or they are to be made anew with the next request.
    pub(crate) fn carry(
        &self,
        enforced: &Arc<Enforced>,
        binding: &Arc<EnforcedBinding>,
        epoch: u64,
        hold: bool,
    ) {
        let trust = self.trust.load();
        if trust.swept() < epoch {
            let carried = Arc::new(trust.carried(enforced, binding, epoch, hold));
            // Another one can only be newer.
            self.trust.compare_and_swap(&*trust, carried);
        }
    }

    /// Judges the client anew and ends the connection when it may not go on, which is what this gives.
    pub(crate) fn sweep(&self, why: &Why) -> bool {
        let was_valid = self.trust.load().verdicts().any_valid();
        let (ends, trust) = match self.judge_again() {
            Ok(trust) => (self.may_not_go_on(&trust, was_valid), trust),
            Err(_) => (true, self.latest()),
        };
        if ends {
            self.cut_off(why, &trust);
        }
        ends
    }

    fn may_not_go_on(&self, trust: &Trust, was_valid: bool) -> bool {
        let valid = trust.verdicts().any_valid();
        let required = trust.binding().mode() == ClientAuthMode::Require;
        // Where certificates are asked for and rules decide, an idle client gets an explanation with its next request; what was let in
        // on the strength of a certificate that is no longer good is cut off, and so is all that a revoked client has open.
        let lost = was_valid
            && !valid
            && (self.admitted() > 0
                || trust.verdicts().overall().reason() == Some(Reason::Revoked));
        // Nothing is asked on it again that could get an explanation.
        let silent = self.protocol == Protocol::Tcp;
        (required && !valid) || lost || (silent && !tcp::may_go_on(self, trust))
    }

    fn cut_off(&self, why: &Why, trust: &Trust) {
        // Told first: the connection may be gone at once.
        let reason = trust.verdicts().overall().reason();
        self.node.registry.cutting_off(self.id, why.cut_off(reason));
        self.end(Ending::CutOff);
    }

    /// Brings the connection closer to its end.
    pub(crate) fn end(&self, ending: Ending) {
        self.ending.send_if_modified(|current| {
            let closer = ending > *current;
            if closer {
                *current = ending;
            }
            closer
        });
    }

    pub(crate) fn forwarded_identity(&self) -> &ArcSwapOption<Encoded> {
        &self.forwarded_identity
    }

    pub(crate) fn ending(&self) -> watch::Receiver<Ending> {
        self.ending.subscribe()
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Where the client is now.
    pub(crate) fn client(&self) -> SocketAddr {
        self.client.load().socket
    }

    /// The same, without the port, as origins are told; written once. `None` never happens: an address has no character that a header cannot
    /// carry.
    pub(crate) fn client_text(&self) -> Option<HeaderValue> {
        self.client.load().text.clone()
    }

    /// The client moved to another address, and proved that it did (RFC 9000 §9).
    pub(crate) fn moved_to(&self, client: SocketAddr) {
        if self.client() != client {
            self.client.store(Arc::new(ClientAddress::new(client)));
        }
    }

    pub(crate) fn server_name(&self) -> &Arc<ServerName> {
        &self.server_name
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What the handshake negotiated; `None` without TLS.
    pub(crate) fn tls(&self) -> Option<&TlsFacts> {
        self.tls.as_ref()
    }

    pub(crate) fn is_over_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// What the log says about the client.
    pub(crate) fn who(&self) -> Client<'_> {
        self.who
            .get_or_init(|| Who::of_peer(&self.peer))
            .as_ref()
            .map(Who::fields)
            .unwrap_or_default()
    }

    /// [`Self::who`], and whose verdict the record has: of a client that showed nothing no set says anything.
    pub(crate) fn who_judged_by<'a>(&'a self, trust: &'a Trust) -> Client<'a> {
        let mut client = self.who();
        let telling = trust.verdicts().telling();
        if let Some((id, verdict)) = telling.filter(|(_, verdict)| !verdict.is_missing())
            && let Some(set) = trust.ca_set(id)
        {
            client.ca_set = Some(&set.name);
            client.ca_set_version = Some(set.version.number());
            client.revocation = match verdict {
                Verdict::Valid(chain) => Some(chain.revocation().as_str()),
                Verdict::Invalid(_) | Verdict::Missing => None,
            };
        }
        client
    }

    /// What the connection becomes when its HTTP engine is done.
    pub(crate) fn set_tunnel(&self, tunnel: Box<Tunnel>) {
        *self.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }

    pub(crate) fn take_tunnel(&self) -> Option<Box<Tunnel>> {
        self.tunnel
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// The client's chain for the record of a refusal: once, since a client that is refused again and again should not fill the log.
    pub(crate) fn chain_to_tell(&self) -> Option<Vec<String>> {
        let chain = self.peer.chain()?;
        if self.chain_told.swap(true, Ordering::Relaxed) {
            return None;
        }
        chain_text(chain)
    }

    /// Records what came instead of a request, under the identifier that is returned.
    pub(crate) fn record_unreadable(&self, reason: Reason, detail: &str) -> String {
        self.node.metrics.unreadable(self.protocol, reason);
        let id = self.node.request_id(self.node.next_connection_id(), 0);
        let trust = self.latest();
        let time = self.node.now();
        let record = ConnectionRecord {
            event: "request_unreadable",
            time: time.to_string(),
            network: self.node.network.as_str(),
            node: self.node.id.as_str(),
            generation: Some(trust.enforced().generation().number()),
            request_id: &id,
            client_address: self.client().ip().to_canonical(),
            client_port: self.client().port(),
            server_name: Some(self.server_name.as_str()),
            binding: Some(trust.binding().id()),
            reason: reason.code(),
            detail,
            client: self.who(),
            client_chain: self.chain_to_tell(),
            left_out: 0,
            duration_ms: self.lasted().as_secs_f64() * 1000.0,
        };
        self.node.access_log.write(time, &record);
        id
    }

    /// A stream of the connection is a WebSocket from now on, until [`Connection::stream_tunnel_ended`].
    pub(crate) fn stream_tunnel_began(&self) {
        self.streams_tunnelled.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stream_tunnel_ended(&self) {
        self.streams_tunnelled.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn has_stream_tunnels(&self) -> bool {
        self.streams_tunnelled.load(Ordering::Relaxed) > 0
    }

    /// Whether it waits for a request without an engine.
    pub(crate) fn is_resting(&self) -> bool {
        self.resting.load(Ordering::Relaxed)
    }

    /// Whether the binding refused the client from the first judgement on: it may ask something, to be told why.
    pub(crate) const fn came_refused(&self) -> bool {
        self.came_refused
    }

    /// How long it has been there.
    pub(crate) fn lasted(&self) -> Duration {
        self.began.elapsed()
    }

    /// How many requests began so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Numbers the requests of the connection, and counts them as in flight until [`Connection::request_done`].
    pub(crate) fn request_begun(&self, now: Instant) -> u64 {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.progress_at(now);
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn request_done(&self, admission: Admission, now: Instant) {
        self.progress_at(now);
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if admission == Admission::Valid {
            self.admitted.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The verdicts for a new request. One of a valid client counts as admitted until [`Connection::request_done`], so that a sweep that
    /// takes its trust away ends it; one that is judged after the change gets its explanation instead.
    pub(crate) fn admit(&self, mut now: UnixTime) -> Result<(Arc<Trust>, Admission), Broken> {
        loop {
            let trust = self.trust(now)?;
            if !trust.verdicts().any_valid() {
                return Ok((trust, Admission::Other));
            }
            let admitted = Admitted::count(&self.admitted);
            // The sweep judges and then counts, here it is the other way round: with the two fences, one of them sees the other.
            fence(Ordering::SeqCst);
            if self.still_holds(&trust, now) {
                admitted.stays();
                return Ok((trust, Admission::Valid));
            }
            now = self.node.now();
        }
    }

    fn admitted(&self) -> u32 {
        fence(Ordering::SeqCst);
        self.admitted.load(Ordering::Relaxed)
    }

    /// Something of a request moved on.
    pub(crate) fn progress(&self) {
        self.progress_at(Instant::now());
    }

    fn progress_at(&self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.began).as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.progress_ms.store(elapsed, Ordering::Relaxed);
    }

    /// How long nothing moved.
    pub(crate) fn quiet(&self) -> Duration {
        let since = Duration::from_millis(self.progress_ms.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(since)
    }

    /// How long nothing may move: without a request in flight, and with one.
    pub(crate) fn patience(&self) -> Duration {
        let limits = &self.node.limits;
        let trust = self.latest();
        if self.in_flight() == 0 {
            return match trust.refused() {
                Some(_) => limits.idle_connection.min(limits.request_head),
                None => limits.idle_connection,
            };
        }
        let answer = limits
            .stalled_client
            .saturating_add(trust.enforced().origins().longest_silence());
        if self.has_stream_tunnels() {
            // It ends by itself when nothing moves; what is left is for the farewell.
            answer.max(limits.idle_tunnel.saturating_add(tunnel::FAREWELL))
        } else {
            answer
        }
    }
}

/// A place among those that were let in by a valid certificate; given back when dropped, unless it stays.
struct Admitted<'c>(&'c AtomicU32);

impl<'c> Admitted<'c> {
    fn count(admitted: &'c AtomicU32) -> Self {
        admitted.fetch_add(1, Ordering::Relaxed);
        Self(admitted)
    }

    /// Until [`Connection::request_done`].
    fn stays(self) {
        std::mem::forget(self);
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
