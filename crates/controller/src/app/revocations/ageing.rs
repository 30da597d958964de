//! Says once when data about revocation begins to grow old, before clients notice, and once when it is good again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::CaSetId;
use countersign_trust::UnixTime;
use tracing::{error, info, warn};

use crate::app::Context;
use crate::model::{AgeingData, CrlState};
use crate::store::{self, StoreError};

/// Only time makes data old, so we look.
const LOOK: Duration = Duration::from_secs(1);

/// Looks until it is dropped.
pub(crate) async fn run(context: Arc<Context>) {
    let mut known = Known::default();
    loop {
        match held(&context).await {
            Ok(held) => {
                for change in known.changes(held, context.clock.now()) {
                    change.log();
                }
            }
            Err(cause) => error!(
                error = &cause as &dyn std::error::Error,
                "it cannot be seen how old CRLs and OCSP answers are"
            ),
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn held(context: &Context) -> Result<Vec<AgeingData>, StoreError> {
    let mut read = context.store.read().await?;
    store::ageing::all(&mut read).await
}

/// The states that were seen last. What was never seen counts as good, so that a start says what is not.
#[derive(Debug, Default)]
struct Known(HashMap<(Option<CaSetId>, i64), CrlState>);

impl Known {
    fn changes(&mut self, held: Vec<AgeingData>, now: UnixTime) -> Vec<Change> {
        let before = std::mem::take(&mut self.0);
        held.into_iter()
            .filter_map(|data| {
                let (key, state) = ((data.ca_set, data.id), data.state(now));
                self.0.insert(key, state);
                let before = before.get(&key).copied().unwrap_or(CrlState::Good);
                (state != before).then_some(Change { data, state })
            })
            .collect()
    }
}

/// What became of some data.
#[derive(Debug, Eq, PartialEq)]
struct Change {
    data: AgeingData,
    state: CrlState,
}

impl Change {
    fn log(&self) {
        let AgeingData {
            ca_set,
            of,
            url,
            next_update,
            ..
        } = &self.data;
        let ca_set = ca_set.map(tracing::field::display);
        let (issuer, serial, what) = if ca_set.is_some() {
            (Some(of), None, "a CRL")
        } else {
            (None, Some(of), "an OCSP answer that is stapled")
        };
        let state = self.state.as_str();
        if self.state == CrlState::Good {
            info!(ca_set, issuer, serial, url, %next_update, state, "{what} is good again");
        } else {
            let remedy = self.data.remedy();
            warn!(ca_set, issuer, serial, url, %next_update, state, remedy, "{what} is {state}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crl(id: i64, this_update: i64, next_update: i64) -> AgeingData {
        AgeingData {
            ca_set: Some("7".parse().unwrap()),
            id,
            of: "CN=Root".to_owned(),
            url: None,
            this_update: UnixTime::from_secs(this_update),
            next_update: UnixTime::from_secs(next_update),
            grace: Duration::from_secs(50),
        }
    }

    fn states(known: &mut Known, held: Vec<AgeingData>, now: i64) -> Vec<(i64, &'static str)> {
        let changes = known.changes(held, UnixTime::from_secs(now));
        changes
            .iter()
            .map(|change| (change.data.id, change.state.as_str()))
            .collect()
    }

    #[test]
    fn each_change_is_said_once_and_for_its_own_data_alone() {
        let mut known = Known::default();
        let both = || vec![crl(1, 0, 100), crl(2, 0, 1_000)];
        assert!(states(&mut known, both(), 75).is_empty());
        for (now, state) in [(76, "expiring"), (101, "stale"), (151, "expired")] {
            assert_eq!(states(&mut known, both(), now), [(1, state)]);
            assert!(states(&mut known, both(), now).is_empty());
        }
        let newer = || vec![crl(1, 150, 1_150), crl(2, 0, 1_000)];
        assert_eq!(states(&mut known, newer(), 152), [(1, "good")]);
        assert!(states(&mut known, newer(), 152).is_empty());
    }

    #[test]
    fn what_is_gone_is_forgotten_and_what_is_old_at_the_start_is_said() {
        let mut known = Known::default();
        assert_eq!(
            states(&mut known, vec![crl(1, 0, 100)], 101),
            [(1, "stale")]
        );
        assert!(states(&mut known, Vec::new(), 102).is_empty());
        assert_eq!(
            states(&mut known, vec![crl(1, 0, 100)], 103),
            [(1, "stale")]
        );
    }
}
