//! Removing for good what was deleted long enough ago. The revision and audit logs keep what it was.

use countersign_snapshot::{CaSetId, VersionNumber};
use countersign_trust::UnixTime;
use sqlx::SqliteConnection;

use super::{StoreError, decode};
use crate::model::AccountId;

/// Something whose time is up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Due {
    pub(crate) account: AccountId,
    pub(crate) ca_set: CaSetId,
    /// One version; none when it is the whole set.
    pub(crate) version: Option<VersionNumber>,
}

/// What is to be purged at a time: versions of sets that stay, then whole sets.
pub(crate) async fn due(
    connection: &mut SqliteConnection,
    now: UnixTime,
    limit: u32,
) -> Result<Vec<Due>, StoreError> {
    let rows = sqlx::query(
        "SELECT s.account_id, s.id, v.version FROM ca_set_versions v JOIN ca_sets s ON s.id = v.ca_set_id
         WHERE v.removal_at <= ?1 AND s.status <> 'DELETED'
         UNION ALL
         SELECT account_id, id, NULL FROM ca_sets WHERE status = 'DELETED' AND removal_at <= ?1
         LIMIT ?2",
    )
    .bind(now.as_micros())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Due {
                account: AccountId::new(sqlx::Row::try_get::<String, _>(row, "account_id")?),
                ca_set: decode::ca_set_id(row, "id")?,
                version: decode::optional_version(row, "version")?,
            })
        })
        .collect::<sqlx::Result<_>>()
        .map_err(StoreError::from)
}

/// Removes a deleted version, or a deleted set with all of its versions, and their activations. Says whether it was still there.
pub(crate) async fn purge(
    connection: &mut SqliteConnection,
    due: &Due,
) -> Result<bool, StoreError> {
    let mut removed = 0;
    for statement in [
        "DELETE FROM ca_set_version_certificates WHERE ca_set_id = ?1 AND (?2 IS NULL OR version = ?2)",
        "DELETE FROM activations WHERE ca_set_id = ?1 AND (?2 IS NULL OR version = ?2)",
        "DELETE FROM ca_set_versions WHERE ca_set_id = ?1 AND (?2 IS NULL OR version = ?2)",
        "DELETE FROM ca_set_deletions WHERE ?2 IS NULL AND ca_set_id = ?1",
        "DELETE FROM ca_set_activities WHERE ?2 IS NULL AND ca_set_id = ?1",
        "DELETE FROM ca_sets WHERE ?2 IS NULL AND id = ?1",
    ] {
        removed += sqlx::query(statement)
            .bind(decode::stored_id(due.ca_set))
            .bind(due.version.map(VersionNumber::number))
            .execute(&mut *connection)
            .await?
            .rows_affected();
    }
    Ok(removed > 0)
}
