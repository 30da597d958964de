//! Sealing of private keys: encrypted wherever they rest, opened only by who needs them (invariant I6).

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 8;
/// A private key or a token is small; anything larger is no secret of ours.
const SECRET_MAX_BYTES: usize = 64 * 1024;

/// A secret in the clear, wiped from memory when dropped; its `Debug` shows nothing.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes in the clear.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A secret that only the holder of the [`SealingKey`] can read: AES-256-GCM, bound to a context.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealedSecret {
    key_id: [u8; KEY_ID_BYTES],
    /// Nonce, ciphertext, tag.
    bytes: Vec<u8>,
}

impl SealedSecret {
    /// The stored form: key id, nonce, ciphertext, tag.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.key_id[..], &self.bytes].concat()
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When the length cannot be that of a sealed secret.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        let (key_id, rest) = bytes
            .split_first_chunk::<KEY_ID_BYTES>()
            .ok_or(SealError::Malformed)?;
        if rest.len() < NONCE_LEN + AES_256_GCM.tag_len() || rest.len() > SECRET_MAX_BYTES * 2 {
            return Err(SealError::Malformed);
        }
        Ok(Self {
            key_id: *key_id,
            bytes: rest.to_vec(),
        })
    }
}

/// Why a secret could not be sealed or opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealError {
    /// The sealing key is not 32 bytes.
    #[error("a sealing key has 32 bytes")]
    KeyLength,
    /// The secret was sealed with another key.
    #[error("the secret was sealed with another key")]
    OtherKey,
    /// The bytes were changed, or sealed for another purpose.
    #[error("the sealed secret was altered or belongs to another purpose")]
    Altered,
    /// The bytes are no sealed secret.
    #[error("the bytes are no sealed secret")]
    Malformed,
    /// The secret is larger than 64 KiB.
    #[error("the secret is larger than 64 KiB")]
    TooLarge,
    /// The system's random number generator failed.
    #[error("the random number generator failed")]
    Random,
}

/// The key that seals and opens secrets: held by the controller and by the edge nodes of its fleet.
pub struct SealingKey {
    id: [u8; KEY_ID_BYTES],
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    key: RandomizedNonceKey,
}

impl SealingKey {
    /// Makes a new random key.
    ///
    /// # Errors
    /// When the system's random number generator fails.
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| SealError::Random)?;
        Self::from_bytes(bytes.as_slice())
    }

    /// Takes up a stored key of 32 bytes.
    ///
    /// # Errors
    /// When the length is another.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| SealError::KeyLength)?;
        let bytes = Zeroizing::new(bytes);
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes.as_slice())
            .map_err(|_| SealError::KeyLength)?;
        let mut id = [0; KEY_ID_BYTES];
        let hash = digest(
            &SHA256,
            &[b"countersign sealing key id", bytes.as_slice()].concat(),
        );
        for (to, from) in id.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        Ok(Self { id, bytes, key })
    }

    /// The key itself, to be stored where only its owner can read it.
    #[must_use]
    pub fn to_secret(&self) -> Secret {
        Secret::new(self.bytes.to_vec())
    }

    /// Seals a secret for one purpose, named by the context.
    ///
    /// # Errors
    /// When the secret is larger than 64 KiB.
    pub fn seal(&self, context: &str, secret: &Secret) -> Result<SealedSecret, SealError> {
        if secret.expose().len() > SECRET_MAX_BYTES {
            return Err(SealError::TooLarge);
        }
        let mut sealed = secret.expose().to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(context.as_bytes()), &mut sealed)
            .map_err(|_| SealError::Random)?;
        Ok(SealedSecret {
            key_id: self.id,
            bytes: [nonce.as_ref().as_slice(), &sealed].concat(),
        })
    }

    /// Opens a secret that was sealed for the same context.
    ///
    /// # Errors
    /// When it was sealed with another key or for another context, or was altered.
    pub fn open(&self, context: &str, sealed: &SealedSecret) -> Result<Secret, SealError> {
        if sealed.key_id != self.id {
            return Err(SealError::OtherKey);
        }
        let (nonce, rest) = sealed
            .bytes
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SealError::Malformed)?;
        let mut buffer = Zeroizing::new(rest.to_vec());
        let length = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(context.as_bytes()),
                &mut buffer,
            )
            .map_err(|_| SealError::Altered)?
            .len();
        buffer.truncate(length);
        Ok(Secret(buffer))
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_with_its_key_and_for_its_purpose() {
        let key = SealingKey::generate().unwrap();
        let sealed = key
            .seal("purpose", &Secret::new(b"private".to_vec()))
            .unwrap();
        let restored = SealedSecret::from_bytes(&sealed.to_bytes()).unwrap();
        let same_key = SealingKey::from_bytes(key.to_secret().expose()).unwrap();
        assert_eq!(
            same_key.open("purpose", &restored).unwrap().expose(),
            b"private"
        );
        assert_eq!(key.open("other", &sealed).unwrap_err(), SealError::Altered);
        let other = SealingKey::generate().unwrap();
        assert_eq!(
            other.open("purpose", &sealed).unwrap_err(),
            SealError::OtherKey
        );
    }

    #[test]
    fn every_altered_byte_is_noticed() {
        let key = SealingKey::generate().unwrap();
        let bytes = key
            .seal("purpose", &Secret::new(vec![7; 20]))
            .unwrap()
            .to_bytes();
        for index in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[index] ^= 1;
            let altered = SealedSecret::from_bytes(&altered).unwrap();
            assert!(key.open("purpose", &altered).is_err(), "byte {index}");
        }
    }

    #[test]
    fn secrets_do_not_show_themselves() {
        assert_eq!(
            format!("{:?}", Secret::new(b"private".to_vec())),
            "[redacted]"
        );
    }
}
