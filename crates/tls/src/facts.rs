//! What a handshake negotiated, in our words.

use std::sync::Arc;

use countersign_snapshot::TlsVersion;
use rustls::{CommonState, HandshakeKind, ProtocolVersion};

use crate::PresentedCertificate;

/// What was negotiated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFacts {
    /// The protocol version.
    pub version: TlsVersion,
    /// The cipher suite by its IANA name.
    pub cipher: &'static str,
    /// The key-exchange group by its IANA name; `None` when none was used (TLS 1.2 resumption).
    pub group: Option<&'static str>,
    /// The application protocol.
    pub alpn: Alpn,
    /// Whether the session was resumed.
    pub resumed: bool,
    /// The certificate that the edge presents for the name; not known over QUIC.
    pub presented: Option<Arc<PresentedCertificate>>,
}

/// The application protocol that was negotiated by ALPN (RFC 7301).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Alpn {
    /// `h2`
    Http2,
    /// `h3`
    Http3,
    /// `http/1.1`
    Http11,
    /// The client offered none.
    None,
    /// Another one that the binding offers.
    Other,
}

impl TlsFacts {
    pub(crate) fn of(connection: &CommonState) -> Self {
        Self {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => TlsVersion::Tls12,
                _ => TlsVersion::Tls13,
            },
            cipher: connection
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str())
                .unwrap_or("unknown"),
            group: connection
                .negotiated_key_exchange_group()
                .and_then(|group| group.name().as_str()),
            alpn: Alpn::of(connection),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            presented: None,
        }
    }
}

impl Alpn {
    pub(crate) fn of(connection: &CommonState) -> Self {
        match connection.alpn_protocol() {
            None => Self::None,
            Some(b"h2") => Self::Http2,
            Some(b"h3") => Self::Http3,
            Some(b"http/1.1") => Self::Http11,
            Some(_) => Self::Other,
        }
    }
}
