//! Deletions of CA sets: one row per network, so that each network lets go in its own time.

use countersign_snapshot::{CaSetId, Network};
use countersign_trust::UnixTime;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{ActivationStatus, Deletion};

impl FromRow<'_, SqliteRow> for Deletion {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            network: decode::enumeration(row, "network", decode::network)?,
            status: decode::enumeration(row, "status", ActivationStatus::from_text)?,
            percent: row.try_get("percent")?,
            started_at: decode::time(row, "started_at")?,
            started_by: row.try_get("started_by")?,
            ended_at: decode::optional_time(row, "ended_at")?,
            failure_reason: row.try_get("failure_reason")?,
        })
    }
}

/// Begins the deletion on a network; replaces one that failed.
pub(crate) async fn begin(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    network: Network,
    at: UnixTime,
    by: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR REPLACE INTO ca_set_deletions (ca_set_id, network, status, percent, started_at, started_by)
         VALUES (?, ?, 'IN_PROGRESS', 0, ?, ?)",
    )
    .bind(decode::stored_id(ca_set))
    .bind(decode::network_text(network))
    .bind(at.as_micros())
    .bind(by)
    .execute(connection)
    .await?;
    Ok(())
}

/// The deletion of a set, per network; empty when none was asked for.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
) -> Result<Vec<Deletion>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM ca_set_deletions WHERE ca_set_id = ? ORDER BY network DESC")
            .bind(decode::stored_id(ca_set))
            .fetch_all(connection)
            .await?,
    )
}

/// What is to be finished.
pub(crate) async fn running(
    connection: &mut SqliteConnection,
) -> Result<Vec<(CaSetId, Network)>, StoreError> {
    let rows = sqlx::query(
        "SELECT ca_set_id, network FROM ca_set_deletions WHERE status = 'IN_PROGRESS' ORDER BY ca_set_id, network",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                decode::ca_set_id(row, "ca_set_id")?,
                decode::enumeration(row, "network", decode::network)?,
            ))
        })
        .collect::<sqlx::Result<_>>()
        .map_err(StoreError::from)
}

/// Ends the deletion on a network.
pub(crate) async fn finish(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    network: Network,
    outcome: Result<(), &str>,
    at: UnixTime,
) -> Result<(), StoreError> {
    let (status, percent) = match outcome {
        Ok(()) => (ActivationStatus::Complete, 100),
        Err(_) => (ActivationStatus::Failed, 0),
    };
    sqlx::query(
        "UPDATE ca_set_deletions SET status = ?, percent = ?, ended_at = ?, failure_reason = ?
         WHERE ca_set_id = ? AND network = ? AND status = 'IN_PROGRESS'",
    )
    .bind(status.as_str())
    .bind(percent)
    .bind(at.as_micros())
    .bind(outcome.err())
    .bind(decode::stored_id(ca_set))
    .bind(decode::network_text(network))
    .execute(connection)
    .await?;
    Ok(())
}
