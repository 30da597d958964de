//! From a decided request to the origin's response.

use std::borrow::Cow;
use std::sync::Arc;

use countersign_rules::ForwardHost;
use countersign_trust::Reason;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode, Version, response};
use hyper::body::Body;

use super::authority::Authority;
use super::body::{RequestBody, ResponseBody};
use super::exchange::Exchange;
use super::inbound::Inbound;
use super::refusal::Rejection;
use super::signature::Signing;
use super::tunnel::{self, Tunnel};
use super::{grpc, hop_by_hop, render::Changes};
use crate::origin::{
    self, AskedHost, Lease, Needs, Origin, OriginError, Outgoing, SuspectedRefusal,
};

/// Everything that was decided about a request that goes to an origin.
pub(crate) struct Forwarding<'a> {
    pub(crate) origin: Arc<Origin>,
    /// What the origin sees as host, when a rule says it.
    pub(crate) host: Option<ForwardHost<'a>>,
    pub(crate) signing: Option<Signing<'a>>,
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
    let deadline = exchange
        .is_grpc
        .then(|| grpc::deadline(&parts.headers))
        .flatten();
    let outgoing = Outgoing {
        parts,
        body,
        upload: exchange.upload.clone(),
        host: asked_host(&origin, forwarding.host, authority),
        signing: forwarding.signing,
        needs: match &forwarding.websocket {
            Some(_) => Needs::AnUpgrade,
            None if exchange.is_grpc => Needs::Grpc,
            None => Needs::Nothing,
        },
        client_connection: exchange.connection().id(),
    };
    let sending = origin.send(outgoing, &mut exchange.origin_attempts);
    let sent = match deadline {
        None => sending.await,
        Some(limit) => tokio::time::timeout(limit, sending)
            .await
            .unwrap_or_else(|_| Err(OriginError::deadline(limit))),
    };
    let (head, lease) = sent.map_err(|error| failed(error, exchange))?;
    exchange.origin_answered(&lease);
    if origin::suspected_refusal(&origin, &head) {
        return answer_or_refusal(head, lease, &mut forwarding).await;
    }
    answer(head, lease, &mut forwarding, exchange)
}

/// What the origin is asked for: as a rule says, or as the origin's own setting does.
fn asked_host<'a>(
    origin: &'a Origin,
    chosen: Option<ForwardHost<'a>>,
    authority: &Authority,
) -> AskedHost<'a> {
    match chosen {
        Some(ForwardHost::Custom(name)) => AskedHost::Named(Cow::Borrowed(name)),
        Some(ForwardHost::Origin) => AskedHost::Endpoint,
        Some(ForwardHost::Request) => AskedHost::Named(Cow::Owned(authority.to_string())),
        None => origin.asked_host(|| authority.to_string()),
    }
}

fn failed(error: OriginError, exchange: &Exchange) -> Rejection {
    match &exchange.upload {
        Some(upload) if upload.timed_out() => {
            Rejection::because(Reason::MalformedRequest, "the request body stopped")
                .with_status(StatusCode::REQUEST_TIMEOUT)
                .closing()
        }
        Some(upload) if upload.failed() => {
            Rejection::because(Reason::MalformedRequest, "the request body ended early").closing()
        }
        _ => rejection(error),
    }
}

fn rejection(error: OriginError) -> Rejection {
    Rejection::because(error.reason, Cow::Owned(error.detail))
}

fn answer(
    mut head: response::Parts,
    lease: Lease,
    forwarding: &mut Forwarding<'_>,
    exchange: &mut Box<Exchange>,
) -> Result<Response<ResponseBody>, Rejection> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return switch(head, lease, forwarding, exchange);
    }
    dress(&mut head, forwarding)?;
    Ok(Response::from_parts(head, ResponseBody::origin(lease)))
}

/// As [`answer`], for one that may be the origin's page about our certificate.
async fn answer_or_refusal(
    mut head: response::Parts,
    lease: Lease,
    forwarding: &mut Forwarding<'_>,
) -> Result<Response<ResponseBody>, Rejection> {
    let body = match SuspectedRefusal::read(lease).await.map_err(rejection)? {
        SuspectedRefusal::Answer(body) => body,
        SuspectedRefusal::Refusal(error) => return Err(rejection(error)),
    };
    dress(&mut head, forwarding)?;
    Ok(Response::from_parts(head, ResponseBody::ours(body)))
}

/// Makes the head of an origin's response the head of ours.
fn dress(parts: &mut response::Parts, forwarding: &mut Forwarding<'_>) -> Result<(), Rejection> {
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
    Ok(())
}

/// The origin agreed to a WebSocket: what follows on both connections is passed on as it is.
fn switch(
    mut head: response::Parts,
    lease: Lease,
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
    if !tunnel::is_websocket(&head.headers) {
        return Err(unasked());
    }
    if key
        .as_ref()
        .is_some_and(|key| !key.is_accepted_by(&head.headers))
    {
        return Err(Rejection::because(
            Reason::OriginUnreachable,
            "the origin's Sec-WebSocket-Accept is not the answer to the key",
        ));
    }
    let origin = lease.upgraded().ok_or_else(unasked)?;
    exchange.tunnel = Some(Box::new(Tunnel {
        client,
        origin,
        exchange: None,
    }));
    let _ = hop_by_hop::remove(&mut head.headers, |_| false);
    std::mem::take(&mut forwarding.response_changes).apply(&mut head.headers);
    if key.is_some() {
        tunnel::answer_connect(&mut head);
    } else {
        head.headers
            .insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers
            .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    head.extensions.clear();
    Ok(Response::from_parts(head, ResponseBody::ours("")))
}
