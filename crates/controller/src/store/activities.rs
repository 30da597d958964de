//! What happened to CA sets.

use countersign_snapshot::{CaSetId, VersionNumber};
use countersign_trust::UnixTime;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{Activity, ActivityKind};

impl FromRow<'_, SqliteRow> for Activity {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let network = row
            .try_get::<Option<&str>, _>("network")?
            .map(|_| decode::enumeration(row, "network", decode::network))
            .transpose()?;
        Ok(Self {
            kind: decode::enumeration(row, "kind", ActivityKind::from_text)?,
            network,
            version: decode::optional_version(row, "version")?,
            at: decode::time(row, "at")?,
            by: row.try_get("by")?,
        })
    }
}

/// Notes something that happened.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    activity: &Activity,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO ca_set_activities (ca_set_id, sequence, kind, network, version, at, by)
         VALUES (?1, (SELECT coalesce(max(sequence), 0) + 1 FROM ca_set_activities WHERE ca_set_id = ?1), ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(decode::stored_id(ca_set))
    .bind(activity.kind.as_str())
    .bind(activity.network.map(decode::network_text))
    .bind(activity.version.map(VersionNumber::number))
    .bind(activity.at.as_micros())
    .bind(&activity.by)
    .execute(connection)
    .await?;
    Ok(())
}

/// What happened from `start` to `end`, both included, newest first.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    start: Option<UnixTime>,
    end: Option<UnixTime>,
) -> Result<Vec<Activity>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM ca_set_activities WHERE ca_set_id = ? AND at BETWEEN ? AND ? ORDER BY sequence DESC",
    )
    .bind(decode::stored_id(ca_set))
    .bind(start.unwrap_or(UnixTime::MIN).as_micros())
    .bind(end.unwrap_or(UnixTime::MAX).as_micros())
    .fetch_all(connection)
    .await?)
}
