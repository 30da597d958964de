//! OCSP answers about clients, beside the revocation index: what was asked for when a client was first seen.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use countersign_trust::Fingerprint;
use countersign_trust::ocsp::OcspAnswer;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// What all answers may take in memory.
const BYTES: u64 = 64 << 20;
const FIXED_BYTES: u64 = 512;

/// Answers by the certificate that they are about. They are not in the index, since one that comes must not make the verdicts on everybody else
/// out of date.
pub(crate) struct Answers {
    known: Cache<Fingerprint, Arc<Known>, Bytes>,
    /// The number of the last answer; 0 before the first, so that nodes without OCSP pay one comparison.
    last: AtomicU64,
}

struct Known {
    answer: Arc<OcspAnswer>,
    number: u64,
    used: AtomicBool,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Fingerprint, Arc<Known>> for Bytes {
    fn weight(&self, _: &Fingerprint, known: &Arc<Known>) -> u64 {
        let delegate = known
            .answer
            .delegate()
            .map_or(0, |delegate| 2 * delegate.der().len() as u64 + 1024);
        FIXED_BYTES + delegate
    }
}

impl Default for Answers {
    fn default() -> Self {
        let items = usize::try_from(BYTES / FIXED_BYTES).unwrap_or(usize::MAX);
        Self {
            known: Cache::with_weighter(items, BYTES, Bytes),
            last: AtomicU64::new(0),
        }
    }
}

impl Answers {
    /// Keeps an answer; an older one than the one that is here is an old answer, or an attack.
    pub(crate) fn remember(&self, certificate: Fingerprint, answer: Arc<OcspAnswer>) {
        let newer = self
            .known
            .peek(&certificate)
            .is_none_or(|known| known.answer.this_update() <= answer.this_update());
        if !newer {
            return;
        }
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let known = Known {
            answer,
            number,
            used: AtomicBool::new(true),
        };
        self.known.insert(certificate, Arc::new(known));
    }

    /// The answers about these certificates, and the highest of their numbers: every answer has one of its own, so that others have another.
    pub(crate) fn about(
        &self,
        certificates: impl Iterator<Item = Fingerprint>,
    ) -> (Vec<Arc<OcspAnswer>>, u64) {
        if self.last.load(Ordering::Relaxed) == 0 {
            return (Vec::new(), 0);
        }
        let (mut answers, mut highest) = (Vec::new(), 0);
        for known in certificates.filter_map(|certificate| self.known.get(&certificate)) {
            if !known.used.load(Ordering::Relaxed) {
                known.used.store(true, Ordering::Relaxed);
            }
            highest = highest.max(known.number);
            answers.push(Arc::clone(&known.answer));
        }
        (answers, highest)
    }

    pub(crate) fn was_used(&self, certificate: &Fingerprint) -> Option<bool> {
        let known = self.known.peek(certificate)?;
        Some(known.used.swap(false, Ordering::Relaxed))
    }

    pub(crate) fn for_each(&self, mut look: impl FnMut(&OcspAnswer)) {
        for (_, known) in self.known.iter() {
            look(&known.answer);
        }
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers")
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}
