//! Which sessions may be resumed under a policy.

use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::{ClientAuthMode, PolicyIdentity};
use countersign_trust::{Clock, UnixTime};

use crate::handshake::{Lineage, with_record};
use crate::verdict_cache::VerdictCache;

/// How far the clocks of two nodes may differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The sessions of one policy identity. Those of another have other keys and are not found (threats C1.1–C1.5).
#[derive(Clone, Debug)]
pub(crate) struct SessionScope {
    pub(crate) policy: PolicyIdentity,
    pub(crate) mode: ClientAuthMode,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) verdicts: Arc<VerdictCache>,
}

impl SessionScope {
    /// The lineage for the session of the handshake in progress; `None` when it must not be resumed.
    pub(crate) fn lineage_to_store(&self, now: UnixTime) -> Option<Lineage> {
        with_record(|record| record.lineage).filter(|lineage| lineage.expires_at > now)
    }

    /// Decides whether a session may be resumed, and hands its lineage on to the handshake in progress.
    pub(crate) fn admit(&self, lineage: Lineage, now: UnixTime) -> Option<()> {
        // A session from the future was made by a clock that is not to be believed.
        if lineage.expires_at <= now || lineage.authenticated_at > now.saturating_add(CLOCK_SKEW) {
            return None;
        }
        // A chain that is known to be refused goes through a full handshake, which ends in the right alert. One that is not known is
        // evaluated after the resumption.
        if self.mode == ClientAuthMode::Require
            && lineage
                .chain
                .is_some_and(|chain| self.verdicts.is_known_bad(chain, self.policy, now))
        {
            return None;
        }
        with_record(|record| record.lineage = lineage)
    }
}
