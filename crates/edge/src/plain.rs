//! Connections without TLS. The head of the first request says for which name it is, as a ClientHello does. A binding that is served without
//! TLS takes the connection over; every other request gets one answer: where it is served, or why it is not.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use countersign_rules::path;
use countersign_snapshot::{Peer, PlainHttp};
use countersign_trust::Reason;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use tokio::net::TcpStream;

use crate::accept::OpenConnection;
use crate::accept::budget::HandshakePermit;
use crate::access_log::PlainRecord;
use crate::causes::with_causes;
use crate::connection::{Connection, Handshake, Protocol, drive, establish};
use crate::http::authority::{self, Authority};
use crate::http::refusal::Form;
use crate::http::{Rejection, ResponseBody};
use crate::node::Node;
use crate::panics::{Task, Watch};
use crate::proxy_protocol::Ends;
use head::{Head, HeadError};

mod answer;
mod head;

/// What becomes of a connection.
enum Way {
    /// The request is to be sent there.
    Redirect(HeaderValue),
    /// It is served.
    Serve(Arc<Connection>),
}

/// Runs one client connection from its first byte to its last: here until it is known what becomes of it, from then on where clients are served.
pub(crate) async fn run(
    node: Arc<Node>,
    mut stream: TcpStream,
    ends: Ends,
    permit: HandshakePermit,
    open: OpenConnection,
) {
    let began = Instant::now();
    let reading = head::read(&mut stream, &node.limits);
    let read = match tokio::time::timeout(node.limits.handshake, reading).await {
        Ok(Err(HeadError::Connection(_) | HeadError::Empty)) => return,
        Ok(Err(error)) => Err(Rejection::because(error.reason(), with_causes(&error))),
        Ok(Ok(head)) => Ok(head),
        Err(_) => Err(Rejection::because(
            Reason::MalformedRequest,
            "no whole request came in time",
        )),
    };
    drop(permit);
    let (parts, answer) = match read {
        Ok(Head { parts, bytes }) => match way(&node, ends, &parts) {
            Ok(Way::Serve(connection)) => {
                node.serving.spawn(serve(connection, stream, bytes, open));
                return;
            }
            Ok(Way::Redirect(location)) => (Some(parts), Ok(location)),
            Err(rejection) => (Some(parts), Err(rejection)),
        },
        Err(rejection) => (None, Err(rejection)),
    };
    let id = node.request_id(node.next_connection_id(), 0);
    let response = match &answer {
        Ok(location) => redirect(location.clone()),
        Err(rejection) => {
            let headers = parts.as_ref().map(|parts| &parts.headers);
            let form = headers.map_or(Form::Problem, |headers| Form::wanted(false, headers));
            rejection.page(form, Version::HTTP_11, &id)
        }
    };
    let rejection = answer.err();
    node.metrics
        .plain_answered(rejection.as_ref().map(|rejection| rejection.reason));
    let time = node.now();
    let record = PlainRecord {
        event: "plain_request",
        time: time.to_string(),
        network: node.network.as_str(),
        node: node.id.as_str(),
        generation: node.enforced().map(|it| it.generation().number()),
        request_id: &id,
        client_address: ends.client.ip().to_canonical(),
        client_port: ends.client.port(),
        method: parts.as_ref().map(|parts| parts.method.as_str()),
        host: parts.as_ref().and_then(|parts| host(&parts.headers)),
        status: response.status().as_u16(),
        reason: rejection.as_ref().map(|rejection| rejection.reason.code()),
        detail: rejection.as_ref().and_then(|it| it.detail.as_deref()),
        duration_ms: began.elapsed().as_secs_f64() * 1000.0,
    };
    node.access_log.write(time, &record);
    let is_head = parts.is_some_and(|parts| parts.method == Method::HEAD);
    answer::send(stream, response, is_head).await;
}

async fn serve(connection: Arc<Connection>, stream: TcpStream, head: Bytes, _open: OpenConnection) {
    let _watch = Watch::new(connection.node(), Task::Connection);
    let _registered = establish::register(connection.node(), &connection);
    match moved_here(stream).await {
        Ok(stream) => drive::serve_plain(connection, stream, head).await,
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a connection was closed after its first request was read"
        ),
    }
}

/// The stream, driven by the runtime that this is called in, which knows that it can be written to.
async fn moved_here(stream: TcpStream) -> io::Result<TcpStream> {
    let stream = TcpStream::from_std(stream.into_std()?)?;
    stream.writable().await?;
    Ok(stream)
}

/// As the client wrote it, for the log.
fn host(headers: &HeaderMap) -> Option<&str> {
    /// As long as a name with a port can be.
    const MAX_BYTES: usize = 260;
    let host = headers.get(header::HOST)?.to_str().ok()?;
    host.get(..host.len().min(MAX_BYTES))
}

/// What is done with the first request. Whatever nobody said may be served without TLS is refused.
fn way(node: &Arc<Node>, ends: Ends, parts: &Parts) -> Result<Way, Rejection> {
    let enforced = node
        .enforced()
        .ok_or_else(|| Rejection::new(Reason::TrustUnavailable))?;
    let authority = authority::of(parts, None)
        .map_err(|error| Rejection::because(Reason::MalformedRequest, error.as_str()))?;
    let binding = enforced
        .resolve(&authority.name)
        .ok_or_else(|| Rejection::new(Reason::UnknownServerName))?;
    match binding.checked().binding.plain_http {
        PlainHttp::Refuse => Err(Rejection::new(Reason::TlsRequired)),
        PlainHttp::Redirect => location(&authority, parts, node.https_port).map(Way::Redirect),
        PlainHttp::Serve => Connection::new(
            Arc::clone(node),
            Handshake {
                client: ends.client,
                server_name: authority.name,
                protocol: Protocol::Http1,
                tls: None,
                peer: Peer::Absent,
                asked: false,
            },
        )
        .map(Way::Serve)
        .map_err(|broken| Rejection::new(broken.reason())),
    }
}

/// The same place over HTTPS.
fn location(authority: &Authority, parts: &Parts, port: u16) -> Result<HeaderValue, Rejection> {
    const HTTPS: u16 = 443;
    let malformed = |detail| Rejection::because(Reason::MalformedRequest, detail);
    let target = parts.uri.path_and_query().map(|target| target.as_str());
    let target = target
        .filter(|target| target.starts_with('/'))
        .ok_or_else(|| malformed("the request target is no path"))?;
    // What two parsers could read differently is passed to nobody, a browser's included (invariant I4).
    path::check(parts.uri.path())
        .map_err(|ambiguity| Rejection::because(Reason::AmbiguousPath, ambiguity.as_str()))?;
    let name = &authority.name;
    let location = if port == HTTPS {
        format!("https://{name}{target}")
    } else {
        format!("https://{name}:{port}{target}")
    };
    HeaderValue::try_from(location).map_err(|_| malformed("the request target is no URL"))
}

/// RFC 9110 §15.4.9: with 308 the method and the body stay what they are.
fn redirect(location: HeaderValue) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::ours(""));
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(header::LOCATION, location);
    response
}
