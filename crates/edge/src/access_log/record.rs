//! The fields of the records. Their names are those of traces and of the API.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_snapshot::{Binding, Peer, TlsVersion};
use countersign_tls::TlsFacts;
use countersign_trust::{Certificate, PeerChain};
use serde::Serialize;

/// One request.
#[derive(Debug, Serialize)]
pub(crate) struct RequestRecord<'a> {
    pub(crate) event: &'static str,
    pub(crate) time: String,
    pub(crate) network: &'a str,
    pub(crate) node: &'a str,
    pub(crate) generation: u64,
    pub(crate) request_id: &'a str,
    pub(crate) connection_id: u64,
    pub(crate) client_address: IpAddr,
    pub(crate) client_port: u16,
    #[serde(flatten)]
    pub(crate) tls: Option<Tls<'a>>,
    pub(crate) server_name: &'a str,
    pub(crate) binding: Option<&'a str>,
    #[serde(flatten)]
    pub(crate) property: Property<'a>,
    pub(crate) protocol: &'a str,
    pub(crate) method: &'a str,
    pub(crate) host: Option<&'a str>,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) verdict: &'a str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) detail: Option<&'a str>,
    pub(crate) rule: Option<&'a str>,
    /// A check that failed without denying: what would have been refused.
    pub(crate) would_deny: Option<&'a str>,
    #[serde(flatten)]
    pub(crate) client: Client<'a>,
    pub(crate) origin: Option<&'a str>,
    pub(crate) origin_address: Option<String>,
    pub(crate) origin_reused: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin_protocol: Option<&'static str>,
    /// How often the request was sent, when that was more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grpc_status: Option<u16>,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    /// Whether the response reached its end.
    pub(crate) complete: bool,
    pub(crate) origin_first_byte_ms: Option<f64>,
    pub(crate) duration_ms: f64,
    pub(crate) custom_log: Option<&'a str>,
    /// What the client sent, DER in base64, its own certificate first: in the first refusal of a connection, for `explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_chain: Option<Vec<String>>,
    /// How many requests this one stands for, when only a sample is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sampled_one_in: Option<u32>,
}

/// One connection whose bytes were passed on, or were not to be.
#[derive(Debug, Serialize)]
pub(crate) struct PassageRecord<'a> {
    pub(crate) event: &'static str,
    pub(crate) time: String,
    pub(crate) network: &'a str,
    pub(crate) node: &'a str,
    pub(crate) generation: u64,
    pub(crate) request_id: &'a str,
    pub(crate) connection_id: u64,
    pub(crate) client_address: IpAddr,
    pub(crate) client_port: u16,
    #[serde(flatten)]
    pub(crate) tls: Option<Tls<'a>>,
    pub(crate) server_name: &'a str,
    pub(crate) binding: &'a str,
    #[serde(flatten)]
    pub(crate) property: Property<'a>,
    pub(crate) protocol: &'a str,
    pub(crate) verdict: &'a str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) detail: Option<&'a str>,
    pub(crate) rule: Option<&'a str>,
    pub(crate) would_deny: Option<&'a str>,
    #[serde(flatten)]
    pub(crate) client: Client<'a>,
    pub(crate) origin: Option<&'a str>,
    pub(crate) origin_address: Option<String>,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    /// Whether both sides ended it.
    pub(crate) complete: bool,
    /// How long after its beginning the origin was connected to.
    pub(crate) origin_connected_ms: Option<f64>,
    pub(crate) duration_ms: f64,
    pub(crate) custom_log: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_chain: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sampled_one_in: Option<u32>,
}

/// One request without TLS that was not served: redirected, or refused with the reason.
#[derive(Debug, Serialize)]
pub(crate) struct PlainRecord<'a> {
    pub(crate) event: &'static str,
    pub(crate) time: String,
    pub(crate) network: &'a str,
    pub(crate) node: &'a str,
    pub(crate) generation: Option<u64>,
    pub(crate) request_id: &'a str,
    pub(crate) client_address: IpAddr,
    pub(crate) client_port: u16,
    pub(crate) method: Option<&'a str>,
    pub(crate) host: Option<&'a str>,
    pub(crate) status: u16,
    pub(crate) reason: Option<&'a str>,
    pub(crate) detail: Option<&'a str>,
    pub(crate) duration_ms: f64,
}

/// One handshake that did not become a connection, or what came on a connection instead of a request.
#[derive(Debug, Serialize)]
pub(crate) struct ConnectionRecord<'a> {
    pub(crate) event: &'static str,
    pub(crate) time: String,
    pub(crate) network: &'a str,
    pub(crate) node: &'a str,
    pub(crate) generation: Option<u64>,
    pub(crate) request_id: &'a str,
    pub(crate) client_address: IpAddr,
    pub(crate) client_port: u16,
    pub(crate) server_name: Option<&'a str>,
    pub(crate) binding: Option<&'a str>,
    pub(crate) reason: &'a str,
    pub(crate) detail: &'a str,
    #[serde(flatten)]
    pub(crate) client: Client<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_chain: Option<Vec<String>>,
    /// Records of this kind that were not written since the last one.
    #[serde(skip_serializing_if = "is_none_left_out")]
    pub(crate) left_out: u64,
    pub(crate) duration_ms: f64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_none_left_out(left_out: &u64) -> bool {
    *left_out == 0
}

/// What was negotiated.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tls<'a> {
    pub(crate) tls_version: &'a str,
    pub(crate) tls_cipher: &'a str,
    pub(crate) tls_group: Option<&'a str>,
    pub(crate) tls_resumed: bool,
}

impl<'a> Tls<'a> {
    pub(crate) fn of(facts: &'a TlsFacts) -> Self {
        Self {
            tls_version: match facts.version {
                TlsVersion::Tls12 => "1.2",
                TlsVersion::Tls13 => "1.3",
            },
            tls_cipher: facts.cipher,
            tls_group: facts.group,
            tls_resumed: facts.resumed,
        }
    }
}

/// Whose rules decided.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Property<'a> {
    pub(crate) property: Option<&'a str>,
    pub(crate) property_version: Option<u32>,
}

impl<'a> Property<'a> {
    pub(crate) fn of(binding: &'a Binding) -> Self {
        let property = binding.property.as_ref();
        Self {
            property: property.map(|property| property.name.as_str()),
            property_version: property.map(|property| property.version.number()),
        }
    }
}

/// Who the client says to be; `verdict` says whether to believe it.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Client<'a> {
    pub(crate) ca_set: Option<&'a str>,
    pub(crate) ca_set_version: Option<u32>,
    /// What is known about the revocation of a valid client.
    pub(crate) revocation: Option<&'a str>,
    pub(crate) client_subject: Option<&'a str>,
    pub(crate) client_issuer: Option<&'a str>,
    pub(crate) serial: Option<&'a str>,
    pub(crate) client_certificate_sha256: Option<&'a str>,
    pub(crate) client_spki_sha256: Option<&'a str>,
    pub(crate) client_sans: Option<&'a [String]>,
}

/// A record has so many of a certificate's alternative names.
const ALTERNATIVE_NAMES_MAX: usize = 10;

/// What a certificate says, in the words of the records; made once per connection.
#[derive(Debug)]
pub(crate) struct Who {
    subject: String,
    issuer: String,
    serial: String,
    certificate_sha256: String,
    spki_sha256: String,
    alternative_names: Vec<String>,
}

impl Who {
    pub(crate) fn new(certificate: &Certificate) -> Self {
        Self {
            subject: bounded(certificate.subject().to_rfc2253()),
            issuer: bounded(certificate.issuer().to_rfc2253()),
            serial: hex(certificate.serial().as_bytes()),
            certificate_sha256: certificate.fingerprint().to_string(),
            spki_sha256: certificate.spki_fingerprint().to_string(),
            alternative_names: certificate
                .subject_alternative_names()
                .iter()
                .take(ALTERNATIVE_NAMES_MAX)
                .map(|name| bounded(name.to_string()))
                .collect(),
        }
    }

    /// What the certificate that a client showed says, if it showed one that can be read.
    pub(crate) fn of_peer(peer: &Peer) -> Option<Self> {
        peer.leaf().map(Self::new)
    }

    pub(crate) fn fields(&self) -> Client<'_> {
        Client {
            ca_set: None,
            ca_set_version: None,
            revocation: None,
            client_subject: Some(&self.subject),
            client_issuer: Some(&self.issuer),
            serial: Some(&self.serial),
            client_certificate_sha256: Some(&self.certificate_sha256),
            client_spki_sha256: Some(&self.spki_sha256),
            client_sans: Some(&self.alternative_names),
        }
    }
}

/// The certificates of a chain for the log; none when they would fill it.
pub(crate) fn chain_text(chain: &PeerChain) -> Option<Vec<String>> {
    const MAX_BYTES: usize = 16 * 1024;
    let certificates = chain.certificates();
    let octets: usize = certificates.iter().map(|it| it.der().len()).sum();
    (octets <= MAX_BYTES).then(|| {
        certificates
            .iter()
            .map(|it| STANDARD.encode(it.der()))
            .collect()
    })
}

/// Nobody's subject fills the log.
fn bounded(mut text: String) -> String {
    const MAX_BYTES: usize = 1024;
    if text.len() > MAX_BYTES {
        let end = (0..=MAX_BYTES)
            .rev()
            .find(|index| text.is_char_boundary(*index))
            .unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}

fn hex(octets: &[u8]) -> String {
    use std::fmt::Write;
    octets.iter().fold(
        String::with_capacity(octets.len() * 2),
        |mut text, octet| {
            // Writing to a string does not fail.
            let _ = write!(text, "{octet:02x}");
            text
        },
    )
}
