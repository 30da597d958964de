//! Edge certificates: what the edge presents to clients, and how.

use serde::{Deserialize, Serialize};

use super::deployment::Deployed;
use super::tls::{CaList, ClientCertificateMode, HttpsSettings, TlsSettings};
use super::{Network, SecretText};
use crate::truststore::Validation;
use crate::{Timestamp, ValidityDate};

/// A request to make or change an edge certificate.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EdgeCertificateInput {
    /// Its name, unique in the account; from the first certificate's first name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Certificates with their keys, such as one RSA and one ECDSA; best first. Required when it is made; when it is changed, an empty list
    /// keeps what is there and any other replaces it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateUpload>,
    /// A key to be made here, whose certificate somebody else signs and is installed later. An edge certificate may begin with it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_request: Option<KeyRequestInput>,
    /// How the edge speaks TLS with it.
    #[serde(default)]
    pub settings: EdgeCertificateSettings,
}

/// A key to be made here.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyRequestInput {
    /// The DNS names that the certificate is to cover.
    pub names: Vec<String>,
    /// The subject's common name; the first name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// The subject's organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The subject's organizational unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<String>,
    /// The subject's country, two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// What kind of key.
    #[serde(default)]
    pub key_type: KeyType,
}

/// A kind of key.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyType {
    /// ECDSA on P-256.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 4096 bits.
    Rsa4096,
}

/// A key that was made here and waits for its certificate. The key itself is never shown.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRequest {
    /// The request for its certificate (PKCS#10), PEM.
    pub request_pem: String,
    /// When it was made.
    pub created_date: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// A certificate chain with its key.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateUpload {
    /// The certificate and its intermediates, PEM, in any order.
    pub certificate_pem: String,
    /// The private key, PEM: PKCS#8, PKCS#1 or SEC 1, not encrypted. It is sealed at once and never returned. Absent when the key is here
    /// already: one that was made for a request, or the one of the certificate that is renewed.
    #[serde(default, skip_serializing_if = "SecretText::is_empty")]
    pub private_key_pem: SecretText,
}

/// How the edge speaks TLS with an edge certificate.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EdgeCertificateSettings {
    /// The TLS policy.
    #[serde(default)]
    pub tls: TlsSettings,
    /// Whether clients need certificates; a site that says so itself overrides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutual_authentication: Option<MutualAuthentication>,
    /// What is said to those who come without TLS; a site that says so itself overrides it.
    #[serde(default, skip_serializing_if = "HttpsSettings::is_default")]
    pub https: HttpsSettings,
    /// Whether what the certificate's own CA says about it is fetched ahead and stapled to handshakes.
    #[serde(default, skip_serializing_if = "OcspStapling::is_default")]
    pub ocsp_stapling: OcspStapling,
}

/// Whether the status of an edge certificate is stapled (RFC 6066 §8).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OcspStapling {
    /// When the certificate names a responder.
    #[default]
    On,
    /// The same, and the responder may be in a private network.
    PrivateNetwork,
    /// Never.
    Off,
}

impl OcspStapling {
    fn is_default(&self) -> bool {
        *self == Self::On
    }
}

/// Whether and how clients are asked for certificates.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MutualAuthentication {
    /// The CA set whose clients are known; whichever version is active on the network.
    pub ca_set_id: String,
    /// More of them, for properties whose rules tell the clients of several CA sets apart. A client is asked for a certificate of any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_ca_set_ids: Vec<String>,
    /// When a certificate is asked for.
    #[serde(default)]
    pub mode: ClientCertificateMode,
    /// Whether the handshake names the CAs.
    #[serde(default)]
    pub send_ca_list: CaList,
    /// Whether a client certificate known as revoked is refused.
    #[serde(default)]
    pub ocsp: bool,
}

/// An edge certificate as it is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeCertificate {
    /// Its id.
    pub edge_certificate_id: String,
    /// Where it is.
    pub edge_certificate_link: String,
    /// Its name.
    pub name: String,
    /// Grows with each change.
    pub version: u32,
    /// The certificates, best first; never their keys.
    pub certificates: Vec<CertificateDescription>,
    /// Keys that were made here and wait for their certificates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_requests: Vec<KeyRequest>,
    /// How the edge speaks TLS with it.
    pub settings: EdgeCertificateSettings,
    /// The site that brought it along, if one did.
    pub owner_site_id: Option<String>,
    /// What staging presents.
    pub staging: Option<Deployed>,
    /// What production presents.
    pub production: Option<Deployed>,
    /// When it was made.
    pub created_date: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was last changed.
    pub modified_date: Option<Timestamp>,
    /// By whom.
    pub modified_by: Option<String>,
    /// Remarks about the request that made or changed it; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

/// A certificate that the edge presents.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateDescription {
    /// The chain, PEM, leaf first.
    pub certificate_pem: String,
    /// The leaf's subject.
    pub subject: String,
    /// The leaf's issuer.
    pub issuer: String,
    /// The DNS names that it covers.
    pub names: Vec<String>,
    /// The kind of key.
    pub key_algorithm: String,
    /// SHA-256 of the leaf, lower-case hex.
    pub fingerprint: String,
    /// From when the leaf is valid.
    pub start_date: ValidityDate,
    /// Until when the leaf is valid.
    pub end_date: ValidityDate,
    /// Whether less than 30 % of its lifetime is left.
    pub expiring: bool,
}

/// What changes about who may come in when a network presents an edge certificate as it is now.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeCertificateImpact {
    /// Which edge certificate.
    pub edge_certificate_id: String,
    /// Which version of it would be deployed.
    pub version: u32,
    /// Where.
    pub network: Network,
    /// The server names for which something changes; empty when everybody comes in, or not, as before.
    pub affected: Vec<HostnameImpact>,
}

/// What changes for a server name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostnameImpact {
    /// The name, maybe with a wildcard.
    pub hostname: String,
    /// The site or property that it belongs to.
    pub used_by: Option<String>,
    /// What changes.
    pub changes: Vec<AdmissionChange>,
}

/// One way in which it changes who may come in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionChange {
    /// A stable word, such as `CERTIFICATE_REQUIRED`.
    pub code: String,
    /// The same for a person.
    pub detail: String,
}

/// The answer to a list request.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeCertificates {
    /// All of the account, by name.
    pub edge_certificates: Vec<EdgeCertificate>,
}
