//! Judging a whole path, from the trust anchor down to the client's certificate (RFC 5280 §6.1).
//!
//! All checks run, so that the failure that is told is the one that matters and not the one that happened to come first; what is looked at
//! and where we differ is in `docs/validation.md`.

use super::budget::{Budget, Exhausted};
use super::failure::{Failure, distance};
use super::name_constraints::{self, Constraints};
use super::search::Link;
use super::{Context, policies, purpose, revocation};
use crate::signature::{self, PssRestriction, SignatureError};
use crate::text;
use crate::{
    Certificate, KeyAlgorithm, Policy, Reason, RevocationIndex, Sha1Signatures, UnixTime, Version,
};

/// What is said of a path that is good.
pub(crate) struct Good {
    /// Until when that is so, besides the validity of its certificates.
    pub(crate) until: UnixTime,
    pub(crate) revocation: revocation::Known,
}

/// Judges the path `links` (client's certificate first) below `anchor`. When it is good, says until when that is so, besides the validity of
/// its certificates. The outer error means that the judgement was not finished.
pub(super) fn judge(
    links: &[Link<'_>],
    anchor: &Certificate,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<Result<Good, Failure>, Exhausted> {
    let mut judgement = Judgement::new(context.policy, context.now);
    judgement.issuer(anchor);
    if let Some((leaf, intermediates)) = links.split_first() {
        for link in intermediates.iter().rev() {
            judgement.signed(link, context.set.sha1_signatures());
            // RFC 5280 §6.1.4(l), before (m): the anchor's own constraint counts the intermediates below it.
            judgement.count(link.certificate);
            if !link.certificate.is_self_issued() {
                judgement.names(link.certificate, budget)?;
            }
            judgement.issuer(link.certificate);
        }
        judgement.signed(leaf, context.set.sha1_signatures());
        judgement.names(leaf.certificate, budget)?;
        judgement.leaf(leaf.certificate);
    }
    judgement.failures.extend(policies::check(links, anchor));
    let trusted = judgement
        .failures
        .iter()
        .all(|failure| distance(failure.reason) <= distance(Reason::NotYetValid));
    let mut until = purpose::holds_until(links, anchor, context.policy);
    let mut revocation = revocation::Known::default();
    if trusted {
        // Revocation data is looked at when the path is otherwise good: only then its issuers are the real ones (threats C3.5).
        match revocation::check(links, anchor, context) {
            Ok(known) => {
                until = until.min(known.until);
                revocation = known;
            }
            Err(failures) => judgement.failures.extend(failures),
        }
    }
    Ok(judgement.end().map(|()| Good { until, revocation }))
}

/// Judges a certificate that nobody has to vouch for.
pub(super) fn judge_pinned(
    certificate: &Certificate,
    known: &RevocationIndex,
    policy: &Policy,
    now: UnixTime,
) -> Result<(), Failure> {
    let mut judgement = Judgement::new(policy, now);
    judgement.leaf(certificate);
    let by_hand = revocation::check_by_hand(certificate, None, None, known);
    judgement.failures.extend(by_hand.err());
    judgement.end()
}

struct Judgement<'a> {
    policy: &'a Policy,
    now: UnixTime,
    failures: Vec<Failure>,
    /// RFC 5280 §6.1.2(k) `max_path_length`.
    intermediates_left: u32,
    constraints: Vec<Constraints<'a>>,
}

impl<'a> Judgement<'a> {
    fn new(policy: &'a Policy, now: UnixTime) -> Self {
        Self {
            policy,
            now,
            failures: Vec::new(),
            intermediates_left: u32::MAX,
            constraints: Vec::new(),
        }
    }

    /// The failure to tell, of those that were found.
    fn end(self) -> Result<(), Failure> {
        let farthest = self
            .failures
            .into_iter()
            .rev()
            .max_by_key(|failure| distance(failure.reason));
        farthest.map_or(Ok(()), Err)
    }

    fn fail(&mut self, reason: Reason, certificate: &Certificate, explanation: String) {
        self.failures
            .push(Failure::new(reason, certificate, explanation));
    }

    /// RFC 5280 §6.1.3(a)(1): the signature, and whether it proves anything.
    fn signed(&mut self, link: &Link<'_>, sha1: Sha1Signatures) {
        let certificate = link.certificate;
        let algorithm = certificate.signature_algorithm();
        let subject = text::subject(certificate);
        match link.signature {
            Ok(()) => {}
            // The weak key itself is reported with the certificate that holds it.
            Err(SignatureError::WeakKey) => {}
            Err(SignatureError::WeakHash) => {
                return self.fail(
                    Reason::WeakSignature,
                    certificate,
                    format!("{subject} is signed with {algorithm}."),
                );
            }
            Err(SignatureError::Unsupported) => {
                return self.fail(
                    Reason::UnsupportedAlgorithm,
                    certificate,
                    format!("The signature of {subject} ({algorithm}) is not supported."),
                );
            }
            Err(SignatureError::Bad) => {
                return self.fail(
                    Reason::BadSignature,
                    certificate,
                    format!("The signature of {subject} does not fit its issuer's key."),
                );
            }
        }
        if !sha1.admits(algorithm) {
            self.fail(
                Reason::WeakSignature,
                certificate,
                format!("{subject} is signed with {algorithm}, which this CA set does not allow."),
            );
        }
        if link.signature == Err(SignatureError::WeakKey) && self.failures.is_empty() {
            self.fail(
                Reason::WeakKey,
                certificate,
                format!("The key that signed {subject} is too weak."),
            );
        }
    }

    /// What holds for every certificate of the path.
    fn any(&mut self, certificate: &Certificate) {
        let subject = text::subject(certificate);
        if let Some(defect) = certificate.defects().first() {
            self.fail(
                Reason::Malformed,
                certificate,
                format!("{subject} is malformed: it has {defect}."),
            );
        }
        // RFC 5280 §6.1.4(o), §6.1.5(e): "Recognize and process any critical extension … If any is not recognized … return failure".
        if let Some(extension) = certificate.unknown_critical_extension() {
            self.fail(
                Reason::UnknownCriticalExtension,
                certificate,
                format!(
                    "{subject} has the critical extension {extension}, which is not understood."
                ),
            );
        }
        self.key(certificate, &subject);
    }

    fn key(&mut self, certificate: &Certificate, subject: &str) {
        let key = certificate.public_key();
        let explanation = format!(
            "{subject} has a key of kind {} with {} bits.",
            key.algorithm, key.bits
        );
        let reason = match &key.algorithm {
            KeyAlgorithm::RsaPss(PssRestriction::Unsupported) => Reason::UnsupportedAlgorithm,
            KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss(_) if key.bits < signature::MIN_RSA_BITS => {
                Reason::WeakKey
            }
            KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss(_) if key.bits > signature::MAX_RSA_BITS => {
                Reason::UnsupportedAlgorithm
            }
            KeyAlgorithm::EcOther(_) if (1..256).contains(&key.bits) => Reason::WeakKey,
            KeyAlgorithm::EcP256
            | KeyAlgorithm::EcP384
            | KeyAlgorithm::EcP521
            | KeyAlgorithm::Ed25519
            | KeyAlgorithm::MlDsa44
            | KeyAlgorithm::MlDsa65
            | KeyAlgorithm::MlDsa87
            | KeyAlgorithm::Rsa
            | KeyAlgorithm::RsaPss(_) => return,
            KeyAlgorithm::Dsa => Reason::WeakKey,
            _ => Reason::UnsupportedAlgorithm,
        };
        self.fail(reason, certificate, explanation);
    }

    /// RFC 5280 §6.1.4: preparing for the certificate below; also for the trust anchor, whose certificate is held to what it says.
    ///
    /// Deviation: RFC 5280 §6.1 takes from a trust anchor its name and key only. A CA of the set that is out of time, or that says itself
    /// that it must not issue, vouches for nobody.
    fn issuer(&mut self, certificate: &'a Certificate) {
        self.any(certificate);
        let subject = text::subject(certificate);
        let validity = certificate.validity();
        if self.now < validity.not_before {
            self.fail(
                Reason::IssuerNotYetValid,
                certificate,
                format!(
                    "The CA certificate {subject} is valid from {}; it is {}.",
                    validity.not_before, self.now
                ),
            );
        }
        if self.now > validity.not_after {
            self.fail(
                Reason::IssuerExpired,
                certificate,
                format!(
                    "The CA certificate {subject} was valid until {}; it is {}.",
                    validity.not_after, self.now
                ),
            );
        }
        // RFC 5280 §6.1.4(k): "If certificate i is a version 3 certificate, verify that the basicConstraints extension is present and that cA
        // is set to TRUE." For other versions it wants other proof; there is none.
        if certificate.version() != Version::V3 {
            self.fail(
                Reason::UnsupportedVersion,
                certificate,
                format!("{subject} issued a certificate, but is not X.509 version 3."),
            );
        } else if !certificate
            .basic_constraints()
            .is_some_and(|constraints| constraints.ca)
        {
            self.fail(
                Reason::NotACa,
                certificate,
                format!(
                    "{subject} issued a certificate, but its basicConstraints do not say CA:TRUE."
                ),
            );
        }
        // RFC 5280 §6.1.4(n): "If a key usage extension is present, verify that the keyCertSign bit is set."
        if let Some(usage) = certificate.key_usage()
            && !usage.key_cert_sign()
        {
            self.fail(
                Reason::KeyUsage,
                certificate,
                format!(
                    "{subject} issued a certificate, but its key usage ({usage}) lacks keyCertSign."
                ),
            );
        }
        if let Some(failure) = purpose::check_issuer(certificate, self.policy, self.now) {
            self.failures.push(failure);
        }
        // RFC 5280 §6.1.4(m)
        if let Some(length) = certificate
            .basic_constraints()
            .and_then(|constraints| constraints.path_length)
        {
            self.intermediates_left = self.intermediates_left.min(length);
        }
        // RFC 5280 §6.1.4(g)
        if let Some(found) = certificate.name_constraints() {
            self.constraints.push(Constraints {
                constraints: found,
                of: certificate,
            });
        }
    }

    /// RFC 5280 §6.1.4(l): "If the certificate was not self-issued, verify that max_path_length is greater than zero and decrement".
    fn count(&mut self, intermediate: &Certificate) {
        if intermediate.is_self_issued() {
            return;
        }
        match self.intermediates_left.checked_sub(1) {
            Some(left) => self.intermediates_left = left,
            None => {
                let explanation = format!(
                    "{} is an intermediate below a CA whose path length constraint allows no more.",
                    text::subject(intermediate)
                );
                self.fail(Reason::PathLength, intermediate, explanation);
            }
        }
    }

    /// RFC 5280 §6.1.3(b), (c)
    fn names(&mut self, certificate: &Certificate, budget: &mut Budget) -> Result<(), Exhausted> {
        if let Some(failure) = name_constraints::check(certificate, &self.constraints, budget)? {
            self.failures.push(failure);
        }
        Ok(())
    }

    /// The client's certificate. Version 1 is good enough here: it needs no extension to be believed.
    fn leaf(&mut self, certificate: &Certificate) {
        self.any(certificate);
        let subject = text::subject(certificate);
        let validity = certificate.validity();
        if self.now < validity.not_before {
            self.fail(
                Reason::NotYetValid,
                certificate,
                format!(
                    "{subject} is valid from {}; it is {}.",
                    validity.not_before, self.now
                ),
            );
        }
        if self.now > validity.not_after {
            self.fail(
                Reason::Expired,
                certificate,
                format!(
                    "{subject} was valid until {}; it is {}.",
                    validity.not_after, self.now
                ),
            );
        }
        if let Some(failure) = purpose::check_leaf(certificate, self.policy, self.now) {
            self.failures.push(failure);
        }
    }
}
