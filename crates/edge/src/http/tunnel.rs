//! WebSockets: bytes both ways after both sides agreed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign_trust::Reason;
use http::header::{self, HeaderMap};
use http::{Method, Request, Version};
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use super::exchange::Exchange;
use crate::connection::{Connection, Ending};
use crate::origin::OriginIo;
use crate::relay::{Counted, End, Side, Traffic, Watch, relay};
use frames::Frames;

mod frames;
mod translate;

pub(crate) use translate::{Key, answer_connect, is_answer, translate};

/// Two connections that will carry one WebSocket.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub(crate) client: OnUpgrade,
    pub(crate) origin: OriginIo,
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
    let Ok(Ok(client)) = tokio::time::timeout(limits.handshake, client).await else {
        return;
    };
    let traffic = Traffic::default();
    let mut client: Client<'_> =
        Counted::new(TokioIo::new(client), Side::Client, &traffic, connection);
    let mut origin: Counted<'_, _> = Counted::new(origin, Side::Origin, &traffic, connection);
    let idle = limits.idle_tunnel;
    let end = relay(&mut client, &mut origin, &traffic, connection, idle).await;
    // What does not go out any more does not matter: the connections end here.
    let farewell = async {
        let to_client = async {
            if let End::Cut(ending) = end {
                close(&mut client, ending, connection).await?;
            }
            client.shutdown().await
        };
        tokio::join!(to_client, origin.shutdown())
    };
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
    if let Some(exchange) = &mut exchange {
        exchange.received(traffic.from(Side::Client));
        exchange.sent(traffic.from(Side::Origin));
        if end == End::Itself {
            exchange.completed();
        }
    }
}

/// The client's side, whose frames are looked at on their way to it.
type Client<'a> = Counted<'a, TokioIo<Upgraded>, Frames>;

/// RFC 6455 §7.4.1: "an endpoint is terminating the connection because it has received a message that violates its policy".
const POLICY_VIOLATION: u16 = 1008;
/// RFC 6455 §7.4.1: "an endpoint is "going away", such as a server going down".
const GOING_AWAY: u16 = 1001;

/// Says why the WebSocket ends, when what the client got so far are whole frames; otherwise it could only be misread.
async fn close(client: &mut Client<'_>, ending: Ending, connection: &Connection) -> io::Result<()> {
    if !client.watch.are_whole() {
        return Ok(());
    }
    let trust = connection.latest();
    let (code, text) = match (ending, trust.verdicts().overall().reason()) {
        (Ending::CutOff, Some(reason)) => (POLICY_VIOLATION, reason.code()),
        (Ending::CutOff, None) => (POLICY_VIOLATION, Reason::TrustUnavailable.code()),
        _ => (GOING_AWAY, ""),
    };
    client.write_all(&frames::close(code, text)).await?;
    client.flush().await?;
    client.shutdown().await?;
    // Data that comes in after the socket is closed would reset the connection, and take the frame away from the client.
    tokio::io::copy(client, &mut tokio::io::sink()).await?;
    Ok(())
}

/// For both sides to take note of the end.
pub(crate) const FAREWELL: Duration = Duration::from_secs(1);

impl Watch for Frames {
    fn written(&mut self, bytes: &[u8]) {
        self.pass(bytes);
    }
}
