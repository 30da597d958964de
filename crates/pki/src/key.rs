//! Keys.

use rcgen::{KeyPair, RsaKeySize};

use crate::IssueError;

/// What kind of key to make; signatures use the hash that goes with it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256 with SHA-256: small, fast and understood by everyone.
    #[default]
    P256,
    /// ECDSA on P-384 with SHA-384.
    P384,
    /// Ed25519, for peers that know it; browsers do not.
    Ed25519,
    /// RSA with 2048 bits and SHA-256, for peers that know nothing else.
    Rsa2048,
    /// RSA with 4096 bits and SHA-256; generating one takes a second or more.
    Rsa4096,
}

impl KeyAlgorithm {
    pub(crate) fn generate(self) -> Result<KeyPair, IssueError> {
        let made = match self {
            Self::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            Self::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
            Self::Rsa2048 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
            Self::Rsa4096 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_4096),
        };
        made.map_err(|source| IssueError::Signing { source })
    }
}
