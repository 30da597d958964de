//! Revocations by hand: for CAs without CRLs, and for when it cannot wait.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::{Certificate, Fingerprint, SerialNumber, UnixTime};

/// A certificate, or many, that the operator does not want to see again.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum ManualRevocation {
    /// The certificate with this SHA-256.
    Certificate(Fingerprint),
    /// Every certificate with this public key (SHA-256 of its `SubjectPublicKeyInfo`).
    Key(Fingerprint),
    /// Every certificate that the CA with this public key issued with a `notBefore` before this time: for when it is known until when a CA
    /// was in wrong hands.
    IssuedBefore {
        /// The CA's key.
        issuer_key: Fingerprint,
        /// Certificates from this time on are not affected.
        before: UnixTime,
    },
    /// The certificate with this serial number of the CA with this public key. Two CAs of the same name are two CAs (threats C3.5).
    Serial {
        /// The CA's key.
        issuer_key: Fingerprint,
        /// The serial number.
        serial: SerialNumber,
    },
}

/// Whose something is, whatever makes an owner. One owner's revocations by hand say nothing about the clients of another one's CA sets.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Owner(Arc<str>);

impl Owner {
    /// The owner with this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All revocations by hand, by who made them.
#[derive(Clone, Debug, Default)]
pub(super) struct ManualRevocations {
    /// Of whom nobody knows who made them. They count for everybody, so that nobody who was kept out gets in.
    pub(super) of_nobody: Marks,
    pub(super) by_owner: HashMap<Owner, Marks>,
}

impl ManualRevocations {
    pub(super) fn insert(&mut self, owner: Option<Owner>, revocation: ManualRevocation) {
        match owner {
            None => self.of_nobody.insert(revocation),
            Some(owner) => self.by_owner.entry(owner).or_default().insert(revocation),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.of_nobody.is_empty() && self.by_owner.values().all(Marks::is_empty)
    }

    /// By which mark the certificate is revoked for the clients of the owner's CA sets; where the owner is not known, everybody's marks count.
    pub(super) fn find(
        &self,
        owner: Option<&Owner>,
        certificate: &Certificate,
        issuer: Option<&Certificate>,
    ) -> Option<&'static str> {
        let find = |marks: &Marks| marks.find(certificate, issuer);
        find(&self.of_nobody).or_else(|| match owner {
            Some(owner) => self.by_owner.get(owner).and_then(find),
            None => self.by_owner.values().find_map(find),
        })
    }
}

/// What one owner revoked.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    pub(super) certificates: HashSet<Fingerprint>,
    pub(super) keys: HashSet<Fingerprint>,
    pub(super) issued_before: HashMap<Fingerprint, UnixTime>,
    pub(super) serials: HashSet<(Fingerprint, SerialNumber)>,
}

impl Marks {
    fn insert(&mut self, revocation: ManualRevocation) {
        match revocation {
            ManualRevocation::Certificate(fingerprint) => {
                self.certificates.insert(fingerprint);
            }
            ManualRevocation::Key(fingerprint) => {
                self.keys.insert(fingerprint);
            }
            ManualRevocation::IssuedBefore { issuer_key, before } => {
                let latest = self.issued_before.entry(issuer_key).or_insert(before);
                *latest = before.max(*latest);
            }
            ManualRevocation::Serial { issuer_key, serial } => {
                self.serials.insert((issuer_key, serial));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.certificates.is_empty()
            && self.keys.is_empty()
            && self.issued_before.is_empty()
            && self.serials.is_empty()
    }

    /// By which of the marks the certificate is revoked; `issuer` is `None` when it is not known, as for a root.
    fn find(
        &self,
        certificate: &Certificate,
        issuer: Option<&Certificate>,
    ) -> Option<&'static str> {
        if self.is_empty() {
            return None;
        }
        if self.certificates.contains(&certificate.fingerprint()) {
            return Some("the certificate");
        }
        if self.keys.contains(&certificate.spki_fingerprint()) {
            return Some("its key");
        }
        let issuer_key = issuer?.spki_fingerprint();
        if self
            .serials
            .contains(&(issuer_key, certificate.serial().clone()))
        {
            return Some("its serial number");
        }
        self.issued_before
            .get(&issuer_key)
            .is_some_and(|before| certificate.validity().not_before < *before)
            .then_some("everything that its CA issued before a certain time")
    }
}
