//! The model of a snapshot: plain data, references by id, nothing checked yet.
//!
//! Stored and transported through [`wire`](crate::wire); made enforceable by [`CheckedSnapshot`](crate::CheckedSnapshot).

use std::time::Duration;

use countersign_trust::{Owner, Policy, Sha1Signatures, UnixTime};

use crate::{
    BindingId, CaSetId, ClientCredentialId, Generation, NamePattern, Network, OriginId,
    SealedSecret, ServerCertificateId, ServerName, VersionNumber,
};

mod origin_policy;

pub use origin_policy::{
    ConnectionSharing, ForwardedForm, ForwardedHeaders, HealthCheck, HealthCheckKind, OriginAsks,
    OriginLimits, OriginPolicy, OriginProtocol, Outliers, Retries,
};

/// Everything that one network enforces.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The network that enforces it; an edge node of another network refuses it.
    pub network: Network,
    /// Its place in the order of that network's snapshots.
    pub generation: Generation,
    /// When it was compiled.
    pub created: UnixTime,
    /// The active version of every CA set of the network.
    pub ca_sets: Vec<CaSet>,
    /// The certificates that the edge presents.
    pub server_certificates: Vec<ServerCertificate>,
    /// The credentials that the edge presents to origins.
    pub client_credentials: Vec<ClientCredential>,
    /// Where requests go.
    pub origins: Vec<Origin>,
    /// What server names resolve to.
    pub bindings: Vec<Binding>,
    /// What requests are signed with, where rules want that: the one that began to be used last. Oldest first.
    pub forwarding_keys: Vec<ForwardingKey>,
}

/// The version of a CA set that is active on the network.
#[derive(Clone, Debug, PartialEq)]
pub struct CaSet {
    /// Its id.
    pub id: CaSetId,
    /// Whose it is: whose revocations by hand count for its clients. Everybody's do in a snapshot that does not say.
    pub owner: Option<Owner>,
    /// Its name, for logs and pages.
    pub name: String,
    /// The active version.
    pub version: VersionNumber,
    /// Whether that version admits SHA-1 signatures.
    pub sha1: Sha1Signatures,
    /// Its certificates, DER.
    pub certificates: Vec<Vec<u8>>,
    /// How its clients are judged, in every version; how that goes together with a binding's own policy says [`Policy::for_ca_set`].
    pub policy: Policy,
}

/// A certificate chain with its private key, sealed to the edge fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerCertificate {
    /// Its id.
    pub id: ServerCertificateId,
    /// DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The PKCS#8 private key, sealed with [`ServerCertificate::SEAL_CONTEXT`].
    pub key: SealedSecret,
}

impl ServerCertificate {
    /// What the sealed key is bound to, so that no other sealed secret can take its place.
    pub const SEAL_CONTEXT: &'static str = "countersign server certificate key";
}

/// One version of the certificate and key that prove the edge's identity to origins.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientCredential {
    /// Its id; another version has another id.
    pub id: ClientCredentialId,
    /// DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The PKCS#8 private key, sealed with [`ClientCredential::SEAL_CONTEXT`].
    pub key: SealedSecret,
}

impl ClientCredential {
    /// What the sealed key is bound to.
    pub const SEAL_CONTEXT: &'static str = "countersign client credential key";
}

/// A key with which edges sign what they forward, so that an origin can tell it from what others send (RFC 9421).
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardingKey {
    /// What origins find its public half by: the JWK thumbprint (RFC 7638), base64url.
    pub id: String,
    /// From when on it is used.
    pub used_from: UnixTime,
    /// The PKCS#8 Ed25519 private key, sealed with [`ForwardingKey::SEAL_CONTEXT`].
    pub key: SealedSecret,
}

impl ForwardingKey {
    /// What the sealed key is bound to.
    pub const SEAL_CONTEXT: &'static str = "countersign forwarding key";
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// Its id; rules refer to it.
    pub id: OriginId,
    /// Its addresses; at least one.
    pub endpoints: Vec<Endpoint>,
    /// Plain or TLS.
    pub scheme: OriginScheme,
    /// Which `Host` it is asked for.
    pub host_header: HostHeader,
    /// How long it may take.
    pub timeouts: OriginTimeouts,
    /// How its addresses and connections are used.
    pub policy: OriginPolicy,
}

/// One address of an origin.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Endpoint {
    /// A DNS name or an IP address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Its share of the requests, relative to the other endpoints; 0 is never chosen.
    pub weight: u16,
}

/// How the edge talks to an origin.
#[derive(Clone, Debug, PartialEq)]
pub enum OriginScheme {
    /// HTTP without TLS.
    Http,
    /// HTTP over verified TLS.
    Https(OriginTls),
    /// Bytes without TLS, for bindings that pass them on.
    Tcp,
    /// Bytes over verified TLS, for bindings that pass them on.
    Tls(OriginTls),
}

impl OriginScheme {
    /// The TLS policy, where there is one.
    #[must_use]
    pub fn tls(&self) -> Option<&OriginTls> {
        match self {
            Self::Http | Self::Tcp => None,
            Self::Https(tls) | Self::Tls(tls) => Some(tls),
        }
    }

    /// Whether it takes requests; otherwise it takes bytes.
    #[must_use]
    pub fn is_http(&self) -> bool {
        matches!(self, Self::Http | Self::Https(_))
    }
}

/// TLS towards an origin. Verification cannot be switched off.
#[derive(Clone, Debug, PartialEq)]
pub struct OriginTls {
    /// Whose certificates are believed.
    pub trust: OriginTrust,
    /// The name to send as SNI and to verify; `None` is the endpoint's host.
    pub server_name: Option<String>,
    /// The lowest version to accept.
    pub minimum_version: TlsVersion,
    /// The credential for upstream mTLS.
    pub client_credential: Option<ClientCredentialId>,
}

/// Whose certificates an origin may present.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OriginTrust {
    /// Certificates that these CAs (DER) vouch for; never empty.
    Bundle(Vec<Vec<u8>>),
    /// Certificates that the edge machine's own store vouches for.
    System,
}

/// Which `Host` an origin is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HostHeader {
    /// This one.
    Custom(String),
    /// The endpoint's host and port.
    Origin,
    /// The one that the client asked for.
    Request,
}

/// How long an origin may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OriginTimeouts {
    /// Name look-up, TCP connect and TLS handshake together.
    pub connect: Duration,
    /// To the head of the answer, from the last part of the request that was passed on.
    pub first_byte: Duration,
    /// Between two parts of a body, in whichever direction.
    pub idle: Duration,
}

impl Default for OriginTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(60),
        }
    }
}

/// What a server name resolves to.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// Its id.
    pub id: BindingId,
    /// The names; at least one, each in one binding only.
    pub names: Vec<NamePattern>,
    /// The certificates to present, best first; none exactly when the names are served without TLS.
    pub server_certificates: Vec<ServerCertificateId>,
    /// The TLS policy.
    pub tls: TlsPolicy,
    /// The client-auth policy.
    pub client_auth: ClientAuth,
    /// The property's rule tree, JSON (the form that `countersign-rules` reads).
    pub rules: String,
    /// Where requests go when no rule says otherwise.
    pub origin: OriginId,
    /// What is done with a connection whose handshake is over.
    pub service: Service,
    /// Whose rules these are, for logs. Decides nothing.
    pub property: Option<PropertyVersion>,
    /// What is done with requests that come without TLS.
    pub plain_http: PlainHttp,
    /// What clients are told about coming without TLS; `None`: nothing.
    pub strict_transport: Option<StrictTransport>,
}

/// What was activated, as people call it: a version of a property, or a site as it was deployed.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct PropertyVersion {
    /// Its name.
    pub name: String,
    /// Which version; of a site, the number of its settings.
    pub version: VersionNumber,
}

/// What is done with requests that come without TLS, where a node listens for them.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum PlainHttp {
    /// They are refused: the names are there over TLS only.
    #[default]
    Refuse,
    /// They are sent to the same place over HTTPS.
    Redirect,
    /// They are served and TLS is not: the binding presents no certificate and asks nobody for one.
    Serve,
}

/// HTTP Strict Transport Security (RFC 6797): browsers that saw it come over TLS only.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct StrictTransport {
    /// For so many seconds after they last saw it; 0 makes them forget it.
    pub max_age_seconds: u32,
    /// To the names below as well.
    pub include_subdomains: bool,
    /// Consents to the lists that browsers are delivered with. The RFC has no such directive; the lists ask for it.
    pub preload: bool,
}

/// What is done with a connection whose handshake is over.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub enum Service {
    /// HTTP is spoken on it, and every request is decided.
    #[default]
    Http,
    /// It is decided once, and again whenever trust changes; its bytes are passed on as they are.
    Tcp(TcpService),
}

/// How bytes are passed on.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct TcpService {
    /// How the origin learns who the client is.
    pub proxy_protocol: ProxyProtocol,
    /// Without a byte in either direction, after which the connection is closed.
    pub idle: Duration,
    /// The application protocols to agree to by ALPN (RFC 7301), best first. Empty: what the client offers is not looked at.
    pub alpn: Vec<String>,
}

/// The header that tells an origin who the client is, before the first byte (the PROXY protocol's specification, as HAProxy publishes it).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ProxyProtocol {
    /// No header.
    Off,
    /// A line of text with the addresses.
    V1,
    /// In binary, with the addresses, the server name, and what TLS and the client's certificate say.
    V2,
    /// As `V2`, with the client's certificate itself.
    V2WithCertificate,
}

/// The TLS policy of a binding.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TlsPolicy {
    /// The lowest version to accept.
    pub minimum_version: TlsVersion,
    /// The highest version to accept.
    pub maximum_version: TlsVersion,
    /// Which cipher suites.
    pub ciphers: CipherProfile,
    /// Which HTTP versions are offered.
    pub http: HttpVersions,
}

impl Default for TlsPolicy {
    fn default() -> Self {
        Self {
            minimum_version: TlsVersion::Tls12,
            maximum_version: TlsVersion::Tls13,
            ciphers: CipherProfile::Compatible,
            http: HttpVersions::Http1AndHttp2,
        }
    }
}

/// A TLS version that can carry mutual authentication safely.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TlsVersion {
    /// RFC 5246, with ECDHE and AEAD suites only.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// A named choice of cipher suites.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CipherProfile {
    /// Every suite that is safe: AES-GCM and ChaCha20-Poly1305 with forward secrecy.
    Compatible,
    /// The 256-bit suites and ChaCha20-Poly1305.
    Modern,
}

/// The HTTP versions that a binding offers by ALPN.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum HttpVersions {
    /// `http/1.1` only, and no HTTP/3.
    Http1,
    /// `h2`, then `http/1.1`. HTTP/3 is there for clients that come over QUIC by themselves, where a node listens for it.
    Http1AndHttp2,
    /// As [`HttpVersions::Http1AndHttp2`], and clients are told of HTTP/3 in `Alt-Svc` (RFC 7838).
    ///
    /// Many clients cannot present a certificate over QUIC, and some do not come back to TCP then: where certificates are asked for, this is
    /// a choice to make knowingly.
    Http1ToHttp3,
}

/// The client-auth policy of a binding: all inputs of a decision about a client's chain.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientAuth {
    /// Whether and how firmly a certificate is asked for.
    pub mode: ClientAuthMode,
    /// The CA sets whose clients are known here; empty exactly when the mode is [`ClientAuthMode::Off`].
    pub ca_sets: Vec<CaSetId>,
    /// Whether the CA names are sent to the client.
    pub ca_list: CaList,
    /// How chains are judged.
    pub policy: Policy,
}

impl ClientAuth {
    /// No client certificate is asked for.
    #[must_use]
    pub fn off() -> Self {
        Self {
            mode: ClientAuthMode::Off,
            ca_sets: Vec::new(),
            ca_list: CaList::Omit,
            policy: Policy::default(),
        }
    }
}

/// When a binding asks for a client certificate.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ClientAuthMode {
    /// Never.
    Off,
    /// In the handshake, which completes whatever comes; rules decide.
    Request,
    /// In the handshake, which fails without a valid certificate.
    Require,
}

/// Whether the handshake names the CAs (RFC 8446 §4.2.4).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CaList {
    /// Send their subjects: clients choose the right certificate by themselves.
    Advertise,
    /// Send none: shorter handshakes, and nobody learns who is trusted.
    Omit,
}

impl Binding {
    /// Whether one of the binding's names covers the name.
    #[must_use]
    pub fn covers(&self, name: &ServerName) -> bool {
        self.names.iter().any(|pattern| pattern.covers(name))
    }
}
