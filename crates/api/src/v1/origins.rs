//! How the edge uses the addresses and connections of an origin.

use serde::{Deserialize, Serialize};

/// Where to connect to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OriginAddress {
    /// A DNS name, all of whose addresses are used, or an IP address.
    pub host: String,
    /// The URL's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Its share of the requests, relative to the others; 0 is never chosen.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u16,
}

/// What is spoken with an origin.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OriginProtocol {
    /// HTTP/2 for gRPC, HTTP/1.1 for everything else.
    Automatic,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS with prior knowledge.
    Http2,
    /// What the origin chooses by ALPN.
    Negotiated,
}

/// Who may use a connection to an origin that is open.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ConnectionSharing {
    /// The requests of one client connection only.
    PerClientConnection,
    /// Any request.
    Shared,
}

/// How long an origin may take, in milliseconds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OriginTimeouts {
    /// For name look-up, TCP connection and TLS handshake together.
    pub connect_ms: u64,
    /// To the head of the answer, from the last part of the request that was passed on.
    pub first_byte_ms: u64,
    /// Between two parts of a body, in whichever direction.
    pub idle_ms: u64,
}

impl Default for OriginTimeouts {
    fn default() -> Self {
        Self {
            connect_ms: 5_000,
            first_byte_ms: 60_000,
            idle_ms: 60_000,
        }
    }
}

/// How an origin learns where a request came from.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ForwardedHeaders {
    /// Which headers are set.
    pub form: ForwardedForm,
    /// Client addresses and ranges (`10.0.0.0/8`) whose own headers are kept and added to; those of all others are removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_fronts: Vec<String>,
}

/// Which headers say where a request came from.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ForwardedForm {
    /// Those of both forms.
    Both,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// None.
    None,
    /// `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host`.
    #[default]
    XForwarded,
}

/// How an address is asked.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum HealthCheckKind {
    /// The service `grpc.health.v1.Health`.
    Grpc,
    /// For a path.
    #[default]
    Http,
    /// By a connection alone.
    Tcp,
}

/// What the edge does by itself to find out how each address is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HealthCheck {
    /// How it is asked.
    pub kind: HealthCheckKind,
    /// Of `grpc`, the service to ask about; the whole server when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Of `http`, the path to ask for.
    pub path: String,
    /// The `Host` to ask for; the address's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Between two requests to one address, in milliseconds.
    pub interval_ms: u64,
    /// For connecting and the head of the answer together, in milliseconds.
    pub timeout_ms: u64,
    /// An address is used again after so many good answers in a row.
    pub healthy_after: u32,
    /// An address is left out after so many failures in a row.
    pub unhealthy_after: u32,
    /// Of `http`, which answers are good: a status, or a range of them such as `200-399`.
    pub expected_statuses: String,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            kind: HealthCheckKind::default(),
            service: None,
            path: "/".to_owned(),
            host: None,
            interval_ms: 10_000,
            timeout_ms: 5_000,
            healthy_after: 2,
            unhealthy_after: 3,
            expected_statuses: "200-399".to_owned(),
        }
    }
}

/// When an address that fails requests is left out for a while. The only address of an origin never is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Outliers {
    /// So many failures in a row; 0 is never.
    pub consecutive_failures: u32,
    /// For how long the first time, in milliseconds; up to ten times as long when it happens again.
    pub ejection_ms: u64,
    /// At most so many of a hundred addresses are left out at the same time.
    pub max_ejected_percent: u8,
}

impl Default for Outliers {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            ejection_ms: 30_000,
            max_ejected_percent: 50,
        }
    }
}

/// When a request is sent again.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retries {
    /// How often at most, beyond the first time.
    pub attempts: u32,
    /// So many retries per hundred requests, beyond the first ten.
    pub budget_percent: u32,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 1,
            budget_percent: 20,
        }
    }
}

/// How much of an edge node an origin may take up.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OriginLimits {
    /// Requests in flight.
    pub requests: u32,
    /// Connections that are being made.
    pub connecting: u32,
}

impl Default for OriginLimits {
    fn default() -> Self {
        Self {
            requests: 10_000,
            connecting: 1_000,
        }
    }
}

const fn one() -> u16 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde calls"
)]
const fn is_one(weight: &u16) -> bool {
    *weight == 1
}
