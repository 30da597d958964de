//! The index that evaluation looks certificates up in.

mod sources;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub use sources::{RevocationSource, RevocationSourceKind};

use super::CLOCK_SKEW;
use super::crl::{Crl, CrlEntry, RevocationReason};
use super::manual::{ManualRevocation, ManualRevocations, Owner};
use super::ocsp::{CertificateState, OcspAnswer};
use super::scope::Point;
use crate::certificate::RevocationReasons;
use crate::{Certificate, DistinguishedName, Fingerprint, SerialNumber, Sha1Signatures, UnixTime};

/// What is known about revoked certificates: CRLs, OCSP responses and manual revocations.
#[derive(Debug, Default)]
pub struct RevocationIndex {
    generation: u64,
    pub(super) manual: ManualRevocations,
    /// By the canonical name of the CRL's issuer; of two that differ in no more than time and SHA-1 the newer one first.
    pub(super) crls: HashMap<Box<[u8]>, Vec<Arc<Crl>>>,
    pub(super) answers: HashMap<AnswerKey, Arc<OcspAnswer>>,
    /// What paths to CRL signers may be made of.
    pub(super) certificates: Vec<Certificate>,
}

/// What an answer is about, and to whom it says something: for each certificate there may be one with SHA-1 and one without.
#[derive(Debug, Eq, Hash, PartialEq)]
pub(super) struct AnswerKey {
    pub(super) issuer_key: Fingerprint,
    pub(super) serial: SerialNumber,
    pub(super) is_signed_with_sha1: bool,
}

/// Makes a [`RevocationIndex`].
#[derive(Debug, Default)]
pub struct RevocationIndexBuilder(RevocationIndex);

impl RevocationIndexBuilder {
    /// Starts without anything. `generation` must differ from that of every index with other contents.
    #[must_use]
    pub fn new(generation: u64) -> Self {
        Self(RevocationIndex {
            generation,
            ..RevocationIndex::default()
        })
    }

    /// Adds a CRL. Of two with the same issuer and scope the newer one stays; but one without SHA-1 is there for the CA sets that refuse it, however
    /// much newer one with SHA-1 is.
    pub fn crl(&mut self, crl: Arc<Crl>) -> &mut Self {
        self.certificate(crl.signer().clone());
        let crls = self
            .0
            .crls
            .entry(crl.issuer().canonical().into())
            .or_default();
        match crls.iter_mut().find(|known| known.same_scope(&crl)) {
            Some(known) if crl.is_newer_than(known) => *known = crl,
            Some(_) => {}
            None => crls.push(crl),
        }
        crls.sort_by(|a, b| b.order().cmp(&a.order()));
        self
    }

    /// Adds a verified OCSP answer. Of two about the same certificate the newer one stays.
    pub fn ocsp(&mut self, answer: Arc<OcspAnswer>) -> &mut Self {
        let key = AnswerKey {
            issuer_key: answer.issuer_key(),
            serial: answer.serial().clone(),
            is_signed_with_sha1: answer.is_signed_with_sha1(),
        };
        let newer = self
            .0
            .answers
            .get(&key)
            .is_none_or(|known| answer.this_update() > known.this_update());
        if newer {
            self.0.answers.insert(key, answer);
        }
        self
    }

    /// Adds a revocation by hand. It counts for the clients of its owner's CA sets; for everybody's when its owner is not known.
    pub fn manual(&mut self, owner: Option<Owner>, revocation: ManualRevocation) -> &mut Self {
        self.0.manual.insert(owner, revocation);
        self
    }

    /// Adds a certificate that may lead from a CRL's signer to a trust anchor, for CRLs that another key than that of the CA signed.
    pub fn certificate(&mut self, certificate: Certificate) -> &mut Self {
        if !self.0.certificates.contains(&certificate) {
            self.0.certificates.push(certificate);
        }
        self
    }

    /// The index.
    #[must_use]
    pub fn build(self) -> RevocationIndex {
        self.0
    }
}

/// What is known about the certificates of a CA as a whole, for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CaState {
    /// There is a CRL, and its issuer has not promised a newer one before now.
    Current {
        /// When a newer one is promised; `None` when never.
        next_update: Option<UnixTime>,
    },
    /// There is a CRL, but a newer one should be there.
    Stale {
        /// Since when.
        since: UnixTime,
    },
    /// There is no CRL.
    Unknown,
}

/// How certificates are looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup<'a> {
    pub(crate) certificate: &'a Certificate,
    /// The certificate above it on the path.
    pub(crate) issuer: &'a Certificate,
    /// Whose revocations by hand count.
    pub(crate) owner: Option<&'a Owner>,
    /// Answers about this client that are not in the index.
    pub(crate) answers: &'a [Arc<OcspAnswer>],
    pub(crate) now: UnixTime,
    pub(crate) stale_grace: Duration,
    /// Whether data with SHA-1 counts; a matter of the CA set's version, of which there are several for the same CRL.
    pub(crate) sha1: Sha1Signatures,
}

/// What is known about a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum CertificateStatus {
    /// It is good, and that can be said until this time.
    Good {
        until: UnixTime,
    },
    Revoked {
        at: UnixTime,
        reason: RevocationReason,
    },
    /// It was good when we last heard, and that was too long ago.
    Stale {
        since: UnixTime,
    },
    Unknown,
}

impl RevocationIndex {
    /// An index that knows nothing, of generation 0.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Changes whenever the contents do; caches of verdicts have it in their key.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The CRLs, in no particular order.
    pub fn crls(&self) -> impl Iterator<Item = &Arc<Crl>> {
        self.crls.values().flatten()
    }

    /// The answers of OCSP responders, in no particular order.
    pub fn answers(&self) -> impl Iterator<Item = &Arc<OcspAnswer>> {
        self.answers.values()
    }

    /// What is known about the certificates that a CA issues, by the CRLs that its own key signed.
    #[must_use]
    pub fn ca_state(&self, ca: &Certificate, now: UnixTime) -> CaState {
        let newest = self
            .crls_of(ca.subject())
            .filter(|crl| {
                !crl.is_delta() && crl.signer().spki_fingerprint() == ca.spki_fingerprint()
            })
            .max_by_key(|crl| crl.this_update());
        match newest.map(|crl| crl.next_update()) {
            None => CaState::Unknown,
            Some(Some(promised)) if now > promised => CaState::Stale { since: promised },
            Some(next_update) => CaState::Current { next_update },
        }
    }

    /// By which mark the certificate is revoked by hand for the clients of the owner's CA sets.
    pub(crate) fn revoked_by_hand(
        &self,
        owner: Option<&Owner>,
        certificate: &Certificate,
        issuer: Option<&Certificate>,
    ) -> Option<&'static str> {
        self.manual.find(owner, certificate, issuer)
    }

    /// Whether there is any CRL, OCSP answer or manual revocation.
    pub(crate) fn knows_something(&self) -> bool {
        !(self.manual.is_empty() && self.crls.is_empty() && self.answers.is_empty())
    }

    /// What paths to CRL signers may be made of.
    pub(crate) fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Looks a certificate up. `may_speak` says whether a CRL's signer, which is not the issuer's own key, belongs to the same trust anchor
    /// (RFC 5280 §6.3.3(f)).
    pub(crate) fn status(
        &self,
        lookup: Lookup<'_>,
        mut may_speak: impl FnMut(&Certificate) -> bool,
    ) -> CertificateStatus {
        let by_crl = self.status_by_crl(lookup, &mut may_speak);
        // Revoked by either is revoked; good by either is good.
        match (by_crl, self.status_by_ocsp(lookup, &mut may_speak)) {
            (revoked @ CertificateStatus::Revoked { .. }, _)
            | (_, revoked @ CertificateStatus::Revoked { .. }) => revoked,
            (CertificateStatus::Good { until }, CertificateStatus::Good { until: other }) => {
                CertificateStatus::Good {
                    until: until.max(other),
                }
            }
            (good @ CertificateStatus::Good { .. }, _)
            | (_, good @ CertificateStatus::Good { .. }) => good,
            (stale @ CertificateStatus::Stale { .. }, _)
            | (_, stale @ CertificateStatus::Stale { .. }) => stale,
            _ => CertificateStatus::Unknown,
        }
    }

    fn status_by_ocsp(
        &self,
        lookup: Lookup<'_>,
        may_speak: &mut impl FnMut(&Certificate) -> bool,
    ) -> CertificateStatus {
        let newest = self
            .answers_about(lookup)
            .filter(|answer| answer.is_admitted(lookup.sha1))
            .max_by_key(|answer| {
                // Of two of the same time the one that refuses.
                let revoked = matches!(answer.state(), CertificateState::Revoked { .. });
                (answer.this_update(), revoked)
            });
        let Some(answer) = newest else {
            return CertificateStatus::Unknown;
        };
        // RFC 6960 §4.2.2.2.1: a delegated responder may be revoked itself, unless its CA says not to ask.
        if let Some(delegate) = answer.delegate()
            && !delegate.has_ocsp_no_check()
        {
            let of_delegate = Lookup {
                certificate: delegate,
                ..lookup
            };
            if self
                .revoked_by_hand(lookup.owner, delegate, Some(lookup.issuer))
                .is_some()
                || matches!(
                    self.status_by_crl(of_delegate, may_speak),
                    CertificateStatus::Revoked { .. }
                )
            {
                return CertificateStatus::Unknown;
            }
        }
        match answer.state() {
            CertificateState::Revoked { at, reason } => CertificateStatus::Revoked { at, reason },
            CertificateState::Unknown => CertificateStatus::Unknown,
            CertificateState::Good => freshness(Some(answer.next_update()), lookup),
        }
    }

    /// Every answer that is there about the certificate, of the index or beside it.
    fn answers_about<'a>(&'a self, lookup: Lookup<'a>) -> impl Iterator<Item = &'a OcspAnswer> {
        let issuer_key = lookup.issuer.spki_fingerprint();
        let serial = lookup.certificate.serial();
        let beside = lookup
            .answers
            .iter()
            .filter(move |answer| answer.issuer_key() == issuer_key && answer.serial() == serial);
        let ours = [false, true].into_iter().filter_map(move |sha1| {
            self.answers.get(&AnswerKey {
                issuer_key,
                serial: serial.clone(),
                is_signed_with_sha1: sha1,
            })
        });
        beside.chain(ours).map(Arc::as_ref)
    }

    /// RFC 5280 §6.3.3. Reasons are collected over the distribution points until all are covered.
    fn status_by_crl(
        &self,
        lookup: Lookup<'_>,
        may_speak: &mut impl FnMut(&Certificate) -> bool,
    ) -> CertificateStatus {
        let mut covered = RevocationReasons::default();
        let mut stale: Option<UnixTime> = None;
        let mut good_until = UnixTime::MAX;
        for point in Point::all(lookup.certificate) {
            let complete = self
                .crls_at(&point)
                .filter(|crl| !crl.is_delta() && crl.is_admitted(lookup.sha1));
            for crl in complete {
                let Some(reasons) = point.covered_by(crl) else {
                    continue;
                };
                // (e): "If not, … this CRL need not be considered."
                if covered.union(reasons) == covered
                    || crl.this_update() > lookup.now.saturating_add(CLOCK_SKEW)
                    || !self.speaks_for(crl, lookup, may_speak)
                {
                    continue;
                }
                let (entry, next_update) = self.look_up(crl, lookup);
                if let Some(entry) = entry {
                    return CertificateStatus::Revoked {
                        at: entry.revoked_at,
                        reason: entry.reason,
                    };
                }
                match freshness(next_update, lookup) {
                    CertificateStatus::Good { until } => {
                        covered = covered.union(reasons);
                        good_until = good_until.min(until);
                    }
                    CertificateStatus::Stale { since } => stale = stale.max(Some(since)),
                    _ => {}
                }
            }
        }
        if covered == RevocationReasons::ALL {
            CertificateStatus::Good { until: good_until }
        } else {
            stale.map_or(CertificateStatus::Unknown, |since| {
                CertificateStatus::Stale { since }
            })
        }
    }

    /// The entry in the complete CRL or in a delta that updates it, and by when newer data is promised.
    fn look_up(&self, complete: &Crl, lookup: Lookup<'_>) -> (Option<CrlEntry>, Option<UnixTime>) {
        let issuer = lookup.certificate.issuer();
        let serial = lookup.certificate.serial();
        let delta = self
            .crls_of(complete.issuer())
            .find(|crl| crl.is_delta() && crl.is_admitted(lookup.sha1) && crl.updates(complete));
        let Some(delta) = delta else {
            return (complete.entry(issuer, serial), complete.next_update());
        };
        // RFC 5280 §5.2.4: together they are a complete CRL as of the delta's time.
        let next_update = complete.next_update().max(delta.next_update());
        match delta.entry(issuer, serial) {
            Some(entry) if entry.reason == RevocationReason::RemoveFromCrl => (None, next_update),
            Some(entry) => (Some(entry), next_update),
            None => (complete.entry(issuer, serial), next_update),
        }
    }

    /// Whether the CRL's signer may tell about the certificate: it is the issuer's own key, or another one under the same anchor.
    fn speaks_for(
        &self,
        crl: &Crl,
        lookup: Lookup<'_>,
        may_speak: &mut impl FnMut(&Certificate) -> bool,
    ) -> bool {
        let own_key = crl.signer().spki_fingerprint() == lookup.issuer.spki_fingerprint()
            && crl.issuer() == lookup.issuer.subject();
        own_key || may_speak(crl.signer())
    }

    fn crls_of(&self, issuer: &DistinguishedName) -> impl Iterator<Item = &Crl> {
        self.crls
            .get(issuer.canonical())
            .into_iter()
            .flatten()
            .map(Arc::as_ref)
    }

    /// The CRLs whose issuers a distribution point names.
    fn crls_at<'a>(&'a self, point: &Point<'_>) -> impl Iterator<Item = &'a Crl> {
        point
            .crl_issuers()
            .into_iter()
            .flat_map(|issuer| self.crls_of(issuer))
            .collect::<Vec<_>>()
            .into_iter()
    }
}

/// Whether data whose issuer promised newer by `next_update` can still be used.
fn freshness(next_update: Option<UnixTime>, lookup: Lookup<'_>) -> CertificateStatus {
    let Some(promised) = next_update else {
        return CertificateStatus::Good {
            until: UnixTime::MAX,
        };
    };
    let until = promised.saturating_add(lookup.stale_grace);
    if lookup.now > until {
        CertificateStatus::Stale { since: promised }
    } else {
        CertificateStatus::Good { until }
    }
}
