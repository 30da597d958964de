//! Signature algorithms and the verification of signatures.

use std::fmt;

use crate::ObjectIdentifier;

mod algorithm;
mod pss;
mod verify;

pub use pss::{PssParameters, PssRestriction};
pub use verify::SignatureError;
pub(crate) use verify::{MAX_RSA_BITS, MIN_RSA_BITS, verify};

/// A hash function as part of a signature algorithm.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Hash {
    /// MD2; broken.
    Md2,
    /// MD4; broken.
    Md4,
    /// MD5; broken.
    Md5,
    /// SHA-1; broken, allowed by [`Sha1Signatures::Allow`](crate::Sha1Signatures::Allow) only.
    Sha1,
    /// SHA-224; too short.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// The algorithm of a signature.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// DSA; never accepted.
    Dsa(Hash),
    /// ECDSA.
    Ecdsa(Hash),
    /// Ed25519.
    Ed25519,
    /// Ed448; not supported.
    Ed448,
    /// ML-DSA-44.
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(Hash),
    /// RSASSA-PSS; `None` with parameters that are not supported, such as MGF1 over another hash.
    RsaPss(Option<PssParameters>),
    /// Something else.
    Unknown(ObjectIdentifier),
}

impl SignatureAlgorithm {
    /// The hash function, where the algorithm has a choice of it.
    #[must_use]
    pub fn hash(&self) -> Option<Hash> {
        match self {
            Self::Dsa(hash) | Self::Ecdsa(hash) | Self::RsaPkcs1(hash) => Some(*hash),
            Self::RsaPss(parameters) => parameters.map(|parameters| parameters.hash),
            _ => None,
        }
    }

    /// The name that Java gives it, in capitals: `SHA256WITHRSA`.
    #[must_use]
    pub fn java_name(&self) -> String {
        let with = |hash: &Hash, key: &str| format!("{}WITH{key}", hash.java_name());
        match self {
            Self::Dsa(hash) => with(hash, "DSA"),
            Self::Ecdsa(hash) => with(hash, "ECDSA"),
            Self::Ed25519 => "ED25519".to_owned(),
            Self::Ed448 => "ED448".to_owned(),
            Self::MlDsa44 => "ML-DSA-44".to_owned(),
            Self::MlDsa65 => "ML-DSA-65".to_owned(),
            Self::MlDsa87 => "ML-DSA-87".to_owned(),
            Self::RsaPkcs1(hash) => with(hash, "RSA"),
            Self::RsaPss(_) => "RSASSA-PSS".to_owned(),
            Self::Unknown(oid) => oid.to_string(),
        }
    }
}

impl Hash {
    fn java_name(self) -> &'static str {
        match self {
            Self::Md2 => "MD2",
            Self::Md4 => "MD4",
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA1",
            Self::Sha224 => "SHA224",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Md2 => "MD2",
            Self::Md4 => "MD4",
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dsa(hash) => write!(f, "DSA with {hash}"),
            Self::Ecdsa(hash) => write!(f, "ECDSA with {hash}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Ed448 => f.write_str("Ed448"),
            Self::MlDsa44 => f.write_str("ML-DSA-44"),
            Self::MlDsa65 => f.write_str("ML-DSA-65"),
            Self::MlDsa87 => f.write_str("ML-DSA-87"),
            Self::RsaPkcs1(hash) => write!(f, "RSA with {hash}"),
            Self::RsaPss(Some(PssParameters { hash, .. })) => write!(f, "RSASSA-PSS with {hash}"),
            Self::RsaPss(None) => f.write_str("RSASSA-PSS with unusual parameters"),
            Self::Unknown(oid) => oid.fmt(f),
        }
    }
}
