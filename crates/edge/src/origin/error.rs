//! Why an origin did not answer.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use countersign_tls::{Alert, BuildOriginError, OriginTlsError, origin_refused_certificate};
use countersign_trust::Reason;

use crate::causes::with_causes;

/// A failure on the way to an origin: a reason for the client, details for the log.
#[derive(Debug)]
pub(crate) struct OriginError {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
}

impl OriginError {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }

    pub(super) fn credential_missing(credential: &str) -> Self {
        Self::new(
            Reason::OriginUnreachable,
            format!(
                "the rules want the client credential `{credential}`, which is not in the snapshot"
            ),
        )
    }

    pub(super) fn credential_unusable(error: &BuildOriginError) -> Self {
        Self::new(Reason::OriginUnreachable, with_causes(error))
    }

    pub(super) fn credential_without_tls() -> Self {
        Self::new(
            Reason::OriginUnreachable,
            "the rules want a client credential for an origin without TLS",
        )
    }

    pub(super) fn connect(socket: SocketAddr, error: &io::Error) -> Self {
        Self::new(Reason::OriginUnreachable, format!("{socket}: {error}"))
    }

    pub(super) fn connect_timeout(socket: SocketAddr, limit: Duration) -> Self {
        Self::new(
            Reason::OriginTimeout,
            format!("no connection to {socket} within {} ms", limit.as_millis()),
        )
    }

    pub(super) fn first_byte_timeout(limit: Duration) -> Self {
        Self::new(
            Reason::OriginTimeout,
            format!("no response within {} ms", limit.as_millis()),
        )
    }

    /// The client of gRPC said how long it waits.
    pub(crate) fn deadline(limit: Duration) -> Self {
        Self::new(
            Reason::OriginTimeout,
            format!(
                "no response within the client's deadline of {} ms",
                limit.as_millis()
            ),
        )
    }

    pub(super) fn host(host: &str) -> Self {
        let host: String = host.chars().take(100).collect();
        Self::new(
            Reason::OriginUnreachable,
            format!("the origin cannot be asked for `{host}`"),
        )
    }

    pub(super) fn unsigned() -> Self {
        Self::new(
            Reason::OriginUnreachable,
            "the request could not be signed, and is not sent without a signature",
        )
    }

    pub(super) fn name(host: &str, error: &io::Error) -> Self {
        Self::new(
            Reason::OriginUnreachable,
            format!("the name {host} cannot be looked up: {error}"),
        )
    }

    pub(super) fn name_failed(host: &str) -> Self {
        Self::new(
            Reason::OriginUnreachable,
            format!("the name {host} could not be looked up a moment ago"),
        )
    }

    pub(super) fn no_http2() -> Self {
        Self::new(
            Reason::OriginUnreachable,
            "the origin did not agree to HTTP/2 (ALPN `h2`)",
        )
    }

    pub(super) fn no_websocket() -> Self {
        Self::new(
            Reason::OriginUnreachable,
            "the origin is spoken to in HTTP/2 without TLS, and a WebSocket to it needs HTTP/1.1",
        )
    }

    pub(super) fn overloaded(what: &str, limit: u32) -> Self {
        Self::new(
            Reason::OriginOverloaded,
            format!("{limit} {what}, which is the limit"),
        )
    }

    pub(super) fn long_page(limit: usize) -> Self {
        Self::new(
            Reason::OriginUnreachable,
            format!("the origin's page is longer than it said, and than {limit} bytes"),
        )
    }

    pub(super) fn unhealthy() -> Self {
        Self::new(
            Reason::OriginUnhealthy,
            "the health check fails at every address of the origin",
        )
    }

    pub(super) fn tls(error: &OriginTlsError) -> Self {
        Self::new(error.reason(), with_causes(error))
    }

    pub(super) fn refused(alert: Alert) -> Self {
        Self::new(
            Reason::OriginRefusedCertificate,
            format!("the origin refused the client certificate with the alert `{alert}`"),
        )
    }

    pub(super) fn refused_silently() -> Self {
        Self::new(
            Reason::OriginRefusedCertificate,
            "the origin asked for a client certificate, there is none for it, and it closed the connection without an answer",
        )
    }

    /// An error of the HTTP engine. RFC 8446 §4.4.2.4: an origin refuses our certificate after its side of the TLS 1.3 handshake, so that
    /// the refusal comes with the first read.
    pub(crate) fn http(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(current) = cause {
            if let Some(alert) = current
                .downcast_ref::<io::Error>()
                .and_then(origin_refused_certificate)
            {
                return Self::refused(alert);
            }
            cause = current.source();
        }
        Self::new(Reason::OriginUnreachable, with_causes(error))
    }
}
