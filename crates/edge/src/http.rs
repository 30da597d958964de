//! One request, from its head to the response: read, judged, decided, answered.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use countersign_rules::{Decision, EnforcementResult, Outcome, path};
use countersign_snapshot::{HttpVersions, Refused, RequestFacts, is_identity_header, is_served};
use countersign_trust::{Reason, Verdict};
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::Scheme;
use http::{Method, Request, Response, StatusCode, Version};

use crate::Limits;
use crate::connection::{Connection, Ending, Trust};
use crate::enforced::EnforcedBinding;
use crate::origin::Origin;
use authority::Authority;
use forward::Forwarding;
use refusal::{After, Form};
use render::Changes;
use tunnel::Asks;

pub(crate) mod authority;
mod body;
mod cookies;
mod exchange;
mod forward;
mod forwarded;
mod grpc;
mod hop_by_hop;
mod identity;
mod idle_timer;
mod inbound;
pub(crate) mod refusal;
pub(crate) mod render;
mod signature;
pub(crate) mod tunnel;

pub(crate) use body::{BodyError, RequestBody, ResponseBody, Upload};
pub(crate) use exchange::Exchange;
pub(crate) use grpc::status_in as grpc_status;
pub(crate) use identity::{Encoded, Identity};
pub(crate) use idle_timer::IdleTimer;
pub(crate) use inbound::Inbound;
pub(crate) use refusal::Rejection;
pub(crate) use signature::{OpenKeyError, RequestSigner, Signing};

/// Answers one request. Refusals are responses; there is no other error.
pub(crate) async fn serve(
    connection: Arc<Connection>,
    request: Request<Inbound>,
) -> Result<Response<ResponseBody>, Infallible> {
    let mut exchange = Exchange::begin(&connection, request.method(), request.uri());
    let version = request.version();
    let asks = tunnel::asked_for(&request);
    exchange.is_grpc = grpc::is_grpc(version, request.headers());
    // Only refusals look at it, and the headers are gone by then.
    let form = Form::wanted(exchange.is_grpc, request.headers());
    let answered = answer(&connection, request, asks, &mut exchange).await;
    let answered = answered.and_then(|response| tunnel::is_answer(asks, response, &exchange));
    let mut response = match answered {
        Ok(response) => response,
        Err(rejection) => {
            exchange.reason = Some(rejection.reason);
            if rejection.connection == After::Closes {
                connection.end(Ending::Graceful);
            }
            let page = rejection.page(form, version, &exchange.request_id());
            exchange.detail = rejection.detail;
            exchange.rule = rejection.rule.or(exchange.rule.take());
            page
        }
    };
    if let Some(alt_svc) = alt_svc(&connection, &exchange) {
        response
            .headers_mut()
            .entry(header::ALT_SVC)
            .or_insert(alt_svc);
    }
    if let Some(strict_transport) = strict_transport(&connection, &exchange) {
        // Whatever the origin says: it has one value, and browsers heed the first (RFC 6797 §8.1).
        response
            .headers_mut()
            .insert(header::STRICT_TRANSPORT_SECURITY, strict_transport);
    }
    exchange.answered(response.status(), response.headers());
    match exchange.tunnel.take() {
        Some(mut tunnel) => {
            tunnel.exchange = Some(exchange);
            tunnel::begin(tunnel, asks, connection);
        }
        None => response.body_mut().closes(exchange),
    }
    Ok(response)
}

async fn answer(
    connection: &Arc<Connection>,
    mut request: Request<Inbound>,
    asks: Asks,
    exchange: &mut Box<Exchange>,
) -> Result<Response<ResponseBody>, Rejection> {
    if connection.node().requests.load(Ordering::Relaxed) > connection.node().limits.requests {
        return Err(Rejection::because(
            Reason::Overloaded,
            "too many requests are in flight",
        ));
    }
    let (trust, admission) = connection
        .admit(exchange.time())
        .map_err(|broken| Rejection::new(broken.reason()).closing())?;
    exchange.admission = admission;
    exchange.trust = Some(Arc::clone(&trust));
    require(&trust)?;
    let upgrade = (asks != Asks::Nothing).then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    let key = tunnel::translate(&mut parts, asks)?;
    let authority = well_formed(&parts, connection)?;
    exchange.host = Some(Arc::clone(&authority.name));
    let binding = bind(connection, &authority, &trust)?;
    exchange.binding = Some(Arc::clone(&binding));
    clean(&mut parts)?;
    let (decision, changes) = decide(connection, &trust, &binding, &authority, &parts, exchange);
    match decision.outcome {
        Outcome::Forward => {}
        Outcome::Deny(denial) => {
            let refused = Refused::by_rule(denial, binding.checked(), trust.verdicts());
            return Err(Rejection::of(refused));
        }
        Outcome::Respond(response) => return Ok(changes.dress(respond(response)?)),
        Outcome::Redirect(redirect) => {
            let location = changes.location.clone();
            return Ok(changes.dress(redirected(redirect, location)?));
        }
    }
    limit(connection, &trust, &decision)?;
    let origin = origin(connection, &trust, &binding, &decision)?;
    changes.request.apply(&mut parts.headers);
    forwarded::set(
        &mut parts.headers,
        origin.forwarded(),
        connection.client().ip().to_canonical(),
        connection.client_text(),
        &authority,
        parts.version,
        connection.is_over_tls(),
    );
    identity::write(
        &mut parts.headers,
        decision.forward_identity,
        identity_of(&trust, &decision),
        connection.forwarded_identity(),
    );
    let forwarding = Forwarding {
        origin,
        host: decision.forward_host,
        signing: signing(&trust, &decision, &authority)?,
        response_changes: changes.response,
        websocket: upgrade.map(|client| forward::WebSocket { client, key }),
    };
    forward::forward(parts, body, &authority, forwarding, exchange).await
}

/// The signature that the rules want. A request that cannot have it is not sent (checked snapshots have a key where one is needed).
fn signing<'a>(
    trust: &'a Trust,
    decision: &Decision<'_>,
    authority: &'a Authority,
) -> Result<Option<Signing<'a>>, Rejection> {
    if !decision.forward_identity.signed {
        return Ok(None);
    }
    let signer = trust.enforced().signer();
    let signer = signer.ok_or_else(|| {
        Rejection::because(Reason::OriginUnreachable, "there is no key to sign with")
    })?;
    let name = &authority.name;
    Ok(Some(Signing { signer, name }))
}

/// Where HTTP/3 is, when the request's binding tells its clients. RFC 7838 §6: a 421 is no answer of the binding, and has none.
fn alt_svc(connection: &Connection, exchange: &Exchange) -> Option<HeaderValue> {
    let binding = exchange.binding.as_ref()?;
    let tells = binding.checked().binding.tls.http == HttpVersions::Http1ToHttp3;
    connection.node().alt_svc.clone().filter(|_| tells)
}

/// What is told about coming without TLS: by the name that the request is for, whatever the answer, and by the name of the handshake when a
/// refusal came before that was known. Only a binding over TLS has something to tell.
fn strict_transport(connection: &Connection, exchange: &Exchange) -> Option<HeaderValue> {
    if let Some(binding) = &exchange.binding {
        return binding.strict_transport().cloned();
    }
    let trust = exchange
        .trust
        .clone()
        .unwrap_or_else(|| connection.latest());
    let name = exchange.host.as_ref().unwrap_or(connection.server_name());
    let binding = trust.enforced().resolve(name);
    let binding = binding.filter(|_| connection.is_over_tls())?;
    binding.strict_transport().cloned()
}

/// Where a certificate is required, a verdict that is not good, or went bad since the handshake, ends the connection with an explanation.
fn require(trust: &Trust) -> Result<(), Rejection> {
    match trust.refused() {
        None => Ok(()),
        Some(refused) => Err(Rejection::of(refused).closing()),
    }
}

/// What every request must be, whoever sends it.
fn well_formed(parts: &Parts, connection: &Connection) -> Result<Authority, Rejection> {
    let malformed = |detail: &'static str| Rejection::because(Reason::MalformedRequest, detail);
    if parts.version == Version::HTTP_2 {
        fits(parts, &connection.node().limits)?;
    }
    let authority = authority::of(parts, Some(connection.server_name()))
        .map_err(|error| malformed(error.as_str()).closing())?;
    if !is_served(parts.method.as_str()) {
        return Err(malformed("the method is not served")
            .with_status(StatusCode::METHOD_NOT_ALLOWED)
            .closing());
    }
    let scheme = if connection.is_over_tls() {
        Scheme::HTTPS
    } else {
        Scheme::HTTP
    };
    if parts.uri.scheme().is_some_and(|asked| *asked != scheme) && parts.version < Version::HTTP_2 {
        return Err(malformed(
            "the request target has another scheme than the connection",
        ));
    }
    if parts
        .headers
        .get_all(header::CONTENT_LENGTH)
        .iter()
        .nth(1)
        .is_some()
    {
        return Err(malformed("the request has several Content-Length headers").closing());
    }
    // RFC 9113 §8.2.2: connection-specific fields make an HTTP/2 request malformed. The engine sees to it; this is the second lock.
    if parts.version >= Version::HTTP_2 && parts.headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(malformed("the request has a Transfer-Encoding in HTTP/2"));
    }
    if parts.method == Method::OPTIONS && parts.uri.path() == "*" {
        return Ok(authority);
    }
    // Of `https://a.test?x` the library says that the path is `/`, and writes `?x` (invariant I4).
    let written = parts
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    if !written.starts_with('/') {
        let ambiguity = path::Ambiguity::NotAbsolute;
        return Err(Rejection::because(
            Reason::AmbiguousPath,
            ambiguity.as_str(),
        ));
    }
    path::check(parts.uri.path())
        .map_err(|ambiguity| Rejection::because(Reason::AmbiguousPath, ambiguity.as_str()))?;
    Ok(authority)
}

/// The binding of the request's own name. Another policy than the connection's is answered with 421 before any rule or origin hears of
/// the request (threats C2.1, C2.5; RFC 9110 §15.5.20).
fn bind(
    connection: &Connection,
    authority: &Authority,
    trust: &Trust,
) -> Result<Arc<EnforcedBinding>, Rejection> {
    let binding = trust
        .enforced()
        .resolve(&authority.name)
        .ok_or_else(|| Rejection::new(Reason::UnknownServerName))?;
    // A name whose bytes are passed on has no requests.
    let over_tls = connection.is_over_tls();
    let identity = |binding: &EnforcedBinding| binding.checked().policy_identity;
    match binding.serves_requests(over_tls) {
        false if !over_tls => Err(Rejection::new(Reason::TlsRequired).closing()),
        true if identity(binding) == identity(trust.binding()) => Ok(Arc::clone(binding)),
        _ => Err(Rejection::new(Reason::MisdirectedRequest)),
    }
}

/// The engines of the other versions see to it. What a field counts for is in RFC 9113 §6.5.2.
fn fits(parts: &Parts, limits: &Limits) -> Result<(), Rejection> {
    const EACH: usize = 32;
    let fields = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + EACH);
    let target = parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let detail = if target + fields.sum::<usize>() > limits.request_head_bytes {
        "the head of the request is too large"
    } else if parts.headers.len() > limits.request_headers {
        "the request has too many headers"
    } else {
        return Ok(());
    };
    Err(Rejection::because(Reason::RequestTooLarge, detail)
        .with_status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE))
}

/// Removes what only this connection means and what only the edge may say, so that rules see what the origin gets (invariant I3).
fn clean(parts: &mut Parts) -> Result<(), Rejection> {
    let framing = |name: &HeaderName| {
        matches!(
            *name,
            header::HOST | header::CONTENT_LENGTH | header::EXPECT
        )
    };
    hop_by_hop::remove(&mut parts.headers, framing).map_err(|_| {
        Rejection::because(
            Reason::MalformedRequest,
            "the Connection header has too many options",
        )
    })?;
    if parts.version >= Version::HTTP_2 {
        cookies::join(&mut parts.headers);
    }
    identity::strip(&mut parts.headers);
    Ok(())
}

/// What the rules want beside the outcome, with their templates filled in.
struct Wishes {
    request: Changes,
    response: Changes,
    location: Option<HeaderValue>,
}

impl Wishes {
    fn dress(self, mut response: Response<ResponseBody>) -> Response<ResponseBody> {
        self.response.apply(response.headers_mut());
        response
    }
}

fn decide<'p>(
    connection: &Connection,
    trust: &Trust,
    binding: &'p EnforcedBinding,
    authority: &Authority,
    parts: &Parts,
    exchange: &mut Exchange,
) -> (Decision<'p>, Wishes) {
    let facts = RequestFacts {
        binding: binding.checked(),
        verdicts: trust.verdicts(),
        peer: connection.peer(),
        fingerprints: RequestFacts::fingerprints_of(connection.peer()),
        host: &authority.name,
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        headers: &parts.headers,
        client: connection.client().ip(),
        now: exchange.time(),
    };
    let decision = binding.checked().program.decide(&facts);
    if exchange.is_logged() {
        exchange.custom_log = decision
            .custom_log
            .map(|template| render::for_log(template, &facts));
        exchange.rule = decision.enforced.map(|check| check.rule.to_owned());
        let let_through = decision
            .enforced
            .is_some_and(|check| check.result == EnforcementResult::Failed && !check.denies);
        if let_through {
            exchange.would_deny = exchange.rule.clone();
        }
    }
    let verified = decision.client_verified;
    let wishes = Wishes {
        request: Changes::of(
            &decision.request_headers,
            &facts,
            verified,
            may_change_request,
        ),
        response: Changes::of(
            &decision.response_headers,
            &facts,
            verified,
            may_change_response,
        ),
        location: match decision.outcome {
            Outcome::Redirect(redirect) => render::location(redirect, &facts),
            _ => None,
        },
    };
    (decision, wishes)
}

/// Framing, routing and identity are the edge's own.
fn may_change_request(name: &HeaderName) -> bool {
    !is_identity_header(name) && !hop_by_hop::is_framing(name) && *name != header::HOST
}

fn may_change_response(name: &HeaderName) -> bool {
    !hop_by_hop::is_framing(name)
}

/// Counts the request against the limit that the rules chose. Clients without a verified identity have none to be counted by; whether
/// they are let in at all is what the rules decide.
pub(crate) fn limit(
    connection: &Connection,
    trust: &Trust,
    decision: &Decision<'_>,
) -> Result<(), Rejection> {
    let Some(limit) = decision.rate_limit else {
        return Ok(());
    };
    let Identity::Valid(chain) = identity_of(trust, decision) else {
        return Ok(());
    };
    let node = connection.node();
    let client = chain.identity().certificate();
    if node.rate_limiter.admits(limit, client, node.now()) {
        Ok(())
    } else {
        Err(Rejection::because(Reason::RateLimited, limit.name.clone()))
    }
}

fn respond(response: &countersign_rules::Response) -> Result<Response<ResponseBody>, Rejection> {
    let status =
        StatusCode::from_u16(response.status).map_err(|_| Rejection::new(Reason::DeniedByRule))?;
    let mut answer = Response::new(ResponseBody::ours(response.body.clone()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    Ok(answer)
}

fn redirected(
    redirect: &countersign_rules::Redirect,
    location: Option<HeaderValue>,
) -> Result<Response<ResponseBody>, Rejection> {
    let status =
        StatusCode::from_u16(redirect.status).map_err(|_| Rejection::new(Reason::DeniedByRule))?;
    let location = location.ok_or_else(|| {
        Rejection::because(
            Reason::DeniedByRule,
            "the redirect's location is no header value",
        )
    })?;
    let mut answer = Response::new(ResponseBody::ours(""));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::LOCATION, location);
    Ok(answer)
}

pub(crate) fn origin(
    connection: &Connection,
    trust: &Trust,
    binding: &EnforcedBinding,
    decision: &Decision<'_>,
) -> Result<Arc<Origin>, Rejection> {
    let origins = trust.enforced().origins();
    let origin = match decision.origin {
        None => binding.origin(),
        // Checked when the snapshot was; a request is never sent elsewhere because of a gap.
        Some(key) => origins.of(key).ok_or_else(|| {
            Rejection::because(
                Reason::OriginUnreachable,
                "the rule's origin is not in the snapshot",
            )
        })?,
    };
    match &decision.origin_credential {
        None => Ok(Arc::clone(origin)),
        Some(credential) => {
            let node = connection.node();
            origins
                .with_credential(origin, credential, &node.sealing_key, &node.limits)
                .map_err(|error| Rejection::because(error.reason, error.detail))
        }
    }
}

/// Who the origin is told that the client is: a chain that satisfies what the decision rests on, or why there is none.
pub(crate) fn identity_of<'t>(trust: &'t Trust, decision: &Decision<'_>) -> Identity<'t> {
    let asked = decision
        .enforced
        .map(|enforced| enforced.ca_sets)
        .unwrap_or_default();
    match trust.verdict_for(asked) {
        Verdict::Valid(chain) if decision.client_verified => Identity::Valid(chain),
        Verdict::Valid(_) => Identity::Invalid(Reason::RevocationUnknown),
        Verdict::Missing => Identity::Missing,
        Verdict::Invalid(refusal) => Identity::Invalid(refusal.reason()),
    }
}
