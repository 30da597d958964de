//! What a client sent.

use std::sync::Arc;

use crate::{Certificate, Fingerprint, Reason, Refusal};

/// The certificates that a client sent, in its order: the first is its own, the others are only material; cheap to clone.
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
    /// A refusal when there is none, there are too many or too large ones, or one cannot be read.
    pub fn from_der<I: AsRef<[u8]>>(certificates: &[I]) -> Result<Self, Refusal> {
        if certificates.len() > Self::MAX_CERTIFICATES {
            return Err(Refusal::new(
                Reason::TooManyCertificates,
                format!(
                    "The client sent {} certificates; at most {} are accepted.",
                    certificates.len(),
                    Self::MAX_CERTIFICATES
                ),
                None,
            ));
        }
        let octets: usize = certificates.iter().map(|der| der.as_ref().len()).sum();
        if octets > Self::MAX_OCTETS {
            return Err(Refusal::new(
                Reason::ChainTooLarge,
                format!(
                    "The client's certificates have {octets} octets; at most {} are accepted.",
                    Self::MAX_OCTETS
                ),
                None,
            ));
        }
        let parsed = certificates
            .iter()
            .zip(1..)
            .map(|(der, number)| {
                Certificate::from_der(der.as_ref()).map_err(|error| {
                    let explanation = format!(
                        "Certificate {number} of those that the client sent is unreadable: {error}."
                    );
                    Refusal::new(Reason::Malformed, explanation, None)
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let Some(leaf) = parsed.first() else {
            return Err(Refusal::new(
                Reason::Missing,
                Reason::Missing.sentence().to_owned(),
                None,
            ));
        };
        Ok(Self {
            leaf: leaf.clone(),
            digest: digest(parsed.iter().map(Certificate::fingerprint)),
            certificates: parsed.into(),
        })
    }

    /// The [digest](Self::digest) that the chain of these certificates has, without reading them; `None` for more than would be accepted.
    pub fn digest_of<I: AsRef<[u8]>>(certificates: &[I]) -> Option<[u8; 32]> {
        if certificates.len() > Self::MAX_CERTIFICATES {
            return None;
        }
        let fingerprints = certificates.iter().map(|der| Fingerprint::of(der.as_ref()));
        Some(*digest(fingerprints).as_bytes())
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

fn digest(fingerprints: impl Iterator<Item = Fingerprint>) -> Fingerprint {
    let octets: Vec<u8> = fingerprints
        .flat_map(|fingerprint| *fingerprint.as_bytes())
        .collect();
    Fingerprint::of(&octets)
}
