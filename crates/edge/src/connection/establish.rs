//! From a TCP connection to an authenticated one, or to a record of why not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_snapshot::{ClientAuthMode, Peer, ServerName};
use countersign_tls::quic::AcceptedQuic;
use countersign_tls::{
    Accepted, Alpn, BindingTls, HandshakeFault, HandshakeLimits, Lookup, RefusedHandshake,
    TlsFacts, TlsStream,
};
use countersign_trust::{PeerChain, Reason};
use tokio::net::TcpStream;

use super::{Connection, Ending, Handshake, Protocol, Why, drive};
use crate::accept::OpenConnection;
use crate::accept::budget::{HandshakePermit, Source};
use crate::access_log::{ConnectionRecord, Who, chain_text};
use crate::causes::with_causes;
use crate::node::{Node, Phase};
use crate::panics::{Task, Watch};
use crate::proxy_protocol::Ends;
use crate::registry::Registered;
use crate::{statuses, tcp};

/// Runs one client connection from its first byte to its last: here until it is authenticated, from then on where clients are served.
pub(crate) async fn run(
    node: Arc<Node>,
    stream: TcpStream,
    ends: Ends,
    permit: HandshakePermit,
    open: OpenConnection,
) {
    if let Some((connection, stream)) = authenticate(&node, stream, ends.client, permit).await {
        node.serving.spawn(serve(connection, stream, ends, open));
    }
}

async fn serve(
    connection: Arc<Connection>,
    mut stream: Box<TlsStream<TcpStream>>,
    ends: Ends,
    _open: OpenConnection,
) {
    let node = Arc::clone(connection.node());
    let _watch = Watch::new(&node, Task::Connection);
    let _registered = register(&node, &connection);
    // Without a file descriptor to spare, the threads that received it go on to wake this task: slower, and refuses nobody.
    let _ = stream.move_here().await;
    match connection.protocol() {
        Protocol::Tcp => Box::pin(tcp::serve(Arc::clone(&connection), stream, ends)).await,
        _ => drive::serve(Arc::clone(&connection), stream).await,
    }
    closed(&connection);
}

/// Records a client that came refused and went without a word. Whoever asks something is told why, and the record of that says so.
pub(crate) fn closed(connection: &Connection) {
    if !connection.came_refused() || connection.requests() > 0 {
        return;
    }
    if let Some(refused) = connection.latest().refused() {
        let detail = refused.detail.as_deref();
        record(
            connection.node(),
            connection.client(),
            Some(connection.server_name()),
            refused.reason,
            detail.unwrap_or_else(|| refused.reason.sentence()),
            connection.peer().chain(),
            connection.lasted(),
        );
    }
}

/// Makes a connection known to sweeps and drains.
pub(crate) fn register(node: &Arc<Node>, connection: &Arc<Connection>) -> Registered {
    let registered = node.registry.insert(Arc::clone(connection));
    // An activation or the beginning of a drain between the judgement and the registration has not seen this connection.
    if !connection.is_current() {
        connection.sweep(&Why::default());
    }
    if *node.phase.borrow() >= Phase::Draining {
        connection.end(Ending::Graceful);
    }
    registered
}

/// What a name is bound to, for handshakes over TCP and QUIC.
pub(crate) fn lookup(node: &Node, name: Option<ServerName>) -> Lookup {
    // No snapshot is no trust, never a default (invariant I1).
    let Some(enforced) = node.enforced() else {
        return Lookup::Refuse(Reason::TrustUnavailable);
    };
    let tls = name.and_then(|name| enforced.resolve(&name)?.tls().map(Arc::clone));
    // A name that is served without TLS is none here.
    tls.map_or(Lookup::Refuse(Reason::UnknownServerName), Lookup::Serve)
}

/// A client without a usable name learns nothing else when there is nothing to serve at all.
pub(crate) fn without_snapshot(node: &Node, refused: RefusedHandshake) -> RefusedHandshake {
    if node.enforced().is_none() && matches!(refused.fault, HandshakeFault::Refused) {
        return RefusedHandshake {
            reason: Reason::TrustUnavailable,
            ..refused
        };
    }
    refused
}

/// Makes a connection out of a finished handshake; records every other end.
async fn authenticate(
    node: &Arc<Node>,
    stream: TcpStream,
    client: SocketAddr,
    permit: HandshakePermit,
) -> Option<(Arc<Connection>, Box<TlsStream<TcpStream>>)> {
    let began = Instant::now();
    let in_turns = node
        .turns
        .take(Source::from(client.ip()), handshake(node, stream));
    let accepted = tokio::select! {
        biased;
        accepted = in_turns => accepted,
        () = permit.taken_away() => {
            made_room(node, client, began.elapsed());
            return None;
        }
    };
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(refused) => {
            drop(permit);
            record_refused(node, client, &refused, began.elapsed());
            return None;
        }
    };
    statuses::settle(node, &accepted.binding, &accepted.peer).await;
    drop(permit);
    let established = Established {
        client,
        server_name: accepted.server_name,
        binding: accepted.binding,
        peer: accepted.peer,
        facts: accepted.facts,
    };
    let connection = open(node, established, began)?;
    // In one place from now on, instead of in every future that it is moved through.
    Some((connection, Box::new(accepted.stream)))
}

async fn handshake(
    node: &Arc<Node>,
    stream: TcpStream,
) -> Result<Accepted<TcpStream>, RefusedHandshake> {
    let limits = HandshakeLimits {
        timeout: node.limits.handshake,
        ..HandshakeLimits::default()
    };
    let accepted = countersign_tls::accept(stream, |name| lookup(node, name), &limits).await;
    accepted.map_err(|refused| without_snapshot(node, refused))
}

/// A finished handshake, over TCP or QUIC.
pub(crate) struct Established {
    client: SocketAddr,
    server_name: ServerName,
    binding: Arc<BindingTls>,
    peer: Peer,
    facts: TlsFacts,
}

impl Established {
    pub(crate) fn over_quic(client: SocketAddr, accepted: AcceptedQuic) -> Self {
        Self {
            client,
            server_name: accepted.server_name,
            binding: accepted.binding,
            peer: accepted.peer,
            facts: accepted.facts,
        }
    }
}

/// Judges the client under the snapshot that is enforced now. `None` when nothing can be said to it, which is recorded. One that is refused from
/// the beginning is open too: the handshake is over, so that the first thing that it asks is what can be answered with the reason.
pub(crate) fn open(
    node: &Arc<Node>,
    accepted: Established,
    began: Instant,
) -> Option<Arc<Connection>> {
    let client = accepted.client;
    let server_name = accepted.server_name.clone();
    let refuse = |reason: Reason, detail: &str, peer: &Peer| {
        write(
            node,
            client,
            Some(&server_name),
            reason,
            detail,
            peer.chain(),
            began.elapsed(),
        );
    };
    let handshake = Handshake {
        client,
        server_name: Arc::new(accepted.server_name),
        protocol: match accepted.facts.alpn {
            _ if accepted.binding.passes_bytes() => Protocol::Tcp,
            Alpn::Http2 => Protocol::Http2,
            // RFC 9113 §3.2: HTTP/2 over TLS is chosen by ALPN alone.
            Alpn::Http11 | Alpn::None => Protocol::Http1,
            Alpn::Http3 => Protocol::Http3,
            Alpn::Other => {
                refuse(
                    Reason::HandshakeFailed,
                    "the negotiated protocol is not served here",
                    &accepted.peer,
                );
                return None;
            }
        },
        tls: Some(accepted.facts),
        asked: accepted.binding.trust().mode() != ClientAuthMode::Off,
        peer: accepted.peer,
    };
    let peer = handshake.peer.clone();
    let connection = match Connection::new(Arc::clone(node), handshake) {
        Ok(connection) => connection,
        Err(broken) => {
            refuse(
                broken.reason(),
                "the configuration changed during the handshake",
                &peer,
            );
            return None;
        }
    };
    // The handshake refused what was bad under the snapshot that it began with; this is the one that is enforced now.
    match connection.latest().refused() {
        Some(refused) => node
            .metrics
            .handshake_refused(refused.reason, began.elapsed()),
        None => node
            .metrics
            .handshake_accepted(&connection, began.elapsed()),
    }
    Some(connection)
}

/// Records a connection that was closed before its first byte was read.
pub(crate) fn refused_early(node: &Node, client: SocketAddr, reason: Reason, detail: &str) {
    write(node, client, None, reason, detail, None, Duration::ZERO);
}

/// Records a handshake whose place was given to another address.
pub(crate) fn made_room(node: &Node, client: SocketAddr, took: Duration) {
    let detail = "too many handshakes are running, and this one made room for another address";
    write(
        node,
        client,
        None,
        Reason::HandshakeFailed,
        detail,
        None,
        took,
    );
}

pub(crate) fn record_refused(
    node: &Node,
    client: SocketAddr,
    refused: &RefusedHandshake,
    took: Duration,
) {
    if matches!(refused.fault, HandshakeFault::Panicked) {
        node.metrics.panicked(Task::Connection);
    }
    if !node.access_log.is_on() {
        node.metrics.handshake_refused(refused.reason, took);
        return;
    }
    let detail = match &refused.evidence {
        Some(evidence) => evidence.explanation(),
        None => match &refused.fault {
            HandshakeFault::Refused => refused.reason.sentence().to_owned(),
            fault => with_causes(fault),
        },
    };
    write(
        node,
        client,
        refused.server_name.as_ref(),
        refused.reason,
        &detail,
        refused.peer.as_deref(),
        took,
    );
}

fn write(
    node: &Node,
    client: SocketAddr,
    server_name: Option<&ServerName>,
    reason: Reason,
    detail: &str,
    chain: Option<&PeerChain>,
    took: Duration,
) {
    node.metrics.handshake_refused(reason, took);
    record(node, client, server_name, reason, detail, chain, took);
}

fn record(
    node: &Node,
    client: SocketAddr,
    server_name: Option<&ServerName>,
    reason: Reason,
    detail: &str,
    chain: Option<&PeerChain>,
    took: Duration,
) {
    if !node.access_log.is_on() {
        return;
    }
    // Whoever has shown no certificate can be anybody, as often as he likes.
    let Some(left_out) = (if chain.is_none() {
        node.strangers.take()
    } else {
        Some(0)
    }) else {
        return;
    };
    let enforced = node.enforced();
    let binding = enforced
        .as_ref()
        .zip(server_name)
        .and_then(|(enforced, name)| enforced.resolve(name));
    let who = chain.map(|chain| Who::new(chain.leaf()));
    let time = node.now();
    let record = ConnectionRecord {
        event: "handshake_refused",
        time: time.to_string(),
        network: node.network.as_str(),
        node: node.id.as_str(),
        generation: enforced
            .as_ref()
            .map(|enforced| enforced.generation().number()),
        // No request has this number: it names the handshake.
        request_id: &node.request_id(node.next_connection_id(), 0),
        client_address: client.ip().to_canonical(),
        client_port: client.port(),
        server_name: server_name.map(ServerName::as_str),
        binding: binding.map(|binding| binding.id()),
        reason: reason.code(),
        detail,
        client: who.as_ref().map(Who::fields).unwrap_or_default(),
        client_chain: chain.and_then(chain_text),
        left_out,
        duration_ms: took.as_secs_f64() * 1000.0,
    };
    node.access_log.write(time, &record);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, B, C, D, F>(_: fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    /// 100,000 of them live at once.
    #[test]
    fn a_connection_is_small() {
        let future = size_of_future(serve);
        assert!(
            future <= 1024,
            "the task of a connection has {future} bytes"
        );
        let shared = size_of::<Connection>();
        assert!(shared <= 512, "a connection has {shared} bytes");
    }
}
