//! What OCSP responders said about the certificates of a client: what nodes get when they ask for it.

use std::sync::Arc;

use countersign_snapshot::CaSetId;
use countersign_trust::ocsp::{self, NoncePolicy, OcspAnswer, Question};
use countersign_trust::{Certificate, Unanswered};

use crate::app::{Context, ServiceError};
use crate::model::AskedCertificate;
use crate::store;

/// What is in the store. Nobody is asked anew: an explanation changes nothing.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) answers: Vec<Arc<OcspAnswer>>,
    questions: Vec<AskedCertificate>,
}

/// Looks up what was asked about these certificates, about which the revocation manifest does not say enough.
pub(super) async fn about(
    context: &Context,
    unanswered: Vec<(CaSetId, &Unanswered)>,
) -> Result<Asked, ServiceError> {
    let mut asked = Asked::default();
    if unanswered.is_empty() {
        return Ok(asked);
    }
    let mut read = context.store.read().await?;
    for (
        ca_set,
        Unanswered {
            certificate,
            issuer,
        },
    ) in unanswered
    {
        let found = store::ocsp::find(&mut read, Some(ca_set), certificate, issuer).await?;
        let Some(question) = found else {
            continue;
        };
        if let Some(answer) = &question.answer {
            let (_, sha1) = store::crls::signers(&mut read, ca_set).await?;
            let asked_about = Question {
                certificate,
                issuer,
                nonce: None,
            };
            let (ignore, received) = (NoncePolicy::Ignore, answer.received_at);
            // One that is not believed any more is no answer for a node either.
            let answer = ocsp::verify(&answer.response, &asked_about, ignore, sha1, received);
            asked.answers.extend(answer.ok().map(Arc::new));
        }
        asked.questions.push(question);
    }
    Ok(asked)
}

impl Asked {
    /// Whether somebody was asked about a certificate.
    pub(super) fn is_about(&self, certificate: &Certificate) -> bool {
        self.question(certificate).is_some()
    }

    /// How asking about a certificate went, as a sentence.
    pub(super) fn sentence(&self, certificate: &Certificate) -> String {
        let Some(question) = self.question(certificate) else {
            return "Nobody was asked about it yet; that is done when the client comes.".to_owned();
        };
        let responder = question.responder.as_deref().unwrap_or("Nobody");
        match (&question.error, question.checked_at) {
            (Some(error), Some(at)) => format!(
                "{responder} was asked last at {at}, without success ({error}); again from {} on.",
                question.check_at
            ),
            (None, Some(at)) => format!("{responder} was asked last at {at}."),
            (_, None) => "It is being asked about.".to_owned(),
        }
    }

    fn question(&self, certificate: &Certificate) -> Option<&AskedCertificate> {
        self.questions
            .iter()
            .find(|question| question.certificate == *certificate)
    }
}
