//! TLS alerts, and the one table from reasons to them.

use std::fmt;

use countersign_trust::Reason;
use rustls::{AlertDescription, CertificateError, Error, OtherError, PeerIncompatible};

/// A TLS alert (RFC 8446 §6), as sent or received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Alert(AlertDescription);

impl Alert {
    pub(crate) const DECODE_ERROR: Self = Self(AlertDescription::DecodeError);
    pub(crate) const INTERNAL_ERROR: Self = Self(AlertDescription::InternalError);
    pub(crate) const NO_APPLICATION_PROTOCOL: Self = Self(AlertDescription::NoApplicationProtocol);
    pub(crate) const UNEXPECTED_MESSAGE: Self = Self(AlertDescription::UnexpectedMessage);
    pub(crate) const UNRECOGNISED_NAME: Self = Self(AlertDescription::UnrecognisedName);

    pub(crate) fn from_code(code: u8) -> Self {
        Self(AlertDescription::from(code))
    }

    /// The alert that rustls sends for a refused certificate.
    pub(crate) fn about_a_certificate(error: CertificateError) -> Self {
        Self(AlertDescription::from(error))
    }

    /// The number on the wire.
    #[must_use]
    pub fn code(self) -> u8 {
        u8::from(self.0)
    }

    /// The name that the standards give it; `unknown` when they give none.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            AlertDescription::CloseNotify => "close_notify",
            AlertDescription::UnexpectedMessage => "unexpected_message",
            AlertDescription::BadRecordMac => "bad_record_mac",
            AlertDescription::RecordOverflow => "record_overflow",
            AlertDescription::HandshakeFailure => "handshake_failure",
            AlertDescription::BadCertificate => "bad_certificate",
            AlertDescription::UnsupportedCertificate => "unsupported_certificate",
            AlertDescription::CertificateRevoked => "certificate_revoked",
            AlertDescription::CertificateExpired => "certificate_expired",
            AlertDescription::CertificateUnknown => "certificate_unknown",
            AlertDescription::IllegalParameter => "illegal_parameter",
            AlertDescription::UnknownCA => "unknown_ca",
            AlertDescription::AccessDenied => "access_denied",
            AlertDescription::DecodeError => "decode_error",
            AlertDescription::DecryptError => "decrypt_error",
            AlertDescription::ProtocolVersion => "protocol_version",
            AlertDescription::InsufficientSecurity => "insufficient_security",
            AlertDescription::InternalError => "internal_error",
            AlertDescription::InappropriateFallback => "inappropriate_fallback",
            AlertDescription::UserCanceled => "user_canceled",
            AlertDescription::MissingExtension => "missing_extension",
            AlertDescription::UnsupportedExtension => "unsupported_extension",
            AlertDescription::UnrecognisedName => "unrecognized_name",
            AlertDescription::UnknownPSKIdentity => "unknown_psk_identity",
            AlertDescription::CertificateRequired => "certificate_required",
            AlertDescription::NoApplicationProtocol => "no_application_protocol",
            _ => "unknown",
        }
    }

    /// The alert as a fatal record in the clear, for a connection that has no keys yet (RFC 8446 §6.2, §5.1).
    pub(crate) fn to_plain_record(self) -> [u8; 7] {
        const ALERT: u8 = 0x15;
        const FATAL: u8 = 2;
        [ALERT, 0x03, 0x03, 0, 2, FATAL, self.code()]
    }

    /// The description in a record written by [`Alert::to_plain_record`] or by rustls.
    pub(crate) fn from_plain_record(record: &[u8]) -> Option<Self> {
        match record {
            [0x15, _, _, 0, 2, _, code, ..] => Some(Self(AlertDescription::from(*code))),
            _ => None,
        }
    }

    /// What rustls tells the client when it fails with this error; `None` when it tells nothing, or when it is not known.
    pub(crate) fn sent_for(error: &Error) -> Option<Self> {
        match error {
            Error::InvalidCertificate(error) => Some(AlertDescription::from(error.clone())),
            Error::NoCertificatesPresented => Some(AlertDescription::CertificateRequired),
            Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
                Some(AlertDescription::UnexpectedMessage)
            }
            Error::InvalidMessage(_) => Some(AlertDescription::DecodeError),
            Error::DecryptError => Some(AlertDescription::BadRecordMac),
            Error::PeerSentOversizedRecord => Some(AlertDescription::RecordOverflow),
            Error::NoApplicationProtocol => Some(AlertDescription::NoApplicationProtocol),
            Error::PeerIncompatible(
                PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::Tls13RequiredForQuic,
            ) => Some(AlertDescription::ProtocolVersion),
            Error::PeerIncompatible(_) => Some(AlertDescription::HandshakeFailure),
            _ => None,
        }
        .map(Self)
    }

    /// Whether it speaks of the certificate that it answers.
    pub(crate) fn is_about_a_certificate(self) -> bool {
        matches!(
            self.0,
            AlertDescription::AccessDenied
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRequired
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::UnsupportedCertificate
        )
    }

    /// What the other side told us.
    pub(crate) fn received_in(error: &Error) -> Option<Self> {
        match error {
            Error::AlertReceived(description) => Some(Self(*description)),
            _ => None,
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What makes rustls send the alert that fits a reason. The choice of alerts is that of rustls's `CertificateError`.
///
/// | alert | reasons |
/// |---|---|
/// | `certificate_expired` | a time is wrong |
/// | `certificate_revoked` | `revoked` |
/// | `unknown_ca` | the chain leads to nobody we know, or its status is not known |
/// | `unsupported_certificate` | the certificate is not for this, or not of a kind that we accept |
/// | `bad_certificate` | it cannot be read, or it breaks a rule of RFC 5280 |
/// | `decrypt_error` | a signature is wrong |
/// | `access_denied` | anything else |
pub(crate) fn certificate_error(reason: Reason) -> CertificateError {
    match reason {
        Reason::Expired | Reason::IssuerExpired => CertificateError::Expired,
        Reason::NotYetValid | Reason::IssuerNotYetValid => CertificateError::NotValidYet,
        Reason::Revoked => CertificateError::Revoked,
        Reason::UnknownIssuer | Reason::IncompleteChain | Reason::NotInCaSet => {
            CertificateError::UnknownIssuer
        }
        Reason::RevocationUnknown | Reason::RevocationStale => {
            CertificateError::UnknownRevocationStatus
        }
        Reason::EkuMissing
        | Reason::KeyUsage
        | Reason::UnsupportedVersion
        | Reason::UnsupportedAlgorithm
        | Reason::WeakKey
        | Reason::WeakSignature => CertificateError::InvalidPurpose,
        Reason::BadSignature => CertificateError::BadSignature,
        Reason::Malformed
        | Reason::TooManyCertificates
        | Reason::ChainTooLarge
        | Reason::CertificatePolicy
        | Reason::NotACa
        | Reason::PathLength
        | Reason::NameConstraint => CertificateError::BadEncoding,
        Reason::UnknownCriticalExtension => CertificateError::UnhandledCriticalExtension,
        Reason::SearchExhausted => {
            CertificateError::Other(OtherError(std::sync::Arc::new(TooComplex)))
        }
        _ => CertificateError::ApplicationVerificationFailure,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the chain is too complex to be evaluated")]
struct TooComplex;

#[cfg(test)]
mod tests {
    use super::*;

    fn alert_for(reason: Reason) -> &'static str {
        Alert(AlertDescription::from(certificate_error(reason))).name()
    }

    #[test]
    fn each_reason_has_the_alert_that_a_client_can_act_on() {
        let expected = [
            (Reason::Expired, "certificate_expired"),
            (Reason::NotYetValid, "certificate_expired"),
            (Reason::Revoked, "certificate_revoked"),
            (Reason::UnknownIssuer, "unknown_ca"),
            (Reason::IncompleteChain, "unknown_ca"),
            (Reason::RevocationUnknown, "unknown_ca"),
            (Reason::EkuMissing, "unsupported_certificate"),
            (Reason::WeakKey, "unsupported_certificate"),
            (Reason::WeakSignature, "unsupported_certificate"),
            (Reason::UnsupportedVersion, "unsupported_certificate"),
            (Reason::Malformed, "bad_certificate"),
            (Reason::TooManyCertificates, "bad_certificate"),
            (Reason::UnknownCriticalExtension, "bad_certificate"),
            (Reason::BadSignature, "decrypt_error"),
            (Reason::SearchExhausted, "certificate_unknown"),
            (Reason::DeniedByRule, "access_denied"),
        ];
        for (reason, alert) in expected {
            assert_eq!(alert_for(reason), alert, "{}", reason.code());
        }
    }

    #[test]
    fn a_plain_alert_reads_back() {
        let record = Alert::UNRECOGNISED_NAME.to_plain_record();
        assert_eq!(record, [0x15, 3, 3, 0, 2, 2, 112]);
        assert_eq!(
            Alert::from_plain_record(&record),
            Some(Alert::UNRECOGNISED_NAME)
        );
    }
}
