//! From a decided request to the origin's response.

use std::borrow::Cow;
use std::fmt::Write;

use countersign_rules::ForwardHost;
use countersign_snapshot::{Endpoint, HostHeader};
use countersign_trust::Reason;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::{Body, Incoming};

use super::authority::Authority;
use super::body::{RequestBody, ResponseBody};
use super::exchange::Exchange;
use super::inbound::Inbound;
use super::refusal::Rejection;
use super::tunnel::{self, Tunnel};
use super::{hop_by_hop, render::Changes};
use crate::origin::{Lease, Origin, OriginError, Wanted};
use std::sync::Arc;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Everything that was decided about a request that goes to an origin.
pub(crate) struct Forwarding<'a> {
    pub(crate) origin: Arc<Origin>,
    /// Whether a rule chose the origin, and with it what the origin sees as host.
    pub(crate) host: Option<ForwardHost<'a>>,
    pub(crate) response_changes: Changes,
    pub(crate) websocket: Option<WebSocket>,
}

/// A WebSocket that is asked for.
pub(crate) struct WebSocket {
    /// What becomes of the client's side of it.
    pub(crate) client: hyper::upgrade::OnUpgrade,
    /// Ours, where the client's protocol has none.
    pub(crate) key: Option<tunnel::Key>,
}

/// Sets the headers that every origin gets. Inbound ones of these names are replaced: the edge is the first hop that is trusted.
pub(crate) fn set_forwarded(
    headers: &mut HeaderMap,
    client: std::net::IpAddr,
    authority: &Authority,
    received: Version,
) {
    super::identity::strip_where(headers, |name| {
        name == header::FORWARDED || name.as_str().starts_with("x-forwarded-")
    });
    let mut text = String::with_capacity(48);
    // Writing to a string does not fail.
    let _ = write!(text, "{client}");
    insert(headers, X_FORWARDED_FOR, &text);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("https"));
    insert(headers, X_FORWARDED_HOST, &authority.to_string());
    // RFC 9110 §7.6.3: a gateway "MUST send an appropriate Via header field in each inbound request message".
    headers.append(
        header::VIA,
        HeaderValue::from_static(match received {
            Version::HTTP_3 => "3 countersign",
            Version::HTTP_2 => "2 countersign",
            _ => "1.1 countersign",
        }),
    );
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Sends the request and takes the response over.
pub(crate) async fn forward(
    mut parts: Parts,
    body: Inbound,
    authority: &Authority,
    mut forwarding: Forwarding<'_>,
    exchange: &mut Box<Exchange>,
) -> Result<Response<ResponseBody>, Rejection> {
    let origin = Arc::clone(&forwarding.origin);
    exchange.origin = Some(Arc::clone(&origin));
    let limits = &exchange.connection().node().limits;
    let body = if body.is_end_stream() {
        RequestBody::Empty
    } else {
        let (body, upload) = RequestBody::streaming(
            body,
            limits.request_body_idle,
            Arc::clone(exchange.connection()),
        );
        exchange.upload = Some(upload);
        body
    };
    // The edge answers `Expect: 100-continue` itself, when it first asks for the body, which is when the origin is connected.
    parts.headers.remove(header::EXPECT);
    if let Some(websocket) = &forwarding.websocket {
        if let Some(key) = &websocket.key {
            parts
                .headers
                .insert(header::SEC_WEBSOCKET_KEY, key.to_header());
        }
        parts
            .headers
            .insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        parts
            .headers
            .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    let wanted = if forwarding.websocket.is_some() {
        Wanted::New
    } else {
        Wanted::Any
    };
    let lease = origin.lease(wanted).await.map_err(rejection)?;
    set_host(
        &mut parts.headers,
        authority,
        &origin,
        lease.endpoint(),
        forwarding.host,
    );
    parts.uri = origin_form(&parts.uri);
    let (response, lease) = send(parts, body, lease, &origin, exchange).await?;
    exchange.origin_answered();
    exchange.origin_address = Some(lease.address());
    exchange.origin_reused = lease.is_reused();
    answer(response, lease, &mut forwarding, exchange)
}

async fn send(
    parts: Parts,
    body: RequestBody,
    mut lease: Lease,
    origin: &Arc<Origin>,
    exchange: &Exchange,
) -> Result<(Response<Incoming>, Lease), Rejection> {
    // An origin may close an idle connection while the request is on its way. RFC 9110 §9.2.2: a proxy may repeat what is idempotent.
    let repeatable =
        (lease.is_reused() && matches!(body, RequestBody::Empty) && is_idempotent(&parts.method))
            .then(|| parts.clone());
    let request = outgoing(parts, body);
    let error = match deadline(origin, lease.send(request)).await? {
        Ok(response) => return Ok((response, lease)),
        Err(error) => error,
    };
    let mut error = error;
    let again = match (error.take_message(), repeatable) {
        // Not a byte was sent.
        (Some(request), _) if lease.is_reused() => request,
        (None, Some(parts)) => outgoing(parts, RequestBody::Empty),
        _ => return Err(failed(error.error(), exchange)),
    };
    let mut lease = origin.lease(Wanted::New).await.map_err(rejection)?;
    match deadline(origin, lease.send(again)).await? {
        Ok(response) => Ok((response, lease)),
        Err(error) => Err(failed(error.error(), exchange)),
    }
}

/// An HTTP/1.1 request, made by the engine anew from parsed parts: no byte of the client's framing reaches the origin (threats C5.2).
fn outgoing(parts: Parts, body: RequestBody) -> Request<RequestBody> {
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = parts.uri;
    *request.headers_mut() = parts.headers;
    request
}

async fn deadline<T>(origin: &Origin, sending: impl Future<Output = T>) -> Result<T, Rejection> {
    let limit = origin.timeouts().first_byte;
    tokio::time::timeout(limit, sending).await.map_err(|_| {
        Rejection::because(
            Reason::OriginTimeout,
            format!("no response within {} ms", limit.as_millis()),
        )
    })
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn failed(error: &hyper::Error, exchange: &Exchange) -> Rejection {
    match &exchange.upload {
        Some(upload) if upload.timed_out() => {
            Rejection::because(Reason::MalformedRequest, "the request body stopped")
                .with_status(StatusCode::REQUEST_TIMEOUT)
                .closing()
        }
        Some(upload) if upload.failed() => {
            Rejection::because(Reason::MalformedRequest, "the request body ended early").closing()
        }
        _ => rejection(OriginError::http(error)),
    }
}

fn rejection(error: OriginError) -> Rejection {
    Rejection::because(error.reason, Cow::Owned(error.detail))
}

fn answer(
    response: Response<Incoming>,
    lease: Lease,
    forwarding: &mut Forwarding<'_>,
    exchange: &mut Box<Exchange>,
) -> Result<Response<ResponseBody>, Rejection> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return switch(response, forwarding, exchange);
    }
    let idle = forwarding.origin.timeouts().idle;
    let (mut parts, incoming) = response.into_parts();
    if hop_by_hop::remove(&mut parts.headers, |name| *name == header::CONTENT_LENGTH).is_err() {
        return Err(Rejection::because(
            Reason::OriginUnreachable,
            "the origin's response has too many connection options",
        ));
    }
    parts.headers.remove(header::TE);
    // Where this host can be reached otherwise is not for the origin to say: it would lead clients past the edge.
    parts.headers.remove(header::ALT_SVC);
    std::mem::take(&mut forwarding.response_changes).apply(&mut parts.headers);
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    Ok(Response::from_parts(
        parts,
        ResponseBody::origin(incoming, idle, lease),
    ))
}

/// The origin agreed to a WebSocket: what follows on both connections is passed on as it is.
fn switch(
    mut response: Response<Incoming>,
    forwarding: &mut Forwarding<'_>,
    exchange: &mut Box<Exchange>,
) -> Result<Response<ResponseBody>, Rejection> {
    let unasked = || {
        Rejection::because(
            Reason::OriginUnreachable,
            "the origin switched to a protocol that nobody asked for",
        )
    };
    let Some(WebSocket { client, key }) = forwarding.websocket.take() else {
        return Err(unasked());
    };
    if !tunnel::is_websocket(response.headers()) {
        return Err(unasked());
    }
    if key
        .as_ref()
        .is_some_and(|key| !key.is_accepted_by(response.headers()))
    {
        return Err(Rejection::because(
            Reason::OriginUnreachable,
            "the origin's Sec-WebSocket-Accept is not the answer to the key",
        ));
    }
    let origin = hyper::upgrade::on(&mut response);
    exchange.tunnel = Some(Box::new(Tunnel {
        client,
        origin,
        exchange: None,
    }));
    let (mut parts, _) = response.into_parts();
    let _ = hop_by_hop::remove(&mut parts.headers, |_| false);
    std::mem::take(&mut forwarding.response_changes).apply(&mut parts.headers);
    if key.is_some() {
        tunnel::answer_connect(&mut parts);
    } else {
        parts
            .headers
            .insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        parts
            .headers
            .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    parts.extensions.clear();
    Ok(Response::from_parts(parts, ResponseBody::ours("")))
}

/// Path and query only (RFC 9112 §3.2.1), byte for byte those that the rules saw (invariant I4).
fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query()
        .cloned()
        .map_or_else(Uri::default, Uri::from)
}

fn set_host(
    headers: &mut HeaderMap,
    authority: &Authority,
    origin: &Origin,
    endpoint: Option<&Endpoint>,
    chosen: Option<ForwardHost<'_>>,
) {
    enum Host<'a> {
        Custom(&'a str),
        Origin,
        Request,
    }
    let host = match (chosen, origin.host_header()) {
        (Some(ForwardHost::Custom(name)), _) => Host::Custom(name),
        (Some(ForwardHost::Origin), _) | (None, HostHeader::Origin) => Host::Origin,
        (Some(ForwardHost::Request), _) | (None, HostHeader::Request) => Host::Request,
        (None, HostHeader::Custom(name)) => Host::Custom(name),
    };
    let text = match (host, endpoint) {
        (Host::Custom(name), _) => Cow::Borrowed(name),
        (Host::Origin, Some(endpoint)) => Cow::Owned(host_and_port(endpoint, origin.is_tls())),
        (Host::Origin | Host::Request, _) => Cow::Owned(authority.to_string()),
    };
    headers.remove(header::HOST);
    insert(headers, header::HOST, &text);
}

fn host_and_port(endpoint: &Endpoint, tls: bool) -> String {
    let host = if endpoint.host.contains(':') {
        format!("[{}]", endpoint.host)
    } else {
        endpoint.host.clone()
    };
    match (endpoint.port, tls) {
        (443, true) | (80, false) => host,
        (port, _) => format!("{host}:{port}"),
    }
}
