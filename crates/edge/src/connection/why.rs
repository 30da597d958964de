//! What made live connections be judged again.

use std::time::Instant;

use countersign_trust::Reason;

use crate::registry::{Cause, CutOff};

/// Since when there is cause to judge.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Why {
    /// A snapshot came.
    pub(crate) activated: Option<Instant>,
    /// Revocations came.
    pub(crate) revoked: Option<Instant>,
    /// The trust of the connection ended by time.
    pub(crate) expired: Option<Instant>,
}

impl Why {
    /// Of several causes, the one that fits the reason.
    pub(crate) fn cut_off(&self, reason: Option<Reason>) -> CutOff {
        let by_revocation = matches!(
            reason,
            Some(Reason::Revoked | Reason::RevocationStale | Reason::RevocationUnknown)
        );
        let expired = self.expired.map(|since| (Cause::Expiry, since));
        let revoked = self.revoked.map(|since| (Cause::Revocation, since));
        let activated = self.activated.map(|since| (Cause::Activation, since));
        let (first, second) = if by_revocation {
            (revoked, activated)
        } else {
            (activated, revoked)
        };
        // Without any, the connection was judged while it came: a moment ago.
        let (cause, since) = expired
            .or(first)
            .or(second)
            .unwrap_or_else(|| (Cause::Activation, Instant::now()));
        CutOff { cause, since }
    }
}
