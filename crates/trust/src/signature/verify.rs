//! Verifying signatures.

use aws_lc_rs::signature::{self, RsaPssSaltLength, UnparsedPublicKey, VerificationAlgorithm};
use thiserror::Error;

use super::{Hash, PssParameters, PssRestriction, SignatureAlgorithm};
use crate::{KeyAlgorithm, PublicKey};

/// Why a signature could not be verified.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum SignatureError {
    /// It does not fit the key.
    #[error("the signature does not fit the key")]
    Bad,
    /// The algorithm, or its use with such a key, is not supported.
    #[error("the signature algorithm is not supported with this key")]
    Unsupported,
    /// The hash is broken and no longer even computed.
    #[error("the hash of the signature is broken")]
    WeakHash,
    /// The key is too weak to prove anything.
    #[error("the key is too weak")]
    WeakKey,
}

/// RSA keys from this size are accepted (CA/B BR §6.1.5, NIST SP 800-131A).
pub(crate) const MIN_RSA_BITS: usize = 2_048;
/// Larger RSA keys are refused: verifying with them costs too much (threats C5.5).
pub(crate) const MAX_RSA_BITS: usize = 8_192;

/// Verifies `signature` over `message`. SHA-1 is verified as well; whether it is allowed is the caller's question.
pub(crate) fn verify(
    algorithm: &SignatureAlgorithm,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    strong_enough(algorithm, key)?;
    let verified = if let SignatureAlgorithm::RsaPss(Some(parameters)) = algorithm {
        pss(*parameters, key)?.verify_sig(&key.key, message, signature)
    } else {
        UnparsedPublicKey::new(select(algorithm, key)?, &key.key).verify(message, signature)
    };
    verified.map_err(|_| SignatureError::Bad)
}

fn strong_enough(algorithm: &SignatureAlgorithm, key: &PublicKey) -> Result<(), SignatureError> {
    if matches!(
        algorithm.hash(),
        Some(Hash::Md2 | Hash::Md4 | Hash::Md5 | Hash::Sha224)
    ) {
        return Err(SignatureError::WeakHash);
    }
    if let KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss(_) = key.algorithm {
        // The verification algorithms refuse such keys as well; here they get their name.
        match key.bits {
            ..MIN_RSA_BITS => return Err(SignatureError::WeakKey),
            MIN_RSA_BITS..=MAX_RSA_BITS => {}
            _ => return Err(SignatureError::Unsupported),
        }
    }
    Ok(())
}

/// RFC 4055 §1.2: both kinds of RSA keys make these signatures, and the one that makes no others may say more.
fn pss(
    parameters: PssParameters,
    key: &PublicKey,
) -> Result<impl VerificationAlgorithm, SignatureError> {
    match key.algorithm {
        KeyAlgorithm::Rsa => {}
        KeyAlgorithm::RsaPss(restriction) if restriction.permits(parameters) => {}
        KeyAlgorithm::RsaPss(PssRestriction::To(_)) => return Err(SignatureError::Bad),
        _ => return Err(SignatureError::Unsupported),
    }
    let algorithm = match parameters.hash {
        Hash::Sha256 => signature::RSA_PSS_2048_8192_SHA256,
        Hash::Sha384 => signature::RSA_PSS_2048_8192_SHA384,
        Hash::Sha512 => signature::RSA_PSS_2048_8192_SHA512,
        _ => return Err(SignatureError::Unsupported),
    };
    Ok(algorithm.with_pss_salt_length(RsaPssSaltLength::Custom(parameters.salt)))
}

fn select(
    algorithm: &SignatureAlgorithm,
    key: &PublicKey,
) -> Result<&'static dyn VerificationAlgorithm, SignatureError> {
    use SignatureAlgorithm as Algorithm;
    Ok(match (algorithm, &key.algorithm) {
        (Algorithm::RsaPkcs1(Hash::Sha1), KeyAlgorithm::Rsa) => {
            &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY
        }
        (Algorithm::RsaPkcs1(Hash::Sha256), KeyAlgorithm::Rsa) => {
            &signature::RSA_PKCS1_2048_8192_SHA256
        }
        (Algorithm::RsaPkcs1(Hash::Sha384), KeyAlgorithm::Rsa) => {
            &signature::RSA_PKCS1_2048_8192_SHA384
        }
        (Algorithm::RsaPkcs1(Hash::Sha512), KeyAlgorithm::Rsa) => {
            &signature::RSA_PKCS1_2048_8192_SHA512
        }
        (Algorithm::Ecdsa(Hash::Sha1), KeyAlgorithm::EcP256) => &signature::ECDSA_P256_SHA1_ASN1,
        (Algorithm::Ecdsa(Hash::Sha256), KeyAlgorithm::EcP256) => {
            &signature::ECDSA_P256_SHA256_ASN1
        }
        (Algorithm::Ecdsa(Hash::Sha384), KeyAlgorithm::EcP256) => {
            &signature::ECDSA_P256_SHA384_ASN1
        }
        (Algorithm::Ecdsa(Hash::Sha512), KeyAlgorithm::EcP256) => {
            &signature::ECDSA_P256_SHA512_ASN1
        }
        (Algorithm::Ecdsa(Hash::Sha256), KeyAlgorithm::EcP384) => {
            &signature::ECDSA_P384_SHA256_ASN1
        }
        (Algorithm::Ecdsa(Hash::Sha384), KeyAlgorithm::EcP384) => {
            &signature::ECDSA_P384_SHA384_ASN1
        }
        (Algorithm::Ecdsa(Hash::Sha512), KeyAlgorithm::EcP384) => {
            &signature::ECDSA_P384_SHA512_ASN1
        }
        (Algorithm::Ecdsa(Hash::Sha1), KeyAlgorithm::EcP521) => &signature::ECDSA_P521_SHA1_ASN1,
        (Algorithm::Ecdsa(Hash::Sha256), KeyAlgorithm::EcP521) => {
            &signature::ECDSA_P521_SHA256_ASN1
        }
        (Algorithm::Ecdsa(Hash::Sha384), KeyAlgorithm::EcP521) => {
            &signature::ECDSA_P521_SHA384_ASN1
        }
        (Algorithm::Ecdsa(Hash::Sha512), KeyAlgorithm::EcP521) => {
            &signature::ECDSA_P521_SHA512_ASN1
        }
        (Algorithm::Ed25519, KeyAlgorithm::Ed25519) => &signature::ED25519,
        (Algorithm::MlDsa44, KeyAlgorithm::MlDsa44) => &signature::ML_DSA_44,
        (Algorithm::MlDsa65, KeyAlgorithm::MlDsa65) => &signature::ML_DSA_65,
        (Algorithm::MlDsa87, KeyAlgorithm::MlDsa87) => &signature::ML_DSA_87,
        _ => return Err(SignatureError::Unsupported),
    })
}
