//! What one index says otherwise than another: who has to be judged again.

use std::collections::HashSet;
use std::sync::Arc;

use super::crl::Crl;
use super::index::RevocationIndex;
use super::scope::Point;
use crate::{Certificate, DistinguishedName, Fingerprint, SerialNumber};

/// Marks of the certificates on which two indexes may differ. It may name too many, never too few: whoever bears none of the marks has the
/// same verdict by both, as long as time does not end it.
///
/// A revocation by hand that was taken back is no change here: it can only make a verdict better.
#[derive(Debug, Default)]
pub struct RevocationChanges {
    certificates: HashSet<Fingerprint>,
    keys: HashSet<Fingerprint>,
    serials: HashSet<SerialNumber>,
    /// Keys of CAs of which certificates up to some time are not believed any more.
    issuer_keys: HashSet<Fingerprint>,
    /// Canonical names of the issuers of CRLs.
    crl_issuers: HashSet<Box<[u8]>>,
}

impl RevocationIndex {
    /// What this index says otherwise than an earlier one.
    #[must_use]
    pub fn changes_since(&self, earlier: &Self) -> RevocationChanges {
        let mut changes = RevocationChanges::default();
        self.manual_changes(earlier, &mut changes);
        for (ours, theirs) in [(self, earlier), (earlier, self)] {
            for (issuer, crls) in &ours.crls {
                let known = theirs.crls.get(issuer).map_or(&[][..], Vec::as_slice);
                let is_known = |crl| known.iter().any(|other| Arc::ptr_eq(crl, other));
                if !crls.iter().all(is_known) {
                    changes.crl_issuers.insert(issuer.clone());
                }
            }
            for (key, answer) in &ours.answers {
                let known = theirs.answers.get(key);
                if !known.is_some_and(|known| Arc::ptr_eq(known, answer)) {
                    changes.serials.insert(key.1.clone());
                }
            }
        }
        self.signer_changes(earlier, &mut changes);
        changes
    }

    /// Which CRLs are believed depends on the certificates that lead to their signers.
    fn signer_changes(&self, earlier: &Self, changes: &mut RevocationChanges) {
        let only_in = |ours: &Self, theirs: &Self| -> Vec<Box<[u8]>> {
            ours.certificates
                .iter()
                .filter(|certificate| !theirs.certificates.contains(certificate))
                .map(|certificate| certificate.subject().canonical().into())
                .collect()
        };
        let mut subjects: HashSet<_> = only_in(self, earlier)
            .into_iter()
            .chain(only_in(earlier, self))
            .collect();
        // Whoever is below one of them.
        let mut before = 0;
        while subjects.len() > before {
            before = subjects.len();
            for certificate in &self.certificates {
                if subjects.contains(certificate.issuer().canonical()) {
                    subjects.insert(certificate.subject().canonical().into());
                }
            }
        }
        for (issuer, crls) in &self.crls {
            let by_one = |crl: &Arc<Crl>| subjects.contains(crl.signer().issuer().canonical());
            if crls.iter().any(by_one) {
                changes.crl_issuers.insert(issuer.clone());
            }
        }
    }

    fn manual_changes(&self, earlier: &Self, changes: &mut RevocationChanges) {
        let (ours, theirs) = (&self.manual, &earlier.manual);
        changes.certificates = ours
            .certificates
            .difference(&theirs.certificates)
            .copied()
            .collect();
        changes.keys = ours.keys.difference(&theirs.keys).copied().collect();
        let serials = ours.serials.difference(&theirs.serials);
        changes.serials = serials.map(|(_, serial)| serial.clone()).collect();
        let issued = ours.issued_before.iter();
        changes.issuer_keys = issued
            .filter(|(key, before)| theirs.issued_before.get(*key) < Some(*before))
            .map(|(key, _)| *key)
            .collect();
        if changes.is_empty() {
            return;
        }
        // A signer that is revoked by hand says nothing any more.
        for (issuer, crls) in &self.crls {
            if crls.iter().any(|crl| changes.names(crl.signer())) {
                changes.crl_issuers.insert(issuer.clone());
            }
        }
        let delegated = self.answers.values().filter(|answer| {
            answer
                .delegate()
                .is_some_and(|delegate| changes.names(delegate))
        });
        let serials: Vec<_> = delegated.map(|answer| answer.serial().clone()).collect();
        changes.serials.extend(serials);
    }
}

impl RevocationChanges {
    /// Whether both indexes say the same about everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
            && self.keys.is_empty()
            && self.serials.is_empty()
            && self.issuer_keys.is_empty()
            && self.crl_issuers.is_empty()
    }

    /// Certificates that are named by themselves.
    pub fn certificates(&self) -> impl Iterator<Item = &Fingerprint> {
        self.certificates.iter()
    }

    /// Keys that are named by themselves.
    pub fn keys(&self) -> impl Iterator<Item = &Fingerprint> {
        self.keys.iter()
    }

    /// Serial numbers of certificates; other CAs' certificates of the same number are named with them.
    pub fn serials(&self) -> impl Iterator<Item = &SerialNumber> {
        self.serials.iter()
    }

    /// Whether all clients below these CAs may be judged otherwise: `cas` is the path above the client's certificate, and `crl_issuers` are
    /// the [`crl_issuers`] of the client's certificate.
    #[must_use]
    pub fn concern<'a>(
        &self,
        cas: &[Certificate],
        crl_issuers: impl IntoIterator<Item = &'a DistinguishedName>,
    ) -> bool {
        let lists = |name: &DistinguishedName| self.crl_issuers.contains(name.canonical());
        // The issuer of an intermediate that is a trust anchor is not on the path.
        let anchor_by_another = cas.last().is_some_and(|anchor| !anchor.is_self_issued());
        (anchor_by_another && !self.issuer_keys.is_empty())
            || crl_issuers.into_iter().any(lists)
            || cas.iter().any(|ca| {
                self.names(ca)
                    || self.issuer_keys.contains(&ca.spki_fingerprint())
                    || self::crl_issuers(ca).into_iter().any(lists)
            })
    }

    fn names(&self, certificate: &Certificate) -> bool {
        self.certificates.contains(&certificate.fingerprint())
            || self.keys.contains(&certificate.spki_fingerprint())
            || self.serials.contains(certificate.serial())
    }
}

/// The issuers of the CRLs that may list a certificate: its own issuer, and those that it names (RFC 5280 §4.2.1.13).
#[must_use]
pub fn crl_issuers(certificate: &Certificate) -> Vec<&DistinguishedName> {
    let mut issuers: Vec<&DistinguishedName> = Vec::new();
    for issuer in Point::all(certificate).flat_map(|point| point.crl_issuers()) {
        if !issuers.contains(&issuer) {
            issuers.push(issuer);
        }
    }
    issuers
}
