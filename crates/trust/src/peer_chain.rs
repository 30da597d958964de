//! What a client sent.

use std::sync::Arc;

use crate::{Certificate, Fingerprint, Refusal};

/// The certificates that a client sent, in its order: the first is its own, the others are only material.
#[derive(Clone, Debug)]
pub struct PeerChain {
    leaf: Certificate,
    certificates: Arc<[Certificate]>,
    digest: Fingerprint,
}

impl PeerChain {
    /// How many certificates are accepted (threats C5.5).
    pub const MAX_CERTIFICATES: usize = 10;
    /// How many octets all of them may have together (threats C5.5).
    pub const MAX_OCTETS: usize = 65_536;

    /// Reads the certificates that a client sent.
    ///
    /// # Errors
    ///
    /// A refusal when there is none, there are too many or too large ones, or the first cannot be read.
    pub fn from_der<I: AsRef<[u8]>>(certificates: &[I]) -> Result<Self, Refusal> {
        let _ = certificates;
        Err(Refusal::unimplemented())
    }

    /// The client's own certificate.
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// All certificates, the client's own first.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// A digest over all certificates in their order, for caches.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        *self.digest.as_bytes()
    }
}
