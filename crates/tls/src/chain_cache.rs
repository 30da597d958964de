//! Chains that were read before.

use std::fmt;

use countersign_snapshot::Peer;
use countersign_trust::{PeerChain, Refusal};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// What a chain may take in memory beside its octets, which it holds once in whole and once in parts.
const FIXED_BYTES: usize = 2048;
const TYPICAL_BYTES: u64 = 4096;

#[derive(Clone)]
struct Bytes;

impl Weighter<[u8; 32], PeerChain> for Bytes {
    fn weight(&self, _: &[u8; 32], chain: &PeerChain) -> u64 {
        let certificates = chain.certificates().iter();
        let octets: usize = certificates
            .map(|certificate| FIXED_BYTES + 2 * certificate.der().len())
            .sum();
        octets as u64
    }
}

/// Remembers the chains of clients that proved possession of their keys, bounded in memory: a client that comes again costs a digest
/// instead of a parse, and its connections share one copy. Says nothing about what a chain is worth.
pub(crate) struct ChainCache(Cache<[u8; 32], PeerChain, Bytes>);

impl ChainCache {
    pub(crate) fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL_BYTES).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(items, bytes, Bytes))
    }

    /// Reads what a client sent. The digest covers every octet, so that equal keys mean equal chains.
    pub(crate) fn read<C: AsRef<[u8]>>(&self, certificates: &[C]) -> Result<PeerChain, Refusal> {
        PeerChain::digest_of(certificates)
            .and_then(|digest| self.0.get(&digest))
            .map_or_else(|| PeerChain::from_der(certificates), Ok)
    }

    /// What a client showed.
    pub(crate) fn peer<C: AsRef<[u8]>>(&self, certificates: &[C]) -> Peer {
        if certificates.is_empty() {
            return Peer::Absent;
        }
        self.read(certificates)
            .map_or_else(Peer::Unreadable, Peer::Chain)
    }

    /// Keeps a chain whose leaf key signed a handshake; others could be made up at no cost.
    pub(crate) fn remember(&self, chain: &PeerChain) {
        let digest = chain.digest();
        if self.0.peek(&digest).is_none() {
            self.0.insert(digest, chain.clone());
        }
    }
}

impl fmt::Debug for ChainCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainCache")
            .field("chains", &self.0.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use countersign_testkit::Pki;

    use super::*;

    #[test]
    fn a_chain_that_was_remembered_is_not_read_again() {
        let cache = ChainCache::new(1 << 20);
        let issuing = Pki::new().root("Root").intermediate("Issuing");
        let chain = issuing.client("alice").issue().chain_der();
        let first = cache.read(&chain).unwrap();
        assert_eq!(PeerChain::digest_of(&chain), Some(first.digest()));
        assert!(
            !std::ptr::eq(
                cache.read(&chain).unwrap().certificates(),
                first.certificates()
            ),
            "reading alone remembers nothing"
        );
        cache.remember(&first);
        assert!(std::ptr::eq(
            cache.read(&chain).unwrap().certificates(),
            first.certificates()
        ));
        let other = issuing.client("alice").issue().chain_der();
        assert_ne!(cache.read(&other).unwrap().digest(), first.digest());
    }
}
