//! WebSockets: bytes both ways after both sides agreed.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{self, HeaderMap};
use http::{Method, Request, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, sleep_until};

use super::exchange::Exchange;
use crate::connection::{Connection, Ending};

/// Two connections that will carry one WebSocket.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub(crate) client: OnUpgrade,
    pub(crate) origin: OnUpgrade,
    /// Ends with the tunnel: until then the request is in flight.
    pub(crate) exchange: Option<Box<Exchange>>,
}

/// Whether a request asks for a WebSocket over HTTP/1.1 (RFC 6455 §4.1). No other protocol is ever passed on: `h2c` would carry requests
/// past the rules.
pub(crate) fn is_asked_for<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_11
        && request.method() == Method::GET
        && is_websocket(request.headers())
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
    let mut client = Counted::new(client, &from_client);
    let mut origin = Counted::new(origin, &from_origin);
    let moved = || {
        (
            from_client.load(Ordering::Relaxed),
            from_origin.load(Ordering::Relaxed),
        )
    };
    let complete = pass(
        &mut client,
        &mut origin,
        &moved,
        connection,
        limits.idle_tunnel,
    )
    .await;
    // What does not go out any more does not matter: the connections end here.
    let farewell = async { tokio::join!(client.shutdown(), origin.shutdown()) };
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
    if let Some(exchange) = &mut exchange {
        exchange.received(from_client.load(Ordering::Relaxed));
        exchange.sent(from_origin.load(Ordering::Relaxed));
        if complete {
            exchange.completed();
        }
    }
}

/// Whether both sides came to their end by themselves.
async fn pass(
    client: &mut Counted<'_>,
    origin: &mut Counted<'_>,
    moved: &impl Fn() -> (u64, u64),
    connection: &Connection,
    idle: Duration,
) -> bool {
    let mut ending = connection.ending();
    let quiet = sleep_until(Instant::now() + idle);
    let copy = tokio::io::copy_bidirectional(client, origin);
    tokio::pin!(quiet, copy);
    let mut seen = moved();
    loop {
        tokio::select! {
            result = &mut copy => return result.is_ok(),
            // A drain lets a WebSocket live until its deadline; lost trust does not.
            _ = ending.wait_for(|ending| *ending >= Ending::CutOff) => return false,
            () = &mut quiet => {
                let now = moved();
                if now == seen {
                    return false;
                }
                seen = now;
                quiet.as_mut().reset(Instant::now() + idle);
            }
        }
    }
}

/// For both sides to take note of the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Counts the bytes that come from one side.
struct Counted<'a> {
    io: TokioIo<Upgraded>,
    bytes: &'a AtomicU64,
}

impl<'a> Counted<'a> {
    fn new(io: Upgraded, bytes: &'a AtomicU64) -> Self {
        Self {
            io: TokioIo::new(io),
            bytes,
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
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        result
    }
}

impl AsyncWrite for Counted<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
