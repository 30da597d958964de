//! From an offered manifest of revocations to an index in force, or to the reason why not.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use countersign_snapshot::{
    AcknowledgementOutcome, BodyDigest, CrlReference, OcspReference, RevocationAcknowledgement,
    RevocationBodies, RevocationManifest, RevocationSequence, SignedRevocations,
    VerifyRevocationsError, VerifyingKey,
};
use countersign_trust::ocsp::{self, NoncePolicy, OcspAnswer, Question, VerifyOcspError};
use countersign_trust::{
    Certificate, Crl, LoadCrlError, ParseCertificateError, RevocationIndex, RevocationIndexBuilder,
};

pub(crate) mod store;

use self::store::RevocationStore;
use crate::causes::with_causes;
use crate::node::Node;

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
    sequence: RevocationSequence,
    crls: HashMap<BodyDigest, Arc<Crl>>,
    answers: HashMap<BodyDigest, Arc<OcspAnswer>>,
    index: Arc<RevocationIndex>,
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
    #[error("the body {0} cannot be had")]
    Body(BodyDigest, #[source] io::Error),
    #[error("the bytes of the body {0} are others")]
    Digest(BodyDigest),
    #[error("a certificate cannot be read")]
    Certificate(#[from] ParseCertificateError),
    #[error("the CRL {0} cannot be used")]
    Crl(BodyDigest, #[source] LoadCrlError),
    #[error("the OCSP response {0} cannot be used")]
    Answer(BodyDigest, #[source] VerifyOcspError),
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
        self.node.enforce_revocation(Arc::clone(&next.index));
        tracing::info!(
            network = %self.node.network,
            sequence = %next.sequence,
            crls = next.crls.len(),
            answers = next.answers.len(),
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
            let (offered, enforced) = (manifest.sequence, previous.sequence);
            match offered.cmp(&enforced) {
                std::cmp::Ordering::Less => return Err(OfferError::Older { offered, enforced }),
                std::cmp::Ordering::Equal => return Err(OfferError::Other(offered)),
                std::cmp::Ordering::Greater => {}
            }
        }
        let next = self.load(&manifest)?;
        if self.bodies.is_some() {
            // Before it is enforced: a node that restarts must not fall behind what it acknowledged.
            self.store.save(&self.signed.to_bytes())?;
            self.store
                .retain(|body| next.crls.contains_key(body) || next.answers.contains_key(body));
        }
        Ok(next)
    }

    fn load(&self, manifest: &RevocationManifest) -> Result<EnforcedRevocations, OfferError> {
        // The sequence never comes again with other contents, so verdicts can be remembered by it.
        let mut index = RevocationIndexBuilder::new(manifest.sequence.number());
        for revocation in &manifest.manual {
            index.manual(revocation.clone());
        }
        for certificate in &manifest.certificates {
            index.certificate(Certificate::from_der(certificate)?);
        }
        let (mut crls, mut answers) = (HashMap::new(), HashMap::new());
        for reference in &manifest.crls {
            let crl = self.crl(reference)?;
            index.crl(Arc::clone(&crl));
            crls.insert(reference.body, crl);
        }
        for reference in &manifest.answers {
            let answer = self.answer(reference)?;
            index.ocsp(Arc::clone(&answer));
            answers.insert(reference.body, answer);
        }
        Ok(EnforcedRevocations {
            signed: Arc::clone(&self.signed),
            sequence: manifest.sequence,
            crls,
            answers,
            index: Arc::new(index.build()),
        })
    }

    fn crl(&self, reference: &CrlReference) -> Result<Arc<Crl>, OfferError> {
        let known = self
            .previous
            .as_ref()
            .and_then(|previous| previous.crls.get(&reference.body))
            .filter(|known| known.signer().der() == reference.signer);
        if let Some(known) = known {
            return Ok(Arc::clone(known));
        }
        let signer = Certificate::from_der(&reference.signer)?;
        let bytes = self.body(&reference.body)?;
        Crl::load(&bytes, &[signer], reference.sha1)
            .map(Arc::new)
            .map_err(|error| OfferError::Crl(reference.body, error))
    }

    fn answer(&self, reference: &OcspReference) -> Result<Arc<OcspAnswer>, OfferError> {
        let known = self
            .previous
            .as_ref()
            .and_then(|previous| previous.answers.get(&reference.body));
        if let Some(known) = known {
            return Ok(Arc::clone(known));
        }
        let certificate = Certificate::from_der(&reference.certificate)?;
        let issuer = Certificate::from_der(&reference.issuer)?;
        let question = Question {
            certificate: &certificate,
            issuer: &issuer,
            nonce: None,
        };
        let bytes = self.body(&reference.body)?;
        // At the time when it came: what it says is judged by its times at every look-up.
        ocsp::verify(
            &bytes,
            &question,
            NoncePolicy::Ignore,
            reference.sha1,
            reference.received,
        )
        .map(Arc::new)
        .map_err(|error| OfferError::Answer(reference.body, error))
    }

    /// From this node's disk, or from whoever offers the manifest; then it is kept.
    fn body(&self, digest: &BodyDigest) -> Result<Vec<u8>, OfferError> {
        if let Some(bytes) = self.store.body(digest) {
            return Ok(bytes);
        }
        let bytes = match &self.bodies {
            Some(bodies) => bodies.read(digest),
            None => Err(io::ErrorKind::NotFound.into()),
        }
        .map_err(|error| OfferError::Body(*digest, error))?;
        if BodyDigest::of(&bytes) != *digest {
            return Err(OfferError::Digest(*digest));
        }
        self.store.keep(digest, &bytes)?;
        Ok(bytes)
    }
}
