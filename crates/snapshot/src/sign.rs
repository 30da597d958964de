//! The transport form of a snapshot: content-addressed and signed.
//!
//! What carries a snapshot is untrusted (a message bus, a disk). The controller signs with Ed25519; edge nodes pin the public key.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::wire::{self, DecodeError};
use crate::{Network, Secret, Snapshot};

/// First bytes of a stored snapshot. The digit changes when the layout around the body does.
const MAGIC: &[u8; 8] = b"CSNAP\0\0\x01";
/// What the signature is made for, so that it can serve for nothing else.
const SIGNATURE_CONTEXT: &[u8] = b"countersign snapshot signature v1\0";
const DIGEST_BYTES: usize = 32;
const PUBLIC_KEY_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 64;
/// 1,000 CA sets of 300 certificates and 10,000 bindings stay below a tenth of this.
const BODY_MAX_BYTES: usize = 1 << 30;

/// SHA-256 of a snapshot's body: its address.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SnapshotDigest([u8; DIGEST_BYTES]);

impl SnapshotDigest {
    fn of(body: &[u8]) -> Self {
        let mut bytes = [0; DIGEST_BYTES];
        bytes.copy_from_slice(digest(&SHA256, body).as_ref());
        Self(bytes)
    }

    /// The raw digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }
}

impl fmt::Display for SnapshotDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SnapshotDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotDigest({self})")
    }
}

/// Why a snapshot could not be signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignError {
    /// The system could not make a key.
    #[error("no signing key could be made")]
    Generate,
    /// The stored key is no Ed25519 key in PKCS#8.
    #[error("the signing key is no Ed25519 key in PKCS#8")]
    Key,
}

/// Why a snapshot is not believed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VerifyError {
    /// The bytes are no snapshot file.
    #[error("the bytes are no snapshot, or were cut short")]
    Malformed,
    /// The signature is not of the pinned key, or the body was changed.
    #[error("the snapshot was altered, or signed by a key that this node does not trust")]
    Signature,
    /// The signed body cannot be read by this version.
    #[error("the snapshot's body cannot be read")]
    Body(#[from] DecodeError),
    /// The snapshot is for the other network.
    #[error("the snapshot is for the {actual} network, this node enforces {expected}")]
    Network {
        /// The network of the node.
        expected: Network,
        /// The network of the snapshot.
        actual: Network,
    },
}

/// The controller's key.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Makes a new key and its PKCS#8 form, to be stored where only the controller can read it.
    ///
    /// # Errors
    /// When the system cannot make a key.
    pub fn generate() -> Result<(Self, Secret), SignError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| SignError::Generate)?;
        let stored = pair.to_pkcs8().map_err(|_| SignError::Generate)?;
        Ok((Self(pair), Secret::new(stored.as_ref().to_vec())))
    }

    /// Takes up a stored key.
    ///
    /// # Errors
    /// When the bytes are no Ed25519 key in PKCS#8.
    pub fn from_pkcs8(stored: &Secret) -> Result<Self, SignError> {
        Ed25519KeyPair::from_pkcs8(stored.expose())
            .map(Self)
            .map_err(|_| SignError::Key)
    }

    /// The key that edge nodes pin.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        let mut bytes = [0; PUBLIC_KEY_BYTES];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        VerifyingKey(bytes)
    }

    /// Encodes and signs a snapshot. Equal snapshots have equal digests.
    #[must_use]
    pub fn sign(&self, snapshot: &Snapshot) -> SignedSnapshot {
        let body = wire::encode(snapshot);
        let digest = SnapshotDigest::of(&body);
        SignedSnapshot {
            signature: self.sign_bytes(&signed_bytes(&digest)),
            body,
            digest,
        }
    }

    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let mut signature = [0; SIGNATURE_BYTES];
        signature.copy_from_slice(self.0.sign(bytes).as_ref());
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey")
            .field(&self.verifying_key())
            .finish()
    }
}

/// The public half of a [`SigningKey`], pinned by edge nodes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VerifyingKey([u8; PUBLIC_KEY_BYTES]);

impl VerifyingKey {
    /// Takes up a stored key.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; PUBLIC_KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The stored form.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.0
    }
}

/// A snapshot on its way: believed only after [`SignedSnapshot::verify`].
#[derive(Clone, Eq, PartialEq)]
pub struct SignedSnapshot {
    body: Vec<u8>,
    digest: SnapshotDigest,
    signature: [u8; SIGNATURE_BYTES],
}

impl SignedSnapshot {
    /// The address of the body. True for any value of this type; says nothing about who signed it.
    #[must_use]
    pub const fn digest(&self) -> SnapshotDigest {
        self.digest
    }

    /// Checks the signature with the pinned key and decodes the body for one network.
    ///
    /// # Errors
    /// When the signature, the body or the network is not right; nothing of the body was interpreted before the signature held.
    pub fn verify(&self, key: &VerifyingKey, network: Network) -> Result<Snapshot, VerifyError> {
        UnparsedPublicKey::new(&ED25519, key.as_bytes())
            .verify(&signed_bytes(&self.digest), &self.signature)
            .map_err(|_| VerifyError::Signature)?;
        let snapshot = wire::decode(&self.body)?;
        if snapshot.network == network {
            Ok(snapshot)
        } else {
            Err(VerifyError::Network {
                expected: network,
                actual: snapshot.network,
            })
        }
    }

    /// The form for disks and message buses.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [MAGIC.as_slice(), &self.signature, &self.body].concat()
    }

    /// Reads that form. The digest is computed, never taken from outside.
    ///
    /// # Errors
    /// When the bytes cannot be a snapshot file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VerifyError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(VerifyError::Malformed)?;
        let (signature, body) = rest
            .split_first_chunk::<SIGNATURE_BYTES>()
            .ok_or(VerifyError::Malformed)?;
        if body.len() > BODY_MAX_BYTES {
            return Err(VerifyError::Malformed);
        }
        Ok(Self {
            digest: SnapshotDigest::of(body),
            body: body.to_vec(),
            signature: *signature,
        })
    }
}

impl fmt::Debug for SignedSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedSnapshot")
            .field("digest", &self.digest)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

fn signed_bytes(digest: &SnapshotDigest) -> Vec<u8> {
    [SIGNATURE_CONTEXT, digest.as_bytes()].concat()
}
