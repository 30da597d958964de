//! Asking about clients that were never seen before: after their handshake, for a limited time, by whoever was handed in at the start.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use countersign_snapshot::{OcspResponse, Peer, StatusQuestion, StatusSource};
use countersign_tls::{BindingTls, evaluate_peer};
use countersign_trust::ocsp::{self, NoncePolicy, OcspAnswer, Question, VerifyOcspError};
use countersign_trust::{Fingerprint, UnixTime};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::node::{Node, Phase};
use crate::sweep;

mod files;

pub(crate) use files::AnswerFiles;

/// What is known about whom was asked about. More than these are forgotten, and asked about again when they come again.
const KNOWN_MAX: usize = 100_000;
/// Questions that wait for an answer at the same time; who comes then is judged by what is known.
const UNDER_WAY_MAX: usize = 1_024;
/// Nobody takes longer than this; the client does not wait as long.
const PATIENCE: Duration = Duration::from_secs(60);
/// An answer is asked for again while its client comes at least so often.
const WANTED_FOR: Duration = Duration::from_secs(24 * 3600);
const TICK: Duration = Duration::from_secs(1);

/// The questions of a node.
#[derive(Debug)]
pub(crate) struct Statuses {
    source: OnceLock<Arc<dyn StatusSource>>,
    files: Arc<AnswerFiles>,
    known: Mutex<HashMap<Fingerprint, Known>>,
    places: Arc<Semaphore>,
}

/// How it stands with one certificate.
#[derive(Debug)]
enum Known {
    /// It is being asked about; the channel closes when that is over.
    UnderWay(watch::Receiver<()>),
    Asked {
        question: StatusQuestion,
        /// There was an answer, to be asked for again at that time by ourselves; otherwise somebody has to come.
        answered: bool,
        again_at: UnixTime,
        wanted_at: UnixTime,
    },
}

/// How a client's wait for its status ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Settled {
    /// Nobody had to be asked.
    Known,
    Answered,
    /// There is no answer.
    Nothing,
    /// The budget was over.
    Late,
}

impl Statuses {
    pub(crate) fn new(files: AnswerFiles) -> Self {
        Self {
            source: OnceLock::new(),
            files: Arc::new(files),
            known: Mutex::default(),
            places: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
        }
    }

    /// Names whom to ask; only the first counts.
    pub(crate) fn set_source(&self, node: &Node, source: Arc<dyn StatusSource>) {
        if self.source.set(source).is_ok() {
            node.tls.ask_later(true);
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Fingerprint, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up the answers on disk, so that a restart without a controller locks out nobody.
    pub(crate) fn restore(&self, node: &Node) {
        let now = node.now();
        for (question, response) in self.files.load() {
            let fingerprint = question.certificate.fingerprint();
            match verify(&question, &response) {
                Ok(answer) if question.certificate.validity().not_after >= now => {
                    let asked = Known::Asked {
                        again_at: refresh_at(&answer, now),
                        question: question.clone(),
                        answered: true,
                        wanted_at: now,
                    };
                    node.tls
                        .remember_answer(&question.certificate, Arc::new(answer));
                    self.known().insert(fingerprint, asked);
                }
                _ => self.files.remove(&fingerprint),
            }
        }
    }
}

/// Asks about what is not known of a client's path, and returns when that is answered or the time for it is over. To be called after the
/// handshake and before the client is judged.
pub(crate) async fn settle(node: &Arc<Node>, binding: &BindingTls, peer: &Peer) {
    if node.statuses.source.get().is_none() {
        return;
    }
    let now = node.now();
    let verdicts = evaluate_peer(binding.trust(), peer, now);
    let mut waits = HashMap::new();
    for (ca_set, unanswered) in verdicts.unanswered() {
        let fingerprint = unanswered.certificate.fingerprint();
        if let Entry::Vacant(place) = waits.entry(fingerprint) {
            let question = || StatusQuestion {
                ca_set,
                certificate: unanswered.certificate.clone(),
                issuer: unanswered.issuer.clone(),
            };
            if let Some(wait) = begin(node, fingerprint, question, now) {
                place.insert(wait);
            }
        }
    }
    if waits.is_empty() {
        return node.metrics.settled(Settled::Known);
    }
    let deadline = Instant::now() + node.limits.status_wait;
    for mut wait in waits.into_values() {
        // The channel only ever closes.
        if timeout_at(deadline, wait.changed()).await.is_err() {
            return node.metrics.settled(Settled::Late);
        }
    }
    let settled = evaluate_peer(binding.trust(), peer, node.now());
    node.metrics.settled(match settled.unanswered().next() {
        None => Settled::Answered,
        Some(_) => Settled::Nothing,
    });
}

/// Begins to ask, or joins who asks already. `None` when it makes no sense to ask now.
fn begin(
    node: &Arc<Node>,
    fingerprint: Fingerprint,
    question: impl FnOnce() -> StatusQuestion,
    now: UnixTime,
) -> Option<watch::Receiver<()>> {
    let statuses = &node.statuses;
    let source = Arc::clone(statuses.source.get()?);
    let mut known = statuses.known();
    match known.get(&fingerprint) {
        Some(Known::UnderWay(wait)) => return Some(wait.clone()),
        Some(Known::Asked { again_at, .. }) if now < *again_at => return None,
        _ => {}
    }
    let place = Arc::clone(&statuses.places).try_acquire_owned().ok()?;
    if known.len() >= KNOWN_MAX && !known.contains_key(&fingerprint) {
        known.retain(|_, known| match known {
            Known::UnderWay(_) => true,
            Known::Asked { again_at, .. } => now < *again_at,
        });
        if known.len() >= KNOWN_MAX {
            return None;
        }
    }
    let (done, wait) = watch::channel(());
    known.insert(fingerprint, Known::UnderWay(wait.clone()));
    drop(known);
    let serving = node.serving.clone();
    let (node, question) = (Arc::clone(node), question());
    // It goes on when the client that made us ask is gone: the next one gains by it.
    serving.spawn(async move {
        ask(&node, fingerprint, question, &*source).await;
        drop((done, place));
    });
    Some(wait)
}

async fn ask(
    node: &Arc<Node>,
    fingerprint: Fingerprint,
    question: StatusQuestion,
    source: &dyn StatusSource,
) {
    let said = tokio::time::timeout(PATIENCE, source.ask(question.clone())).await;
    let now = node.now();
    let (response, mut again_at) = match said {
        Ok(said) => (said.ocsp, said.again_at),
        Err(_) => (None, now.saturating_add(PATIENCE)),
    };
    let answer = response.and_then(|response| match verify(&question, &response) {
        Ok(answer) => Some((Arc::new(answer), response)),
        Err(error) => {
            tracing::warn!(
                network = %node.network,
                error = &error as &dyn std::error::Error,
                "an OCSP response that was handed over is not believed"
            );
            None
        }
    });
    let answered = answer.is_some();
    if let Some((answer, response)) = answer {
        again_at = refresh_at(&answer, now).min(again_at);
        node.tls.remember_answer(&question.certificate, answer);
        sweep::after_answer(node, &question.certificate).await;
        let (files, kept) = (Arc::clone(&node.statuses.files), question.clone());
        // Not waited for: what is lost is asked for again.
        tokio::task::spawn_blocking(move || files.keep(&fingerprint, &kept, &response));
    }
    let asked = Known::Asked {
        question,
        answered,
        // Whatever the source says: not at once.
        again_at: again_at.max(now.saturating_add(TICK)),
        wanted_at: now,
    };
    node.statuses.known().insert(fingerprint, asked);
}

/// Asks again for the answers that are still wanted, before they are too old. Runs as long as the node serves.
pub(crate) async fn keep_fresh(node: Arc<Node>) {
    let mut phase = node.phase.subscribe();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = async { drop(phase.wait_for(|phase| *phase == Phase::Ended).await) } => return,
            _ = ticks.tick() => refresh_due(&node),
        }
    }
}

fn refresh_due(node: &Arc<Node>) {
    let now = node.now();
    let mut due = Vec::new();
    node.statuses.known().retain(|fingerprint, known| {
        let Known::Asked {
            question,
            answered: true,
            again_at,
            wanted_at,
        } = known
        else {
            return true;
        };
        if now < *again_at {
            return true;
        }
        match node.tls.answer_was_used(fingerprint) {
            Some(true) => *wanted_at = now,
            Some(false) if now < wanted_at.saturating_add(WANTED_FOR) => {}
            // Nobody comes any more, or others came more often.
            _ => {
                node.statuses.files.remove(fingerprint);
                return false;
            }
        }
        due.push((*fingerprint, question.clone()));
        true
    });
    for (fingerprint, question) in due {
        begin(node, fingerprint, || question, now);
    }
}

/// An answer is believed because of its signature, whoever hands it over.
fn verify(
    question: &StatusQuestion,
    response: &OcspResponse,
) -> Result<OcspAnswer, VerifyOcspError> {
    let asked = Question {
        certificate: &question.certificate,
        issuer: &question.issuer,
        nonce: None,
    };
    ocsp::verify(
        &response.body,
        &asked,
        NoncePolicy::Ignore,
        response.sha1,
        response.received,
    )
}

/// At half of the time that is left.
fn refresh_at(answer: &OcspAnswer, now: UnixTime) -> UnixTime {
    let left = answer
        .next_update()
        .as_micros()
        .saturating_sub(now.as_micros());
    let left = Duration::from_micros(left.max(0).unsigned_abs());
    now.saturating_add((left / 2).max(TICK))
}
