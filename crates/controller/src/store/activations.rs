//! Activations: the queue of what the networks are to enforce, and its history.

use countersign_snapshot::{CaSetId, Network, VersionNumber};
use countersign_trust::UnixTime;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{
    AccountId, Activation, ActivationId, ActivationKind, ActivationStatus, Warning,
};

impl FromRow<'_, SqliteRow> for Activation {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let warnings: &str = row.try_get("warnings")?;
        Ok(Self {
            id: ActivationId::new(row.try_get("id")?),
            account: AccountId::new(row.try_get::<String, _>("account_id")?),
            ca_set: decode::ca_set_id(row, "ca_set_id")?,
            ca_set_name: row.try_get("ca_set_name")?,
            version: decode::version(row, "version")?,
            network: decode::enumeration(row, "network", decode::network)?,
            kind: decode::enumeration(row, "kind", ActivationKind::from_text)?,
            status: decode::enumeration(row, "status", ActivationStatus::from_text)?,
            percent: row.try_get("percent")?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            modified_at: decode::optional_time(row, "modified_at")?,
            modified_by: row.try_get("modified_by")?,
            failure_reason: row.try_get("failure_reason")?,
            change_set: row.try_get("change_set")?,
            warnings: serde_json::from_str::<Vec<Warning>>(warnings)
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        })
    }
}

/// Adds an activation as it was asked for.
///
/// # Errors
/// A unique violation when another one runs for the CA set on the network.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    activation: &Activation,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO activations (id, account_id, ca_set_id, version, network, kind, status, percent, created_at, created_by, warnings)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(activation.id.number())
    .bind(activation.account.as_str())
    .bind(decode::stored_id(activation.ca_set))
    .bind(activation.version.number())
    .bind(decode::network_text(activation.network))
    .bind(activation.kind.as_str())
    .bind(activation.status.as_str())
    .bind(activation.percent)
    .bind(activation.created_at.as_micros())
    .bind(&activation.created_by)
    .bind(serde_json::to_string(&activation.warnings)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Everything that runs on a network, oldest first: what the reconciler has to finish.
pub(crate) async fn running(
    connection: &mut SqliteConnection,
    network: Network,
) -> Result<Vec<Activation>, StoreError> {
    // The plus sign keeps the planner from walking the whole history in the order of ids; few rows are in progress.
    Ok(sqlx::query_as(
        "SELECT activations.*, ca_sets.name AS ca_set_name FROM activations
         JOIN ca_sets ON ca_sets.id = activations.ca_set_id
         WHERE activations.status = 'IN_PROGRESS' AND activations.network = ? ORDER BY +activations.id",
    )
    .bind(decode::network_text(network))
    .fetch_all(connection)
    .await?)
}

/// What runs for one CA set, on any network.
pub(crate) async fn running_of(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
) -> Result<Vec<Activation>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT activations.*, ca_sets.name AS ca_set_name FROM activations
         JOIN ca_sets ON ca_sets.id = activations.ca_set_id
         WHERE activations.ca_set_id = ? AND activations.status = 'IN_PROGRESS' ORDER BY activations.id",
    )
    .bind(decode::stored_id(ca_set))
    .fetch_all(connection)
    .await?)
}

/// One activation of a version.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    version: VersionNumber,
    id: ActivationId,
) -> Result<Option<Activation>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT activations.*, ca_sets.name AS ca_set_name FROM activations
         JOIN ca_sets ON ca_sets.id = activations.ca_set_id
         WHERE activations.id = ? AND activations.ca_set_id = ? AND activations.version = ?",
    )
    .bind(id.number())
    .bind(decode::stored_id(ca_set))
    .bind(version.number())
    .fetch_optional(connection)
    .await?)
}

/// The history of a CA set, or of one of its versions, newest first.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    version: Option<VersionNumber>,
) -> Result<Vec<Activation>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT activations.*, ca_sets.name AS ca_set_name FROM activations
         JOIN ca_sets ON ca_sets.id = activations.ca_set_id
         WHERE activations.ca_set_id = ?1 AND (?2 IS NULL OR activations.version = ?2) ORDER BY activations.id DESC",
    )
    .bind(decode::stored_id(ca_set))
    .bind(version.map(VersionNumber::number))
    .fetch_all(connection)
    .await?)
}

/// Notes how many live nodes have acknowledged a running activation.
pub(crate) async fn set_percent(
    connection: &mut SqliteConnection,
    id: ActivationId,
    percent: u8,
    at: UnixTime,
    by: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE activations SET percent = ?, modified_at = ?, modified_by = ? WHERE id = ? AND status = 'IN_PROGRESS'",
    )
    .bind(percent)
    .bind(at.as_micros())
    .bind(by)
    .bind(id.number())
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends a running activation; says whether it was still running.
pub(crate) async fn finish(
    connection: &mut SqliteConnection,
    id: ActivationId,
    outcome: Result<(), &str>,
    at: UnixTime,
    by: &str,
) -> Result<bool, StoreError> {
    let status = match outcome {
        Ok(()) => ActivationStatus::Complete,
        Err(_) => ActivationStatus::Failed,
    };
    let done = sqlx::query(
        "UPDATE activations SET status = ?1, percent = CASE WHEN ?1 = 'COMPLETE' THEN 100 ELSE percent END,
             failure_reason = ?2, modified_at = ?3, modified_by = ?4 WHERE id = ?5 AND status = 'IN_PROGRESS'",
    )
    .bind(status.as_str())
    .bind(outcome.err())
    .bind(at.as_micros())
    .bind(by)
    .bind(id.number())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets what a network enforces of a CA set.
pub(crate) async fn set_active(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    network: Network,
    version: Option<VersionNumber>,
) -> Result<(), StoreError> {
    match version {
        Some(version) => {
            sqlx::query(
                "INSERT INTO active_versions (ca_set_id, network, version) VALUES (?, ?, ?)
                 ON CONFLICT (ca_set_id, network) DO UPDATE SET version = excluded.version",
            )
            .bind(decode::stored_id(ca_set))
            .bind(decode::network_text(network))
            .bind(version.number())
            .execute(connection)
            .await?;
        }
        None => {
            sqlx::query("DELETE FROM active_versions WHERE ca_set_id = ? AND network = ?")
                .bind(decode::stored_id(ca_set))
                .bind(decode::network_text(network))
                .execute(connection)
                .await?;
        }
    }
    Ok(())
}

/// The version of every CA set that a network enforces, across accounts, by id: what a snapshot holds.
pub(crate) async fn active(
    connection: &mut SqliteConnection,
    network: Network,
) -> Result<Vec<(CaSetId, VersionNumber)>, StoreError> {
    let rows = sqlx::query(
        "SELECT ca_set_id, version FROM active_versions WHERE network = ? ORDER BY ca_set_id",
    )
    .bind(decode::network_text(network))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                decode::ca_set_id(row, "ca_set_id")?,
                decode::version(row, "version")?,
            ))
        })
        .collect::<sqlx::Result<_>>()
        .map_err(StoreError::from)
}
