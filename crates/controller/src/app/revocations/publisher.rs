//! Makes edge nodes know what is revoked: one manifest for all networks, signed, offered to whoever does not have it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use countersign_snapshot::{
    AcknowledgementOutcome, CrlReference, Network, NodeId, OcspReference, OwnedRevocation,
    RevocationBodies, RevocationDigest, RevocationManifest, RevocationSequence, SignedRevocations,
};
use countersign_trust::{Sha1Signatures, UnixTime};
use tokio::sync::Notify;
use tracing::{error, info, warn};

use super::BodyFiles;
use crate::app::Context;
use crate::model::{AskedCertificate, HeldCrl};
use crate::store::revocations::StoredManifest;
use crate::store::{self, StoreError};

/// Nothing wakes us when a node joins or a revocation ends, so we look.
const POLL: Duration = Duration::from_millis(500);
/// A node that refused or did not answer is asked again after this.
const RETRY: Duration = Duration::from_secs(2);
const COUNTER: &str = "revocation_manifest";

/// What edge nodes are told, and who has been told.
#[derive(Debug)]
pub(crate) struct RevocationPublisher {
    bodies: Arc<BodyFiles>,
    /// Something of what is told changed in the store.
    is_outdated: AtomicBool,
    wake: Notify,
    manifest: tokio::sync::Mutex<Option<Current>>,
    told: Mutex<HashMap<(Network, NodeId), Told>>,
}

#[derive(Clone, Debug)]
struct Current {
    signed: Arc<SignedRevocations>,
    /// When time alone makes it another one.
    changes_at: Option<UnixTime>,
}

/// What a node said last.
#[derive(Clone, Debug)]
enum Told {
    Has(RevocationDigest),
    AskAgain(Instant),
}

/// Tells one network's nodes until it is dropped.
pub(crate) async fn run(context: Arc<Context>, network: Network) {
    loop {
        // Made before looking, so that no change is missed that comes while we look.
        let woken = context.revocations.wake.notified();
        let patience = context.limits.acknowledgement_deadline;
        if let Err(cause) = context
            .revocations
            .publish(&context, network, patience)
            .await
        {
            error!(%network, error = &cause as &dyn std::error::Error, "revocations could not be published");
        }
        let _ = tokio::time::timeout(POLL, woken).await;
    }
}

impl RevocationPublisher {
    pub(crate) fn new(bodies: BodyFiles) -> Self {
        Self {
            bodies: Arc::new(bodies),
            is_outdated: AtomicBool::new(true),
            wake: Notify::new(),
            manifest: tokio::sync::Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// To be called after every committed change of what nodes are told.
    pub(crate) fn changed(&self) {
        self.is_outdated.store(true, Ordering::Release);
        self.wake.notify_waiters();
    }

    /// Where CRLs and OCSP responses are kept.
    pub(crate) fn bodies(&self) -> &Arc<BodyFiles> {
        &self.bodies
    }

    /// Offers the manifest to the nodes of a network that do not have it. A snapshot is offered after this only, so that a node that joins
    /// knows what is revoked before it serves.
    pub(crate) async fn publish(
        &self,
        context: &Context,
        network: Network,
        patience: Duration,
    ) -> Result<(), StoreError> {
        let signed = self.manifest(context).await?;
        let digest = signed.digest();
        if !self.is_due(context, network, digest) {
            return Ok(());
        }
        let bodies = Arc::clone(&self.bodies) as Arc<dyn RevocationBodies>;
        let offered = context
            .distribution
            .offer_revocations(network, signed, bodies);
        let answers = tokio::time::timeout(patience, offered)
            .await
            .unwrap_or_default();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for node in context.distribution.nodes(network) {
            let answer = answers
                .iter()
                .find(|answer| answer.node == node && answer.digest == digest);
            let again = || Told::AskAgain(Instant::now() + RETRY);
            let now = match answer.map(|answer| &answer.outcome) {
                Some(AcknowledgementOutcome::Enforced) => Told::Has(digest),
                Some(AcknowledgementOutcome::Refused(reason)) => {
                    error!(%network, %node, reason, "a node refuses the revocations");
                    again()
                }
                None => {
                    warn!(%network, %node, "a node has not acknowledged the revocations");
                    again()
                }
            };
            told.insert((network, node), now);
        }
        Ok(())
    }

    /// Whether a live node should be asked now.
    fn is_due(&self, context: &Context, network: Network, digest: RevocationDigest) -> bool {
        let live = context.distribution.nodes(network);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // A node that went away may come back with anything.
        told.retain(|(of, node), _| *of != network || live.contains(node));
        live.into_iter()
            .any(|node| match told.get(&(network, node)) {
                Some(Told::Has(has)) => *has != digest,
                Some(Told::AskAgain(at)) => *at <= Instant::now(),
                None => true,
            })
    }

    /// The manifest of what the store says now.
    pub(crate) async fn manifest(
        &self,
        context: &Context,
    ) -> Result<Arc<SignedRevocations>, StoreError> {
        let mut current = self.manifest.lock().await;
        let now = context.clock.now();
        let outdated = self.is_outdated.swap(false, Ordering::AcqRel);
        let holds = current
            .as_ref()
            .filter(|current| !outdated && current.changes_at.is_none_or(|at| now < at));
        if let Some(current) = holds {
            return Ok(Arc::clone(&current.signed));
        }
        match compile(context, now).await {
            Ok(next) => {
                let signed = Arc::clone(&next.signed);
                *current = Some(next);
                Ok(signed)
            }
            Err(cause) => {
                self.is_outdated.store(true, Ordering::Release);
                Err(cause)
            }
        }
    }
}

/// Two sets may have the same CRL.
fn references(crls: Vec<(HeldCrl, Sha1Signatures)>) -> Vec<CrlReference> {
    let mut references: Vec<_> = crls
        .into_iter()
        .map(|(crl, sha1)| CrlReference {
            body: crl.digest,
            signer: crl.signer.der().to_vec(),
            sha1,
        })
        .collect();
    references.sort_by_key(|reference| (reference.body, reference.sha1 == Sha1Signatures::Refuse));
    references.dedup_by_key(|reference| reference.body);
    references
}

/// What is revoked, and what is stapled. What is good about clients is told to who asks.
fn answers(told: Vec<(AskedCertificate, Sha1Signatures)>) -> Vec<OcspReference> {
    let mut references: Vec<_> = told
        .into_iter()
        .filter_map(|(asked, sha1)| {
            let answer = asked.answer?;
            Some(OcspReference {
                body: answer.digest?,
                certificate: asked.certificate.der().to_vec(),
                issuer: asked.issuer.der().to_vec(),
                received: answer.received_at,
                sha1,
            })
        })
        .collect();
    // Two sets may have the same client.
    references.sort_by(|a, b| (&a.certificate, a.body).cmp(&(&b.certificate, b.body)));
    references.dedup_by(|a, b| a.certificate == b.certificate && a.body == b.body);
    references
}

/// Reads what is revoked; signs it under a new sequence when it is not what was told last.
async fn compile(context: &Context, now: UnixTime) -> Result<Current, StoreError> {
    let mut write = context.store.write().await?;
    let revocations = store::revocations::in_force(write.connection(), now).await?;
    let crls = store::crls::in_force(write.connection()).await?;
    let changes_at = revocations.iter().filter_map(|it| it.ends_at).min();
    let mut manifest = RevocationManifest {
        sequence: RevocationSequence::new(0),
        created: UnixTime::from_micros(0),
        manual: revocations
            .into_iter()
            .map(|it| OwnedRevocation {
                owner: Some(it.account.owner()),
                what: it.what,
            })
            .collect(),
        crls: references(crls),
        answers: answers(store::ocsp::told(write.connection()).await?),
        certificates: Vec::new(),
    };
    let key = &context.signing_key;
    let content = key.sign_revocations(&manifest).digest();
    let last = store::revocations::manifest(write.connection()).await?;
    if let Some(last) = &last
        && last.content == content.as_bytes()
        && let Ok(signed) = SignedRevocations::from_bytes(&last.body)
        // What another key signed is signed anew.
        && signed.verify(&key.verifying_key()).is_ok()
    {
        return Ok(Current {
            signed: Arc::new(signed),
            changes_at,
        });
    }
    let sequence = write.next_number(COUNTER).await?.unsigned_abs();
    manifest.sequence = RevocationSequence::new(sequence);
    manifest.created = now;
    let signed = key.sign_revocations(&manifest);
    store::revocations::set_manifest(
        write.connection(),
        &StoredManifest {
            sequence: manifest.sequence,
            content: content.as_bytes().to_vec(),
            body: signed.to_bytes(),
            created_at: now,
        },
    )
    .await?;
    write.commit_progress().await?;
    info!(
        sequence,
        manual = manifest.manual.len(),
        crls = manifest.crls.len(),
        answers = manifest.answers.len(),
        "revocations changed"
    );
    Ok(Current {
        signed: Arc::new(signed),
        changes_at,
    })
}
