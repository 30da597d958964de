//! The form of a CA set that evaluation uses.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use thiserror::Error;

use super::Sha1Signatures;
use crate::{Certificate, DistinguishedName, Fingerprint, Owner};

/// The certificates of a version of a CA set, indexed for evaluation. All of them are trust anchors, roots and intermediates alike.
#[derive(Debug)]
pub struct CaSetVersion {
    certificates: Vec<Certificate>,
    sha1: Sha1Signatures,
    owner: Option<Owner>,
    /// Positions by the subject's canonical form, so that evaluation costs the same in a set of one and of thousands.
    by_subject: HashMap<Box<[u8]>, Vec<usize>>,
    /// For each certificate, the position of the one that issued it, once somebody asked.
    issuers: Vec<OnceLock<Option<usize>>>,
    /// The organisations of the set's CAs: what makes an issuer look like one of the owner's.
    organizations: HashSet<Organization>,
}

/// A CA set without certificates would let nobody in, or be mistaken for "anybody".
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a CA set needs at least one certificate")]
pub struct EmptyCaSet;

impl CaSetVersion {
    /// Indexes the certificates; duplicates are dropped.
    ///
    /// # Errors
    ///
    /// When there is no certificate (invariant I1: never an empty trust pool).
    pub fn new(certificates: Vec<Certificate>, sha1: Sha1Signatures) -> Result<Self, EmptyCaSet> {
        if certificates.is_empty() {
            return Err(EmptyCaSet);
        }
        let mut seen: HashSet<Fingerprint> = HashSet::new();
        let certificates: Vec<_> = certificates
            .into_iter()
            .filter(|certificate| seen.insert(certificate.fingerprint()))
            .collect();
        let mut by_subject: HashMap<Box<[u8]>, Vec<usize>> = HashMap::new();
        let mut organizations = HashSet::new();
        for (position, certificate) in certificates.iter().enumerate() {
            by_subject
                .entry(certificate.subject().canonical().into())
                .or_default()
                .push(position);
            organizations.extend(Organization::of(certificate.subject()));
        }
        Ok(Self {
            issuers: certificates.iter().map(|_| OnceLock::new()).collect(),
            certificates,
            sha1,
            owner: None,
            by_subject,
            organizations,
        })
    }

    /// Says whose set it is: of revocations by hand, only the owner's count for its clients. Without, everybody's do.
    #[must_use]
    pub fn owned_by(mut self, owner: Option<Owner>) -> Self {
        self.owner = owner;
        self
    }

    /// Whose set it is, if that is known.
    #[must_use]
    pub const fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// The certificates, in their order, without duplicates.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Whether SHA-1 signatures are accepted.
    #[must_use]
    pub fn sha1_signatures(&self) -> Sha1Signatures {
        self.sha1
    }

    /// The subjects, DER, each once: what a server tells clients (RFC 8446 §4.2.4).
    pub fn subjects(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates
            .iter()
            .enumerate()
            .filter(|(position, certificate)| {
                self.by_subject
                    .get(certificate.subject().canonical())
                    .and_then(|positions| positions.first())
                    == Some(position)
            })
            .map(|(_, certificate)| certificate.subject().der())
    }

    /// The certificates with this subject.
    pub(crate) fn with_subject(
        &self,
        subject: &DistinguishedName,
    ) -> impl Iterator<Item = &Certificate> {
        self.positions(subject).map(|(_, certificate)| certificate)
    }

    /// Whether a chain that is good under this certificate of an earlier version is so under this version as well: it is there, and issued by
    /// the same one or by none of the set; and the same revocations by hand count.
    #[must_use]
    pub fn keeps(&self, earlier: &Self, anchor: &Certificate) -> bool {
        self.sha1 == earlier.sha1
            && self.owner == earlier.owner
            && self
                .with_subject(anchor.subject())
                .any(|known| known == anchor)
            // An anchor that is an intermediate is refused when its issuer, where it is known, revoked it.
            && (anchor.is_self_issued() || self.issuer_of(anchor) == earlier.issuer_of(anchor))
    }

    /// The certificate of the set that issued this one of the set. Costs signature checks the first time.
    pub(crate) fn issuer_of(&self, certificate: &Certificate) -> Option<&Certificate> {
        let (position, _) = self
            .positions(certificate.subject())
            .find(|(_, other)| *other == certificate)?;
        let issuer = self.issuers.get(position)?.get_or_init(|| {
            self.positions(certificate.issuer())
                .find(|(_, issuer)| certificate.verify_signed_by(issuer.public_key()).is_ok())
                .map(|(position, _)| position)
        });
        self.certificates.get((*issuer)?)
    }

    fn positions(
        &self,
        subject: &DistinguishedName,
    ) -> impl Iterator<Item = (usize, &Certificate)> {
        self.by_subject
            .get(subject.canonical())
            .into_iter()
            .flatten()
            .filter_map(|position| Some((*position, self.certificates.get(*position)?)))
    }

    /// Whether a CA of that name would be of an organisation that has CAs in the set.
    pub(crate) fn shares_organization(&self, name: &DistinguishedName) -> bool {
        Organization::of(name)
            .iter()
            .any(|organization| self.organizations.contains(organization))
    }
}

/// To whom a name belongs.
#[derive(Debug, Eq, Hash, PartialEq)]
enum Organization {
    /// All domain components.
    Domain(Vec<String>),
    /// An `O` attribute.
    Name(String),
}

impl Organization {
    fn of(name: &DistinguishedName) -> Vec<Self> {
        let components: Vec<_> = name
            .domain_components()
            .into_iter()
            .map(str::to_lowercase)
            .collect();
        let domain = (!components.is_empty()).then_some(Self::Domain(components));
        name.organizations()
            .map(|organization| Self::Name(crate::name::prepare(organization)))
            .chain(domain)
            .collect()
    }
}
