//! Public keys, as far as a certificate describes them.

use std::fmt;

use crate::ObjectIdentifier;

/// The kind of a public key.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// DSA; never accepted.
    Dsa,
    /// ECDSA on another curve than those below; never accepted. `None` when the curve is not named.
    EcOther(Option<ObjectIdentifier>),
    /// ECDSA on NIST P-256.
    EcP256,
    /// ECDSA on NIST P-384.
    EcP384,
    /// ECDSA on NIST P-521.
    EcP521,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Ed448 (RFC 8410); not supported.
    Ed448,
    /// ML-DSA-44 (FIPS 204).
    MlDsa44,
    /// ML-DSA-65 (FIPS 204).
    MlDsa65,
    /// ML-DSA-87 (FIPS 204).
    MlDsa87,
    /// RSA.
    Rsa,
    /// RSA that may be used with RSASSA-PSS only (RFC 4055); not supported.
    RsaPss,
    /// Something else.
    Unknown(ObjectIdentifier),
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dsa => "DSA",
            Self::EcOther(Some(curve)) => return write!(f, "EC on curve {curve}"),
            Self::EcOther(None) => "EC on an unnamed curve",
            Self::EcP256 => "EC P-256",
            Self::EcP384 => "EC P-384",
            Self::EcP521 => "EC P-521",
            Self::Ed25519 => "Ed25519",
            Self::Ed448 => "Ed448",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
            Self::Rsa => "RSA",
            Self::RsaPss => "RSASSA-PSS",
            Self::Unknown(oid) => return oid.fmt(f),
        })
    }
}

/// A public key.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct PublicKey {
    /// Its kind.
    pub algorithm: KeyAlgorithm,
    /// Its size: the modulus for RSA and DSA, the field for curves, the public key for ML-DSA; 0 when it cannot be told.
    pub bits: usize,
    /// The whole `SubjectPublicKeyInfo`, DER.
    pub spki_der: Box<[u8]>,
    /// The contents of its BIT STRING.
    pub(crate) key: Box<[u8]>,
}
