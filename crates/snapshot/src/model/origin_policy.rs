//! How the edge uses an origin's addresses and connections.

use std::time::Duration;

use crate::IpRange;

/// How an origin's addresses and connections are used. The defaults suit an HTTP/1.1 service with any number of addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OriginPolicy {
    /// What is spoken with it.
    pub protocol: OriginProtocol,
    /// Whether it has to ask for our certificate.
    pub asks: OriginAsks,
    /// Who may use a connection that is open.
    pub sharing: ConnectionSharing,
    /// How it learns where a request came from.
    pub forwarded: ForwardedHeaders,
    /// How its addresses are watched; `None` is not at all.
    pub health_check: Option<HealthCheck>,
    /// When an address that fails requests is left out.
    pub outliers: Outliers,
    /// When a request is sent again.
    pub retries: Retries,
    /// How much it is burdened.
    pub limits: OriginLimits,
    /// For how long an address that came into use gets less than its share; zero is not at all.
    pub slow_start: Duration,
    /// How old the addresses of a name may be before it is looked up again.
    pub resolve_every: Duration,
}

impl Default for OriginPolicy {
    fn default() -> Self {
        Self {
            protocol: OriginProtocol::default(),
            asks: OriginAsks::default(),
            sharing: ConnectionSharing::default(),
            forwarded: ForwardedHeaders::default(),
            health_check: None,
            outliers: Outliers::default(),
            retries: Retries::default(),
            limits: OriginLimits::default(),
            slow_start: Duration::ZERO,
            // The usual lifetime of a record that somebody wants to move quickly.
            resolve_every: Duration::from_secs(30),
        }
    }
}

/// The HTTP version towards an origin.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OriginProtocol {
    /// HTTP/2 for gRPC, which has no other form, and HTTP/1.1 for everything else.
    #[default]
    Automatic,
    /// HTTP/1.1 always.
    Http1,
    /// HTTP/2 always, over plain connections with prior knowledge (RFC 9113 §3.3). WebSockets still use HTTP/1.1, over TLS only.
    Http2,
    /// What the origin chooses by ALPN, HTTP/2 first. Over plain connections the same as [`OriginProtocol::Automatic`].
    Negotiated,
}

/// Whether an origin asks for our certificate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OriginAsks {
    /// It has to: one that does not gets no request, since what it is sent may rest on its knowing who sends it.
    Always,
    /// As it likes.
    #[default]
    Maybe,
}

/// Who may use a connection to an origin that is open.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ConnectionSharing {
    /// The requests of one client connection only: for origins that bind an identity to a connection, as NTLM does (threats C5.2).
    PerClientConnection,
    /// Any request.
    #[default]
    Shared,
}

/// How an origin learns where a request came from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ForwardedHeaders {
    /// Which headers are set.
    pub form: ForwardedForm,
    /// Client addresses whose own headers of these kinds are kept and added to. Those of all others are removed.
    pub trusted_fronts: Vec<IpRange>,
}

/// Which headers say where a request came from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ForwardedForm {
    /// Those of both forms.
    Both,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// None.
    None,
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    #[default]
    XForwarded,
}

/// What the edge does by itself to find out how each address is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HealthCheck {
    /// What is done.
    pub kind: HealthCheckKind,
    /// The request's target, for [`HealthCheckKind::Http`]; begins with `/`.
    pub path: String,
    /// The request's `Host`; `None` is the name or address of the endpoint.
    pub host: Option<String>,
    /// Between two requests to one address.
    pub interval: Duration,
    /// For connecting and the head of the answer together.
    pub timeout: Duration,
    /// An address is used again after so many good answers in a row; at least 1.
    pub healthy_after: u32,
    /// An address is left out after so many failures in a row; at least 1.
    pub unhealthy_after: u32,
    /// Which answers are good, both ends included, for [`HealthCheckKind::Http`].
    pub expected_statuses: (u16, u16),
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            kind: HealthCheckKind::default(),
            path: "/".to_owned(),
            host: None,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            healthy_after: 2,
            unhealthy_after: 3,
            expected_statuses: (200, 399),
        }
    }
}

/// How an address is asked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum HealthCheckKind {
    /// The service `grpc.health.v1.Health` is asked over HTTP/2.
    Grpc {
        /// About which service; empty is the whole server.
        service: String,
    },
    /// It is asked for a path.
    #[default]
    Http,
    /// A connection is made, and not a byte is sent.
    Tcp,
}

/// When an address that fails requests is left out for a while. The only address of an origin never is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outliers {
    /// So many failures in a row: no connection, no answer in time, a broken answer, or the status 502, 503 or 504. 0 is never.
    pub consecutive_failures: u32,
    /// For how long the first time; twice, three times and at most ten times as long when it happens again.
    pub ejection: Duration,
    /// At most so many of a hundred addresses are left out at the same time.
    pub max_ejected_percent: u8,
}

impl Default for Outliers {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            ejection: Duration::from_secs(30),
            // The other half could not bear the load of more.
            max_ejected_percent: 50,
        }
    }
}

/// When a request is sent again: only when the origin cannot have acted on it, or when acting twice is the same as once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retries {
    /// How often at most, beyond the first time; 0 is never.
    pub attempts: u32,
    /// So many retries per hundred requests, beyond the first few: an origin that fails everything does not get twice the load.
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

/// How much of a node an origin may take up. What is beyond is refused at once, so that one slow origin does not take the others along.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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
