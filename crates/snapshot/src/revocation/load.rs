//! From a manifest and its bodies to the index that certificates are looked up in; the same for nodes and for whoever explains them.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use countersign_trust::ocsp::{self, NoncePolicy, OcspAnswer, Question, VerifyOcspError};
use countersign_trust::{
    Certificate, Crl, LoadCrlError, ParseCertificateError, RevocationIndex, RevocationIndexBuilder,
    Sha1Signatures,
};

use super::{BodyDigest, CrlReference, OcspReference, RevocationManifest};
use crate::RevocationSequence;

/// What a manifest says, ready to be asked; with the parts that the next one may have in common with it.
#[derive(Debug)]
pub struct LoadedRevocations {
    sequence: RevocationSequence,
    crls: HashMap<BodyDigest, Verified<Crl>>,
    answers: HashMap<BodyDigest, Verified<OcspAnswer>>,
    /// What is left out, and why.
    disregarded: HashMap<BodyDigest, LoadRevocationsError>,
    index: Arc<RevocationIndex>,
}

/// A body that was believed, and whether SHA-1 would do for that.
#[derive(Debug)]
struct Verified<T> {
    content: Arc<T>,
    sha1: Sha1Signatures,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum LoadRevocationsError {
    #[error("the OCSP response {0} cannot be used")]
    Answer(BodyDigest, #[source] VerifyOcspError),
    #[error("the body {0} cannot be had")]
    Body(BodyDigest, #[source] io::Error),
    #[error("a certificate cannot be read")]
    Certificate(#[from] ParseCertificateError),
    #[error("the CRL {0} cannot be used")]
    Crl(BodyDigest, #[source] LoadCrlError),
}

impl LoadRevocationsError {
    /// Whether the body was good enough when it was fetched: the CA set does not admit SHA-1 any more. That is for its policy to judge, as if the
    /// body were not there, and no reason to know nothing about everybody else.
    const fn is_about_sha1(&self) -> bool {
        matches!(
            self,
            Self::Answer(_, VerifyOcspError::WeakSignature)
                | Self::Crl(_, LoadCrlError::WeakSignature)
        )
    }
}

impl LoadedRevocations {
    /// Reads and verifies everything that the manifest names. What `previous` has is taken over from it; `body` is asked for the rest, and
    /// answers for the bytes having that digest. Takes as long as the CRLs are large. What is signed with SHA-1 where that is not admitted any
    /// more is [left out](Self::disregarded).
    ///
    /// # Errors
    /// The first other thing that cannot be used; then nothing of the manifest may be (invariant I1).
    pub fn load(
        manifest: &RevocationManifest,
        previous: Option<&Self>,
        body: impl FnMut(&BodyDigest) -> io::Result<Vec<u8>>,
    ) -> Result<Self, LoadRevocationsError> {
        let mut reader = Reader { previous, body };
        // The sequence never comes again with other contents, so verdicts can be remembered by it.
        let mut index = RevocationIndexBuilder::new(manifest.sequence.number());
        for revocation in &manifest.manual {
            index.manual(revocation.owner.clone(), revocation.what.clone());
        }
        for certificate in &manifest.certificates {
            index.certificate(Certificate::from_der(certificate)?);
        }
        let (mut crls, mut answers) = (HashMap::new(), HashMap::new());
        let mut disregarded = HashMap::new();
        for reference in &manifest.crls {
            match reader.crl(reference) {
                Ok(content) => {
                    index.crl(Arc::clone(&content));
                    let sha1 = reference.sha1;
                    crls.insert(reference.body, Verified { content, sha1 });
                }
                Err(error) if error.is_about_sha1() => {
                    disregarded.insert(reference.body, error);
                }
                Err(error) => return Err(error),
            }
        }
        for reference in &manifest.answers {
            match reader.answer(reference) {
                Ok(content) => {
                    index.ocsp(Arc::clone(&content));
                    let sha1 = reference.sha1;
                    answers.insert(reference.body, Verified { content, sha1 });
                }
                Err(error) if error.is_about_sha1() => {
                    disregarded.insert(reference.body, error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            sequence: manifest.sequence,
            crls,
            answers,
            disregarded,
            index: Arc::new(index.build()),
        })
    }

    /// The place of its manifest in the order of manifests.
    #[must_use]
    pub const fn sequence(&self) -> RevocationSequence {
        self.sequence
    }

    /// What certificates are looked up in.
    #[must_use]
    pub const fn index(&self) -> &Arc<RevocationIndex> {
        &self.index
    }

    /// How many CRLs there are.
    #[must_use]
    pub fn crls(&self) -> usize {
        self.crls.len()
    }

    /// How many answers of OCSP responders there are.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.answers.len()
    }

    /// The answer that one of the bodies gives.
    #[must_use]
    pub fn answer(&self, body: &BodyDigest) -> Option<&Arc<OcspAnswer>> {
        self.answers.get(body).map(|answer| &answer.content)
    }

    /// Why bodies are left out that the manifest names: they are signed with SHA-1, and that is not admitted any more.
    pub fn disregarded(&self) -> impl ExactSizeIterator<Item = &LoadRevocationsError> {
        self.disregarded.values()
    }

    /// Whether the manifest names this body.
    #[must_use]
    pub fn has(&self, body: &BodyDigest) -> bool {
        self.crls.contains_key(body)
            || self.answers.contains_key(body)
            || self.disregarded.contains_key(body)
    }
}

struct Reader<'a, B> {
    previous: Option<&'a LoadedRevocations>,
    body: B,
}

impl<B: FnMut(&BodyDigest) -> io::Result<Vec<u8>>> Reader<'_, B> {
    fn crl(&mut self, reference: &CrlReference) -> Result<Arc<Crl>, LoadRevocationsError> {
        let known = self
            .previous
            .and_then(|previous| previous.crls.get(&reference.body))
            .filter(|known| known.sha1 == reference.sha1)
            .filter(|known| known.content.signer().der() == reference.signer);
        if let Some(known) = known {
            return Ok(Arc::clone(&known.content));
        }
        let signer = Certificate::from_der(&reference.signer)?;
        let bytes = self.body(&reference.body)?;
        Crl::load(&bytes, &[signer], reference.sha1)
            .map(Arc::new)
            .map_err(|error| LoadRevocationsError::Crl(reference.body, error))
    }

    fn answer(
        &mut self,
        reference: &OcspReference,
    ) -> Result<Arc<OcspAnswer>, LoadRevocationsError> {
        let certificate = Certificate::from_der(&reference.certificate)?;
        let issuer = Certificate::from_der(&reference.issuer)?;
        let known = self
            .previous
            .and_then(|previous| previous.answers.get(&reference.body))
            // One response may answer for several certificates.
            .filter(|known| {
                known.sha1 == reference.sha1
                    && known.content.serial() == certificate.serial()
                    && known.content.issuer_key() == issuer.spki_fingerprint()
            });
        if let Some(known) = known {
            return Ok(Arc::clone(&known.content));
        }
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
        .map_err(|error| LoadRevocationsError::Answer(reference.body, error))
    }

    fn body(&mut self, digest: &BodyDigest) -> Result<Vec<u8>, LoadRevocationsError> {
        (self.body)(digest).map_err(|error| LoadRevocationsError::Body(*digest, error))
    }
}
