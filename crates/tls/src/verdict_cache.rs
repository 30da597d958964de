//! Verdicts that were reached before, as long as they hold.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use countersign_snapshot::{PolicyIdentity, Verdicts};
use countersign_trust::{RevocationIndex, UnixTime};
use quick_cache::sync::Cache;

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
}

/// Remembers verdicts and the chains they are about, so that a client that comes again costs no signature check and no parse; and holds
/// the revocation index that verdicts depend on.
pub(crate) struct VerdictCache {
    verdicts: Cache<VerdictKey, Verdicts>,
    chains: ChainCache,
    revocation: ArcSwap<RevocationIndex>,
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
        };
        self.verdicts
            .get(&key)
            .is_some_and(|known| known.hold_at(now) && !known.any_valid())
    }
}

impl fmt::Debug for VerdictCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerdictCache")
            .field("entries", &self.verdicts.len())
            .finish_non_exhaustive()
    }
}
