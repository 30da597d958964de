//! Who is asked about the clients of a CA set, and what OCSP responders said.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Who may be asked about the clients of a CA set, and how.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RevocationSources {
    /// The hosts that may be asked when a certificate of a client names them, for OCSP and for CRLs: `ocsp.example.com`, `*.example.com`,
    /// `*`, with a port after a colon when it is not 80. The hosts that certificates of the CA set name themselves are always among them.
    pub hosts: Vec<String>,
    /// Whether these hosts may be in a private network.
    pub private_network: bool,
    /// OCSP responders to ask instead of those that certificates name.
    pub responders: Vec<OcspResponder>,
    /// What is done about the nonce of a question.
    pub nonce: Nonce,
    /// The hash by which a question names the certificate.
    pub cert_id_hash: CertIdHash,
}

/// An OCSP responder.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OcspResponder {
    /// Where it is: `http` only, since an answer proves itself by its signature.
    pub url: String,
    /// Whether its host may be in a private network.
    #[serde(default)]
    pub private_network: bool,
    /// SHA-256 of the key of the CA whose certificates it is asked about; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_spki_sha256: Option<String>,
}

/// What is done about the nonce.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Nonce {
    /// None is sent: answers may be prepared ahead and come from caches.
    Off,
    /// One is sent; an answer may come without it, but not with another one.
    #[default]
    Prefer,
    /// One is sent and has to come back.
    Require,
}

/// The hash by which a question names the certificate.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CertIdHash {
    /// What every responder understands; it is a name here, not a proof.
    #[default]
    Sha1,
    /// What newer responders understand.
    Sha256,
}

/// A certificate that a responder was asked about.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OcspAnswer {
    /// Its subject.
    pub subject: String,
    /// Its serial number, hexadecimal.
    pub serial_number: String,
    /// SHA-256 of the certificate.
    pub certificate_sha256: String,
    /// Its issuer.
    pub issuer: String,
    /// What the last good answer says: `good`, `revoked` or `unknown`; null before the first.
    pub status: Option<String>,
    /// Since when it is revoked.
    pub revoked_date: Option<Timestamp>,
    /// How well the answer serves: `good`, `expiring` (a newer one is late), `stale` (used within the grace), `expired` or `missing`.
    pub state: String,
    /// As of when it says so.
    pub this_update: Option<Timestamp>,
    /// By when newer is promised.
    pub next_update: Option<Timestamp>,
    /// How long ago it was said.
    pub age_seconds: Option<i64>,
    /// Who was asked last.
    pub responder: Option<String>,
    /// When that was.
    pub checked_date: Option<Timestamp>,
    /// When it is asked about next.
    pub next_check_date: Timestamp,
    /// How often in a row there was no answer.
    pub failures: u32,
    /// Why there was none.
    pub error: Option<String>,
}

/// What OCSP responders said about the clients of a CA set.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OcspAnswers {
    /// Those that want attention first, then the newest; at most as many as were asked for.
    pub answers: Vec<OcspAnswer>,
    /// How many there are in all.
    pub total: i64,
}
