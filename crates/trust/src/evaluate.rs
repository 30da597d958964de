//! The decision.
//!
//! Two halves: [`search`] finds paths by names and signatures from the client's certificate to a certificate of the CA set, [`path`]
//! judges a whole path from the trust anchor down, in the order of RFC 5280 §6.1. The search goes on when a path is refused, and stops at
//! the first one that is good or when its [`Budget`](budget::Budget) is spent. Everything that failed is kept as an attempt; the failure
//! that came nearest to trust is the reason.

mod budget;
mod evidence;
mod failure;
mod name_constraints;
mod path;
mod policies;
mod purpose;
mod revocation;
mod search;

pub use evidence::{RevocationEvidence, RevocationStatus, revocation_evidence};
pub(crate) use failure::Failure;
pub(crate) use path::Good;

use std::sync::Arc;

use self::budget::Budget;
use self::search::{Link, Search};
use crate::ocsp::OcspAnswer;
use crate::{
    CaSetVersion, Certificate, PeerChain, Policy, Refusal, RevocationIndex, UnixTime, ValidChain,
    Verdict,
};

/// Evaluates a client's chain against a CA set at a time.
///
/// A pure function: the same arguments give the same verdict, whatever the protocol, fresh or resumed (invariant I2). Its cost is bounded:
/// it does not depend on the size of the set, and what an attacker can steer has a budget.
#[must_use]
pub fn evaluate(
    chain: &PeerChain,
    set: &CaSetVersion,
    revocation: &RevocationIndex,
    policy: &Policy,
    now: UnixTime,
) -> Verdict {
    evaluate_with_answers(chain, set, revocation, &[], policy, now)
}

/// Evaluates as [`evaluate`] does, with OCSP answers about this very client that are not in the index: what a node asked for when it first
/// saw the client. Of an answer here and one in the index the newer counts.
#[must_use]
pub fn evaluate_with_answers(
    chain: &PeerChain,
    set: &CaSetVersion,
    revocation: &RevocationIndex,
    answers: &[Arc<OcspAnswer>],
    policy: &Policy,
    now: UnixTime,
) -> Verdict {
    let context = Context {
        set,
        revocation,
        answers,
        policy,
        now,
        signers: CrlSigners::UnderTheSameAnchor,
    };
    let material = chain.certificates().get(1..).unwrap_or_default();
    match Search::new(chain.leaf(), material, &context).run() {
        Ok(valid) => Verdict::Valid(valid),
        Err((failure, attempts)) => Verdict::Invalid(Refusal::from_failure(failure, attempts)),
    }
}

/// Evaluates a certificate that was named beforehand and needs nobody to vouch for it: everything that [`evaluate`] asks of a client's own
/// certificate, and revocation by hand.
///
/// # Errors
///
/// A refusal when the certificate is out of time, for another purpose, too weak or revoked.
///
/// # Security
///
/// It says nothing about who made the certificate: the caller compares its fingerprint with the one that was named. Everybody's revocations by
/// hand count: the caller leaves those out of the index that are not to.
pub fn evaluate_pinned(
    certificate: &Certificate,
    revocation: &RevocationIndex,
    policy: &Policy,
    now: UnixTime,
) -> Result<(), Refusal> {
    path::judge_pinned(certificate, revocation, policy, now)
        .map_err(|failure| Refusal::from_failure(failure, Vec::new()))
}

/// Judges the path of an earlier verdict again, with other revocation data or at another time. `None` when it is good no more: then
/// [`evaluate_with_answers`] may find another one, and says why not otherwise.
///
/// Costs no signature check: those of the path are proven by the verdict. The set must be the one, and the policy too, by which the chain
/// was valid; with another set a search might have found another path first.
#[must_use]
pub fn judge_again(
    valid: &ValidChain,
    set: &CaSetVersion,
    revocation: &RevocationIndex,
    answers: &[Arc<OcspAnswer>],
    policy: &Policy,
    now: UnixTime,
) -> Option<ValidChain> {
    let (anchor, below) = valid.path().split_last()?;
    let leaf = below.first()?;
    if !set
        .with_subject(anchor.subject())
        .any(|known| known == anchor)
    {
        return None;
    }
    let context = Context {
        set,
        revocation,
        answers,
        policy,
        now,
        signers: CrlSigners::UnderTheSameAnchor,
    };
    let links: Vec<_> = below
        .iter()
        .map(|certificate| Link {
            certificate,
            signature: Ok(()),
        })
        .collect();
    let good = path::judge(&links, anchor, &context, &mut Budget::default())
        .ok()?
        .ok()?;
    let path = valid.path().to_vec();
    Some(ValidChain::new(path, leaf, anchor, now, good))
}

/// What a path is judged by.
#[derive(Clone, Copy, Debug)]
struct Context<'a> {
    set: &'a CaSetVersion,
    revocation: &'a RevocationIndex,
    answers: &'a [Arc<OcspAnswer>],
    policy: &'a Policy,
    now: UnixTime,
    signers: CrlSigners,
}

/// Whose CRLs are believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum CrlSigners {
    /// Only those that the issuing CA's own key signed: while judging the signer of a CRL.
    OwnKeys,
    /// Also those of signers below the same trust anchor.
    UnderTheSameAnchor,
}
