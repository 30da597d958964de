//! The decision.

use crate::{CaSetVersion, PeerChain, Policy, Refusal, RevocationIndex, UnixTime, Verdict};

/// Evaluates a client's chain against a CA set at a time.
///
/// A pure function: the same arguments give the same verdict, whatever the protocol, fresh or resumed (invariant I2).
#[must_use]
pub fn evaluate(
    chain: &PeerChain,
    set: &CaSetVersion,
    revocation: &RevocationIndex,
    policy: &Policy,
    now: UnixTime,
) -> Verdict {
    let _ = (chain, set, revocation, policy, now);
    Verdict::Invalid(Refusal::unimplemented())
}
