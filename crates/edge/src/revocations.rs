//! From an offered manifest of revocations to an index in force, or to the reason why not.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use countersign_snapshot::{
    AcknowledgementOutcome, BodyDigest, LoadRevocationsError, LoadedRevocations,
    RevocationAcknowledgement, RevocationBodies, RevocationManifest, RevocationSequence,
    SignedRevocations, VerifyRevocationsError, VerifyingKey,
};
use countersign_tls::Staple;
use countersign_trust::Fingerprint;
use countersign_trust::ocsp::CertificateState;

pub(crate) mod store;

use self::store::RevocationStore;
use crate::causes::with_causes;
use crate::node::Node;

/// As many are named in the log at a time; all are counted.
const COMPLAINTS_MAX: usize = 10;

/// Takes one manifest at a time.
#[derive(Debug)]
pub(crate) struct Revocations {
    node: Arc<Node>,
    verifying_key: VerifyingKey,
    store: Arc<RevocationStore>,
    enforced: tokio::sync::Mutex<Option<Arc<EnforcedRevocations>>>,
}

/// What is in force, with the parts that the next manifest may have in common with it.
#[derive(Debug)]
struct EnforcedRevocations {
    signed: Arc<SignedRevocations>,
    loaded: LoadedRevocations,
    staples: HashMap<Fingerprint, Staple>,
}

/// Why a manifest is refused; the texts are read by people.
#[derive(Debug, thiserror::Error)]
enum OfferError {
    #[error(transparent)]
    Verify(#[from] VerifyRevocationsError),
    #[error("revocations {offered} are older than revocations {enforced}, which are in force")]
    Older {
        offered: RevocationSequence,
        enforced: RevocationSequence,
    },
    #[error("revocations {0} are in force already with other contents")]
    Other(RevocationSequence),
    #[error(transparent)]
    Load(#[from] LoadRevocationsError),
    #[error("they cannot be kept on disk")]
    Store(#[from] io::Error),
    #[error("the node's work on them was interrupted")]
    Interrupted,
}

impl Revocations {
    pub(crate) fn new(
        node: Arc<Node>,
        verifying_key: VerifyingKey,
        store: RevocationStore,
    ) -> Self {
        Self {
            node,
            verifying_key,
            store: Arc::new(store),
            enforced: tokio::sync::Mutex::default(),
        }
    }

    /// Verifies, loads, keeps and enforces, in this order; says what came of it. What is refused is refused whole, and the last good
    /// revocations stay in force (invariant I1).
    pub(crate) async fn offer(
        &self,
        signed: Arc<SignedRevocations>,
        bodies: Arc<dyn RevocationBodies>,
    ) -> RevocationAcknowledgement {
        let outcome = match self.take(&signed, Some(bodies)).await {
            Ok(()) => AcknowledgementOutcome::Enforced,
            Err(error) => {
                let reason = with_causes(&error);
                tracing::error!(network = %self.node.network, reason, "revocations refused");
                AcknowledgementOutcome::Refused(reason)
            }
        };
        RevocationAcknowledgement {
            node: self.node.id.clone(),
            network: self.node.network,
            digest: signed.digest(),
            outcome,
        }
    }

    /// Enforces the last good revocations. Says whether nothing is missing: when there are some on disk that cannot be believed, nobody may
    /// be let in until newer ones come.
    pub(crate) async fn restore(&self) -> bool {
        let path = self.store.path().display().to_string();
        let restored = match self.store.load() {
            Ok(None) => return true,
            Ok(Some(bytes)) => match SignedRevocations::from_bytes(&bytes) {
                Ok(signed) => self.take(&Arc::new(signed), None).await,
                Err(error) => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        };
        if let Err(error) = &restored {
            tracing::error!(
                path,
                reason = with_causes(error),
                "the last good revocations cannot be enforced; handshakes are refused until a snapshot comes"
            );
        }
        restored.is_ok()
    }

    async fn take(
        &self,
        signed: &Arc<SignedRevocations>,
        bodies: Option<Arc<dyn RevocationBodies>>,
    ) -> Result<(), OfferError> {
        let began = Instant::now();
        let mut enforced = self.enforced.lock().await;
        if enforced
            .as_ref()
            .is_some_and(|enforced| enforced.signed.digest() == signed.digest())
        {
            return Ok(());
        }
        let work = Work {
            signed: Arc::clone(signed),
            key: self.verifying_key,
            store: Arc::clone(&self.store),
            bodies,
            previous: enforced.clone(),
        };
        // Millions of entries are read, and disks are slow: not on the threads that serve.
        let next = tokio::task::spawn_blocking(move || work.run())
            .await
            .map_err(|_| OfferError::Interrupted)??;
        let next = Arc::new(next);
        let loaded = &next.loaded;
        self.node.tls.replace_staples(next.staples.clone());
        self.node
            .enforce_revocation(Arc::clone(loaded.index()), began);
        self.node
            .metrics
            .disregarded
            .store(loaded.disregarded().len(), Ordering::Relaxed);
        for error in loaded.disregarded().take(COMPLAINTS_MAX) {
            let reason = with_causes(error);
            tracing::warn!(network = %self.node.network, reason, "revocation data is left out");
        }
        tracing::info!(
            network = %self.node.network,
            sequence = %loaded.sequence(),
            disregarded = loaded.disregarded().len(),
            crls = loaded.crls(),
            answers = loaded.answers(),
            took_ms = began.elapsed().as_secs_f64() * 1000.0,
            "revocations enforced"
        );
        *enforced = Some(next);
        Ok(())
    }
}

/// What is done with one manifest away from the threads that serve.
struct Work {
    signed: Arc<SignedRevocations>,
    key: VerifyingKey,
    store: Arc<RevocationStore>,
    /// None while restoring: then everything is on disk.
    bodies: Option<Arc<dyn RevocationBodies>>,
    previous: Option<Arc<EnforcedRevocations>>,
}

impl Work {
    fn run(self) -> Result<EnforcedRevocations, OfferError> {
        let manifest = self.signed.verify(&self.key)?;
        if let Some(previous) = &self.previous {
            let (offered, enforced) = (manifest.sequence, previous.loaded.sequence());
            match offered.cmp(&enforced) {
                std::cmp::Ordering::Less => return Err(OfferError::Older { offered, enforced }),
                std::cmp::Ordering::Equal => return Err(OfferError::Other(offered)),
                std::cmp::Ordering::Greater => {}
            }
        }
        let previous = self.previous.as_ref().map(|previous| &previous.loaded);
        let loaded = LoadedRevocations::load(&manifest, previous, |body| self.body(body))?;
        if self.bodies.is_some() {
            // Before it is enforced: a node that restarts must not fall behind what it acknowledged.
            self.store.save(&self.signed.to_bytes())?;
            self.store.retain(|body| loaded.has(body));
        }
        Ok(EnforcedRevocations {
            staples: self.staples(&manifest, &loaded),
            signed: self.signed,
            loaded,
        })
    }

    /// What may be stapled when we present the certificate that it is about: clients are told of nothing but `good`.
    fn staples(
        &self,
        manifest: &RevocationManifest,
        loaded: &LoadedRevocations,
    ) -> HashMap<Fingerprint, Staple> {
        let good = manifest.answers.iter().filter_map(|reference| {
            let answer = loaded.answer(&reference.body)?;
            let staple = Staple {
                // It was read a moment ago. Without it nothing is stapled, and nothing else is lost.
                response: self.store.body(&reference.body)?,
                until: answer.next_update(),
            };
            (answer.state() == CertificateState::Good)
                .then(|| (Fingerprint::of(&reference.certificate), staple))
        });
        good.collect()
    }

    /// From this node's disk, or from whoever offers the manifest; then it is kept.
    fn body(&self, digest: &BodyDigest) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.store.body(digest) {
            return Ok(bytes);
        }
        let bytes = match &self.bodies {
            Some(bodies) => bodies.read(digest)?,
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        if BodyDigest::of(&bytes) != *digest {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the bytes are others",
            ));
        }
        self.store.keep(digest, &bytes)?;
        Ok(bytes)
    }
}
