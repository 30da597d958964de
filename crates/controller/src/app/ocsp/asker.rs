//! Finding out about one certificate: the cache first, one question at a time, and the last good answer whatever comes.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_api::v1::ocsp::RevocationSources;
use countersign_snapshot::{
    AskedStatus, CaSetId, OcspResponse, StatusAnswer, StatusQuestion, StatusSource,
};
use countersign_trust::ocsp::{CertificateState, OcspAnswer};
use countersign_trust::{Certificate, Fingerprint, SerialNumber, Sha1Signatures, UnixTime};
use tracing::{error, info, warn};

use super::client::{self, AskError};
use super::responders::{Responders, targets};
use crate::app::outbound::{AllowedHosts, jitter, with_causes};
use crate::app::single_flight::SingleFlight;
use crate::app::{Context, ServiceError, crls};
use crate::model::{AskedCertificate, HeldAnswer, Says};
use crate::store;

const COUNTER: &str = "ocsp_answer";
const CHECK_MIN: Duration = Duration::from_secs(5);
const CHECK_MAX: Duration = Duration::from_secs(24 * 3_600);
/// A CA may have issued the certificate a moment ago.
const UNKNOWN_CHECK_MAX: Duration = Duration::from_secs(300);
const RETRY_MIN: Duration = Duration::from_secs(15);
const RETRY_MAX: Duration = Duration::from_secs(1_800);
/// A certificate that is wanted is noted as such once in this time.
const WANTED_EVERY: Duration = Duration::from_secs(3_600);
/// Less than what a client waits.
const HELD_PATIENCE: Duration = Duration::from_millis(250);
const ERROR_MAX_CHARS: usize = 1_000;

/// What is under way, and how responders do.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    under_way: SingleFlight<(Option<CaSetId>, Fingerprint, SerialNumber)>,
    responders: Responders,
    /// The edge's own certificates whose responders may be in a private network.
    private: Mutex<HashSet<Fingerprint>>,
}

impl Asking {
    pub(super) fn set_private(&self, certificates: HashSet<Fingerprint>) {
        *self.private.lock().unwrap_or_else(PoisonError::into_inner) = certificates;
    }

    fn is_private(&self, certificate: &Certificate) -> bool {
        let private = self.private.lock().unwrap_or_else(PoisonError::into_inner);
        private.contains(&certificate.fingerprint())
    }
}

/// The controller, as edge nodes ask it.
#[derive(Debug)]
pub(crate) struct Source(pub(crate) Arc<Context>);

impl StatusSource for Source {
    fn ask(&self, question: StatusQuestion) -> AskedStatus<'_> {
        Box::pin(async move {
            match answer(&self.0, &question).await {
                Ok(answer) => answer,
                Err(cause) => {
                    error!(
                        error = &cause as &dyn std::error::Error,
                        "a certificate could not be asked about"
                    );
                    StatusAnswer {
                        ocsp: None,
                        again_at: self.0.clock.now().saturating_add(RETRY_MIN),
                    }
                }
            }
        })
    }
}

async fn answer(
    context: &Arc<Context>,
    question: &StatusQuestion,
) -> Result<StatusAnswer, ServiceError> {
    let StatusQuestion {
        ca_set,
        certificate,
        issuer,
    } = question;
    // Asked about by a node that verified the whole path; that it belongs together is seen here too.
    if certificate.issuer() != issuer.subject()
        || certificate.verify_signed_by(issuer.public_key()).is_err()
    {
        warn!(%ca_set, "a node asked about a certificate that its issuer did not sign");
        return Ok(StatusAnswer {
            ocsp: None,
            again_at: context.clock.now().saturating_add(RETRY_MAX),
        });
    }
    let (asked, crl) = tokio::join!(
        wanted(context, Some(*ca_set), certificate, issuer),
        crls::fetch_named(context, *ca_set, certificate)
    );
    crl?;
    let (asked, sha1) = asked?;
    let now = context.clock.now();
    Ok(StatusAnswer {
        again_at: asked.check_at.max(now),
        ocsp: asked.answer.map(|answer| OcspResponse {
            body: answer.response,
            received: answer.received_at,
            sha1,
        }),
    })
}

/// What is known about a certificate that somebody wants to know about now: from the store, or from a responder.
pub(crate) async fn wanted(
    context: &Arc<Context>,
    ca_set: Option<CaSetId>,
    certificate: &Certificate,
    issuer: &Certificate,
) -> Result<(AskedCertificate, Sha1Signatures), ServiceError> {
    let (known, sha1) = {
        let mut read = context.store.read().await?;
        let sha1 = match ca_set {
            Some(ca_set) => store::crls::signers(&mut read, ca_set).await?.1,
            None => Sha1Signatures::Refuse,
        };
        let known = store::ocsp::find(&mut read, ca_set, certificate, issuer).await?;
        (known, sha1)
    };
    let known = match known {
        Some(known) => known,
        None => note(context, ca_set, certificate, issuer).await?,
    };
    // Read only here: a certificate that was noted a moment ago is due at the moment of the note.
    let now = context.clock.now();
    if now > known.wanted_at.saturating_add(WANTED_EVERY) {
        let mut write = context.store.write().await?;
        store::ocsp::want(write.connection(), known.id, now).await?;
        write.commit_progress().await?;
    }
    if now < known.check_at {
        return Ok((known, sha1));
    }
    let refreshed = refresh(context, known.clone());
    if known.answer.is_some() {
        // Whoever waits for a slow responder has the last good answer at least.
        let _ = tokio::time::timeout(HELD_PATIENCE, refreshed).await;
    } else {
        refreshed.await;
    }
    let mut read = context.store.read().await?;
    let after = store::ocsp::find(&mut read, ca_set, certificate, issuer).await?;
    Ok((after.unwrap_or(known), sha1))
}

/// Notes a certificate that nobody asked about before.
pub(super) async fn note(
    context: &Context,
    ca_set: Option<CaSetId>,
    certificate: &Certificate,
    issuer: &Certificate,
) -> Result<AskedCertificate, ServiceError> {
    let now = context.clock.now();
    let mut write = context.store.write().await?;
    // Another one may have come first.
    let known = store::ocsp::find(write.connection(), ca_set, certificate, issuer).await?;
    if let Some(known) = known {
        return Ok(known);
    }
    let asked = AskedCertificate {
        id: write.next_number(COUNTER).await?,
        ca_set,
        certificate: certificate.clone(),
        issuer: issuer.clone(),
        created_at: now,
        wanted_at: now,
        answer: None,
        responder: None,
        checked_at: None,
        check_at: now,
        failures: 0,
        error: None,
    };
    store::ocsp::put(write.connection(), &asked).await?;
    write.commit_progress().await?;
    Ok(asked)
}

/// Asks once, or waits for who does, and returns when what came of it is written down.
pub(super) async fn refresh(context: &Arc<Context>, asked: AskedCertificate) {
    let key = (
        asked.ca_set,
        asked.issuer.spki_fingerprint(),
        asked.certificate.serial().clone(),
    );
    let work = {
        let context = Arc::clone(context);
        || async move {
            let id = asked.id;
            if let Err(cause) = ask(&context, asked).await {
                error!(
                    certificate = id,
                    error = &cause as &dyn std::error::Error,
                    "a certificate could not be asked about"
                );
            }
        }
    };
    context.asking.under_way.run(key, work).await;
}

async fn ask(context: &Context, mut asked: AskedCertificate) -> Result<(), ServiceError> {
    let before = asked.answer.as_ref().map(|answer| answer.says);
    let outcome = ask_targets(context, &mut asked).await?;
    let now = context.clock.now();
    asked.checked_at = Some(now);
    match outcome.and_then(|(response, answer)| accept(&mut asked, response, &answer, now)) {
        Ok(()) => {
            asked.failures = 0;
            asked.error = None;
            asked.check_at = now.saturating_add(jitter(until_half(&asked, now)));
        }
        Err(why) => {
            let pause = RETRY_MIN
                .saturating_mul(1 << asked.failures.min(7))
                .min(RETRY_MAX);
            asked.failures = asked.failures.saturating_add(1);
            asked.error = Some(why.chars().take(ERROR_MAX_CHARS).collect());
            asked.check_at = now.saturating_add(jitter(pause));
            warn!(
                ca_set = asked.ca_set.map(tracing::field::display),
                serial = %asked.certificate.serial(),
                responder = asked.responder,
                reason = why,
                failures = asked.failures,
                "no OCSP answer"
            );
        }
    }
    let says = asked.answer.as_ref().map(|answer| answer.says);
    let was_told = asked.answer.as_ref().and_then(|answer| answer.digest);
    let is_told = asked.ca_set.is_none() || matches!(says, Some(Says::Revoked(_)));
    if let Some(answer) = &mut asked.answer {
        answer.digest = if is_told {
            let kept = context.revocations.bodies().keep(&answer.response);
            Some(kept.map_err(ServiceError::internal)?)
        } else {
            None
        };
    }
    let told = asked.answer.as_ref().and_then(|answer| answer.digest);
    let mut write = context.store.write().await?;
    store::ocsp::put(write.connection(), &asked).await?;
    // What was asked is signed by the CA and concerns no setting.
    write.commit_progress().await?;
    if told != was_told || before != says {
        context.revocations.changed();
    }
    if before != says {
        info!(
            ca_set = asked.ca_set.map(tracing::field::display),
            serial = %asked.certificate.serial(),
            status = says.map(Says::as_str),
            "the OCSP status of a certificate changed"
        );
    }
    Ok(())
}

/// Asks one responder after the other. The inner error says why none of them answered.
async fn ask_targets(
    context: &Context,
    asked: &mut AskedCertificate,
) -> Result<Result<(Vec<u8>, OcspAnswer), String>, ServiceError> {
    let (sources, hosts, sha1) = settings(context, asked.ca_set, &asked.certificate).await?;
    let targets = match targets(&asked.certificate, &asked.issuer, &sources, &hosts) {
        Ok(targets) => targets,
        Err(why) => {
            asked.responder = None;
            return Ok(Err(why));
        }
    };
    let mut whys = Vec::new();
    for target in targets {
        asked.responder = Some(target.url.clone());
        let responders = &context.asking.responders;
        let place = match responders.admit(&target.url, context.clock.now()) {
            Ok(places) => places.acquire_owned().await,
            Err(until) => {
                whys.push(format!(
                    "{} did not answer several times and is not asked before {until}",
                    target.url
                ));
                continue;
            }
        };
        let (certificate, issuer) = (&asked.certificate, &asked.issuer);
        let now = || context.clock.now();
        let answered = client::ask(&target, certificate, issuer, &sources, sha1, now).await;
        drop(place);
        let well = !answered.as_ref().is_err_and(AskError::is_of_the_responder);
        responders.note(&target.url, well, context.clock.now());
        match answered {
            Ok(answered) => return Ok(Ok(answered)),
            Err(error) => whys.push(format!("{}: {}", target.url, with_causes(&error))),
        }
    }
    Ok(Err(whys.join("; ")))
}

/// Who may be asked for the clients of a CA set, and whether SHA-1 will do.
pub(crate) async fn settings(
    context: &Context,
    ca_set: Option<CaSetId>,
    certificate: &Certificate,
) -> Result<(RevocationSources, AllowedHosts, Sha1Signatures), ServiceError> {
    let Some(ca_set) = ca_set else {
        // Whoever uploads a certificate and its key names its responder by that.
        let hosts = AllowedHosts::default().with_those_of(std::slice::from_ref(certificate));
        let sources = super::staples::sources(context.asking.is_private(certificate));
        return Ok((sources, hosts, Sha1Signatures::Refuse));
    };
    let mut read = context.store.read().await?;
    let sources = store::ocsp::sources(&mut read, ca_set).await?;
    let (certificates, sha1) = store::crls::signers(&mut read, ca_set).await?;
    let sources = sources.unwrap_or_default();
    let hosts = AllowedHosts::new(&sources.hosts).with_those_of(&certificates);
    Ok((sources, hosts, sha1))
}

/// Takes a newer answer; an older one than that which is here is an old answer, or an attack.
fn accept(
    asked: &mut AskedCertificate,
    response: Vec<u8>,
    answer: &OcspAnswer,
    now: UnixTime,
) -> Result<(), String> {
    if let Some(known) = &asked.answer
        && answer.this_update() < known.this_update
    {
        return Err(format!(
            "the answer of {} is older than the one of {} that is here",
            answer.this_update(),
            known.this_update
        ));
    }
    asked.answer = Some(HeldAnswer {
        response,
        digest: asked.answer.as_ref().and_then(|answer| answer.digest),
        says: match answer.state() {
            CertificateState::Good => Says::Good,
            CertificateState::Revoked { at, .. } => Says::Revoked(at),
            CertificateState::Unknown => Says::Unknown,
        },
        this_update: answer.this_update(),
        next_update: answer.next_update(),
        received_at: now,
    });
    Ok(())
}

/// At half of the time that the answer has left, so that there is as much time again for the asking to go wrong.
fn until_half(asked: &AskedCertificate, now: UnixTime) -> Duration {
    let Some(answer) = &asked.answer else {
        return RETRY_MIN;
    };
    let left = answer
        .next_update
        .as_micros()
        .saturating_sub(now.as_micros())
        .max(0);
    let half = Duration::from_micros(left.unsigned_abs() / 2).clamp(CHECK_MIN, CHECK_MAX);
    match answer.says {
        Says::Unknown => half.min(UNKNOWN_CHECK_MAX),
        Says::Good | Says::Revoked(_) => half,
    }
}
