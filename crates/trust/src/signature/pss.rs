//! The parameters of RSASSA-PSS, of signatures and of keys (RFC 4055 §3.1).

use super::Hash;
use crate::der::{self, INTEGER, NULL, Reader, SEQUENCE, Value, integer_u64};
use crate::oid::known;

/// How an RSASSA-PSS signature is made: MGF1 over the same hash, trailer 1.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PssParameters {
    /// SHA-256, SHA-384 or SHA-512.
    pub hash: Hash,
    /// The salt's length in octets; of a key, the least that its signatures have.
    pub salt: u16,
}

/// What a key that is for RSASSA-PSS only says about its signatures (RFC 4055 §1.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PssRestriction {
    /// Any parameters will do.
    Unrestricted,
    /// This hash, and a salt of at least that length.
    To(PssParameters),
    /// Parameters that nothing here can verify with, such as SHA-1.
    Unsupported,
}

impl PssRestriction {
    /// Reads the parameters of a key's algorithm.
    pub(crate) fn read(parameters: Option<Value<'_>>) -> Self {
        match parameters.map(PssParameters::read) {
            None => Self::Unrestricted,
            Some(Some(parameters)) => Self::To(parameters),
            Some(None) => Self::Unsupported,
        }
    }

    /// RFC 4055 §3.3: "the hash algorithm … MUST match", and the salt of the signature "MUST be greater or equal" to the key's.
    pub(crate) fn permits(self, signature: PssParameters) -> bool {
        match self {
            Self::Unrestricted => true,
            Self::To(key) => signature.hash == key.hash && signature.salt >= key.salt,
            Self::Unsupported => false,
        }
    }
}

impl PssParameters {
    /// Reads `RSASSA-PSS-params`; `None` for other parameters than those that can be verified.
    pub(crate) fn read(parameters: Value<'_>) -> Option<Self> {
        let mut reader = parameters.sequence_reader()?;
        let hash = explicit(&mut reader, 0)?.and_then(hash_identifier)?;
        let mut mask = explicit(&mut reader, 1)??.sequence_reader()?;
        if mask.object_identifier().ok()? != *known::MGF1 {
            return None;
        }
        let mask_hash = hash_identifier(mask.next().ok()?)?;
        let salt = integer(explicit(&mut reader, 2)?, 20)?;
        let trailer = integer(explicit(&mut reader, 3)?, 1)?;
        (reader.is_empty() && mask.is_empty() && mask_hash == hash && trailer == 1).then_some(())?;
        Some(Self {
            hash,
            salt: u16::try_from(salt).ok()?,
        })
    }
}

fn integer(value: Option<Value<'_>>, default: u64) -> Option<u64> {
    match value {
        Some(value) if value.tag == INTEGER => integer_u64(value.contents).ok(),
        Some(_) => None,
        None => Some(default),
    }
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
