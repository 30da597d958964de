//! Reading `AlgorithmIdentifier`s of signatures.

use super::{Hash, PssParameters, SignatureAlgorithm};
use crate::der::{DerError, NULL, Value};
use crate::oid::known;

impl SignatureAlgorithm {
    /// Reads the identifier (contents of the sequence).
    pub(crate) fn read(identifier: Value<'_>) -> Result<Self, DerError> {
        let mut reader = identifier.reader();
        let oid = reader.object_identifier()?;
        let parameters = if reader.is_empty() {
            None
        } else {
            Some(reader.next()?)
        };
        reader.end()?;
        let algorithm = match oid.as_der_contents() {
            known::RSA_MD2 => Self::RsaPkcs1(Hash::Md2),
            known::RSA_MD4 => Self::RsaPkcs1(Hash::Md4),
            known::RSA_MD5 => Self::RsaPkcs1(Hash::Md5),
            known::RSA_SHA1 | known::RSA_SHA1_OIW => Self::RsaPkcs1(Hash::Sha1),
            known::RSA_SHA224 => Self::RsaPkcs1(Hash::Sha224),
            known::RSA_SHA256 => Self::RsaPkcs1(Hash::Sha256),
            known::RSA_SHA384 => Self::RsaPkcs1(Hash::Sha384),
            known::RSA_SHA512 => Self::RsaPkcs1(Hash::Sha512),
            known::RSASSA_PSS => Self::RsaPss(parameters.and_then(PssParameters::read)),
            known::ECDSA_SHA1 => Self::Ecdsa(Hash::Sha1),
            known::ECDSA_SHA224 => Self::Ecdsa(Hash::Sha224),
            known::ECDSA_SHA256 => Self::Ecdsa(Hash::Sha256),
            known::ECDSA_SHA384 => Self::Ecdsa(Hash::Sha384),
            known::ECDSA_SHA512 => Self::Ecdsa(Hash::Sha512),
            known::DSA_SHA1 => Self::Dsa(Hash::Sha1),
            known::DSA_SHA224 => Self::Dsa(Hash::Sha224),
            known::DSA_SHA256 => Self::Dsa(Hash::Sha256),
            known::ED25519 => Self::Ed25519,
            known::ED448 => Self::Ed448,
            known::ML_DSA_44 => Self::MlDsa44,
            known::ML_DSA_65 => Self::MlDsa65,
            known::ML_DSA_87 => Self::MlDsa87,
            _ => Self::Unknown(oid.clone()),
        };
        // RFC 4055 §5: for RSA PKCS#1 "the parameters MUST be NULL"; absent ones are as common and as clear. RFC 5758 §3.2, RFC 8410 §3 and
        // RFC 9881 §2: for the others "the parameters MUST be absent"; a NULL is tolerated for ECDSA, where old CAs wrote it.
        let fits = match (&algorithm, parameters) {
            (Self::RsaPss(_) | Self::Unknown(_) | Self::Dsa(_), _) | (_, None) => true,
            (Self::RsaPkcs1(_) | Self::Ecdsa(_), Some(value)) => {
                value.tag == NULL && value.contents.is_empty()
            }
            (_, Some(_)) => false,
        };
        Ok(if fits { algorithm } else { Self::Unknown(oid) })
    }
}
