//! The transport form of a manifest: content-addressed and signed, like a snapshot.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

use super::RevocationManifest;
use super::wire::{self, DecodeRevocationsError};
use crate::{SigningKey, VerifyingKey};

/// First bytes of a stored manifest. The digit changes when the layout around the body does.
const MAGIC: &[u8; 8] = b"CSREV\0\0\x01";
/// What the signature is made for, so that it can serve for nothing else.
const SIGNATURE_CONTEXT: &[u8] = b"countersign revocations signature v1\0";
const SIGNATURE_BYTES: usize = 64;
/// A million revocations by hand and as many answers stay below this.
const BODY_MAX_BYTES: usize = 1 << 28;

/// SHA-256 of a manifest's body: its address.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RevocationDigest([u8; 32]);

impl RevocationDigest {
    fn of(body: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, body).as_ref());
        Self(bytes)
    }

    /// The raw digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for RevocationDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RevocationDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationDigest({self})")
    }
}

/// Why a manifest is not believed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VerifyRevocationsError {
    /// The signed body cannot be read by this version.
    #[error("the body of the revocations cannot be read")]
    Body(#[from] DecodeRevocationsError),
    /// The bytes are no file of revocations.
    #[error("the bytes are no revocations, or were cut short")]
    Malformed,
    /// The signature is not of the pinned key, or the body was changed.
    #[error("the revocations were altered, or signed by a key that this node does not trust")]
    Signature,
}

/// A manifest on its way: believed only after [`SignedRevocations::verify`].
#[derive(Clone, Eq, PartialEq)]
pub struct SignedRevocations {
    body: Vec<u8>,
    digest: RevocationDigest,
    signature: [u8; SIGNATURE_BYTES],
}

impl SigningKey {
    /// Encodes and signs a manifest. Equal manifests have equal digests.
    #[must_use]
    pub fn sign_revocations(&self, manifest: &RevocationManifest) -> SignedRevocations {
        let body = wire::encode(manifest);
        let digest = RevocationDigest::of(&body);
        SignedRevocations {
            signature: self.sign_bytes(&signed_bytes(&digest)),
            body,
            digest,
        }
    }
}

impl SignedRevocations {
    /// The address of the body. True for any value of this type; says nothing about who signed it.
    #[must_use]
    pub const fn digest(&self) -> RevocationDigest {
        self.digest
    }

    /// Checks the signature with the pinned key and decodes the body.
    ///
    /// # Errors
    /// When the signature or the body is not right; nothing of the body was interpreted before the signature held.
    pub fn verify(&self, key: &VerifyingKey) -> Result<RevocationManifest, VerifyRevocationsError> {
        UnparsedPublicKey::new(&ED25519, key.as_bytes())
            .verify(&signed_bytes(&self.digest), &self.signature)
            .map_err(|_| VerifyRevocationsError::Signature)?;
        Ok(wire::decode(&self.body)?)
    }

    /// The form for disks and message buses.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [MAGIC.as_slice(), &self.signature, &self.body].concat()
    }

    /// Reads that form. The digest is computed, never taken from outside.
    ///
    /// # Errors
    /// When the bytes cannot be revocations.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VerifyRevocationsError> {
        let (signature, body) = bytes
            .strip_prefix(MAGIC)
            .and_then(<[u8]>::split_first_chunk::<SIGNATURE_BYTES>)
            .filter(|(_, body)| body.len() <= BODY_MAX_BYTES)
            .ok_or(VerifyRevocationsError::Malformed)?;
        Ok(Self {
            digest: RevocationDigest::of(body),
            body: body.to_vec(),
            signature: *signature,
        })
    }
}

impl fmt::Debug for SignedRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRevocations")
            .field("digest", &self.digest)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

fn signed_bytes(digest: &RevocationDigest) -> Vec<u8> {
    [SIGNATURE_CONTEXT, digest.as_bytes()].concat()
}
