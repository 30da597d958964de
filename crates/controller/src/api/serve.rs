//! Serving accepted connections, whoever accepted them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use countersign_trust::PeerChain;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tower_service::Service as _;

use crate::Limits;

/// How long running requests may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(10);
const HTTP2_STREAMS: u32 = 64;
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
const HEADER_LIST_OCTETS: u32 = 32 * 1024;

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// Plain; for tests and for a proxy on the same machine.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The scheme's name in URLs and signatures.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What is known about a connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// From where.
    pub peer: SocketAddr,
    /// How.
    pub scheme: Scheme,
    /// What the peer showed, having proved that it holds the key of the first certificate; none without one. Nothing else is known about
    /// it: whether it is believed is decided for each request.
    pub certificates: Option<PeerChain>,
}

/// A source of connections, such as a TCP listener with TLS on top.
pub trait Accept: Send {
    /// The bytes of a connection.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;
    /// What is left to do for a connection, such as the TLS handshake. It runs beside others and may be dropped.
    type Handshake: Future<Output = std::io::Result<(Self::Stream, Connection)>> + Send + 'static;

    /// Waits for the next connection.
    ///
    /// # Errors
    /// When the source has failed for good; what concerns one connection is the handshake's matter.
    fn accept(&mut self) -> impl Future<Output = std::io::Result<Self::Handshake>> + Send;
}

/// Serves connections until `shutdown` resolves, then lets running requests end.
///
/// # Errors
/// When the source of connections fails.
pub async fn serve<A: Accept>(
    router: Router,
    limits: &Limits,
    mut source: A,
    shutdown: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let connections = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    let outcome = loop {
        // A free place first: whoever finds none waits in the listener's queue and not in our memory.
        let accepted = async {
            let place = Arc::clone(&connections).acquire_owned().await;
            (place, source.accept().await)
        };
        let (place, handshake) = tokio::select! {
            () = &mut shutdown => break Ok(()),
            accepted = accepted => accepted,
        };
        let handshake = match handshake {
            Ok(handshake) => handshake,
            Err(error) => break Err(error),
        };
        let (router, watcher) = (router.clone(), graceful.watcher());
        let header_timeout = limits.header_timeout;
        tokio::spawn(async move {
            let _place = place;
            let Ok(Ok((stream, connection))) =
                tokio::time::timeout(header_timeout, handshake).await
            else {
                return;
            };
            let builder = builder(header_timeout);
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(connection.clone());
                router.clone().call(request)
            });
            let serving = builder.serve_connection(TokioIo::new(stream), service);
            // A connection that ends badly is its client's matter; requests have their own log.
            let _ = watcher.watch(serving).await;
        });
    };
    // When the time is up, what still runs is cut off with the runtime.
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
    outcome
}

fn builder(header_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(64);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .keep_alive_timeout(header_timeout)
        .max_concurrent_streams(HTTP2_STREAMS)
        .max_header_list_size(HEADER_LIST_OCTETS);
    builder
}
