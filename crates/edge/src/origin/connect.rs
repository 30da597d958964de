//! New connections to origins.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign_tls::{Alpn, OriginAlpn};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::endpoint::Endpoint;
use super::http1::Http1;
use super::overhear::{Overhear, Overheard};
use super::transport::Transport;
use super::{Origin, OriginError};
use crate::http::RequestBody;

pub(super) type Http2 = http2::SendRequest<RequestBody>;

/// A new connection.
#[derive(Debug)]
pub(super) enum Engine {
    Http1(Box<Http1>),
    Http2(Http2, Told),
}

/// What the origin tells about a connection of HTTP/2 while it is open.
#[derive(Debug)]
pub(super) struct Told {
    /// How many streams it allows now.
    pub(super) streams: Arc<AtomicUsize>,
    /// That it refuses our certificate.
    pub(super) refusal: Overheard,
}

/// What a connection has to speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Speak {
    /// What the origin chooses.
    Either,
    Http1,
    Http2,
}

/// Heads of responses of HTTP/2 may have this much.
const RESPONSE_HEAD_MAX_BYTES: u32 = 128 * 1024;
/// Streams on one connection to an origin, also when it allows more.
pub(super) const STREAMS_MAX: usize = 100;
/// What a stream may receive ahead of a slow client.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// All windows of streams together: clients that stop reading cannot stop those whose requests share the connection.
const CONNECTION_WINDOW_BYTES: u32 = STREAM_WINDOW_BYTES * STREAMS_MAX as u32;

/// Connects and shakes hands within `limit`.
pub(super) async fn connect(
    origin: &Origin,
    endpoint: &Endpoint,
    socket: SocketAddr,
    speak: Speak,
    limit: Duration,
) -> Result<Engine, OriginError> {
    let _place = origin.begin_connecting()?;
    match tokio::time::timeout(limit, connect_at_leisure(origin, endpoint, socket, speak)).await {
        Ok(result) => result,
        Err(_) => Err(OriginError::connect_timeout(socket, limit)),
    }
}

async fn connect_at_leisure(
    origin: &Origin,
    endpoint: &Endpoint,
    socket: SocketAddr,
    speak: Speak,
) -> Result<Engine, OriginError> {
    let alpn = match speak {
        Speak::Either => OriginAlpn::Http1AndHttp2,
        Speak::Http1 => OriginAlpn::Http1,
        Speak::Http2 => OriginAlpn::Http2,
    };
    let transport = transport(origin, endpoint, socket, alpn, &[]).await?;
    let is_http2 = match &transport {
        Transport::Plain(_) => speak == Speak::Http2,
        Transport::Tls(stream) => stream.alpn() == Alpn::Http2,
    };
    match (speak, is_http2) {
        (Speak::Http2, false) => Err(OriginError::no_http2()),
        (_, true) => http2(transport, origin)
            .await
            .map_err(|error| OriginError::http(&error)),
        (_, false) => {
            let open = origin.counts.connection_opened();
            Ok(Engine::Http1(Box::new(Http1::new(transport, open))))
        }
    }
}

/// Connects, and runs the TLS handshake where there is one. `header` comes before it.
pub(super) async fn transport(
    origin: &Origin,
    endpoint: &Endpoint,
    socket: SocketAddr,
    alpn: OriginAlpn,
    header: &[u8],
) -> Result<Transport, OriginError> {
    let mut stream = TcpStream::connect(socket)
        .await
        .map_err(|error| OriginError::connect(socket, &error))?;
    let _ = stream.set_nodelay(true);
    if !header.is_empty() {
        let written = stream.write_all(header).await;
        written.map_err(|error| OriginError::connect(socket, &error))?;
    }
    match &origin.connector {
        None => Ok(Transport::Plain(stream)),
        Some(connector) => connector
            .connect(stream, &endpoint.model.host, alpn)
            .await
            .map(|stream| Transport::Tls(Box::new(stream)))
            .map_err(|error| OriginError::tls(&error)),
    }
}

/// There are no pings: servers of gRPC end connections of clients that ping without need. Idle timeouts find an origin that went away.
async fn http2(stream: Transport, origin: &Origin) -> hyper::Result<Engine> {
    let (stream, refusal) = Overhear::new(stream);
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(RESPONSE_HEAD_MAX_BYTES)
        .handshake(TokioIo::new(stream))
        .await?;
    let open = origin.counts.connection_opened();
    let streams = Arc::new(AtomicUsize::new(STREAMS_MAX));
    let allowed = Arc::clone(&streams);
    tokio::spawn(async move {
        let _open = open;
        let mut connection = pin!(connection);
        // Before the origin's settings came the limit is ours.
        let mut began = false;
        let ended = poll_fn(|context| {
            let ended = connection.as_mut().poll(context);
            let now = connection.current_max_send_streams().min(STREAMS_MAX);
            if began && now > 0 {
                allowed.store(now, Ordering::Relaxed);
            }
            began = true;
            ended
        });
        let _ = ended.await;
    });
    Ok(Engine::Http2(sender, Told { streams, refusal }))
}
