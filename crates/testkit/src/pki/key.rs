//! Keys that sign certificates, and keys that merely stand in them.

use std::{fmt, sync::Arc};

use rcgen::{KeyPair, PublicKeyData, RsaKeySize, SigningKey};

use crate::OpenSsl;
use crate::der;

/// What kind of key to generate. The signature algorithm is the one that goes with it: ECDSA with the hash of its size, RSA PKCS#1 with SHA-256.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum KeyKind {
    Ed25519,
    MlDsa44,
    MlDsa65,
    MlDsa87,
    P256,
    P384,
    P521,
    Rsa2048,
    Rsa3072,
    Rsa4096,
}

/// A private key with its public half. Cheap to clone.
#[derive(Clone)]
pub struct Key(Arc<Form>);

enum Form {
    Signing(KeyPair),
    Opaque { pkcs8: Vec<u8>, spki: Vec<u8> },
}

impl Key {
    /// A new key.
    pub fn generate(kind: KeyKind) -> Self {
        let rsa = |size| KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size);
        let pair = match kind {
            KeyKind::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
            KeyKind::MlDsa44 => KeyPair::generate_for(&rcgen::PKCS_ML_DSA_44),
            KeyKind::MlDsa65 => KeyPair::generate_for(&rcgen::PKCS_ML_DSA_65),
            KeyKind::MlDsa87 => KeyPair::generate_for(&rcgen::PKCS_ML_DSA_87),
            KeyKind::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            KeyKind::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            KeyKind::P521 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512),
            KeyKind::Rsa2048 => rsa(RsaKeySize::_2048),
            KeyKind::Rsa3072 => rsa(RsaKeySize::_3072),
            KeyKind::Rsa4096 => rsa(RsaKeySize::_4096),
        };
        Self(Arc::new(Form::Signing(pair.unwrap())))
    }

    /// A key from an unencrypted PEM file.
    pub fn from_pem(pem: &str) -> Self {
        Self(Arc::new(Form::Signing(KeyPair::from_pem(pem).unwrap())))
    }

    /// A key that others made and that cannot sign here (RSA-1024, DSA, unknown algorithms …): it can be certified, and used by those who understand it.
    pub fn opaque(pkcs8: Vec<u8>, spki: Vec<u8>) -> Self {
        Self(Arc::new(Form::Opaque { pkcs8, spki }))
    }

    /// The private key as PKCS#8 DER.
    pub fn pkcs8_der(&self) -> &[u8] {
        match &*self.0 {
            Form::Signing(pair) => pair.serialized_der(),
            Form::Opaque { pkcs8, .. } => pkcs8,
        }
    }

    /// The private key as PKCS#8 PEM.
    pub fn pem(&self) -> String {
        der::pem("PRIVATE KEY", self.pkcs8_der())
    }

    /// The public key as a `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> Vec<u8> {
        match &*self.0 {
            Form::Signing(pair) => pair.subject_public_key_info(),
            Form::Opaque { spki, .. } => spki.clone(),
        }
    }

    /// The `AlgorithmIdentifier` of the signatures this key makes.
    pub fn signature_algorithm(&self) -> Vec<u8> {
        let algorithm = self.pair().algorithm();
        let named = |dotted| der::sequence([der::oid(dotted)]);
        let table = [
            (&rcgen::PKCS_ED25519, named("1.3.101.112")),
            (&rcgen::PKCS_ML_DSA_44, named("2.16.840.1.101.3.4.3.17")),
            (&rcgen::PKCS_ML_DSA_65, named("2.16.840.1.101.3.4.3.18")),
            (&rcgen::PKCS_ML_DSA_87, named("2.16.840.1.101.3.4.3.19")),
            (&rcgen::PKCS_ECDSA_P256_SHA256, named("1.2.840.10045.4.3.2")),
            (&rcgen::PKCS_ECDSA_P384_SHA384, named("1.2.840.10045.4.3.3")),
            (&rcgen::PKCS_ECDSA_P521_SHA512, named("1.2.840.10045.4.3.4")),
            (
                &rcgen::PKCS_RSA_SHA256,
                der::sequence([der::oid("1.2.840.113549.1.1.11"), der::null()]),
            ),
        ];
        let found = table.into_iter().find(|(known, _)| *known == algorithm);
        found.expect("a key with a known signature algorithm").1
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair().sign(message).unwrap()
    }

    /// The `AlgorithmIdentifier` of [`Key::sign_with_sha1`].
    pub fn ecdsa_with_sha1() -> Vec<u8> {
        der::sequence([der::oid("1.2.840.10045.4.1")])
    }

    /// Signs `message` with SHA-1, by `openssl`: for keys on P-256.
    pub fn sign_with_sha1(&self, message: &[u8]) -> Vec<u8> {
        let openssl = OpenSsl::new();
        openssl.write("key", &self.pem());
        std::fs::write(openssl.path().join("message"), message).unwrap();
        openssl.run("dgst -sha1 -sign key -out signature message");
        std::fs::read(openssl.path().join("signature")).unwrap()
    }

    fn pair(&self) -> &KeyPair {
        match &*self.0 {
            Form::Signing(pair) => pair,
            Form::Opaque { .. } => panic!("an opaque key cannot sign"),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key([redacted])")
    }
}
