//! WebSockets: bytes both ways after both sides agreed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{self, HeaderMap};
use http::{Method, Request, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, sleep_until};

use crate::connection::{Connection, Ending};

/// Two connections that will carry one WebSocket.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub(crate) client: OnUpgrade,
    pub(crate) origin: OnUpgrade,
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
    let upgraded = tokio::time::timeout(connection.node().limits.handshake, async {
        tokio::try_join!(tunnel.client, tunnel.origin)
    });
    let Ok(Ok((client, origin))) = upgraded.await else {
        return;
    };
    let moved = Moved::default();
    let (mut client, mut origin) = (Counted::new(client, &moved), Counted::new(origin, &moved));
    let mut ending = connection.ending();
    let idle = connection.node().limits.idle_tunnel;
    let quiet = sleep_until(Instant::now() + idle);
    tokio::pin!(quiet);
    let mut seen = 0;
    {
        let copy = tokio::io::copy_bidirectional(&mut client, &mut origin);
        tokio::pin!(copy);
        loop {
            tokio::select! {
                _ = &mut copy => break,
                // A drain lets a WebSocket live until its deadline; lost trust does not.
                _ = ending.wait_for(|ending| *ending >= Ending::CutOff) => break,
                () = &mut quiet => {
                    let now = moved.get();
                    if now == seen {
                        break;
                    }
                    seen = now;
                    quiet.as_mut().reset(Instant::now() + idle);
                }
            }
        }
    }
    let _ = client.shutdown().await;
    let _ = origin.shutdown().await;
}

/// How many times bytes moved, either way.
#[derive(Debug, Default)]
struct Moved(std::sync::atomic::AtomicU64);

impl Moved {
    fn add(&self) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

struct Counted<'a> {
    io: TokioIo<Upgraded>,
    moved: &'a Moved,
}

impl<'a> Counted<'a> {
    fn new(io: Upgraded, moved: &'a Moved) -> Self {
        Self {
            io: TokioIo::new(io),
            moved,
        }
    }
}

impl AsyncRead for Counted<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_read(context, buffer);
        if result.is_ready() {
            self.moved.add();
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
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
