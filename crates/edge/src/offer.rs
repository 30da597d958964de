//! From an offered snapshot to an enforced one, or to the reason why not.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use countersign_snapshot::{
    Acknowledgement, AcknowledgementOutcome, Generation, SignedSnapshot, Snapshot, VerifyError,
    VerifyingKey,
};

use crate::causes::with_causes;
use crate::enforced::{BuildError, Enforced};
use crate::node::Node;
use crate::store::LastGood;

/// Takes one snapshot at a time.
#[derive(Debug)]
pub(crate) struct Offers {
    node: Arc<Node>,
    verifying_key: VerifyingKey,
    store: Arc<LastGood>,
    turn: tokio::sync::Mutex<()>,
}

/// Why a snapshot is refused; the texts are read by people.
#[derive(Debug, thiserror::Error)]
enum OfferError {
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("generation {offered} is older than generation {enforced}, which is enforced")]
    Older {
        offered: Generation,
        enforced: Generation,
    },
    #[error("generation {0} is enforced already with other contents")]
    Other(Generation),
    #[error("it cannot be enforced")]
    Build(#[from] BuildError),
    #[error("it cannot be kept on disk")]
    Store(#[from] io::Error),
    #[error("the node's work on it was interrupted")]
    Interrupted,
}

/// What is to be done with a snapshot that is believed.
enum Next {
    /// It is the one that is enforced.
    Nothing,
    Enforce(Arc<Enforced>),
}

impl Offers {
    pub(crate) fn new(node: Arc<Node>, verifying_key: VerifyingKey, store: LastGood) -> Self {
        Self {
            node,
            verifying_key,
            store: Arc::new(store),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Verifies, builds, keeps and enforces, in this order; says what came of it.
    pub(crate) async fn offer(&self, signed: Arc<SignedSnapshot>) -> Acknowledgement {
        let since = Instant::now();
        let _turn = self.turn.lock().await;
        let mut generation = Generation::new(0);
        let result = self.take(&signed, &mut generation, since).await;
        self.node.metrics.offered(result.is_ok());
        let outcome = match result {
            Ok(()) => AcknowledgementOutcome::Enforced,
            Err(error) => {
                let reason = with_causes(&error);
                tracing::error!(network = %self.node.network, %generation, reason, "snapshot refused");
                AcknowledgementOutcome::Refused(reason)
            }
        };
        Acknowledgement {
            node: self.node.id.clone(),
            network: self.node.network,
            generation,
            digest: signed.digest(),
            outcome,
        }
    }

    async fn take(
        &self,
        signed: &Arc<SignedSnapshot>,
        generation: &mut Generation,
        since: Instant,
    ) -> Result<(), OfferError> {
        let snapshot = self.verify(signed).await?;
        *generation = snapshot.generation;
        let Next::Enforce(enforced) = self.build(snapshot, signed).await? else {
            return Ok(());
        };
        // Before it is enforced: a node that restarts must not fall behind what it acknowledged.
        let (store, kept) = (Arc::clone(&self.store), Arc::clone(signed));
        tokio::task::spawn_blocking(move || store.save(&kept))
            .await
            .map_err(|_| OfferError::Interrupted)??;
        self.node.enforce(enforced, since);
        tracing::info!(network = %self.node.network, generation = %*generation, "snapshot enforced");
        Ok(())
    }

    /// Enforces the last good snapshot, if there is one that can be believed. It is judged like an offer.
    pub(crate) async fn restore(&self) {
        let _turn = self.turn.lock().await;
        let path = self.store.path();
        let signed = match self.store.load() {
            Ok(Some(signed)) => Arc::new(signed),
            Ok(None) => {
                return tracing::info!(network = %self.node.network, "no snapshot yet; handshakes are refused until one comes");
            }
            Err(error) => {
                return tracing::error!(path = %path.display(), error = &error as &dyn std::error::Error, "the last good snapshot cannot be read; handshakes are refused until one comes");
            }
        };
        let restored = match self.verify(&signed).await {
            Ok(snapshot) => self.build(snapshot, &signed).await,
            Err(error) => Err(error),
        };
        match restored {
            Ok(Next::Enforce(enforced)) => {
                let generation = enforced.generation();
                self.node.enforce(enforced, Instant::now());
                tracing::info!(network = %self.node.network, %generation, "last good snapshot enforced");
            }
            Ok(Next::Nothing) => {}
            Err(error) => {
                tracing::error!(path = %path.display(), reason = with_causes(&error), "the last good snapshot is refused; handshakes are refused until one comes");
            }
        }
    }

    async fn verify(&self, signed: &Arc<SignedSnapshot>) -> Result<Snapshot, OfferError> {
        let (signed, key, network) = (Arc::clone(signed), self.verifying_key, self.node.network);
        // Megabytes are hashed and decoded: not on the threads that serve.
        let verified = tokio::task::spawn_blocking(move || signed.verify(&key, network)).await;
        Ok(verified.map_err(|_| OfferError::Interrupted)??)
    }

    async fn build(&self, snapshot: Snapshot, signed: &SignedSnapshot) -> Result<Next, OfferError> {
        let previous = self.node.enforced();
        if let Some(enforced) = &previous {
            let (offered, current) = (snapshot.generation, enforced.generation());
            match offered.cmp(&current) {
                std::cmp::Ordering::Less => {
                    return Err(OfferError::Older {
                        offered,
                        enforced: current,
                    });
                }
                std::cmp::Ordering::Equal if signed.digest() == enforced.digest() => {
                    return Ok(Next::Nothing);
                }
                std::cmp::Ordering::Equal => return Err(OfferError::Other(current)),
                std::cmp::Ordering::Greater => {}
            }
        }
        let (node, digest) = (Arc::clone(&self.node), signed.digest());
        let build = move || {
            Enforced::build(
                snapshot,
                digest,
                &node.sealing_key,
                &node.tls,
                previous.as_deref(),
                &node.limits,
            )
        };
        // Keys are opened and thousands of certificates read: there neither.
        let enforced = tokio::task::spawn_blocking(build)
            .await
            .map_err(|_| OfferError::Interrupted)??;
        Ok(Next::Enforce(Arc::new(enforced)))
    }
}
