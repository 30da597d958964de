//! Authorities.

use std::fmt;

use super::{CrlRequest, Key, Pki, Request, Tbs};
use crate::der;

/// An authority: its certificate, those above it, and its key. Cheap enough to clone.
#[derive(Clone)]
pub struct Ca {
    pub(super) pki: Pki,
    pub(super) certificate: Vec<u8>,
    /// From this authority's issuer up to, without, the root.
    pub(super) above: Vec<Vec<u8>>,
    pub(super) root: bool,
    pub(super) key: Key,
}

impl Ca {
    /// An authority out of parts made elsewhere (by OpenSSL, say): its certificate, those above it without the root, its key.
    pub fn from_parts(certificate: Vec<u8>, above: Vec<Vec<u8>>, key: Key) -> Self {
        let tbs = Tbs::of(&certificate);
        let root = tbs.subject == tbs.issuer;
        Self {
            pki: Pki::new(),
            certificate,
            above,
            root,
            key,
        }
    }

    /// The certificate.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// The certificate as PEM.
    pub fn pem(&self) -> String {
        der::pem("CERTIFICATE", &self.certificate)
    }

    /// The key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The subject as a whole `Name` element.
    pub fn subject_der(&self) -> Vec<u8> {
        Tbs::of(&self.certificate).subject
    }

    /// A subordinate authority with the subject `CN=common_name`.
    pub fn intermediate(&self, common_name: &str) -> Ca {
        self.request_intermediate(common_name).issue_ca()
    }

    /// A subordinate authority that is still to be described: end with [`Request::issue_ca`].
    pub fn request_intermediate(&self, common_name: &str) -> Request {
        self.request(common_name).authority()
    }

    /// A client certificate with the subject `CN=common_name`, still to be described: end with [`Request::issue`].
    pub fn client(&self, common_name: &str) -> Request {
        self.request(common_name).client()
    }

    /// A server certificate for these host names, still to be described: end with [`Request::issue`]. The first name is also the common name.
    pub fn server<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Request {
        let names: Vec<&str> = names.into_iter().collect();
        let request = self.request(names[0]).server();
        names.into_iter().fold(request, Request::dns)
    }

    /// A certificate without any extension at first: neither client, server nor authority.
    pub fn request(&self, common_name: &str) -> Request {
        Request::new(
            self.pki,
            Some(self.clone()),
            der::name(&[("CN", common_name)]),
        )
    }

    /// `other`'s name and key under this authority: a second way up from whatever `other` has issued.
    pub fn cross_sign(&self, other: &Ca) -> Ca {
        self.request("")
            .authority()
            .subject_der(other.subject_der())
            .key(other.key())
            .issue_ca()
    }

    /// The same authority with another key kind for what it issues from now on.
    pub fn issuing_keys(mut self, keys: super::KeyKind) -> Self {
        self.pki = self.pki.keys(keys);
        self
    }

    /// A revocation list of this authority, still to be described: end with [`CrlRequest::issue`].
    pub fn crl(&self) -> CrlRequest {
        CrlRequest::new(self.clone())
    }

    /// The subject key identifier, if the certificate has one.
    pub(super) fn key_identifier(&self) -> Option<Vec<u8>> {
        let extension = Tbs::of(&self.certificate).extension("2.5.29.14")?;
        Some(der::content(&extension).to_vec())
    }

    /// What those below send above their own certificate.
    pub(super) fn chain_for_below(&self) -> Vec<Vec<u8>> {
        if self.root {
            return Vec::new();
        }
        let mut chain = vec![self.certificate.clone()];
        chain.extend(self.above.iter().cloned());
        chain
    }
}

impl fmt::Debug for Ca {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ca")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}
