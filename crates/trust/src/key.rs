//! Public keys, as far as a certificate describes them.

use std::fmt;

use crate::der::{
    DerError, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE, Value, object_identifier,
};
use crate::oid::known;
use crate::signature::{self, PssRestriction};
use crate::{ObjectIdentifier, SignatureAlgorithm, SignatureError};

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
    /// RSA that may be used with RSASSA-PSS only (RFC 4055).
    RsaPss(PssRestriction),
    /// Something else.
    Unknown(ObjectIdentifier),
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dsa => "DSA",
            Self::EcOther(Some(curve)) if curve.as_der_contents() == known::SM2 => "SM2",
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
            Self::RsaPss(PssRestriction::Unsupported) => "RSASSA-PSS with unusual parameters",
            Self::RsaPss(_) => "RSASSA-PSS",
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

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo`. An algorithm that we do not know is read as well; a key that does not fit its algorithm has 0 bits.
    pub(crate) fn read(spki: Value<'_>) -> Result<Self, DerError> {
        let mut parts = spki.reader();
        let mut identifier = parts.sequence()?;
        let oid = identifier.object_identifier()?;
        let parameters = if identifier.is_empty() {
            None
        } else {
            Some(identifier.next()?)
        };
        identifier.end()?;
        let key = parts.bit_string()?;
        parts.end()?;
        let (algorithm, bits) = classify(oid, parameters, key);
        Ok(Self {
            algorithm,
            bits,
            spki_der: spki.whole.into(),
            key: key.into(),
        })
    }

    /// Verifies that this key made `signature` over `message`.
    ///
    /// # Errors
    ///
    /// When the signature does not fit or cannot be checked. SHA-1 is no error here.
    pub fn verify(
        &self,
        algorithm: &SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        signature::verify(algorithm, self, message, signature)
    }
}

fn classify(
    oid: ObjectIdentifier,
    parameters: Option<Value<'_>>,
    key: &[u8],
) -> (KeyAlgorithm, usize) {
    match oid.as_der_contents() {
        known::RSA_ENCRYPTION => (KeyAlgorithm::Rsa, rsa_bits(key).unwrap_or(0)),
        known::RSASSA_PSS => (
            KeyAlgorithm::RsaPss(PssRestriction::read(parameters)),
            rsa_bits(key).unwrap_or(0),
        ),
        known::EC_PUBLIC_KEY => elliptic_curve(parameters),
        known::DSA => (
            KeyAlgorithm::Dsa,
            parameters.and_then(dsa_bits).unwrap_or(0),
        ),
        known::ED25519 => (KeyAlgorithm::Ed25519, 256),
        known::ED448 => (KeyAlgorithm::Ed448, 448),
        known::ML_DSA_44 => (KeyAlgorithm::MlDsa44, key.len() * 8),
        known::ML_DSA_65 => (KeyAlgorithm::MlDsa65, key.len() * 8),
        known::ML_DSA_87 => (KeyAlgorithm::MlDsa87, key.len() * 8),
        _ => (KeyAlgorithm::Unknown(oid), 0),
    }
}

fn elliptic_curve(parameters: Option<Value<'_>>) -> (KeyAlgorithm, usize) {
    let curve = parameters
        .filter(|value| value.tag == OBJECT_IDENTIFIER)
        .and_then(|value| object_identifier(value).ok());
    match curve.as_ref().map(ObjectIdentifier::as_der_contents) {
        Some(known::P256) => (KeyAlgorithm::EcP256, 256),
        Some(known::P384) => (KeyAlgorithm::EcP384, 384),
        Some(known::P521) => (KeyAlgorithm::EcP521, 521),
        Some(known::P192) => (KeyAlgorithm::EcOther(curve), 192),
        Some(known::P224) => (KeyAlgorithm::EcOther(curve), 224),
        Some(known::SECP256K1 | known::SM2) => (KeyAlgorithm::EcOther(curve), 256),
        _ => (KeyAlgorithm::EcOther(curve), 0),
    }
}

fn rsa_bits(key: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(key);
    let mut parts = reader.expect(SEQUENCE).ok()?.reader();
    integer_bits(parts.expect(INTEGER).ok()?.contents)
}

fn dsa_bits(parameters: Value<'_>) -> Option<usize> {
    integer_bits(parameters.reader().expect(INTEGER).ok()?.contents)
}

fn integer_bits(contents: &[u8]) -> Option<usize> {
    let zeros = contents.iter().take_while(|octet| **octet == 0).count();
    let digits = contents.get(zeros..)?;
    let first = digits.first()?;
    usize::try_from(8 - first.leading_zeros())
        .ok()
        .map(|bits| bits + (digits.len() - 1) * 8)
}
