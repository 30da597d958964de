//! What the trust decision says about one client, for every CA set of a binding.

use std::sync::Arc;
use std::time::Duration;

use countersign_trust::ocsp::OcspAnswer;
use countersign_trust::{
    PeerChain, Policy, Reason, RevocationIndex, Unanswered, UnixTime, ValidChain, Verdict,
    evaluate_with_answers, judge_again,
};

use super::Peer;
use crate::{CaSetId, CheckedBinding, CheckedCaSet};

/// A client that is refused now is looked at again after this time even when nothing that we know of will change.
const REFUSAL_HOLDS_FOR: Duration = Duration::from_secs(60);

/// One verdict per CA set of a binding, in the binding's order; cheap to clone.
///
/// Holds from the time it was made for to the first time at which it could be another.
#[derive(Clone, Debug)]
pub struct Verdicts {
    by_ca_set: Arc<[(CaSetId, Verdict)]>,
    made_at: UnixTime,
    holds_until: UnixTime,
    revocation_generation: u64,
}

impl Verdicts {
    /// Evaluates what a client showed against each of a binding's CA sets, under the binding's policy.
    ///
    /// Its cost is bounded; whoever asks often remembers the answer for as long as it [holds](Self::hold_at).
    #[must_use]
    pub fn evaluate(
        ca_sets: &[Arc<CheckedCaSet>],
        policy: &Policy,
        peer: &Peer,
        revocation: &RevocationIndex,
        now: UnixTime,
    ) -> Self {
        Self::evaluate_with_answers(ca_sets, policy, peer, revocation, &[], now)
    }

    /// Evaluates with OCSP answers about this client that are not in the index.
    #[must_use]
    pub fn evaluate_with_answers(
        ca_sets: &[Arc<CheckedCaSet>],
        policy: &Policy,
        peer: &Peer,
        revocation: &RevocationIndex,
        answers: &[Arc<OcspAnswer>],
        now: UnixTime,
    ) -> Self {
        let verdict = |set: &CheckedCaSet| match peer {
            Peer::Absent => Verdict::Missing,
            Peer::Unreadable(refusal) => Verdict::Invalid(refusal.clone()),
            Peer::Chain(chain) => {
                let policy = set.policy(policy);
                evaluate_with_answers(chain, &set.anchors, revocation, answers, &policy, now)
            }
        };
        let by_ca_set = ca_sets.iter().map(|set| (set.id, verdict(set))).collect();
        Self::new(by_ca_set, peer, now, revocation.generation())
    }

    /// Evaluates again a client whose verdicts by the same CA sets and policy are known: paths that were good cost no signature check.
    #[must_use]
    pub fn evaluate_again(
        &self,
        ca_sets: &[Arc<CheckedCaSet>],
        policy: &Policy,
        peer: &Peer,
        revocation: &RevocationIndex,
        answers: &[Arc<OcspAnswer>],
        now: UnixTime,
    ) -> Self {
        let verdict = |set: &CheckedCaSet| {
            let Some(Verdict::Valid(valid)) = self.of(set.id) else {
                return None;
            };
            let policy = set.policy(policy);
            judge_again(valid, &set.anchors, revocation, answers, &policy, now)
        };
        let still_valid: Option<Vec<_>> = ca_sets
            .iter()
            .map(|set| verdict(set).map(|valid| (set.id, Verdict::Valid(valid))))
            .collect();
        match still_valid {
            Some(verdicts) => Self::new(verdicts, peer, now, revocation.generation()),
            None => Self::evaluate_with_answers(ca_sets, policy, peer, revocation, answers, now),
        }
    }

    /// Whether both are the same evaluation, not only equal ones.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.by_ca_set, &other.by_ca_set)
    }

    fn new(
        by_ca_set: Vec<(CaSetId, Verdict)>,
        peer: &Peer,
        made_at: UnixTime,
        revocation_generation: u64,
    ) -> Self {
        let holds_until = by_ca_set
            .iter()
            .filter_map(|(_, verdict)| match verdict {
                Verdict::Missing => None,
                Verdict::Valid(chain) => Some(chain.holds_until()),
                Verdict::Invalid(_) => Some(refusal_holds_until(peer, made_at)),
            })
            .min()
            .unwrap_or(UnixTime::from_micros(i64::MAX));
        Self {
            by_ca_set: by_ca_set.into(),
            made_at,
            holds_until,
            revocation_generation,
        }
    }

    /// The verdict for a CA set; `None` when the binding does not use it.
    #[must_use]
    pub fn of(&self, ca_set: CaSetId) -> Option<&Verdict> {
        self.iter()
            .find(|(id, _)| *id == ca_set)
            .map(|(_, verdict)| verdict)
    }

    /// The CA sets with their verdicts, in the binding's order.
    pub fn iter(&self) -> impl Iterator<Item = (CaSetId, &Verdict)> {
        self.by_ca_set.iter().map(|(id, verdict)| (*id, verdict))
    }

    /// The one verdict to speak of: the first valid one, else the most telling refusal, else missing.
    #[must_use]
    pub fn overall(&self) -> &Verdict {
        self.telling()
            .map_or(&Verdict::Missing, |(_, verdict)| verdict)
    }

    /// The [overall](Self::overall) verdict with the CA set whose it is; `None` when there are no CA sets.
    #[must_use]
    pub fn telling(&self) -> Option<(CaSetId, &Verdict)> {
        self.iter()
            .find(|(_, verdict)| verdict.is_valid())
            // "Another CA's client" is what most CA sets say about most clients; whatever else one of them says is closer to the cause.
            .or_else(|| self.iter().find(|(_, verdict)| !says_stranger(verdict)))
            .or_else(|| self.iter().next())
    }

    /// The one verdict to speak of when these CA sets are asked for, by the ids that rules write; none asked for means any of the binding.
    #[must_use]
    pub fn for_any_of(&self, binding: &CheckedBinding, ca_sets: &[String]) -> &Verdict {
        if ca_sets.is_empty() {
            return self.overall();
        }
        let asked = || {
            let sets = binding.ca_sets.iter();
            sets.filter(|set| ca_sets.contains(&set.id_text))
                .filter_map(|set| self.of(set.id))
        };
        let best = asked()
            .find(|verdict| verdict.is_valid())
            .or_else(|| asked().find(|verdict| !says_stranger(verdict)))
            .or_else(|| asked().next());
        match best {
            // "Unknown issuer" would mislead a client whose certificate is good for another CA set of the same name.
            Some(verdict) if says_stranger(verdict) && self.any_valid() => self.overall(),
            Some(verdict) => verdict,
            None => &Verdict::Missing,
        }
    }

    /// Whether the chain is valid for at least one CA set.
    #[must_use]
    pub fn any_valid(&self) -> bool {
        self.by_ca_set.iter().any(|(_, verdict)| verdict.is_valid())
    }

    /// Whether none of them is a refusal: the chain is valid for every CA set, or there is none at all.
    #[must_use]
    pub fn none_refused(&self) -> bool {
        self.iter()
            .all(|(_, verdict)| !matches!(verdict, Verdict::Invalid(_)))
    }

    /// The valid chains, with the CA sets that they are valid for.
    pub fn valid_chains(&self) -> impl Iterator<Item = (CaSetId, &ValidChain)> {
        self.iter().filter_map(|(id, verdict)| match verdict {
            Verdict::Valid(chain) => Some((id, chain)),
            Verdict::Missing | Verdict::Invalid(_) => None,
        })
    }

    /// The last moment at which the chain is valid for a CA set, by time alone; `None` when it is for none.
    #[must_use]
    pub fn valid_until(&self) -> Option<UnixTime> {
        self.valid_chains()
            .map(|(_, chain)| chain.holds_until())
            .max()
    }

    /// The chain that makes the client valid: that of the first CA set that finds it so.
    #[must_use]
    pub fn valid(&self) -> Option<&ValidChain> {
        self.valid_chains().next().map(|(_, chain)| chain)
    }

    /// The certificates whose CAs could say more, with the CA set whose policy wants to know; a certificate may come more than once.
    pub fn unanswered(&self) -> impl Iterator<Item = (CaSetId, &Unanswered)> {
        self.iter().flat_map(|(id, verdict)| {
            let unanswered = match verdict {
                Verdict::Missing => &[],
                Verdict::Valid(chain) => chain.unanswered(),
                Verdict::Invalid(refusal) => refusal.unanswered(),
            };
            unanswered.iter().map(move |unanswered| (id, unanswered))
        })
    }

    /// Whether time alone cannot have changed anything between the evaluation and `now`.
    #[must_use]
    pub fn hold_at(&self, now: UnixTime) -> bool {
        (self.made_at..=self.holds_until).contains(&now)
    }

    /// The last moment at which they hold.
    #[must_use]
    pub fn hold_until(&self) -> UnixTime {
        self.holds_until
    }

    /// The generation of the revocation index that they were made with.
    #[must_use]
    pub fn revocation_generation(&self) -> u64 {
        self.revocation_generation
    }
}

fn says_stranger(verdict: &Verdict) -> bool {
    matches!(
        verdict.reason(),
        Some(Reason::UnknownIssuer | Reason::NotInCaSet | Reason::IncompleteChain)
    )
}

/// To the next moment at which a certificate of the chain begins or ends to be valid, and not for long anyway.
fn refusal_holds_until(peer: &Peer, made_at: UnixTime) -> UnixTime {
    peer.chain()
        .into_iter()
        .flat_map(PeerChain::certificates)
        .flat_map(|certificate| {
            let validity = certificate.validity();
            // At `not_before` the certificate is valid already, so the refusal holds only to the moment before it.
            [
                validity.not_before.saturating_sub(Duration::from_micros(1)),
                validity.not_after,
            ]
        })
        .filter(|boundary| *boundary >= made_at)
        .chain([made_at.saturating_add(REFUSAL_HOLDS_FOR)])
        .min()
        .unwrap_or(made_at)
}
