//! Revocations by hand.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A request to revoke certificates. Exactly one of `certificateSha256`, `spkiSha256`, `serialNumber` and `issuedBefore` says which; the
/// last two want the issuing CA beside, by its certificate or its key.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationRequest {
    /// SHA-256 of a certificate, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_sha256: Option<String>,
    /// SHA-256 of a `SubjectPublicKeyInfo`, hexadecimal: every certificate with this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spki_sha256: Option<String>,
    /// A serial number, hexadecimal, with or without colons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// Everything that the CA issued with a `notBefore` before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_before: Option<Timestamp>,
    /// The certificate of the issuing CA, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_certificate_pem: Option<String>,
    /// SHA-256 of the issuing CA's `SubjectPublicKeyInfo`, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_spki_sha256: Option<String>,
    /// A reason of RFC 5280 §5.3.1, such as `keyCompromise`; `unspecified` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Until when; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<Timestamp>,
}

/// A revocation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revocation {
    /// Its id.
    pub revocation_id: String,
    /// Where it is.
    pub revocation_link: String,
    /// Whether it holds now.
    pub active: bool,
    /// SHA-256 of the certificate.
    pub certificate_sha256: Option<String>,
    /// SHA-256 of the key.
    pub spki_sha256: Option<String>,
    /// The serial number, hexadecimal.
    pub serial_number: Option<String>,
    /// What the CA issued before this time.
    pub issued_before: Option<Timestamp>,
    /// SHA-256 of the issuing CA's key.
    pub issuer_spki_sha256: Option<String>,
    /// Why.
    pub reason: String,
    /// A remark.
    pub description: Option<String>,
    /// Until when; for ever when null.
    pub end_date: Option<Timestamp>,
    /// When it was made.
    pub created_date: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When somebody ended it.
    pub ended_date: Option<Timestamp>,
    /// Who did.
    pub ended_by: Option<String>,
}

/// Revocations of an account.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revocations {
    /// Newest first.
    pub revocations: Vec<Revocation>,
}
