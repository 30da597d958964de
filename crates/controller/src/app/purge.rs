//! Removing for good what was deleted long enough ago.

use super::{Context, change};
use crate::model::{Activity, ActivityKind, Caller};
use crate::store::{self, StoreError};

/// Who the audit log says purged something.
const PART: &str = "purge";
/// How much one pass takes on, so that nobody waits for it.
const BATCH: u32 = 100;

/// Purges what is due. Idempotent; each thing goes in a transaction of its own, with its entry in the audit log.
pub(crate) async fn reconcile(context: &Context) -> Result<(), StoreError> {
    let now = context.clock.now();
    let due = {
        let mut connection = context.store.read().await?;
        store::purge::due(&mut connection, now, BATCH).await?
    };
    for due in due {
        let caller = Caller::internal(due.account.clone(), PART);
        let mut write = context.store.write().await?;
        // The reconcilers of both networks look; whoever comes second has nothing to record.
        if !store::purge::purge(write.connection(), &due).await? {
            continue;
        }
        let (action, resource) = match due.version {
            Some(version) => {
                let activity = Activity {
                    kind: ActivityKind::RemoveVersion,
                    network: None,
                    version: Some(version),
                    at: now,
                    by: caller.name.clone(),
                };
                store::activities::append(write.connection(), due.ca_set, &activity).await?;
                (
                    "ca-set.version.remove",
                    format!("ca-set/{}/version/{version}", due.ca_set),
                )
            }
            None => ("ca-set.remove", format!("ca-set/{}", due.ca_set)),
        };
        write
            .record(&change(&caller, now, action, resource, None, None))
            .await?;
        write.commit().await?;
    }
    Ok(())
}
