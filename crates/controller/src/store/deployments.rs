//! Deployments: the queue of what the networks are to enforce of sites and edge certificates, its history, and what they do enforce.

use countersign_snapshot::Network;
use countersign_trust::UnixTime;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{
    AccountId, ActivationStatus, Deployed, Deployment, DeploymentAction, DeploymentId,
    DeploymentKind,
};

impl FromRow<'_, SqliteRow> for Deployment {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: DeploymentId::new(row.try_get("id")?),
            account: AccountId::new(row.try_get::<String, _>("account_id")?),
            kind: decode::enumeration(row, "kind", DeploymentKind::from_text)?,
            subject: row.try_get("subject_id")?,
            subject_name: row.try_get("subject_name")?,
            version: row.try_get("version")?,
            network: decode::enumeration(row, "network", decode::network)?,
            action: decode::enumeration(row, "action", DeploymentAction::from_text)?,
            status: decode::enumeration(row, "status", ActivationStatus::from_text)?,
            percent: row.try_get("percent")?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            modified_at: decode::optional_time(row, "modified_at")?,
            failure_reason: row.try_get("failure_reason")?,
            change_set: row.try_get("change_set")?,
        })
    }
}

/// Adds a deployment as it was asked for, with what is to be enforced.
///
/// # Errors
/// A unique violation when another one runs for the same thing on the network.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    deployment: &Deployment,
    body: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO deployments (id, account_id, kind, subject_id, subject_name, version, network, action, status, percent, body,
             created_at, created_by)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(deployment.id.number())
    .bind(deployment.account.as_str())
    .bind(deployment.kind.as_str())
    .bind(deployment.subject)
    .bind(&deployment.subject_name)
    .bind(deployment.version)
    .bind(decode::network_text(deployment.network))
    .bind(deployment.action.as_str())
    .bind(deployment.status.as_str())
    .bind(deployment.percent)
    .bind(body)
    .bind(deployment.created_at.as_micros())
    .bind(&deployment.created_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// Everything that runs on a network, oldest first.
pub(crate) async fn running(
    connection: &mut SqliteConnection,
    network: Network,
) -> Result<Vec<Deployment>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM deployments WHERE status = 'IN_PROGRESS' AND network = ? ORDER BY id",
    )
    .bind(decode::network_text(network))
    .fetch_all(connection)
    .await?)
}

/// One deployment of a thing.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    kind: DeploymentKind,
    subject: i64,
    id: DeploymentId,
) -> Result<Option<Deployment>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM deployments WHERE id = ? AND kind = ? AND subject_id = ?")
            .bind(id.number())
            .bind(kind.as_str())
            .bind(subject)
            .fetch_optional(connection)
            .await?,
    )
}

/// The history of a thing, newest first.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    kind: DeploymentKind,
    subject: i64,
) -> Result<Vec<Deployment>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM deployments WHERE kind = ? AND subject_id = ? ORDER BY id DESC",
    )
    .bind(kind.as_str())
    .bind(subject)
    .fetch_all(connection)
    .await?)
}

/// What the networks have of every thing of a kind in an account, by thing; all of one thing when `subject` is given.
pub(crate) async fn deployed(
    connection: &mut SqliteConnection,
    kind: DeploymentKind,
    account: &AccountId,
    subject: Option<i64>,
) -> Result<Vec<(i64, Deployed)>, StoreError> {
    // Every finished or running deployment that is the newest of its thing on its network, with the version that is enforced now.
    let latest: Vec<Deployment> = sqlx::query_as(
        "SELECT * FROM deployments WHERE id IN (
             SELECT max(id) FROM deployments WHERE kind = ?1 AND account_id = ?2 AND (?3 IS NULL OR subject_id = ?3)
             GROUP BY subject_id, network)
         ORDER BY subject_id, network DESC",
    )
    .bind(kind.as_str())
    .bind(account.as_str())
    .bind(subject)
    .fetch_all(&mut *connection)
    .await?;
    let versions: Vec<(i64, String, u32)> = sqlx::query_as(
        "SELECT deployed.subject_id, deployed.network, deployments.version FROM deployed
         JOIN deployments ON deployments.id = deployed.deployment_id
         WHERE deployed.kind = ?1 AND deployments.account_id = ?2 AND (?3 IS NULL OR deployed.subject_id = ?3)",
    )
    .bind(kind.as_str())
    .bind(account.as_str())
    .bind(subject)
    .fetch_all(connection)
    .await?;
    let versions: std::collections::HashMap<(i64, Option<Network>), u32> = versions
        .into_iter()
        .map(|(subject, network, version)| ((subject, decode::network(&network)), version))
        .collect();
    Ok(latest
        .into_iter()
        .map(|latest| {
            let deployed = Deployed {
                network: latest.network,
                version: versions
                    .get(&(latest.subject, Some(latest.network)))
                    .copied(),
                latest: Some(latest.clone()),
            };
            (latest.subject, deployed)
        })
        .collect())
}

/// The body of what a network enforces, or of what it is being made to enforce, of one thing.
pub(crate) async fn bodies_of(
    connection: &mut SqliteConnection,
    kind: DeploymentKind,
    subject: i64,
) -> Result<Vec<(Network, DeploymentAction, ActivationStatus, String)>, StoreError> {
    let rows = sqlx::query(
        "SELECT network, action, status, body FROM deployments
         WHERE kind = ?1 AND subject_id = ?2 AND (status = 'IN_PROGRESS'
             OR id IN (SELECT deployment_id FROM deployed WHERE kind = ?1 AND subject_id = ?2))
         ORDER BY id",
    )
    .bind(kind.as_str())
    .bind(subject)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                decode::enumeration(row, "network", decode::network)?,
                decode::enumeration(row, "action", DeploymentAction::from_text)?,
                decode::enumeration(row, "status", ActivationStatus::from_text)?,
                row.try_get("body")?,
            ))
        })
        .collect::<sqlx::Result<_>>()
        .map_err(StoreError::from)
}

/// Notes how many live nodes have acknowledged a running deployment.
pub(crate) async fn set_percent(
    connection: &mut SqliteConnection,
    id: DeploymentId,
    percent: u8,
    at: UnixTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE deployments SET percent = ?, modified_at = ? WHERE id = ? AND status = 'IN_PROGRESS'",
    )
    .bind(percent)
    .bind(at.as_micros())
    .bind(id.number())
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends a running deployment; says whether it was still running. A good one becomes what the network enforces.
pub(crate) async fn finish(
    connection: &mut SqliteConnection,
    deployment: &Deployment,
    outcome: Result<(), &str>,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let status = match outcome {
        Ok(()) => ActivationStatus::Complete,
        Err(_) => ActivationStatus::Failed,
    };
    let done = sqlx::query(
        "UPDATE deployments SET status = ?1, percent = CASE WHEN ?1 = 'COMPLETE' THEN 100 ELSE percent END,
             failure_reason = ?2, modified_at = ?3 WHERE id = ?4 AND status = 'IN_PROGRESS'",
    )
    .bind(status.as_str())
    .bind(outcome.err())
    .bind(at.as_micros())
    .bind(deployment.id.number())
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    match (outcome, deployment.action) {
        (Ok(()), DeploymentAction::Deploy) => {
            sqlx::query(
                "INSERT INTO deployed (kind, subject_id, network, deployment_id) VALUES (?, ?, ?, ?)
                 ON CONFLICT (kind, subject_id, network) DO UPDATE SET deployment_id = excluded.deployment_id",
            )
            .bind(deployment.kind.as_str())
            .bind(deployment.subject)
            .bind(decode::network_text(deployment.network))
            .bind(deployment.id.number())
            .execute(connection)
            .await?;
        }
        (Ok(()), DeploymentAction::Remove) => {
            sqlx::query("DELETE FROM deployed WHERE kind = ? AND subject_id = ? AND network = ?")
                .bind(deployment.kind.as_str())
                .bind(deployment.subject)
                .bind(decode::network_text(deployment.network))
                .execute(connection)
                .await?;
        }
        (Err(_), _) => {}
    }
    Ok(true)
}
