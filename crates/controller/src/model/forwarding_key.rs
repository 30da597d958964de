//! What the edges of a network sign with what they forward.

use countersign_snapshot::SealedSecret;
use countersign_trust::UnixTime;

/// An Ed25519 key with which the edges of a network sign requests (RFC 9421).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForwardingKey {
    /// The JWK thumbprint of its public half (RFC 7638), base64url.
    pub id: String,
    /// The public half, 32 octets (RFC 8032 §5.1.5).
    pub public_key: Vec<u8>,
    /// The private half.
    pub sealed_key: SealedSecret,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// From when on it is used, until the next one is.
    pub used_from: UnixTime,
}
