//! Connections whose bytes are passed on as they are. The client is decided about once, by the same verdicts and the same rule program as
//! a request, and again whenever trust changes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign_rules::Decision;
use countersign_snapshot::{ProxyProtocol, Refused, RequestFacts, Service, TcpService};
use countersign_tls::TlsStream;
use countersign_trust::Reason;
use http::HeaderMap;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::connection::{Connection, Ending, Trust};
use crate::http::{self as requests, Identity, Rejection};
use crate::origin::{OriginError, OriginIo};
use crate::proxy_protocol::{Ends, write};
use crate::relay::{Counted, End, Side, Traffic, relay};
use passage::Passage;

mod passage;

/// For a refused client, to take note of the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Passes a connection on, from its decision to its last byte.
pub(crate) async fn serve(
    connection: Arc<Connection>,
    mut client: Box<TlsStream<TcpStream>>,
    ends: Ends,
) {
    let mut passage = Passage::begin(&connection);
    let opened = open(&connection, &client, ends, &mut passage).await;
    let (origin, idle) = match opened {
        Ok(opened) => opened,
        Err(rejection) => {
            passage.refused(rejection);
            // Nothing was passed on, so that a clean end is no lie.
            let _ = tokio::time::timeout(FAREWELL, say_goodbye(&mut client)).await;
            return;
        }
    };
    let traffic = Traffic::default();
    let mut client: Counted<'_, _> = Counted::new(client, Side::Client, &traffic, &connection);
    let mut origin: Counted<'_, _> = Counted::new(origin, Side::Origin, &traffic, &connection);
    let end = relay(&mut client, &mut origin, &traffic, &connection, idle).await;
    passage.moved(traffic.from(Side::Client), traffic.from(Side::Origin));
    match end {
        End::Itself => passage.completed(),
        End::Broken(Side::Client) => passage.ended("the client broke the connection"),
        End::Broken(Side::Origin) => passage.ended("the origin broke the connection"),
        End::Idle => passage.ended("no byte came for too long"),
        End::Cut(Ending::CutOff) => passage.refused(why_cut_off(&connection)),
        End::Cut(_) => passage.ended("the node went away"),
    }
    if end != End::Itself {
        // What was passed on may be half of something. Neither side may take it for the whole: no close_notify, and a reset.
        origin.into_inner().abort();
    }
}

async fn say_goodbye(client: &mut TlsStream<TcpStream>) -> io::Result<()> {
    client.shutdown().await?;
    // Data that comes in after the socket is closed would reset the connection.
    tokio::io::copy(client, &mut tokio::io::sink()).await?;
    Ok(())
}

/// Decides, and connects to the origin.
async fn open(
    connection: &Arc<Connection>,
    client: &TlsStream<TcpStream>,
    ends: Ends,
    passage: &mut Passage,
) -> Result<(OriginIo, Duration), Rejection> {
    let (trust, admission) = connection
        .admit(connection.node().now())
        .map_err(|broken| Rejection::new(broken.reason()))?;
    passage.admitted(&trust, admission);
    let decision = decide(connection, &trust, |decision, facts| {
        passage.decided(decision, facts);
    })?;
    requests::limit(connection, &trust, &decision)?;
    let binding = trust.binding();
    let Service::Tcp(service) = &binding.checked().binding.service else {
        return Err(Rejection::new(Reason::MisdirectedRequest));
    };
    let origin = requests::origin(connection, &trust, binding, &decision)?;
    passage.origin(&origin);
    let header = header(
        service, connection, client, ends, &trust, &decision, passage,
    )?;
    let (stream, address) = origin.dial(&header).await.map_err(unreachable)?;
    passage.connected(address);
    Ok((stream, service.idle))
}

fn unreachable(error: OriginError) -> Rejection {
    Rejection::because(error.reason, error.detail)
}

/// The decision about the connection under this trust; `look` sees it also when it is a refusal.
fn decide<'t>(
    connection: &Connection,
    trust: &'t Trust,
    look: impl FnOnce(&Decision<'_>, &RequestFacts<'_>),
) -> Result<Decision<'t>, Rejection> {
    let binding = trust.binding().checked();
    if binding.binding.service == Service::Http {
        return Err(Rejection::because(
            Reason::MisdirectedRequest,
            "the name is bound to HTTP now",
        ));
    }
    if let Some(refused) = trust.refused() {
        return Err(Rejection::of(refused));
    }
    let headers = HeaderMap::new();
    let facts = RequestFacts {
        binding,
        verdicts: trust.verdicts(),
        peer: connection.peer(),
        fingerprints: RequestFacts::fingerprints_of(connection.peer()),
        host: connection.server_name(),
        method: RequestFacts::METHOD_OF_BYTES,
        path: RequestFacts::PATH_OF_BYTES,
        query: None,
        headers: &headers,
        client: connection.client().ip(),
        now: connection.node().now(),
    };
    let decision = binding.program.decide(&facts);
    look(&decision, &facts);
    match Refused::of_bytes(decision.outcome, binding, trust.verdicts()) {
        None => Ok(decision),
        Some(refused) => Err(Rejection::of(refused)),
    }
}

/// Whether the decision about a live connection is still the same under the trust of now.
pub(crate) fn may_go_on(connection: &Connection, trust: &Trust) -> bool {
    decide(connection, trust, |_, _| ()).is_ok()
}

fn why_cut_off(connection: &Connection) -> Rejection {
    let reason = match connection.trust(connection.node().now()) {
        Ok(trust) => decide(connection, &trust, |_, _| ()).err(),
        Err(broken) => Some(Rejection::new(broken.reason())),
    };
    // Trust may have come back in between; the connection is ended all the same.
    reason.unwrap_or_else(|| Rejection::new(Reason::TrustUnavailable))
}

/// What the origin is told before the first byte.
fn header(
    service: &TcpService,
    connection: &Connection,
    client: &TlsStream<TcpStream>,
    ends: Ends,
    trust: &Trust,
    decision: &Decision<'_>,
    passage: &Passage,
) -> Result<Vec<u8>, Rejection> {
    let with_certificate = match service.proxy_protocol {
        ProxyProtocol::Off => return Ok(Vec::new()),
        ProxyProtocol::V1 => return Ok(write::version_1(ends)),
        ProxyProtocol::V2 => false,
        ProxyProtocol::V2WithCertificate => true,
    };
    let valid = match requests::identity_of(trust, decision) {
        Identity::Valid(chain) => Some(chain),
        Identity::Invalid(_) | Identity::Missing => None,
    };
    let told = write::Told {
        ends,
        server_name: connection.server_name().as_str(),
        alpn: client.alpn_protocol(),
        id: passage.id(),
        tls: connection.tls(),
        peer: connection.peer(),
        valid,
        // One that was not verified would be believed by origins that do not look at `verify`.
        certificate: valid
            .filter(|_| with_certificate)
            .map(|chain| chain.identity().certificate().der()),
    };
    // Left out, it could not be told from that of a client without one.
    write::version_2(&told).map_err(|write::TooLong| {
        Rejection::because(
            Reason::ChainTooLarge,
            "the client's certificate does not fit into the PROXY header",
        )
    })
}
