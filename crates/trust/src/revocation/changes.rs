//! What one index says otherwise than another: who has to be judged again.

use std::collections::HashSet;
use std::sync::Arc;

use super::CLOCK_SKEW;
use super::crl::Crl;
use super::index::RevocationIndex;
use super::manual::Marks;
use super::scope::Point;
use crate::{Certificate, DistinguishedName, Fingerprint, SerialNumber, UnixTime};

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
    /// Of those, the ones whose CRLs may say less than before, and not only list others.
    less_known: HashSet<Box<[u8]>>,
    /// The CRLs that came or went.
    crls: Vec<Arc<Crl>>,
}

/// Whom of those below some CAs a change may concern.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Concern {
    /// Nobody.
    None,
    /// Those whose certificate a CRL [lists](RevocationChanges::lists) or listed.
    Listed,
    /// All of them.
    All,
}

impl RevocationIndex {
    /// What this index says otherwise than an earlier one, at this time.
    #[must_use]
    pub fn changes_since(&self, earlier: &Self, now: UnixTime) -> RevocationChanges {
        let mut changes = RevocationChanges::default();
        self.manual_changes(earlier, &mut changes);
        for (ours, theirs) in [(self, earlier), (earlier, self)] {
            for (issuer, crls) in &ours.crls {
                let known = theirs.crls_by(issuer);
                let changed = crls
                    .iter()
                    .filter(|crl| !known.iter().any(|other| Arc::ptr_eq(crl, other)));
                for crl in changed {
                    changes.crl_issuers.insert(issuer.clone());
                    changes.crls.push(Arc::clone(crl));
                    // Not in use yet, or to be put together with another one: who knows.
                    if crl.is_delta() || crl.this_update() > now.saturating_add(CLOCK_SKEW) {
                        changes.less_known.insert(issuer.clone());
                    }
                }
            }
            for (key, answer) in &ours.answers {
                let known = theirs.answers.get(key);
                if !known.is_some_and(|known| Arc::ptr_eq(known, answer)) {
                    changes.serials.insert(key.serial.clone());
                }
            }
        }
        for (issuer, crls) in &earlier.crls {
            let now_there = self.crls_by(issuer);
            let still_known = |crl: &Arc<Crl>| {
                let until = |crl: &Crl| crl.next_update().unwrap_or(UnixTime::MAX);
                let mut ours = now_there.iter();
                ours.any(|ours| ours.same_scope(crl) && until(ours) >= until(crl))
            };
            if !crls.iter().all(still_known) {
                changes.less_known.insert(issuer.clone());
            }
        }
        self.signer_changes(earlier, &mut changes);
        changes
            .crl_issuers
            .extend(changes.less_known.iter().cloned());
        changes
    }

    fn crls_by(&self, issuer: &[u8]) -> &[Arc<Crl>] {
        self.crls.get(issuer).map_or(&[], Vec::as_slice)
    }

    /// Which CRLs are believed depends on the certificates that lead to their signers.
    fn signer_changes(&self, earlier: &Self, changes: &mut RevocationChanges) {
        let (came, went) = (self.below_new(earlier), earlier.below_new(self));
        for (issuer, crls) in &self.crls {
            let known = earlier.crls_by(issuer);
            let concerned = |crl: &Arc<Crl>| {
                let signed_by = crl.signer().issuer().canonical();
                // What a new one says is new whoever signed it.
                let old = known.iter().any(|known| Arc::ptr_eq(known, crl));
                went.contains(signed_by) || (old && came.contains(signed_by))
            };
            if crls.iter().any(concerned) {
                changes.less_known.insert(issuer.clone());
            }
        }
    }

    /// The subjects of certificates that the other one does not have, and of all below them, by name.
    fn below_new(&self, other: &Self) -> HashSet<Box<[u8]>> {
        let mut subjects: HashSet<Box<[u8]>> = self
            .certificates
            .iter()
            .filter(|certificate| !other.certificates.contains(certificate))
            .map(|certificate| certificate.subject().canonical().into())
            .collect();
        let mut before = 0;
        while subjects.len() > before {
            before = subjects.len();
            for certificate in &self.certificates {
                if subjects.contains(certificate.issuer().canonical()) {
                    subjects.insert(certificate.subject().canonical().into());
                }
            }
        }
        subjects
    }

    fn manual_changes(&self, earlier: &Self, changes: &mut RevocationChanges) {
        let (ours, theirs) = (&self.manual, &earlier.manual);
        // Owner by owner: what one revoked long ago is news about the clients of another who revokes it now.
        changes.marks(&ours.of_nobody, &theirs.of_nobody);
        let none = Marks::default();
        for (owner, marks) in &ours.by_owner {
            changes.marks(marks, theirs.by_owner.get(owner).unwrap_or(&none));
        }
        if changes.is_empty() {
            return;
        }
        // A signer that is revoked by hand says nothing any more.
        for (issuer, crls) in &self.crls {
            if crls.iter().any(|crl| changes.names(crl.signer())) {
                changes.less_known.insert(issuer.clone());
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
    /// Adds what an owner revoked since. Whose CA sets it counts for is not kept: clients of others that bear a mark are judged once more, to the
    /// same end.
    fn marks(&mut self, ours: &Marks, theirs: &Marks) {
        self.certificates
            .extend(ours.certificates.difference(&theirs.certificates));
        self.keys.extend(ours.keys.difference(&theirs.keys));
        let serials = ours.serials.difference(&theirs.serials);
        self.serials
            .extend(serials.map(|(_, serial)| serial.clone()));
        let issued = ours.issued_before.iter();
        let later = issued.filter(|(key, before)| theirs.issued_before.get(*key) < Some(*before));
        self.issuer_keys.extend(later.map(|(key, _)| *key));
    }

    /// Whether both indexes say the same about everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
            && self.keys.is_empty()
            && self.serials.is_empty()
            && self.issuer_keys.is_empty()
            && self.crl_issuers.is_empty()
            && self.less_known.is_empty()
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

    /// Whom of the clients below these CAs it may concern: `cas` is the path above the client's certificate, and `crl_issuers` are the
    /// [`crl_issuers`] of the client's certificate.
    #[must_use]
    pub fn concern<'a>(
        &self,
        cas: &[Certificate],
        crl_issuers: impl IntoIterator<Item = &'a DistinguishedName>,
    ) -> Concern {
        let less_known = |name: &DistinguishedName| self.less_known.contains(name.canonical());
        // The issuer of an intermediate that is a trust anchor is not on the path.
        let anchor_by_another = cas.last().is_some_and(|anchor| !anchor.is_self_issued());
        let all = (anchor_by_another && !self.issuer_keys.is_empty())
            || cas.iter().any(|ca| {
                self.names(ca)
                    || self.issuer_keys.contains(&ca.spki_fingerprint())
                    || self::crl_issuers(ca).into_iter().any(less_known)
                    || self.lists(ca)
            });
        let of_client = crl_issuers.into_iter().map(|name| {
            if less_known(name) {
                Concern::All
            } else if self.crl_issuers.contains(name.canonical()) {
                Concern::Listed
            } else {
                Concern::None
            }
        });
        if all {
            Concern::All
        } else {
            of_client.max().unwrap_or(Concern::None)
        }
    }

    /// Whether a CRL that came or went lists the certificate, should it be the one to ask.
    #[must_use]
    pub fn lists(&self, certificate: &Certificate) -> bool {
        let (issuer, serial) = (certificate.issuer(), certificate.serial());
        self.crls
            .iter()
            .any(|crl| crl.entry(issuer, serial).is_some())
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
