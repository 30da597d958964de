//! Reading `AlgorithmIdentifier`s of signatures.

use super::{Hash, SignatureAlgorithm};
use crate::der::{self, DerError, INTEGER, NULL, Reader, SEQUENCE, Value, integer_u64};
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
            known::RSASSA_PSS => Self::RsaPss(parameters.and_then(pss_hash)),
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

/// The hash of `RSASSA-PSS-params` (RFC 4055 §3.1) of the usual form: MGF1 over the same hash, salt as long as the hash, trailer 1.
fn pss_hash(parameters: Value<'_>) -> Option<Hash> {
    if parameters.tag != SEQUENCE {
        return None;
    }
    let mut reader = parameters.reader();
    let hash = explicit(&mut reader, 0)?.and_then(hash_identifier)?;
    let mut mask = explicit(&mut reader, 1)??.sequence_reader()?;
    if mask.object_identifier().ok()? != *known::MGF1 {
        return None;
    }
    let mask_hash = hash_identifier(mask.next().ok()?)?;
    let salt = match explicit(&mut reader, 2)? {
        Some(value) if value.tag == INTEGER => integer_u64(value.contents).ok()?,
        Some(_) => return None,
        None => 20,
    };
    let trailer = match explicit(&mut reader, 3)? {
        Some(value) if value.tag == INTEGER => integer_u64(value.contents).ok()?,
        Some(_) => return None,
        None => 1,
    };
    let length = match hash {
        Hash::Sha256 => 32,
        Hash::Sha384 => 48,
        Hash::Sha512 => 64,
        _ => return None,
    };
    (reader.is_empty() && mask.is_empty() && mask_hash == hash && salt == length && trailer == 1)
        .then_some(hash)
}

/// What is inside of the explicit tag, if it is there; the outer `None` is an error.
#[allow(
    clippy::option_option,
    reason = "absent and malformed are two things here"
)]
fn explicit<'a>(reader: &mut Reader<'a>, number: u8) -> Option<Option<Value<'a>>> {
    let Some(wrapper) = reader.optional(der::context_constructed(number)).ok()? else {
        return Some(None);
    };
    let mut inner = wrapper.reader();
    let value = inner.next().ok()?;
    inner.end().ok()?;
    Some(Some(value))
}

fn hash_identifier(identifier: Value<'_>) -> Option<Hash> {
    let mut reader = identifier.sequence_reader()?;
    let oid = reader.object_identifier().ok()?;
    if !reader.is_empty() {
        let null = reader.expect(NULL).ok()?;
        if !null.contents.is_empty() || !reader.is_empty() {
            return None;
        }
    }
    match oid.as_der_contents() {
        known::SHA256 => Some(Hash::Sha256),
        known::SHA384 => Some(Hash::Sha384),
        known::SHA512 => Some(Hash::Sha512),
        _ => None,
    }
}

impl<'a> Value<'a> {
    fn sequence_reader(self) -> Option<Reader<'a>> {
        (self.tag == SEQUENCE).then(|| self.reader())
    }
}
