//! Private keys: read once, sealed at once, never shown (invariant I6).

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_snapshot::Secret;
use countersign_trust::PublicKey;
use zeroize::Zeroizing;

/// NIST SP 800-57 part 1: 112 bits of strength.
const RSA_MIN_BITS: usize = 2048;

/// A private key of a kind that the edge can use.
#[derive(Debug)]
pub(crate) struct PrivateKey {
    /// PKCS#8.
    pub(crate) pkcs8: Secret,
    /// The `SubjectPublicKeyInfo` of its public half, DER.
    spki: Vec<u8>,
}

/// Why a text is no private key that the edge can use. Nothing of the text is repeated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ReadKeyError {
    #[error(
        "there is no private key in it; paste the PEM block from BEGIN PRIVATE KEY to END PRIVATE KEY"
    )]
    Missing,
    #[error(
        "there is more than one private key in it; give the one that belongs to the certificate"
    )]
    Several,
    #[error(
        "the private key is encrypted; decrypt it first, for example with `openssl pkey -in key.pem`"
    )]
    Encrypted,
    #[error("the PEM block cannot be read")]
    Pem,
    #[error("the private key is none of RSA, ECDSA on P-256 or P-384, and Ed25519")]
    Unsupported,
    #[error("the RSA key has {0} bits, 2048 are the least")]
    Weak(usize),
}

impl PrivateKey {
    /// Reads PEM: PKCS#8, PKCS#1 or SEC 1. Certificates and curve parameters beside it are passed over.
    pub(crate) fn from_pem(text: &str) -> Result<Self, ReadKeyError> {
        if text.contains("ENCRYPTED") && text.contains("PRIVATE KEY") {
            return Err(ReadKeyError::Encrypted);
        }
        let mut keys = pem_blocks(text)
            .into_iter()
            .filter(|block| block.label.ends_with("PRIVATE KEY"));
        let block = keys.next().ok_or(ReadKeyError::Missing)?;
        if keys.next().is_some() {
            return Err(ReadKeyError::Several);
        }
        let der = block.decode().ok_or(ReadKeyError::Pem)?;
        match block.label {
            "PRIVATE KEY" => Self::from_pkcs8(der.expose()),
            "RSA PRIVATE KEY" => rsa::KeyPair::from_der(der.expose())
                .map_err(|_| ReadKeyError::Unsupported)
                .and_then(|pair| from_rsa(&pair)),
            "EC PRIVATE KEY" => {
                first_curve(|curve| EcdsaKeyPair::from_private_key_der(curve, der.expose()).ok())
            }
            _ => Err(ReadKeyError::Unsupported),
        }
    }

    /// Reads PKCS#8.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, ReadKeyError> {
        if let Ok(pair) = rsa::KeyPair::from_pkcs8(der) {
            return from_rsa(&pair);
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
            let stored = pair.to_pkcs8v1().map_err(|_| ReadKeyError::Unsupported)?;
            return with_public(stored.as_ref(), pair.public_key());
        }
        first_curve(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok())
    }

    /// Whether it is the private half of a public key.
    pub(crate) fn belongs_to(&self, public: &PublicKey) -> bool {
        *self.spki == *public.spki_der
    }
}

/// One block of a PEM text (RFC 7468 §2), not decoded.
struct PemBlock<'a> {
    label: &'a str,
    lines: Vec<&'a str>,
}

impl PemBlock<'_> {
    fn decode(&self) -> Option<Secret> {
        let text = Zeroizing::new(self.lines.concat());
        STANDARD.decode(text.as_bytes()).ok().map(Secret::new)
    }
}

/// The blocks of a text, in their order; what stands between them and what has no end is passed over.
fn pem_blocks(text: &str) -> Vec<PemBlock<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<PemBlock<'_>> = None;
    for line in text.lines().map(str::trim) {
        let label_of = |prefix: &str| line.strip_prefix(prefix)?.strip_suffix("-----");
        if let Some(label) = label_of("-----BEGIN ") {
            open = Some(PemBlock {
                label,
                lines: Vec::new(),
            });
        } else if let Some(label) = label_of("-----END ") {
            blocks.extend(open.take().filter(|block| block.label == label));
        } else if let Some(block) = &mut open {
            block.lines.push(line);
        }
    }
    blocks
}

fn from_rsa(pair: &rsa::KeyPair) -> Result<PrivateKey, ReadKeyError> {
    let bits = pair.public_modulus_len() * 8;
    if bits < RSA_MIN_BITS {
        return Err(ReadKeyError::Weak(bits));
    }
    let stored: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| ReadKeyError::Unsupported)?;
    with_public(stored.as_ref(), pair.public_key())
}

fn first_curve(
    read: impl Fn(&'static EcdsaSigningAlgorithm) -> Option<EcdsaKeyPair>,
) -> Result<PrivateKey, ReadKeyError> {
    let pair = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
    ]
    .into_iter()
    .find_map(read)
    .ok_or(ReadKeyError::Unsupported)?;
    let stored = pair.to_pkcs8v1().map_err(|_| ReadKeyError::Unsupported)?;
    with_public(stored.as_ref(), pair.public_key())
}

fn with_public(
    stored: &[u8],
    public: &impl AsDer<PublicKeyX509Der<'static>>,
) -> Result<PrivateKey, ReadKeyError> {
    let spki = public.as_der().map_err(|_| ReadKeyError::Unsupported)?;
    Ok(PrivateKey {
        pkcs8: Secret::new(stored.to_vec()),
        spki: spki.as_ref().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use countersign_testkit::{Key, KeyKind, Pki};
    use countersign_trust::Certificate;

    use super::*;

    #[test]
    fn every_kind_of_key_that_the_edge_uses_is_read_and_belongs_to_its_certificate_only() {
        let ca = Pki::new().root("Root");
        let other = Certificate::from_der(ca.der()).unwrap();
        for kind in [
            KeyKind::Rsa2048,
            KeyKind::P256,
            KeyKind::P384,
            KeyKind::Ed25519,
        ] {
            let server = ca.server(["a.test"]).key_kind(kind).issue();
            let key = PrivateKey::from_pem(&server.key_pem()).unwrap();
            let certificate = Certificate::from_der(server.der()).unwrap();
            assert!(key.belongs_to(certificate.public_key()), "{kind:?}");
            assert!(!key.belongs_to(other.public_key()), "{kind:?}");
            // What is stored can be read again.
            PrivateKey::from_pkcs8(key.pkcs8.expose()).unwrap();
        }
    }

    #[test]
    fn what_is_no_usable_key_is_refused_without_repeating_it() {
        let check = |text: &str, expected: ReadKeyError| {
            assert_eq!(PrivateKey::from_pem(text).unwrap_err(), expected);
        };
        check("", ReadKeyError::Missing);
        check("nonsense", ReadKeyError::Missing);
        check(&Pki::new().root("Root").pem(), ReadKeyError::Missing);
        let key = Key::generate(KeyKind::P256).pem();
        check(&format!("{key}{key}"), ReadKeyError::Several);
        check(
            &key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
            ReadKeyError::Encrypted,
        );
        check(
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            ReadKeyError::Unsupported,
        );
        check(
            &Key::generate(KeyKind::P521).pem(),
            ReadKeyError::Unsupported,
        );
    }
}
