//! What edges sign the requests with that they forward (RFC 9421).

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A JWK Set (RFC 7517 §5): the keys of a network, in the order in which they are used.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ForwardingKeys {
    /// The one that was told and is not used yet, and the one before, are among them.
    pub keys: Vec<ForwardingKey>,
}

/// A JWK (RFC 8037 §2) with two members of ours, which others pass over.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ForwardingKey {
    /// The key type: `OKP`.
    pub kty: String,
    /// The curve: `Ed25519`.
    pub crv: String,
    /// The public key, base64url.
    pub x: String,
    /// What signatures call it by: the thumbprint of RFC 7638.
    pub kid: String,
    /// What it signs by: `EdDSA`.
    pub alg: String,
    /// What it is for: `sig`.
    #[serde(rename = "use")]
    pub key_use: String,
    /// From when on edges sign with it.
    #[serde(rename = "usedFrom")]
    pub used_from: Timestamp,
    /// From when on they sign with the next one; absent while there is none.
    #[serde(rename = "usedUntil", skip_serializing_if = "Option::is_none")]
    pub used_until: Option<Timestamp>,
}

/// A request for the next key.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ForwardingKeyRotation {
    /// Seconds until it is used; a day when absent.
    pub use_after_seconds: u32,
}

impl Default for ForwardingKeyRotation {
    fn default() -> Self {
        Self {
            // Whoever fetches keys once a day knows it in time.
            use_after_seconds: 24 * 3600,
        }
    }
}
