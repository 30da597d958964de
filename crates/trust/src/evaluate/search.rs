//! Finding paths: depth first, by names and signatures, from the client's certificate towards the CA set.

use std::collections::HashMap;

use super::budget::{Budget, Exhausted};
use super::failure::{Failure, distance};
use super::{Context, path};
use crate::signature::SignatureError;
use crate::text;
use crate::{Certificate, Fingerprint, PathAttempt, Reason, ValidChain};

/// A certificate on a path, and what came of checking its signature with the key of the next one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) signature: Result<(), SignatureError>,
}

pub(super) struct Search<'a> {
    leaf: &'a Certificate,
    /// What the path may be made of, besides the CA set.
    material: &'a [Certificate],
    context: &'a Context<'a>,
    budget: Budget,
    /// Signature checks by certificate and key: two CA certificates with the same key cost one check.
    checked: HashMap<(Fingerprint, Fingerprint), Result<(), SignatureError>>,
    attempts: Vec<PathAttempt>,
    nearest: Option<Failure>,
}

/// No more attempts than these are kept: they are for people.
const MAX_ATTEMPTS: usize = 16;

impl<'a> Search<'a> {
    pub(super) fn new(
        leaf: &'a Certificate,
        material: &'a [Certificate],
        context: &'a Context<'a>,
    ) -> Self {
        Self {
            leaf,
            material,
            context,
            budget: Budget::default(),
            checked: HashMap::new(),
            attempts: Vec::new(),
            nearest: None,
        }
    }

    pub(super) fn run(mut self) -> Result<ValidChain, (Failure, Vec<PathAttempt>)> {
        // Threats C3.5: the path starts at certificate 0, whatever else was sent; identity is never taken from another one.
        let leaf = self.leaf;
        match self.extend(&mut Vec::new(), leaf) {
            Ok(Some(valid)) => Ok(valid),
            Ok(None) => {
                let failure = self.nearest.unwrap_or_else(|| {
                    Failure::new(
                        Reason::UnknownIssuer,
                        leaf,
                        Reason::UnknownIssuer.sentence().to_owned(),
                    )
                });
                Err((failure, self.attempts))
            }
            Err(Exhausted) => {
                let explanation = format!(
                    "The search for a path from {} to the CA set was given up after {} attempts.",
                    text::subject(leaf),
                    self.attempts.len()
                );
                let failure = Failure::new(Reason::SearchExhausted, leaf, explanation);
                Err((failure, self.attempts))
            }
        }
    }

    /// Goes on from `last`; `below` leads to it.
    fn extend(
        &mut self,
        below: &mut Vec<Link<'a>>,
        last: &'a Certificate,
    ) -> Result<Option<ValidChain>, Exhausted> {
        self.budget.spend_step()?;
        let mut way_on = WayOn::default();
        for anchor in self.anchors_for(last) {
            self.budget.spend_step()?;
            let signature = self.check(last, anchor)?;
            if !self.leads_on(last, anchor, signature, below, &mut way_on) {
                continue;
            }
            below.push(Link {
                certificate: last,
                signature,
            });
            let judged = path::judge(below, anchor, self.context, &mut self.budget);
            below.pop();
            match judged? {
                Ok(good) => return Ok(Some(self.valid(below, last, anchor, good))),
                Err(failure) => self.note(below, last, Some(anchor), failure),
            }
        }
        for issuer in self.intermediates_for(last, below) {
            self.budget.spend_step()?;
            let signature = self.check(last, issuer)?;
            if !self.leads_on(last, issuer, signature, below, &mut way_on) {
                continue;
            }
            below.push(Link {
                certificate: last,
                signature,
            });
            let found = self.extend(below, issuer)?;
            below.pop();
            if found.is_some() {
                return Ok(found);
            }
        }
        if !way_on.found {
            let failure = self.dead_end(last, way_on.namesake);
            self.note(below, last, None, failure);
        }
        Ok(None)
    }

    /// The certificates of the CA set that may have issued `last`: by name, those with the right key identifier first.
    fn anchors_for(&self, last: &Certificate) -> Vec<&'a Certificate> {
        let mut anchors: Vec<_> = self.context.set.with_subject(last.issuer()).collect();
        anchors.sort_by_key(|anchor| key_hint(last, anchor));
        anchors
    }

    /// The certificates that the client sent and that may have issued `last`, in the same order.
    fn intermediates_for(&self, last: &Certificate, below: &[Link<'a>]) -> Vec<&'a Certificate> {
        let mut issuers: Vec<_> = self
            .material
            .iter()
            .filter(|issuer| issuer.subject() == last.issuer() && !issuer.subject().is_empty())
            // The same CA (name and key) a second time would be a loop; RFC 5280 §6.1 forbids the same certificate twice.
            .filter(|issuer| {
                below
                    .iter()
                    .map(|link| link.certificate)
                    .chain([last])
                    .all(|passed| {
                        passed.spki_fingerprint() != issuer.spki_fingerprint()
                            || passed.subject() != issuer.subject()
                    })
            })
            .collect();
        issuers.sort_by_key(|issuer| key_hint(last, issuer));
        issuers
    }

    fn check(
        &mut self,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<Result<(), SignatureError>, Exhausted> {
        let key = (certificate.fingerprint(), issuer.spki_fingerprint());
        if let Some(known) = self.checked.get(&key) {
            return Ok(*known);
        }
        self.budget.spend_signature(issuer.public_key())?;
        let checked = certificate.verify_signed_by(issuer.public_key());
        self.checked.insert(key, checked);
        Ok(checked)
    }

    /// Whether a path over this issuer is worth judging. A signature that cannot be checked leads on, so that the reason is the weak key or
    /// algorithm and not an unknown issuer; [`path::judge`] refuses it. A wrong signature does not.
    fn leads_on(
        &mut self,
        last: &'a Certificate,
        issuer: &'a Certificate,
        signature: Result<(), SignatureError>,
        below: &[Link<'a>],
        way_on: &mut WayOn<'a>,
    ) -> bool {
        match signature {
            Err(SignatureError::Bad) if key_hint(last, issuer) == KeyHint::Differs => {
                // Another CA of the same name: the certificate says itself that this is not the key.
                way_on.namesake = Some(issuer);
                false
            }
            Err(SignatureError::Bad) => {
                way_on.found = true;
                let explanation = format!(
                    "The signature of {} does not fit the key of {}.",
                    text::subject(last),
                    text::subject(issuer)
                );
                let failure = Failure::new(Reason::BadSignature, last, explanation);
                self.note(below, last, Some(issuer), failure);
                false
            }
            _ => {
                way_on.found = true;
                true
            }
        }
    }

    fn valid(
        &self,
        below: &[Link<'a>],
        last: &Certificate,
        anchor: &Certificate,
        good: path::Good,
    ) -> ValidChain {
        let path = below
            .iter()
            .map(|link| link.certificate)
            .chain([last, anchor])
            .cloned()
            .collect();
        ValidChain::new(path, self.leaf, anchor, self.context.now, good)
    }

    fn note(
        &mut self,
        below: &[Link<'a>],
        last: &Certificate,
        issuer: Option<&Certificate>,
        failure: Failure,
    ) {
        if self.attempts.len() < MAX_ATTEMPTS {
            self.attempts.push(PathAttempt {
                certificates: below
                    .iter()
                    .map(|link| link.certificate)
                    .chain([last])
                    .chain(issuer)
                    .cloned()
                    .collect(),
                reason: failure.reason,
                explanation: failure.explanation.clone(),
            });
        }
        let nearer = self
            .nearest
            .as_ref()
            .is_none_or(|nearest| distance(failure.reason) < distance(nearest.reason));
        if nearer {
            self.nearest = Some(failure);
        }
    }

    /// The path ends at `last`: nobody is there who could have issued it.
    fn dead_end(&self, last: &Certificate, namesake: Option<&Certificate>) -> Failure {
        let issuer = text::name(last.issuer());
        if last.is_self_signed() {
            let explanation = format!(
                "{} is signed by itself and is not in the CA set.",
                text::subject(last)
            );
            return Failure::new(Reason::UnknownIssuer, last, explanation).with_remedy(format!(
                "If these clients should be let in, add {issuer} to the CA set and activate the new version; otherwise give the client a certificate of a CA in the set."
            ));
        }
        let other_key = match namesake {
            Some(_) => " A CA of that name is there, but with another key.",
            None => "",
        };
        let explanation = format!(
            "{} was issued by {issuer}, which is neither in the CA set nor among the certificates that the client sent.{other_key}",
            text::subject(last)
        );
        if namesake.is_none() && self.context.set.shares_organization(last.issuer()) {
            return Failure::new(Reason::IncompleteChain, last, explanation).with_remedy(format!(
                "Configure the client to send the certificate of {issuer} after its own, or add that certificate to the CA set."
            ));
        }
        Failure::new(Reason::UnknownIssuer, last, explanation).with_remedy(format!(
            "If these clients should be let in, add the certificate of {issuer} to the CA set and activate the new version; otherwise give the client a certificate of a CA in the set."
        ))
    }
}

/// Whether there was an issuer to go on with.
#[derive(Default)]
struct WayOn<'a> {
    found: bool,
    /// A CA of the issuer's name with another key.
    namesake: Option<&'a Certificate>,
}

/// What the key identifiers say about whether `issuer` issued `certificate`. They are hints (RFC 5280 §4.2.1.1: "facilitate certification
/// path construction"), never proof.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum KeyHint {
    Fits,
    Silent,
    Differs,
}

fn key_hint(certificate: &Certificate, issuer: &Certificate) -> KeyHint {
    let wanted = certificate
        .authority_key_identifier()
        .and_then(|identifier| identifier.key_identifier.as_deref());
    match (wanted, issuer.subject_key_identifier()) {
        (Some(wanted), Some(found)) if wanted == found => KeyHint::Fits,
        (Some(_), Some(_)) => KeyHint::Differs,
        _ => KeyHint::Silent,
    }
}
