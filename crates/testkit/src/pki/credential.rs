//! A certificate with what its holder needs to use it.

use std::fmt;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Ca, Key};
use crate::der;

/// An end-entity certificate, the authorities above it, and its private key.
#[derive(Clone)]
pub struct Credential {
    pub(super) certificate: Vec<u8>,
    pub(super) intermediates: Vec<Vec<u8>>,
    pub(super) key: Key,
}

impl Credential {
    /// A credential out of parts made elsewhere: leaf first.
    pub fn from_parts(chain: Vec<Vec<u8>>, key: Key) -> Self {
        let mut chain = chain.into_iter();
        Self {
            certificate: chain.next().expect("a leaf"),
            intermediates: chain.collect(),
            key,
        }
    }

    /// The certificate itself.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// The certificate itself as PEM.
    pub fn pem(&self) -> String {
        der::pem("CERTIFICATE", &self.certificate)
    }

    /// What the holder sends: the certificate and its intermediates up to, without, the root.
    pub fn chain_der(&self) -> Vec<Vec<u8>> {
        let mut chain = vec![self.certificate.clone()];
        chain.extend(self.intermediates.iter().cloned());
        chain
    }

    /// [`chain_der`](Self::chain_der) as one PEM text.
    pub fn chain_pem(&self) -> String {
        self.chain_der()
            .iter()
            .map(|certificate| der::pem("CERTIFICATE", certificate))
            .collect()
    }

    /// The private key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The private key as PKCS#8 DER.
    pub fn key_der(&self) -> &[u8] {
        self.key.pkcs8_der()
    }

    /// The private key as PKCS#8 PEM.
    pub fn key_pem(&self) -> String {
        self.key.pem()
    }

    /// The content octets of the serial number.
    pub fn serial(&self) -> Vec<u8> {
        super::Tbs::of(&self.certificate).serial_octets().to_vec()
    }

    /// The same credential that sends the leaf alone, as a badly set up client does.
    pub fn without_intermediates(mut self) -> Self {
        self.intermediates.clear();
        self
    }

    /// The same credential that sends `extra` after its own chain.
    pub fn sending_also(mut self, extra: &Ca) -> Self {
        self.intermediates.push(extra.der().to_vec());
        self
    }

    /// The same certificate with someone else's key, so that possession cannot be proven.
    pub fn with_key(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    /// The chain in rustls's form.
    pub fn rustls_chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain_der()
            .into_iter()
            .map(CertificateDer::from)
            .collect()
    }

    /// The key in rustls's form.
    pub fn rustls_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key_der().to_vec()).into()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credential")
            .field("intermediates", &self.intermediates.len())
            .finish_non_exhaustive()
    }
}
