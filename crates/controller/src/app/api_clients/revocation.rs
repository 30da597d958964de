//! Whether an operator's certificate is revoked, in the eyes of those CA sets of the account that know its CA.

use std::sync::Arc;

use countersign_snapshot::CaSetId;
use countersign_trust::ocsp::{self, NoncePolicy, OcspAnswer, Question};
use countersign_trust::{
    CaSetVersion, Certificate, PeerChain, Policy, Refusal, RevocationIndex, RevocationIndexBuilder,
    RevocationPolicy, RevocationScope, UnixTime, Verdict, evaluate, evaluate_with_answers,
};

use crate::app::{Context, ServiceError, explain, ocsp as responders};
use crate::model::{AccountId, Revocation};
use crate::store;

/// What is known about revoked certificates, for the operators of one account.
pub(super) struct Known<'c> {
    context: &'c Arc<Context>,
    policies: Vec<(CaSetId, RevocationPolicy)>,
    /// CRLs are their CAs' own words, whoever's CA set holds them; what another account revokes by hand concerns its clients only.
    pub(super) index: RevocationIndex,
}

impl<'c> Known<'c> {
    pub(super) async fn of(
        context: &'c Arc<Context>,
        account: &AccountId,
        by_hand: &[Revocation],
    ) -> Result<Self, ServiceError> {
        let policies = {
            let mut read = context.store.read().await?;
            store::crls::policies_of_account(&mut read, account).await?
        };
        let mut index = RevocationIndexBuilder::new(0);
        if !policies.is_empty() {
            for crl in explain::revocations(context).await?.crls() {
                index.crl(Arc::clone(crl));
            }
        }
        for revocation in by_hand.iter().filter(|it| it.account == *account) {
            // No others are in the index, so it need not say whose they are.
            index.manual(None, revocation.what.clone());
        }
        Ok(Self {
            context,
            policies,
            index: index.build(),
        })
    }

    /// Judges a chain by the revocation policy of every CA set of the account under which it would be good otherwise: one that says no is
    /// enough. With `require` that is also one about which nothing is known, so that what cannot be had keeps operators out (invariant I1).
    pub(super) async fn refusal(
        &self,
        chain: &PeerChain,
        now: UnixTime,
    ) -> Result<Option<Refusal>, ServiceError> {
        for (ca_set, revocation) in self.policies.iter().cloned() {
            let (authorities, sha1, signers) = {
                let mut read = self.context.store.read_consistently().await?;
                let (authorities, sha1) = store::crls::signers(&mut read, ca_set).await?;
                let sources = store::crls::list(&mut read, ca_set).await?;
                let signers = sources.into_iter().filter_map(|it| Some(it.crl?.signer));
                (authorities, sha1, signers.collect::<Vec<_>>())
            };
            let Ok(set) = CaSetVersion::new(authorities, sha1) else {
                continue;
            };
            let chain = completed(chain, &signers);
            let (nothing, any) = (RevocationIndex::empty(), Policy::default());
            let Verdict::Valid(valid) = evaluate(&chain, &set, &nothing, &any, now) else {
                // Not one of its clients.
                continue;
            };
            let answers = self.answers(ca_set, &revocation, valid.path()).await?;
            let policy = Policy { revocation, ..any };
            let verdict = evaluate_with_answers(&chain, &set, &self.index, &answers, &policy, now);
            if let Verdict::Invalid(refusal) = verdict {
                return Ok(Some(refusal));
            }
        }
        Ok(None)
    }

    /// What OCSP responders say about a path: what is held, or what they say now when nothing is.
    async fn answers(
        &self,
        ca_set: CaSetId,
        policy: &RevocationPolicy,
        path: &[Certificate],
    ) -> Result<Vec<Arc<OcspAnswer>>, ServiceError> {
        let most = match policy.scope {
            RevocationScope::Leaf => 1,
            RevocationScope::Path => path.len(),
        };
        let mut answers = Vec::new();
        for pair in path.windows(2).take(most) {
            let [certificate, issuer] = pair else {
                continue;
            };
            let (asked, sha1) =
                responders::wanted(self.context, Some(ca_set), certificate, issuer).await?;
            let question = Question {
                certificate,
                issuer,
                nonce: None,
            };
            let verified = asked.answer.and_then(|held| {
                let ignored = NoncePolicy::Ignore;
                ocsp::verify(&held.response, &question, ignored, sha1, held.received_at).ok()
            });
            answers.extend(verified.map(Arc::new));
        }
        Ok(answers)
    }
}

/// The chain with the CAs behind the CRLs that are held, so that leaving an issuer out hides nothing.
fn completed(chain: &PeerChain, signers: &[Certificate]) -> PeerChain {
    let sent = chain.certificates();
    let missing = signers.iter().filter(|signer| !sent.contains(signer));
    let all: Vec<&[u8]> = sent
        .iter()
        .chain(missing)
        .map(Certificate::der)
        .take(PeerChain::MAX_CERTIFICATES)
        .collect();
    PeerChain::from_der(&all).unwrap_or_else(|_| chain.clone())
}
