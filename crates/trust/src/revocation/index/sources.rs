//! What the index would ask about a certificate, for people.

use super::{Lookup, RevocationIndex};
use crate::revocation::scope::Point;
use crate::{DistinguishedName, UnixTime};

/// Something that is asked about a certificate, with its age.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RevocationSource {
    /// Which kind.
    pub kind: RevocationSourceKind,
    /// The name of whoever signed it.
    pub signer: DistinguishedName,
    /// When it was made.
    pub this_update: UnixTime,
    /// By when a newer one is promised; `None` when never.
    pub next_update: Option<UnixTime>,
    /// Whether it counts for the CA set: what is signed with SHA-1 does only where its version accepts that.
    pub is_admitted: bool,
}

/// Which kind of information.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RevocationSourceKind {
    /// A complete CRL, with its number when it has one.
    Crl(Option<String>),
    /// A CRL that updates another one, with its number when it has one.
    DeltaCrl(Option<String>),
    /// The answer of an OCSP responder.
    Ocsp,
}

impl RevocationIndex {
    /// The end of a sentence that says that nothing is known: why something that is there does not count.
    pub(crate) fn but(&self, lookup: Lookup<'_>) -> &'static str {
        if self.sources(lookup).iter().any(|it| !it.is_admitted) {
            " but what is signed with SHA-1, which this version of the CA set does not accept"
        } else {
            ""
        }
    }

    /// Every CRL and OCSP answer that is there about the certificate, believed or not.
    pub(crate) fn sources(&self, lookup: Lookup<'_>) -> Vec<RevocationSource> {
        let points: Vec<Point<'_>> = Point::all(lookup.certificate).collect();
        let mut sources: Vec<RevocationSource> = Vec::new();
        let crls = points
            .iter()
            .flat_map(|point| self.crls_at(point).map(move |crl| (point, crl)))
            .filter(|(point, crl)| point.covered_by(crl).is_some());
        for (_, crl) in crls {
            let kind = if crl.is_delta() {
                RevocationSourceKind::DeltaCrl
            } else {
                RevocationSourceKind::Crl
            };
            let source = RevocationSource {
                kind: kind(crl.number()),
                signer: crl.signer().subject().clone(),
                this_update: crl.this_update(),
                next_update: crl.next_update(),
                is_admitted: crl.is_admitted(lookup.sha1),
            };
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources.extend(self.answers_about(lookup).map(|answer| RevocationSource {
            kind: RevocationSourceKind::Ocsp,
            signer: answer.delegate().unwrap_or(lookup.issuer).subject().clone(),
            this_update: answer.this_update(),
            next_update: Some(answer.next_update()),
            is_admitted: answer.is_admitted(lookup.sha1),
        }));
        sources
    }
}
