//! Who asks: bearer tokens, signed requests and client certificates.
//!
//! An `Authorization` header goes before a certificate: it was put there for this request, while clients send their certificate everywhere.

use bytes::Bytes;
use countersign_api::ValidityDate;
use countersign_snapshot::Secret;
use countersign_trust::UnixTime;
use http::HeaderValue;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;

use super::edgegrid::{self, Authorization, SignedRequest};
use super::serve::Connection;
use crate::app::{ErrorCode, ServiceError};
use crate::model::{ApiClient, Caller};
use crate::{Controller, Scheme};

/// Names the account that a client certificate is to speak for.
const ACCOUNT: &str = "countersign-account";

/// A caller whose proof is good so far.
#[derive(Debug)]
pub(super) enum Claim {
    /// Nothing more is wanted.
    Proved(Caller),
    /// The signature is still to be checked: it covers the body.
    Signed { client: ApiClient, secret: Secret },
}

/// Establishes who asks, as far as that can be done without the body.
pub(super) async fn begin(controller: &Controller, parts: &Parts) -> Result<Claim, ServiceError> {
    let Some(header) = authorization(parts)? else {
        return by_certificate(controller, parts).await;
    };
    if let Some(token) = bearer(header) {
        return match controller.api_clients().by_token(token).await? {
            Some(client) => Ok(Claim::Proved(caller(client, parts))),
            None => Err(unauthorized(
                "The bearer token is not known, or was revoked.",
            )),
        };
    }
    if !header.starts_with(edgegrid::SCHEME) {
        return Err(unauthorized(
            "The `Authorization` header has neither a bearer token nor an EG1-HMAC-SHA256 signature.",
        ));
    }
    let read = read(header, parts)?;
    check_time(controller, &read, parts)?;
    let found = controller
        .api_clients()
        .by_client_token(read.client_token)
        .await?;
    let Some((client, access_token, secret)) = found else {
        return Err(bad_request("Invalid authorization client token", parts));
    };
    if access_token != read.access_token {
        return Err(bad_request("Invalid authorization access token", parts));
    }
    Ok(Claim::Signed { client, secret })
}

/// Without a header, the certificate of the connection says who asks.
async fn by_certificate(controller: &Controller, parts: &Parts) -> Result<Claim, ServiceError> {
    let connection = parts.extensions.get::<Connection>();
    let Some(chain) = connection.and_then(|connection| connection.certificates.as_ref()) else {
        return Err(unauthorized(
            "There is neither an `Authorization` header nor a client certificate.",
        ));
    };
    refuse_other_sites(parts)?;
    let account = account(parts)?;
    let clients = controller.api_clients();
    let client = clients.by_certificate(chain, account).await?;
    Ok(Claim::Proved(caller(client, parts)))
}

/// For which account a certificate is to speak. One may be known in several, and in which is nobody's business but its holder's.
fn account(parts: &Parts) -> Result<Option<&str>, ServiceError> {
    let mut values = parts.headers.get_all(ACCOUNT).iter();
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(account)), None) => Ok(Some(account)),
        _ => Err(unauthorized(
            "The `Countersign-Account` header is not one account.",
        )),
    }
}

/// A browser sends its certificate also when another site's page makes it send a request, and some of our operations need no body that only our
/// own pages could send. Browsers say so themselves (Fetch Metadata §2.3, RFC 6454 §7); other clients send none of these headers.
fn refuse_other_sites(parts: &Parts) -> Result<(), ServiceError> {
    let text = |name: &str| parts.headers.get(name).map(|it| it.to_str().unwrap_or("?"));
    let site_is_ours =
        text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let origin_is_ours = text("origin").is_none_or(|origin| {
        origin
            .strip_prefix("https://")
            .is_some_and(|origin| origin.eq_ignore_ascii_case(host(parts)))
    });
    if site_is_ours && origin_is_ours {
        return Ok(());
    }
    Err(ServiceError::new(
        ErrorCode::Forbidden,
        "A page of another site made a browser send this request; with a client certificate that is refused.",
    ))
}

impl Claim {
    /// Checks what is still to be checked, now that the body is there.
    pub(super) async fn finish(
        self,
        controller: &Controller,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<Caller, ServiceError> {
        let (client, secret) = match self {
            Self::Proved(caller) => return Ok(caller),
            Self::Signed { client, secret } => (client, secret),
        };
        let header = authorization(parts)?.unwrap_or_default();
        let read = read(header, parts)?;
        // Again, since a body that trickles in takes its time.
        check_time(controller, &read, parts)?;
        let scheme = match parts.extensions.get::<Connection>() {
            Some(connection) => connection.scheme.as_str(),
            None => Scheme::Https.as_str(),
        };
        let request = SignedRequest {
            method: parts.method.as_str(),
            scheme,
            host: host(parts),
            path: parts.uri.path_and_query().map_or("/", |path| path.as_str()),
            body,
        };
        if !read.is_signed(&secret, request) {
            return Err(denied("The signature does not match", parts));
        }
        // Only now, so that nobody else can use up a client's nonces.
        let skew = controller.limits().edgegrid_clock_skew;
        let expires_at = read.timestamp.saturating_add(skew).saturating_add(skew);
        let clients = controller.api_clients();
        if !clients.note_nonce(&client, read.nonce, expires_at).await? {
            return Err(bad_request("The nonce was used before", parts));
        }
        Ok(caller(client, parts))
    }
}

/// Where a request came from, for the logs.
pub(super) fn source(parts: &Parts) -> String {
    parts.extensions.get::<Connection>().map_or_else(
        || "unknown".to_owned(),
        |connection| connection.peer.ip().to_string(),
    )
}

fn caller(client: ApiClient, parts: &Parts) -> Caller {
    Caller {
        account: client.account,
        name: client.name,
        role: client.role,
        source: source(parts),
    }
}

fn authorization(parts: &Parts) -> Result<Option<&str>, ServiceError> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value
            .to_str()
            .map(Some)
            .map_err(|_| unauthorized("The `Authorization` header is not ASCII.")),
        (Some(_), Some(_)) => Err(unauthorized(
            "There is more than one `Authorization` header.",
        )),
        (None, _) => Ok(None),
    }
}

/// RFC 9110 §11.1: the name of a scheme is case-insensitive.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn read<'h>(header: &'h str, parts: &Parts) -> Result<Authorization<'h>, ServiceError> {
    Authorization::read(header).map_err(|error| bad_request(&error.to_string(), parts))
}

fn check_time(
    controller: &Controller,
    read: &Authorization<'_>,
    parts: &Parts,
) -> Result<(), ServiceError> {
    let (now, skew) = (controller.now(), controller.limits().edgegrid_clock_skew);
    let off = |a: UnixTime, b: UnixTime| a.saturating_since(b) > skew;
    if off(now, read.timestamp) || off(read.timestamp, now) {
        return Err(bad_request("Invalid timestamp", parts));
    }
    Ok(())
}

fn host(parts: &Parts) -> &str {
    match parts.uri.authority() {
        Some(authority) => authority.as_str(),
        None => parts
            .headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default(),
    }
}

fn unauthorized(detail: &str) -> ServiceError {
    ServiceError::new(ErrorCode::Unauthorized, detail)
}

fn bad_request(detail: &str, parts: &Parts) -> ServiceError {
    about(ErrorCode::EdgeGridRequest, detail, parts)
}

fn denied(detail: &str, parts: &Parts) -> ServiceError {
    about(ErrorCode::EdgeGridDeny, detail, parts)
}

/// Says of a refused signature when it was refused, as the vendor's front door does.
pub(super) fn dated(error: ServiceError, now: UnixTime) -> ServiceError {
    match error.code {
        ErrorCode::EdgeGridDeny | ErrorCode::EdgeGridRequest => {
            let time = ValidityDate::from_micros(now.as_micros());
            error.with("requestTime", time.to_string())
        }
        _ => error,
    }
}

/// With what the vendor's front door says beside. The address of the server is not among it.
fn about(code: ErrorCode, detail: &str, parts: &Parts) -> ServiceError {
    ServiceError::new(code, detail)
        .with("method", parts.method.as_str())
        .with("clientIp", source(parts))
}
