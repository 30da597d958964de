//! What the trust decision says about one client, for every CA set of a binding.

use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::CaSetId;
use countersign_trust::{PeerChain, Reason, Refusal, UnixTime, Verdict};

use crate::chain_cache::ChainCache;

/// A client that is refused now is looked at again after this time even when nothing that we know of will change.
const REFUSAL_HOLDS_FOR: Duration = Duration::from_secs(60);

/// What a client showed.
#[derive(Clone, Debug)]
pub enum Peer {
    /// No certificate.
    Absent,
    /// A chain whose leaf key took part in the handshake, or in the one that this session resumes.
    Chain(PeerChain),
    /// A chain that cannot be read.
    Unreadable(Refusal),
}

impl Peer {
    /// The chain, when there is one.
    #[must_use]
    pub fn chain(&self) -> Option<&PeerChain> {
        match self {
            Self::Chain(chain) => Some(chain),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    pub(crate) fn from_der<C: AsRef<[u8]>>(certificates: &[C], chains: &ChainCache) -> Self {
        if certificates.is_empty() {
            return Self::Absent;
        }
        chains
            .read(certificates)
            .map_or_else(Self::Unreadable, Self::Chain)
    }
}

/// One verdict per CA set of a binding, in the binding's order; cheap to clone.
///
/// Holds from the time it was made for to the first time at which it could be another.
#[derive(Clone, Debug)]
pub struct Verdicts {
    by_ca_set: Arc<[(CaSetId, Verdict)]>,
    made_at: UnixTime,
    holds_until: UnixTime,
    revocation_generation: u64,
}

impl Verdicts {
    pub(crate) fn new(
        by_ca_set: Vec<(CaSetId, Verdict)>,
        peer: &Peer,
        made_at: UnixTime,
        revocation_generation: u64,
    ) -> Self {
        let holds_until = by_ca_set
            .iter()
            .filter_map(|(_, verdict)| match verdict {
                Verdict::Missing => None,
                Verdict::Valid(chain) => Some(chain.holds_until()),
                Verdict::Invalid(_) => Some(refusal_holds_until(peer, made_at)),
            })
            .min()
            .unwrap_or(UnixTime::from_micros(i64::MAX));
        Self {
            by_ca_set: by_ca_set.into(),
            made_at,
            holds_until,
            revocation_generation,
        }
    }

    /// The verdict for a CA set; `None` when the binding does not use it.
    #[must_use]
    pub fn of(&self, ca_set: CaSetId) -> Option<&Verdict> {
        self.iter()
            .find(|(id, _)| *id == ca_set)
            .map(|(_, verdict)| verdict)
    }

    /// The CA sets with their verdicts, in the binding's order.
    pub fn iter(&self) -> impl Iterator<Item = (CaSetId, &Verdict)> {
        self.by_ca_set.iter().map(|(id, verdict)| (*id, verdict))
    }

    /// The one verdict to speak of: the first valid one, else the most telling refusal, else missing.
    #[must_use]
    pub fn overall(&self) -> &Verdict {
        let verdicts = || self.by_ca_set.iter().map(|(_, verdict)| verdict);
        verdicts()
            .find(|verdict| verdict.is_valid())
            // "Another CA's client" is what most CA sets say about most clients; whatever else one of them says is closer to the cause.
            .or_else(|| verdicts().find(|verdict| !says_stranger(verdict)))
            .or_else(|| verdicts().next())
            .unwrap_or(&Verdict::Missing)
    }

    /// Whether the chain is valid for at least one CA set.
    #[must_use]
    pub fn any_valid(&self) -> bool {
        self.by_ca_set.iter().any(|(_, verdict)| verdict.is_valid())
    }

    /// Whether time alone cannot have changed anything between the evaluation and `now`.
    #[must_use]
    pub fn hold_at(&self, now: UnixTime) -> bool {
        (self.made_at..=self.holds_until).contains(&now)
    }

    /// The last moment at which they hold.
    #[must_use]
    pub fn hold_until(&self) -> UnixTime {
        self.holds_until
    }

    /// The generation of the revocation index that they were made with.
    #[must_use]
    pub fn revocation_generation(&self) -> u64 {
        self.revocation_generation
    }
}

fn says_stranger(verdict: &Verdict) -> bool {
    matches!(
        verdict.reason(),
        Some(Reason::UnknownIssuer | Reason::NotInCaSet | Reason::IncompleteChain)
    )
}

/// To the next moment at which a certificate of the chain begins or ends to be valid, and not for long anyway.
fn refusal_holds_until(peer: &Peer, made_at: UnixTime) -> UnixTime {
    peer.chain()
        .into_iter()
        .flat_map(PeerChain::certificates)
        .flat_map(|certificate| {
            let validity = certificate.validity();
            // At `not_before` the certificate is valid already, so the refusal holds only to the moment before it.
            [
                validity.not_before.saturating_sub(Duration::from_micros(1)),
                validity.not_after,
            ]
        })
        .filter(|boundary| *boundary >= made_at)
        .chain([made_at.saturating_add(REFUSAL_HOLDS_FOR)])
        .min()
        .unwrap_or(made_at)
}
