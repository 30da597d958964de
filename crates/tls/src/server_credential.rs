//! The certificates that the edge presents, with their opened keys.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use countersign_snapshot::{
    NamePattern, SealingKey, Secret, ServerCertificate, ServerCertificateId, ServerName,
};
use countersign_trust::{
    Certificate, Clock, Fingerprint, GeneralName, Hash, KeyAlgorithm, SignatureAlgorithm, Validity,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::BuildTlsError;
use crate::handshake::with_record;
use crate::staples::{Stapled, Staples};

/// A server certificate whose key was opened and fits; one per certificate, shared by its bindings.
#[derive(Clone)]
pub struct ServerCredential {
    id: ServerCertificateId,
    certified: Arc<CertifiedKey>,
    names: Arc<[NamePattern]>,
    validity: Validity,
    leaf: Fingerprint,
    digest: [u8; 32],
    presented: Arc<PresentedCertificate>,
}

/// What is told of a certificate to whoever stands behind the edge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PresentedCertificate {
    /// As OpenSSL writes it: `RSA-SHA256`, `ecdsa-with-SHA256`.
    pub signature_algorithm: String,
    /// The kind and the size of its key: `RSA2048`, `EC256`.
    pub key_algorithm: String,
}

impl PresentedCertificate {
    fn of(leaf: &Certificate) -> Self {
        let hash = |hash: &Hash| match hash {
            Hash::Md2 => "MD2",
            Hash::Md4 => "MD4",
            Hash::Md5 => "MD5",
            Hash::Sha1 => "SHA1",
            Hash::Sha224 => "SHA224",
            Hash::Sha256 => "SHA256",
            Hash::Sha384 => "SHA384",
            Hash::Sha512 => "SHA512",
        };
        let key = leaf.public_key();
        Self {
            signature_algorithm: match leaf.signature_algorithm() {
                SignatureAlgorithm::RsaPkcs1(with) => format!("RSA-{}", hash(with)),
                SignatureAlgorithm::RsaPss(_) => "RSASSA-PSS".to_owned(),
                SignatureAlgorithm::Ecdsa(with) => format!("ecdsa-with-{}", hash(with)),
                other => other.java_name(),
            },
            key_algorithm: match key.algorithm {
                KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::EcP521 => {
                    format!("EC{}", key.bits)
                }
                KeyAlgorithm::Rsa => format!("RSA{}", key.bits),
                ref other => other.to_string(),
            },
        }
    }
}

impl ServerCredential {
    /// Opens the sealed key of a server certificate.
    ///
    /// # Errors
    /// When the key cannot be opened, cannot be used, or is not the certificate's.
    pub fn open(
        certificate: &ServerCertificate,
        sealing_key: &SealingKey,
    ) -> Result<Self, BuildTlsError> {
        let key = sealing_key
            .open(ServerCertificate::SEAL_CONTEXT, &certificate.key)
            .map_err(|source| BuildTlsError::KeyNotOpened {
                certificate: certificate.id.clone(),
                source,
            })?;
        Self::new(certificate.id.clone(), &certificate.chain, &key)
    }

    /// Takes a chain (DER, leaf first) and its PKCS#8 private key.
    ///
    /// # Errors
    /// When a certificate cannot be read, the key cannot be used, or the key is not the leaf's.
    pub fn new(
        id: ServerCertificateId,
        chain: &[Vec<u8>],
        key: &Secret,
    ) -> Result<Self, BuildTlsError> {
        let Some(leaf) = chain.first() else {
            return Err(BuildTlsError::NoServerCertificate);
        };
        let leaf = Certificate::from_der(leaf).map_err(|source| {
            BuildTlsError::ServerCertificateUnreadable {
                certificate: id.clone(),
                source,
            }
        })?;
        let certified = certify(chain, key).map_err(|fault| match fault {
            KeyFault::Unusable => BuildTlsError::KeyUnusable {
                certificate: id.clone(),
            },
            KeyFault::Mismatch => BuildTlsError::KeyMismatch {
                certificate: id.clone(),
            },
        })?;
        let mut context = Context::new(&SHA256);
        for certificate in chain {
            context.update(&(certificate.len() as u64).to_be_bytes());
            context.update(certificate);
        }
        let mut digest = [0; 32];
        for (to, from) in digest.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        Ok(Self {
            id,
            certified: Arc::new(certified),
            names: dns_names(&leaf),
            validity: leaf.validity(),
            leaf: leaf.fingerprint(),
            digest,
            presented: Arc::new(PresentedCertificate::of(&leaf)),
        })
    }

    /// Which certificate it is.
    #[must_use]
    pub fn id(&self) -> &ServerCertificateId {
        &self.id
    }

    /// From when to when the leaf is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// A digest of the chain, and so of the public key: what makes two credentials the same.
    pub(crate) fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

impl fmt::Debug for ServerCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCredential")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What can be wrong with a key.
pub(crate) enum KeyFault {
    Unusable,
    Mismatch,
}

/// Puts a chain and its key together, and makes sure that they belong together.
pub(crate) fn certify(chain: &[Vec<u8>], key: &Secret) -> Result<CertifiedKey, KeyFault> {
    // The key is parsed from the wiped buffer directly; no copy of it stays behind (invariant I6).
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.expose()));
    let key = any_supported_type(&key).map_err(|_| KeyFault::Unusable)?;
    let leaf = chain
        .first()
        .and_then(|leaf| Certificate::from_der(leaf).ok())
        .ok_or(KeyFault::Mismatch)?;
    // A key whose public half cannot be told is not known to fit, so it does not.
    let public = key.public_key().ok_or(KeyFault::Unusable)?;
    if public.as_ref() != &*leaf.public_key().spki_der {
        return Err(KeyFault::Mismatch);
    }
    let chain = chain
        .iter()
        .map(|der| CertificateDer::from(der.clone()))
        .collect();
    Ok(CertifiedKey::new(chain, key))
}

/// Chooses among a binding's certificates: the first whose key can sign in a way that the client understands, those for the name that it
/// asks for before others.
#[derive(Debug)]
pub(crate) struct ByNameAndScheme {
    credentials: Vec<(ServerCredential, Stapled)>,
    staples: Arc<Staples>,
    clock: Arc<dyn Clock>,
}

impl ByNameAndScheme {
    pub(crate) fn new(
        credentials: &[ServerCredential],
        staples: Arc<Staples>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            credentials: credentials
                .iter()
                .map(|credential| (credential.clone(), Stapled::default()))
                .collect(),
            staples,
            clock,
        }
    }
}

impl ResolvesServerCert for ByNameAndScheme {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = client_hello
            .server_name()
            .and_then(|name| ServerName::new(name).ok());
        let signs = |(credential, _): &&(ServerCredential, Stapled)| {
            credential
                .certified
                .key
                .choose_scheme(client_hello.signature_schemes())
                .is_some()
        };
        let covers = |(credential, _): &&(ServerCredential, Stapled)| {
            name.as_ref()
                .is_some_and(|name| credential.names.iter().any(|pattern| pattern.covers(name)))
        };
        let credentials = || self.credentials.iter();
        let (credential, stapled) = credentials()
            .find(|credential| covers(credential) && signs(credential))
            .or_else(|| credentials().find(signs))?;
        with_record(|record| record.presented = Some(Arc::clone(&credential.presented)));
        let (plain, leaf) = (&credential.certified, &credential.leaf);
        Some(stapled.key(plain, leaf, &self.staples, self.clock.now()))
    }
}

fn dns_names(leaf: &Certificate) -> Arc<[NamePattern]> {
    leaf.subject_alternative_names()
        .iter()
        .filter_map(|name| match name {
            GeneralName::Dns(name) => name.parse().ok(),
            _ => None,
        })
        .collect()
}
