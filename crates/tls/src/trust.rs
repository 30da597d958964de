//! From a client's chain to verdicts, by one function for every protocol, fresh or resumed.

use std::sync::Arc;

use countersign_snapshot::{
    CaSetId, CheckedBinding, CheckedCaSet, ClientAuthMode, Peer, PolicyIdentity, Verdicts,
};
use countersign_trust::ocsp::OcspAnswer;
use countersign_trust::{Certificate, Policy, UnixTime};

use crate::TlsContext;
use crate::chain_cache::ChainCache;
use crate::verdict_cache::{VerdictCache, VerdictKey};

/// What the verdicts of a binding depend on: its CA sets, its policy, and the node's revocation index.
#[derive(Clone, Debug)]
pub struct TrustContext {
    mode: ClientAuthMode,
    identity: PolicyIdentity,
    ca_sets: Arc<[Arc<CheckedCaSet>]>,
    policy: Policy,
    verdicts: Arc<VerdictCache>,
}

impl TrustContext {
    pub(crate) fn new(binding: &CheckedBinding, verdicts: Arc<VerdictCache>) -> Self {
        Self {
            mode: binding.binding.client_auth.mode,
            identity: binding.policy_identity,
            ca_sets: binding.ca_sets.clone().into(),
            policy: binding.binding.client_auth.policy.clone(),
            verdicts,
        }
    }

    /// Of a binding that is served without TLS.
    #[must_use]
    pub fn without_tls(binding: &CheckedBinding, context: &TlsContext) -> Self {
        Self::new(binding, Arc::clone(&context.verdicts))
    }

    /// When another context decides alike.
    #[must_use]
    pub fn policy_identity(&self) -> PolicyIdentity {
        self.identity
    }

    /// Whether and how firmly a certificate is asked for.
    #[must_use]
    pub fn mode(&self) -> ClientAuthMode {
        self.mode
    }

    /// The CA sets; empty exactly when no certificate is asked for.
    #[must_use]
    pub fn ca_sets(&self) -> &[Arc<CheckedCaSet>] {
        &self.ca_sets
    }

    /// Whether a client that is valid by an earlier context, for this CA set and under this trust anchor, is so by this one, whatever else
    /// changed. `false` when that cannot be told without judging the client.
    #[must_use]
    pub fn keeps(&self, earlier: &Self, ca_set: CaSetId, anchor: &Certificate) -> bool {
        let find = |context: &'_ Self| context.ca_sets.iter().find(|set| set.id == ca_set).cloned();
        let (Some(ours), Some(theirs)) = (find(self), find(earlier)) else {
            return false;
        };
        ours.policy(&self.policy) == theirs.policy(&earlier.policy)
            && ours.anchors.keeps(&theirs.anchors, anchor)
    }

    pub(crate) fn chains(&self) -> &ChainCache {
        self.verdicts.chains()
    }

    pub(crate) fn is_to_be_asked(&self, verdicts: &Verdicts) -> bool {
        self.verdicts.is_to_be_asked(verdicts)
    }

    /// The generation of the revocation index in force; verdicts of another generation must be made anew.
    #[must_use]
    pub fn revocation_generation(&self) -> u64 {
        self.verdicts.revocation().generation()
    }
}

/// Evaluates what a client showed against every CA set of a binding at a time.
///
/// The same for TCP and QUIC, for full and resumed handshakes, and for the re-evaluation of a live connection (invariant I2). A chain that
/// was evaluated before with the same CA sets, policy and revocation index costs a look-up.
#[must_use]
pub fn evaluate_peer(context: &TrustContext, peer: &Peer, now: UnixTime) -> Verdicts {
    evaluate_peer_again(context, peer, None, now)
}

/// As [`evaluate_peer`], for a client of which verdicts of the same policy identity may be known: paths that were good cost no signature check
/// then.
#[must_use]
pub fn evaluate_peer_again(
    context: &TrustContext,
    peer: &Peer,
    earlier: Option<&Verdicts>,
    now: UnixTime,
) -> Verdicts {
    let revocation = context.verdicts.revocation();
    let evaluate = |answers: &[Arc<OcspAnswer>]| {
        let (ca_sets, policy) = (&context.ca_sets, &context.policy);
        match earlier {
            Some(earlier) => {
                earlier.evaluate_again(ca_sets, policy, peer, &revocation, answers, now)
            }
            None => {
                Verdicts::evaluate_with_answers(ca_sets, policy, peer, &revocation, answers, now)
            }
        }
    };
    let Some(chain) = peer.chain() else {
        return evaluate(&[]);
    };
    let (answers, answers_number) = context.verdicts.answers_about(chain);
    let key = VerdictKey {
        chain: chain.digest(),
        policy: context.identity,
        revocation: revocation.generation(),
        answers: answers_number,
    };
    context
        .verdicts
        .get_or_evaluate(key, now, || evaluate(&answers))
}
