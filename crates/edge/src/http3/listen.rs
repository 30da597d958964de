//! From a UDP socket to authenticated connections, within the budgets of all listeners.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign_tls::quic::{AcceptedQuic, QuicEndpoint};
use countersign_trust::Reason;
use h3::error::Code;
use http::HeaderValue;
use quinn::{Endpoint, Incoming, ServerConfig, TokioRuntime, VarInt};

use super::{serve, settings};
use crate::accept::budget::{Exhausted, HandshakePermit};
use crate::accept::{Bound, OpenConnection};
use crate::connection::establish::{self, Established};
use crate::node::{Node, Phase};
use crate::panics::{Task, Watch};
use crate::{Limits, StartError, statuses};

/// Of the handshakes that may run, this part may be for addresses that are not proven.
const UNPROVEN_PART: usize = 8;
/// For so long clients may go on to use HTTP/3 after they were no longer told of it.
const ALT_SVC_SECONDS: u32 = 3600;

/// One UDP socket.
#[derive(Debug)]
pub(crate) struct Listener {
    endpoint: Endpoint,
    crypto: QuicEndpoint,
    config: ServerConfig,
    /// Handshakes that run for addresses that anybody could have written into a packet.
    unproven: Arc<AtomicUsize>,
    unproven_max: usize,
}

/// Binds an address.
pub(crate) fn bind(address: SocketAddr) -> Result<UdpSocket, StartError> {
    UdpSocket::bind(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse(address),
        _ => StartError::Bind { address, source },
    })
}

/// RFC 7838 §3: how clients that came over TCP learn of this socket. The port is taken to be the one that clients see.
pub(crate) fn alt_svc(bound: &Bound) -> Option<HeaderValue> {
    let Bound::Quic(socket) = bound else {
        return None;
    };
    let port = socket.local_addr().ok()?.port();
    HeaderValue::from_str(&format!("h3=\":{port}\"; ma={ALT_SVC_SECONDS}")).ok()
}

impl Listener {
    /// Makes an endpoint of a socket.
    pub(crate) fn new(node: &Node, socket: UdpSocket) -> Result<Self, StartError> {
        let crypto = QuicEndpoint::new(&node.tls, node.id.as_str()).map_err(StartError::Quic)?;
        let mut config = crypto.server_config();
        settings::complete(&mut config, &node.limits);
        let endpoint = Endpoint::new(
            crypto.endpoint_config(),
            Some(config.clone()),
            socket,
            Arc::new(TokioRuntime),
        )
        .map_err(StartError::Listener)?;
        Ok(Self {
            endpoint,
            crypto,
            config,
            unproven: Arc::default(),
            unproven_max: unproven_max(&node.limits),
        })
    }
}

fn unproven_max(limits: &Limits) -> usize {
    (limits.handshakes / UNPROVEN_PART).max(1)
}

/// Accepts until the node drains, and refuses from then on until its end: a client that is told so goes elsewhere at once.
pub(crate) async fn run(node: Arc<Node>, listener: Arc<Listener>) {
    let mut phase = node.phase.subscribe();
    let mut ends = node.http3_ends.subscribe();
    loop {
        let incoming = tokio::select! {
            biased;
            () = async { drop(ends.wait_for(|ends| *ends).await) } => break,
            _ = phase.wait_for(|phase| *phase == Phase::Ended) => return,
            incoming = listener.endpoint.accept() => incoming,
        };
        match incoming {
            Some(incoming) if *phase.borrow() >= Phase::Draining => incoming.refuse(),
            Some(incoming) => admit(&node, &listener, incoming),
            None => return,
        }
    }
    end(&listener.endpoint).await;
}

/// Takes no more connections, lets requests end for a moment, and reads nothing any more.
async fn end(endpoint: &Endpoint) {
    const REQUESTS: Duration = Duration::from_secs(1);
    const CLOSING: Duration = Duration::from_secs(1);
    endpoint.set_server_config(None);
    let _ = tokio::time::timeout(REQUESTS, endpoint.wait_idle()).await;
    let code = VarInt::from_u64(Code::H3_NO_ERROR.value()).unwrap_or(VarInt::MAX);
    endpoint.close(code, b"");
    let _ = tokio::time::timeout(CLOSING, endpoint.wait_idle()).await;
}

/// Gives a connection a task of its own, asks it to prove its address, or refuses it.
fn admit(node: &Arc<Node>, listener: &Arc<Listener>, incoming: Incoming) {
    let client = incoming.remote_address();
    let refuse = |incoming: Incoming, detail: &str| {
        establish::refused_early(node, client, Reason::Overloaded, detail);
        incoming.refuse();
    };
    let Some(open) = OpenConnection::count(node) else {
        return refuse(incoming, "too many connections are open");
    };
    let place = match Place::take(node, listener, &incoming) {
        Ok(place) => place,
        Err(None) => return prove(incoming),
        Err(Some(exhausted)) => return refuse(incoming, exhausted.as_str()),
    };
    let (node, listener) = (Arc::clone(node), Arc::clone(listener));
    tokio::spawn(async move {
        let _watch = Watch::new(&node, Task::Connection);
        let _open = open;
        connect(node, &listener, incoming, client, place).await;
    });
}

/// RFC 9000 §8.1.2: a Retry costs us nothing that we have to remember.
fn prove(incoming: Incoming) {
    // It can be asked for of every unproven address, and of those alone are we asked to.
    if let Err(error) = incoming.retry() {
        error.into_incoming().refuse();
    }
}

/// Leave to run one handshake; given back when dropped.
struct Place {
    permit: HandshakePermit,
    _unproven: Option<Unproven>,
}

impl Place {
    /// `Err(None)` when the client should prove its address first.
    ///
    /// An unproven address pays from a small budget of its own and not from that of the address: otherwise whoever writes another's address
    /// into packets could use up the other's budget (threat C5.5).
    fn take(
        node: &Node,
        listener: &Listener,
        incoming: &Incoming,
    ) -> Result<Self, Option<Exhausted>> {
        if incoming.remote_address_validated() {
            let address = incoming.remote_address().ip();
            return Ok(Self {
                permit: node.handshakes.take(address).map_err(Some)?,
                _unproven: None,
            });
        }
        let unproven = Unproven::count(listener).ok_or(None)?;
        // Only an address that is proven has a right to a place that others have.
        let permit = node.handshakes.take_unproven().map_err(|_| None)?;
        Ok(Self {
            permit,
            _unproven: Some(unproven),
        })
    }
}

/// A place among the handshakes of unproven addresses; given back when dropped.
struct Unproven(Arc<AtomicUsize>);

impl Unproven {
    fn count(listener: &Listener) -> Option<Self> {
        // The value exists before the comparison, so that a refused place is given back as well.
        let counted = Self(Arc::clone(&listener.unproven));
        (listener.unproven.fetch_add(1, Ordering::Relaxed) < listener.unproven_max)
            .then_some(counted)
    }
}

impl Drop for Unproven {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs one connection from its first packet to its last.
async fn connect(
    node: Arc<Node>,
    listener: &Listener,
    incoming: Incoming,
    client: SocketAddr,
    place: Place,
) {
    let began = Instant::now();
    let handshake = Box::pin(handshake(&node, listener, incoming));
    let done = tokio::select! {
        biased;
        done = handshake => done,
        // What is dropped tells the client that it is over.
        () = place.permit.taken_away() => {
            return establish::made_room(&node, client, began.elapsed());
        }
    };
    let (accepted, quic) = match done {
        Ok(accepted) => accepted,
        Err(refused) => {
            let refused = establish::without_snapshot(&node, *refused);
            return establish::record_refused(&node, client, &refused, began.elapsed());
        }
    };
    statuses::settle(&node, &accepted.binding, &accepted.peer).await;
    drop(place);
    let established = Established::over_quic(client, accepted);
    let Some(connection) = establish::open(&node, established, began) else {
        // RFC 9114 §8.1: "A server rejected a request without performing any application processing."
        let code = VarInt::from_u64(Code::H3_REQUEST_REJECTED.value()).unwrap_or(VarInt::MAX);
        return quic.close(code, b"");
    };
    let _registered = establish::register(&node, &connection);
    serve::serve(Arc::clone(&connection), quic).await;
    establish::closed(&connection);
}

async fn handshake(
    node: &Arc<Node>,
    listener: &Listener,
    incoming: Incoming,
) -> Result<(AcceptedQuic, quinn::Connection), Box<countersign_tls::RefusedHandshake>> {
    let lookup = {
        let node = Arc::clone(node);
        move |name| establish::lookup(&node, name)
    };
    let (crypto, handshake) = listener.crypto.begin(lookup);
    let mut config = listener.config.clone();
    config.crypto = crypto;
    let connecting = match incoming.accept_with(Arc::new(config)) {
        Ok(connecting) => connecting,
        Err(error) => return Err(Box::new(handshake.failed(&error))),
    };
    let limit = node.limits.handshake;
    match tokio::time::timeout(limit, connecting).await {
        Ok(Ok(quic)) => match handshake.accepted() {
            Ok(accepted) => Ok((accepted, quic)),
            Err(refused) => Err(Box::new(refused)),
        },
        Ok(Err(error)) => Err(Box::new(handshake.failed(&error))),
        Err(_) => Err(Box::new(handshake.timed_out(limit))),
    }
}
