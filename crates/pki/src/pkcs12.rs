//! PKCS#12 files, which browsers and phones take certificates and keys in (RFC 7292).
//!
//! Written with today's algorithms only: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC (RFC 8018), a MAC with HMAC-SHA-256. Importers that
//! know nothing but RC2, 3DES and SHA-1 are not served: a key protected by these is not protected.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use rcgen::{KeyPair, PublicKeyData};
use thiserror::Error;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};
use zeroize::Zeroizing;

mod der;

use der::{explicit, implicit, integer, object, octets, sequence, set};

/// How often passwords are hashed: a guess costs an attacker as much.
const ITERATIONS: u32 = 100_000;
const SALT_OCTETS: usize = 16;
/// Shorter ones are guessed whatever protects them.
const PASSWORD_MIN_CHARS: usize = 8;

const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHROUDED_KEY_BAG: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x02,
];
const CERTIFICATE_BAG: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03,
];
const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
const LOCAL_KEY_ID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x15];

/// Why a certificate and its key were not exported.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ExportError {
    /// No certificate in PEM.
    #[error("no PEM certificate that can be read")]
    Certificate,
    /// The cryptography failed.
    #[error("the file could not be encrypted")]
    Encryption,
    /// Not an unencrypted key in PKCS#8.
    #[error(
        "no unencrypted PEM private key in PKCS#8; `openssl pkey -in KEY -out PLAIN` makes it one"
    )]
    Key,
    /// The key does not belong to the first certificate.
    #[error("the private key does not belong to the first certificate")]
    KeyMismatch,
    /// The password is too short, or has characters that importers read differently.
    #[error("a password has at least {PASSWORD_MIN_CHARS} characters, all of them printable ASCII")]
    Password,
}

/// Puts a chain (PEM, the key's own certificate first) and its private key (PEM, PKCS#8) into a file that the password protects. People see
/// `name` when they choose a certificate.
///
/// # Errors
///
/// When one of them cannot be read, they do not belong together, or the password protects nothing.
pub fn pkcs12(
    chain_pem: &str,
    key_pem: &str,
    name: &str,
    password: &str,
) -> Result<Vec<u8>, ExportError> {
    let printable = password.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if password.len() < PASSWORD_MIN_CHARS || !printable {
        return Err(ExportError::Password);
    }
    let blocks = pem::parse_many(chain_pem).map_err(|_| ExportError::Certificate)?;
    let chain: Vec<_> = blocks
        .iter()
        .filter(|block| block.tag() == "CERTIFICATE")
        .map(pem::Pem::contents)
        .collect();
    let key = key(key_pem)?;
    check(&chain, &key)?;
    let key_id = digest::digest(&digest::SHA256, chain.first().copied().unwrap_or_default());
    let mut bags = Vec::new();
    for (place, certificate) in chain.iter().enumerate() {
        let attributes = match place {
            0 => Some(attributes(name, key_id.as_ref())),
            _ => None,
        };
        let value = sequence(&[object(X509_CERTIFICATE), explicit(0, &octets(certificate))]);
        bags.push(bag(CERTIFICATE_BAG, &value, attributes));
    }
    let certificates = encrypted(&sequence(&bags), password)?;
    let (algorithm, ciphertext) = encrypt(&key, password)?;
    let shrouded = sequence(&[algorithm, octets(&ciphertext)]);
    let attributes = attributes(name, key_id.as_ref());
    let keys = sequence(&[bag(SHROUDED_KEY_BAG, &shrouded, Some(attributes))]);
    let safe = sequence(&[certificates, data(&keys)]);
    Ok(sequence(&[integer(3), data(&safe), mac(&safe, password)?]))
}

fn key(text: &str) -> Result<Zeroizing<Vec<u8>>, ExportError> {
    let blocks = pem::parse_many(text).map_err(|_| ExportError::Key)?;
    blocks
        .into_iter()
        .find(|block| block.tag() == "PRIVATE KEY")
        .map(|block| Zeroizing::new(block.into_contents()))
        .ok_or(ExportError::Key)
}

/// Whether the key is that of the first certificate, and the others are certificates.
fn check(chain: &[&[u8]], key: &Zeroizing<Vec<u8>>) -> Result<(), ExportError> {
    let parsed: Vec<_> = chain
        .iter()
        .map(|der| X509Certificate::from_der(der).map(|(_, certificate)| certificate))
        .collect::<Result<_, _>>()
        .map_err(|_| ExportError::Certificate)?;
    let own = parsed.first().ok_or(ExportError::Certificate)?;
    let key = KeyPair::try_from(key.as_slice()).map_err(|_| ExportError::Key)?;
    if own.public_key().subject_public_key.data.as_ref() == key.der_bytes() {
        Ok(())
    } else {
        Err(ExportError::KeyMismatch)
    }
}

fn bag(kind: &[u8], value: &[u8], attributes: Option<Vec<u8>>) -> Vec<u8> {
    let mut parts = vec![object(kind), explicit(0, value)];
    parts.extend(attributes);
    sequence(&parts)
}

fn attributes(name: &str, key_id: &[u8]) -> Vec<u8> {
    set(&[
        sequence(&[object(FRIENDLY_NAME), set(&[der::bmp_string(name)])]),
        sequence(&[object(LOCAL_KEY_ID), set(&[octets(key_id)])]),
    ])
}

/// RFC 5652 §4.
fn data(content: &[u8]) -> Vec<u8> {
    sequence(&[object(DATA), explicit(0, &octets(content))])
}

/// RFC 5652 §8.
fn encrypted(content: &[u8], password: &str) -> Result<Vec<u8>, ExportError> {
    let (algorithm, ciphertext) = encrypt(content, password)?;
    let info = sequence(&[object(DATA), algorithm, implicit(0, &ciphertext)]);
    let content = sequence(&[integer(0), info]);
    Ok(sequence(&[object(ENCRYPTED_DATA), explicit(0, &content)]))
}

/// PBES2 (RFC 8018 §6.2): the algorithm with its parameters, and the ciphertext.
fn encrypt(plain: &[u8], password: &str) -> Result<(Vec<u8>, Vec<u8>), ExportError> {
    let failed = |_| ExportError::Encryption;
    let salt = salt()?;
    let mut derived = Zeroizing::new([0; 32]);
    let iterations = std::num::NonZeroU32::new(ITERATIONS).ok_or(ExportError::Encryption)?;
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations,
        &salt,
        password.as_bytes(),
        derived.as_mut_slice(),
    );
    let key = UnboundCipherKey::new(&AES_256, derived.as_slice()).map_err(failed)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(failed)?;
    let mut text = plain.to_vec();
    let context = key.encrypt(&mut text).map_err(failed)?;
    let DecryptionContext::Iv128(iv) = context else {
        return Err(ExportError::Encryption);
    };
    let function = sequence(&[
        object(PBKDF2),
        sequence(&[
            octets(&salt),
            integer(ITERATIONS),
            sequence(&[object(HMAC_SHA256), der::null()]),
        ]),
    ]);
    let iv: &[u8; 16] = iv.as_ref();
    let scheme = sequence(&[object(AES_256_CBC), octets(iv)]);
    let algorithm = sequence(&[object(PBES2), sequence(&[function, scheme])]);
    Ok((algorithm, text))
}

/// RFC 7292 §4, MacData.
fn mac(safe: &[u8], password: &str) -> Result<Vec<u8>, ExportError> {
    let salt = salt()?;
    let key = mac_key(password, &salt, ITERATIONS);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), safe);
    let info = sequence(&[
        sequence(&[object(SHA256), der::null()]),
        octets(tag.as_ref()),
    ]);
    Ok(sequence(&[info, octets(&salt), integer(ITERATIONS)]))
}

/// RFC 7292 appendix B.2 with SHA-256 and ID 3; 32 octets are its first block, so that its last step is never needed.
fn mac_key(password: &str, salt: &[u8], iterations: u32) -> Zeroizing<Vec<u8>> {
    const BLOCK: usize = 64;
    const MAC_MATERIAL: u8 = 3;
    // Appendix B.1: BMPString with its terminator.
    let password: Zeroizing<Vec<u8>> = Zeroizing::new(
        password
            .encode_utf16()
            .chain([0])
            .flat_map(u16::to_be_bytes)
            .collect(),
    );
    let filled = |text: &[u8]| -> Vec<u8> {
        let length = text.len().div_ceil(BLOCK) * BLOCK;
        text.iter().copied().cycle().take(length).collect()
    };
    let mut input = Zeroizing::new(vec![MAC_MATERIAL; BLOCK]);
    input.extend(filled(salt));
    input.extend(filled(&password));
    let mut hash = digest::digest(&digest::SHA256, &input);
    for _ in 1..iterations {
        hash = digest::digest(&digest::SHA256, hash.as_ref());
    }
    Zeroizing::new(hash.as_ref().to_vec())
}

fn salt() -> Result<[u8; SALT_OCTETS], ExportError> {
    let mut salt = [0; SALT_OCTETS];
    rand::fill(&mut salt).map_err(|_| ExportError::Encryption)?;
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexpass:00700061007300730000 -kdfopt hexsalt:0102030405060708 -kdfopt iter:2
    /// -kdfopt id:3 PKCS12KDF`
    #[test]
    fn keys_for_the_mac_are_those_of_openssl() {
        let key = mac_key("pass", &[1, 2, 3, 4, 5, 6, 7, 8], 2);
        let text: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(text, OPENSSL);
    }

    const OPENSSL: &str = "a63cd656774f69679a22db3ca6ba511f2c40b5dc2efdbdb5995d9684d818deb1";
}
