//! Who asks: bearer tokens and signed requests.

use bytes::Bytes;
use countersign_snapshot::Secret;
use countersign_trust::UnixTime;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;

use super::edgegrid::{self, Authorization, SignedRequest};
use super::serve::Connection;
use crate::app::{ErrorCode, ServiceError};
use crate::model::{ApiClient, Caller};
use crate::{Controller, Scheme};

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
    let header = authorization(parts)?;
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
        let read = read(authorization(parts)?, parts)?;
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

fn authorization(parts: &Parts) -> Result<&str, ServiceError> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value
            .to_str()
            .map_err(|_| unauthorized("The `Authorization` header is not ASCII.")),
        (Some(_), Some(_)) => Err(unauthorized(
            "There is more than one `Authorization` header.",
        )),
        (None, _) => Err(unauthorized("There is no `Authorization` header.")),
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

/// With what the vendor's front door says beside. The address of the server is not among it.
fn about(code: ErrorCode, detail: &str, parts: &Parts) -> ServiceError {
    ServiceError::new(code, detail)
        .with("method", parts.method.as_str())
        .with("clientIp", source(parts))
}
