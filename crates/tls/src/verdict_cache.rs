//! Verdicts that were reached before, as long as they hold.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use countersign_snapshot::{PolicyIdentity, Verdicts};
use countersign_trust::ocsp::OcspAnswer;
use countersign_trust::{Certificate, PeerChain, RevocationIndex, UnixTime};
use quick_cache::sync::Cache;

use crate::answers::Answers;
use crate::chain_cache::ChainCache;

/// All inputs of an evaluation except the time.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct VerdictKey {
    /// The digest of the client's chain.
    pub(crate) chain: [u8; 32],
    /// The CA sets with their versions, and the policy.
    pub(crate) policy: PolicyIdentity,
    /// The state of the revocation data.
    pub(crate) revocation: u64,
    /// Which OCSP answers about the chain there were beside it.
    pub(crate) answers: u64,
}

/// Remembers verdicts and the chains they are about, so that a client that comes again costs no signature check and no parse; and holds
/// the revocation index that verdicts depend on.
pub(crate) struct VerdictCache {
    verdicts: Cache<VerdictKey, Verdicts>,
    chains: ChainCache,
    revocation: ArcSwap<RevocationIndex>,
    answers: Answers,
    /// Whether somebody asks about certificates of which nothing is known, after the handshake.
    asks_later: AtomicBool,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// How often a verdict was asked for since the start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VerdictLookups {
    /// It was known and still held.
    pub hits: u64,
    /// It was evaluated.
    pub misses: u64,
}

/// The memory of the chains themselves.
const CHAINS_BYTES: u64 = 32 << 20;

impl VerdictCache {
    pub(crate) fn new(entries: usize) -> Self {
        Self {
            verdicts: Cache::new(entries),
            chains: ChainCache::new(CHAINS_BYTES),
            revocation: ArcSwap::from_pointee(RevocationIndex::empty()),
            answers: Answers::default(),
            asks_later: AtomicBool::new(false),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    pub(crate) fn chains(&self) -> &ChainCache {
        &self.chains
    }

    pub(crate) fn revocation(&self) -> Arc<RevocationIndex> {
        self.revocation.load_full()
    }

    pub(crate) fn replace_revocation(&self, index: Arc<RevocationIndex>) {
        self.revocation.store(index);
    }

    pub(crate) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// The OCSP answers about the chain that are not in the index, and a number that is another one whenever they are others.
    pub(crate) fn answers_about(&self, chain: &PeerChain) -> (Vec<Arc<OcspAnswer>>, u64) {
        self.answers
            .about(chain.certificates().iter().map(Certificate::fingerprint))
    }

    pub(crate) fn set_asks_later(&self, asks: bool) {
        self.asks_later.store(asks, Ordering::Relaxed);
    }

    /// Whether a client with this verdict is let through the handshake, for somebody to ask its CAs before it is judged again.
    pub(crate) fn is_to_be_asked(&self, verdicts: &Verdicts) -> bool {
        self.asks_later.load(Ordering::Relaxed) && verdicts.unanswered().next().is_some()
    }

    pub(crate) fn lookups(&self) -> VerdictLookups {
        VerdictLookups {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }

    /// The verdicts, from memory when they still hold at `now`.
    pub(crate) fn get_or_evaluate(
        &self,
        key: VerdictKey,
        now: UnixTime,
        evaluate: impl FnOnce() -> Verdicts,
    ) -> Verdicts {
        if let Some(known) = self.verdicts.get(&key).filter(|known| known.hold_at(now)) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return known;
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let verdicts = evaluate();
        self.verdicts.insert(key, verdicts.clone());
        verdicts
    }

    /// Whether the chain is known to satisfy none of the CA sets; unknown chains are not.
    pub(crate) fn is_known_bad(
        &self,
        chain: [u8; 32],
        policy: PolicyIdentity,
        now: UnixTime,
    ) -> bool {
        let key = VerdictKey {
            chain,
            policy,
            revocation: self.revocation.load().generation(),
            // A chain about which somebody was asked is evaluated.
            answers: 0,
        };
        self.verdicts.get(&key).is_some_and(|known| {
            known.hold_at(now) && !known.any_valid() && !self.is_to_be_asked(&known)
        })
    }
}

impl fmt::Debug for VerdictCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerdictCache")
            .field("entries", &self.verdicts.len())
            .finish_non_exhaustive()
    }
}
