//! Why an origin did not answer.

use std::error::Error;
use std::io;

use countersign_tls::{BuildOriginError, OriginTlsError, origin_refused_certificate};
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

    pub(super) fn connect(error: &io::Error) -> Self {
        Self::new(Reason::OriginUnreachable, error.to_string())
    }

    pub(super) fn tls(error: &OriginTlsError) -> Self {
        Self::new(error.reason(), with_causes(error))
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
                return Self::new(
                    Reason::OriginRefusedCertificate,
                    format!("the origin refused the client certificate with the alert `{alert}`"),
                );
            }
            cause = current.source();
        }
        Self::new(Reason::OriginUnreachable, with_causes(error))
    }
}
