//! From listening sockets to connections, within budgets.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_trust::Reason;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::accept::budget::HandshakePermit;
use crate::causes::with_causes;
use crate::connection::establish;
use crate::node::{Node, Phase};
use crate::panics::{Task, Watch};
use crate::proxy_protocol::{Ends, read};
use crate::{Listen, StartError, http3, plain};

pub(crate) mod budget;
pub(crate) mod reception;
pub(crate) mod turns;

/// Connections that wait to be accepted, per address.
const BACKLOG: u32 = 4096;
/// Connections that are accepted before others have the thread. Each costs some ten microseconds.
const AT_A_TIME: u32 = 8;
/// When the process has no more file descriptors, trying at once again would only burn the processor.
const RETRY: Duration = Duration::from_millis(50);

/// A socket that clients can reach.
#[derive(Debug)]
pub(crate) enum Bound {
    Quic(UdpSocket),
    Tcp(TcpListener, Speaks),
}

/// What the clients of a listener begin with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Speaks {
    /// A request, without TLS.
    Plain,
    /// A ClientHello.
    Tls,
}

impl Bound {
    /// The same socket once more, for whoever takes it over.
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Quic(socket) => socket.as_fd().try_clone_to_owned(),
            Self::Tcp(listener, _) => listener.as_fd().try_clone_to_owned(),
        }
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Quic(socket) => socket.local_addr(),
            Self::Tcp(listener, _) => listener.local_addr(),
        }
    }
}

/// Binds one address, or takes over a socket that listens already.
pub(crate) fn bind(listen: Listen) -> Result<Bound, StartError> {
    match listen {
        Listen::Quic(address) => http3::bind(address).map(Bound::Quic),
        Listen::QuicSocket(socket) => Ok(Bound::Quic(socket)),
        Listen::Address(address) => tcp_at(address, Speaks::Tls),
        Listen::Plain(address) => tcp_at(address, Speaks::Plain),
        Listen::Listener(listener) => tcp_of(listener, Speaks::Tls),
        Listen::PlainListener(listener) => tcp_of(listener, Speaks::Plain),
    }
}

fn tcp_at(address: SocketAddr, speaks: Speaks) -> Result<Bound, StartError> {
    match bind_address(address) {
        Ok(listener) => Ok(Bound::Tcp(listener, speaks)),
        Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
            Err(StartError::AddressInUse(address))
        }
        Err(source) => Err(StartError::Bind { address, source }),
    }
}

fn tcp_of(listener: std::net::TcpListener, speaks: Speaks) -> Result<Bound, StartError> {
    listener
        .set_nonblocking(true)
        .map_err(StartError::Listener)?;
    TcpListener::from_std(listener)
        .map(|listener| Bound::Tcp(listener, speaks))
        .map_err(StartError::Listener)
}

/// Takes the address now, so that nothing is accepted before everything that can be taken is known to be free.
pub(crate) fn take(listen: Listen) -> Result<Listen, StartError> {
    Ok(match bind(listen)? {
        Bound::Quic(socket) => Listen::QuicSocket(socket),
        Bound::Tcp(listener, speaks) => {
            let listener = listener.into_std().map_err(StartError::Listener)?;
            match speaks {
                Speaks::Plain => Listen::PlainListener(listener),
                Speaks::Tls => Listen::Listener(listener),
            }
        }
    })
}

fn bind_address(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // A port in TIME_WAIT can be bound again at once after a restart; one that is listened at cannot.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts until the node drains. Runs in the [`Reception`](reception::Reception), like everything until a client is known.
pub(crate) async fn run(node: Arc<Node>, listener: Arc<TcpListener>, speaks: Speaks) {
    let mut phase = node.phase.subscribe();
    let mut in_a_row = 0_u32;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase >= Phase::Draining) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => {
                admit(&node, stream, client, speaks);
                in_a_row += 1;
                if in_a_row.is_multiple_of(AT_A_TIME) {
                    reception::let_others_work().await;
                }
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot accept connections at the moment"
                );
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// Gives a connection a task of its own, in which a panic stays, or closes it.
fn admit(node: &Arc<Node>, stream: TcpStream, client: SocketAddr, speaks: Speaks) {
    let Some(open) = OpenConnection::count(node) else {
        establish::refused_early(
            node,
            client,
            Reason::Overloaded,
            "too many connections are open",
        );
        return;
    };
    // Without it small responses would wait for acknowledgements; failure only costs time.
    let _ = stream.set_nodelay(true);
    if node.begins_with_proxy_header(client.ip()) {
        let node = Arc::clone(node);
        tokio::spawn(async move {
            let _watch = Watch::new(&node, Task::Connection);
            from_front(node, stream, client, speaks, open).await;
        });
        return;
    }
    let Some(permit) = permit(node, client) else {
        return;
    };
    let ends = ends(&stream, client);
    let node = Arc::clone(node);
    tokio::spawn(async move {
        let _watch = Watch::new(&node, Task::Connection);
        begin(node, stream, ends, permit, speaks, open).await;
    });
}

async fn begin(
    node: Arc<Node>,
    stream: TcpStream,
    ends: Ends,
    permit: HandshakePermit,
    speaks: Speaks,
    open: OpenConnection,
) {
    match speaks {
        Speaks::Plain => Box::pin(plain::run(node, stream, ends, permit, open)).await,
        Speaks::Tls => establish::run(node, stream, ends, permit, open).await,
    }
}

fn permit(node: &Node, client: SocketAddr) -> Option<HandshakePermit> {
    match node.handshakes.take(client.ip()) {
        Ok(permit) => Some(permit),
        Err(exhausted) => {
            establish::refused_early(node, client, Reason::Overloaded, exhausted.as_str());
            None
        }
    }
}

fn ends(stream: &TcpStream, client: SocketAddr) -> Ends {
    let local = stream.local_addr();
    Ends {
        client,
        local: local.unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0))),
    }
}

/// A front that the configuration names says first for whom it speaks. It has to: a header that may be missing could be a client's.
async fn from_front(
    node: Arc<Node>,
    mut stream: TcpStream,
    front: SocketAddr,
    speaks: Speaks,
    open: OpenConnection,
) {
    let limit = node.limits.handshake;
    let header = match tokio::time::timeout(limit, read::read(&mut stream)).await {
        Ok(Ok(header)) => header,
        Ok(Err(error)) => {
            let detail = with_causes(&error);
            return establish::refused_early(&node, front, Reason::HandshakeFailed, &detail);
        }
        Err(_) => {
            let detail = "a trusted front sent no PROXY header in time";
            return establish::refused_early(&node, front, Reason::HandshakeTimeout, detail);
        }
    };
    let ends = header.unwrap_or_else(|| ends(&stream, front));
    if let Some(permit) = permit(&node, ends.client) {
        begin(node, stream, ends, permit, speaks, open).await;
    }
}

/// A place among [`Limits::connections`](crate::Limits::connections); given back when dropped.
pub(crate) struct OpenConnection(Arc<Node>);

impl OpenConnection {
    pub(crate) fn count(node: &Arc<Node>) -> Option<Self> {
        // The value exists before the comparison, so that a refused place is given back as well.
        let open = Self(Arc::clone(node));
        (node.connections.fetch_add(1, Ordering::Relaxed) < node.limits.connections).then_some(open)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
