//! WebSockets: bytes both ways after both sides agreed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use countersign_trust::Reason;
use http::header::{self, HeaderMap};
use http::{Method, Request, Version};
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, sleep_until};

use super::exchange::Exchange;
use crate::connection::{Connection, Ending};
use frames::Frames;

mod frames;
mod translate;

pub(crate) use translate::{Key, answer_connect, is_answer, translate};

/// Two connections that will carry one WebSocket.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub(crate) client: OnUpgrade,
    pub(crate) origin: OnUpgrade,
    /// Ends with the tunnel: until then the request is in flight.
    pub(crate) exchange: Option<Box<Exchange>>,
}

/// Whether a request asks for a WebSocket. No other protocol is ever passed on: `h2c` would carry requests past the rules.
pub(crate) fn asked_for<B>(request: &Request<B>) -> Asks {
    match (request.version(), request.method()) {
        (Version::HTTP_11, &Method::GET) if is_websocket(request.headers()) => Asks::Connection,
        (Version::HTTP_2, &Method::CONNECT) if request.extensions().get::<Protocol>().is_some() => {
            Asks::Stream
        }
        _ => Asks::Nothing,
    }
}

/// What a request asks to become.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asks {
    /// A WebSocket on the connection (RFC 6455 §4.1).
    Connection,
    /// No WebSocket.
    Nothing,
    /// A WebSocket on the request's stream (RFC 8441 §5).
    Stream,
}

/// Whether `Connection` and `Upgrade` say WebSocket, and nothing else.
pub(crate) fn is_websocket(headers: &HeaderMap) -> bool {
    let mut upgrades = headers.get_all(header::UPGRADE).iter();
    let websocket = upgrades.next().is_some_and(|value| {
        value
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"websocket")
    });
    websocket
        && upgrades.next().is_none()
        && headers.get_all(header::CONNECTION).iter().any(|value| {
            value
                .as_bytes()
                .split(|byte| *byte == b',')
                .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        })
}

/// Lets a tunnel begin: when the engine of its connection is done, or beside it on a stream.
pub(crate) fn begin(tunnel: Box<Tunnel>, asks: Asks, connection: Arc<Connection>) {
    if asks != Asks::Stream {
        return connection.set_tunnel(tunnel);
    }
    connection.stream_tunnel_began();
    tokio::spawn(async move {
        let on_stream = OnStream(connection);
        run(*tunnel, &on_stream.0).await;
    });
}

/// A connection while one of its streams is a tunnel.
struct OnStream(Arc<Connection>);

impl Drop for OnStream {
    fn drop(&mut self) {
        self.0.stream_tunnel_ended();
    }
}

/// Passes bytes on until one side ends, nothing moves for too long, or the client is no longer trusted.
pub(crate) async fn run(tunnel: Tunnel, connection: &Connection) {
    let Tunnel {
        client,
        origin,
        mut exchange,
    } = tunnel;
    let limits = &connection.node().limits;
    let upgraded =
        tokio::time::timeout(limits.handshake, async { tokio::try_join!(client, origin) });
    let Ok(Ok((client, origin))) = upgraded.await else {
        return;
    };
    let (from_client, from_origin) = (AtomicU64::new(0), AtomicU64::new(0));
    let mut client = Counted::new(client, &from_client, connection);
    let mut origin = Counted::new(origin, &from_origin, connection);
    let moved = || {
        (
            from_client.load(Ordering::Relaxed),
            from_origin.load(Ordering::Relaxed),
        )
    };
    let end = pass(
        &mut client,
        &mut origin,
        &moved,
        connection,
        limits.idle_tunnel,
    )
    .await;
    // What does not go out any more does not matter: the connections end here.
    let farewell = async {
        let to_client = async {
            if let End::Cut(code) = end {
                close(&mut client, code, connection).await?;
            }
            client.shutdown().await
        };
        tokio::join!(to_client, origin.shutdown())
    };
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
    if let Some(exchange) = &mut exchange {
        exchange.received(from_client.load(Ordering::Relaxed));
        exchange.sent(from_origin.load(Ordering::Relaxed));
        if matches!(end, End::Itself) {
            exchange.completed();
        }
    }
}

/// How a tunnel came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// Both sides ended it.
    Itself,
    /// One of them broke it, or nothing moved for too long.
    Broken,
    /// We ended it, and tell the client with this code.
    Cut(u16),
}

/// RFC 6455 §7.4.1: "an endpoint is terminating the connection because it has received a message that violates its policy".
const POLICY_VIOLATION: u16 = 1008;
/// RFC 6455 §7.4.1: "an endpoint is "going away", such as a server going down".
const GOING_AWAY: u16 = 1001;

/// Says why the WebSocket ends, when what the client got so far are whole frames; otherwise it could only be misread.
async fn close(client: &mut Counted<'_>, code: u16, connection: &Connection) -> io::Result<()> {
    if !client.frames.are_whole() {
        return Ok(());
    }
    let trust = connection.latest();
    let text = match (code, trust.verdicts().overall().reason()) {
        (POLICY_VIOLATION, Some(reason)) => reason.code(),
        (POLICY_VIOLATION, None) => Reason::TrustUnavailable.code(),
        _ => "",
    };
    client.write_all(&frames::close(code, text)).await?;
    client.flush().await?;
    client.shutdown().await?;
    // Data that comes in after the socket is closed would reset the connection, and take the frame away from the client.
    tokio::io::copy(client, &mut tokio::io::sink()).await?;
    Ok(())
}

/// Passes bytes until the end.
async fn pass(
    client: &mut Counted<'_>,
    origin: &mut Counted<'_>,
    moved: &impl Fn() -> (u64, u64),
    connection: &Connection,
    idle: Duration,
) -> End {
    let mut ending = connection.ending();
    let quiet = sleep_until(Instant::now() + idle);
    let copy = tokio::io::copy_bidirectional(client, origin);
    tokio::pin!(quiet, copy);
    let mut seen = moved();
    loop {
        tokio::select! {
            result = &mut copy => return if result.is_ok() { End::Itself } else { End::Broken },
            // A drain lets a WebSocket live until its deadline; lost trust does not.
            ending = ending.wait_for(|ending| *ending >= Ending::CutOff) => {
                let lost_trust = ending.is_ok_and(|ending| *ending == Ending::CutOff);
                return End::Cut(if lost_trust { POLICY_VIOLATION } else { GOING_AWAY });
            }
            () = &mut quiet => {
                let now = moved();
                if now == seen {
                    return End::Broken;
                }
                seen = now;
                quiet.as_mut().reset(Instant::now() + idle);
            }
        }
    }
}

/// For both sides to take note of the end.
pub(crate) const FAREWELL: Duration = Duration::from_secs(1);

/// Counts the bytes that come from one side.
struct Counted<'a> {
    io: TokioIo<Upgraded>,
    bytes: &'a AtomicU64,
    connection: &'a Connection,
    /// What was written to it.
    frames: Frames,
}

impl<'a> Counted<'a> {
    fn new(io: Upgraded, bytes: &'a AtomicU64, connection: &'a Connection) -> Self {
        Self {
            io: TokioIo::new(io),
            bytes,
            connection,
            frames: Frames::default(),
        }
    }
}

impl AsyncRead for Counted<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.io).poll_read(context, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        if read > 0 {
            self.bytes.fetch_add(read as u64, Ordering::Relaxed);
            self.connection.progress();
        }
        result
    }
}

impl AsyncWrite for Counted<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = &result {
            self.frames.pass(bytes.get(..*written).unwrap_or_default());
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
