//! Who the client is.

use crate::{Certificate, DistinguishedName, Fingerprint, GeneralName, SerialNumber, Validity};

/// What the verified leaf says about the client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientIdentity {
    leaf: Certificate,
}

impl ClientIdentity {
    pub(crate) fn new(leaf: Certificate) -> Self {
        Self { leaf }
    }

    /// The client's certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.leaf
    }

    /// Its subject.
    #[must_use]
    pub fn subject(&self) -> &DistinguishedName {
        self.leaf.subject()
    }

    /// Its issuer.
    #[must_use]
    pub fn issuer(&self) -> &DistinguishedName {
        self.leaf.issuer()
    }

    /// Its subject alternative names, in their order.
    #[must_use]
    pub fn subject_alternative_names(&self) -> &[GeneralName] {
        self.leaf.subject_alternative_names()
    }

    /// Its serial number.
    #[must_use]
    pub fn serial(&self) -> &SerialNumber {
        self.leaf.serial()
    }

    /// The SHA-256 of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.leaf.fingerprint()
    }

    /// The SHA-256 of its public key (`SubjectPublicKeyInfo`).
    #[must_use]
    pub fn spki_fingerprint(&self) -> Fingerprint {
        self.leaf.spki_fingerprint()
    }

    /// When it is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.leaf.validity()
    }
}
