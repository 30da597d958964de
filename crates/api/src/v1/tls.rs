//! How the edge speaks TLS and asks for client certificates.

use serde::{Deserialize, Serialize};

/// The TLS policy of an edge certificate or a site.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TlsSettings {
    /// The lowest version to accept.
    pub minimum_version: TlsVersion,
    /// The highest version to accept.
    pub maximum_version: TlsVersion,
    /// Which cipher suites.
    pub cipher_profile: CipherProfile,
    /// Which HTTP versions are offered.
    pub http_versions: HttpVersions,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            minimum_version: TlsVersion::Tls12,
            maximum_version: TlsVersion::Tls13,
            cipher_profile: CipherProfile::Compatible,
            http_versions: HttpVersions::Http1AndHttp2,
        }
    }
}

/// What is said to those who come, or could come, without TLS.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpsSettings {
    /// Whether requests without TLS are sent to the same place over HTTPS, where the edge listens for them; otherwise they are refused.
    pub redirect: bool,
    /// What answers over TLS say in `Strict-Transport-Security`; nothing when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict_transport_security: Option<StrictTransportSecurity>,
}

impl HttpsSettings {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// HTTP Strict Transport Security (RFC 6797).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StrictTransportSecurity {
    /// Seconds for which a browser comes over TLS only; 0 makes it forget.
    pub max_age_seconds: u32,
    /// Whether the names below are included.
    #[serde(default)]
    pub include_sub_domains: bool,
    /// Whether the name may be in the lists that browsers are delivered with.
    #[serde(default)]
    pub preload: bool,
}

/// A TLS version. What is older than 1.2 cannot be written: it is not spoken, with mutual authentication or without (RFC 8996, RFC 7568).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub enum TlsVersion {
    /// TLS 1.2.
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    Tls13,
}

impl TryFrom<String> for TlsVersion {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "1.2" => Ok(Self::Tls12),
            "1.3" => Ok(Self::Tls13),
            "1.0" | "1.1" | "TLSv1" | "TLSv1.0" | "TLSv1.1" | "TLSv1_1" | "SSLv2" | "SSLv3"
            | "3.0" => Err(
                "SSL 3.0, TLS 1.0 and TLS 1.1 are not spoken, least of all with mutual authentication (RFC 7568, RFC 8996); write `1.2` or `1.3`",
            ),
            _ => Err("no TLS version is written like this; write `1.2` or `1.3`"),
        }
    }
}

/// A named choice of cipher suites.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CipherProfile {
    /// Every suite that is safe.
    Compatible,
    /// The 256-bit suites and ChaCha20-Poly1305.
    Modern,
}

/// The HTTP versions that are offered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum HttpVersions {
    /// HTTP/1.1 only.
    #[serde(rename = "http1")]
    Http1,
    /// HTTP/2 and HTTP/1.1.
    #[serde(rename = "http1AndHttp2")]
    Http1AndHttp2,
    /// The same, and clients are told of HTTP/3 (`Alt-Svc`) where the edge listens for it.
    #[serde(rename = "http1ToHttp3")]
    Http1ToHttp3,
}

/// When a client certificate is asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificateMode {
    /// Never.
    Off,
    /// In the handshake, which completes whatever comes; rules decide.
    #[default]
    Request,
    /// In the handshake, which fails without a valid certificate.
    Require,
}

/// Whether the handshake names the CAs to the client.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CaList {
    /// All of them: clients choose the right certificate by themselves.
    #[default]
    All,
    /// None of them.
    None,
}
