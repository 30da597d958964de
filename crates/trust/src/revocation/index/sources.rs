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
            };
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        let key = (
            lookup.issuer.spki_fingerprint(),
            lookup.certificate.serial().clone(),
        );
        let own = lookup
            .answers
            .iter()
            .filter(|answer| (answer.issuer_key(), answer.serial()) == (key.0, &key.1));
        let answers = self.answers.get(&key).into_iter().chain(own);
        sources.extend(answers.map(|answer| RevocationSource {
            kind: RevocationSourceKind::Ocsp,
            signer: answer.delegate().unwrap_or(lookup.issuer).subject().clone(),
            this_update: answer.this_update(),
            next_update: Some(answer.next_update()),
        }));
        sources
    }
}
