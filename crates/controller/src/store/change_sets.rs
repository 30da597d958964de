//! Change sets: activations and deployments that are enforced together or not at all.

use countersign_snapshot::Network;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{AccountId, ActivationStatus};

/// The newest activation and the newest deployment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newest {
    activation: i64,
    deployment: i64,
}

/// One activation or deployment of a change set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Member {
    pub(crate) network: Network,
    pub(crate) status: ActivationStatus,
    pub(crate) percent: u8,
    pub(crate) failure_reason: Option<String>,
}

impl FromRow<'_, SqliteRow> for Member {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            network: decode::enumeration(row, "network", decode::network)?,
            status: decode::enumeration(row, "status", ActivationStatus::from_text)?,
            percent: row.try_get("percent")?,
            failure_reason: row.try_get("failure_reason")?,
        })
    }
}

/// What is newest now; what comes later in the transaction is newer.
pub(crate) async fn newest(connection: &mut SqliteConnection) -> Result<Newest, StoreError> {
    let (activation, deployment) = sqlx::query_as(
        "SELECT (SELECT coalesce(max(id), 0) FROM activations), (SELECT coalesce(max(id), 0) FROM deployments)",
    )
    .fetch_one(connection)
    .await?;
    Ok(Newest {
        activation,
        deployment,
    })
}

/// Makes a change set of everything that was asked for since. To be called in the transaction that asked.
pub(crate) async fn join(
    connection: &mut SqliteConnection,
    number: i64,
    since: Newest,
) -> Result<(), StoreError> {
    for (statement, since) in [
        (
            "UPDATE activations SET change_set = ? WHERE id > ? AND status = 'IN_PROGRESS'",
            since.activation,
        ),
        (
            "UPDATE deployments SET change_set = ? WHERE id > ? AND status = 'IN_PROGRESS'",
            since.deployment,
        ),
    ] {
        sqlx::query(statement)
            .bind(number)
            .bind(since)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// What belongs to a change set of an account.
pub(crate) async fn members(
    connection: &mut SqliteConnection,
    account: &AccountId,
    number: i64,
) -> Result<Vec<Member>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT network, status, percent, failure_reason FROM activations WHERE change_set = ?1 AND account_id = ?2
         UNION ALL
         SELECT network, status, percent, failure_reason FROM deployments WHERE change_set = ?1 AND account_id = ?2",
    )
    .bind(number)
    .bind(account.as_str())
    .fetch_all(connection)
    .await?)
}
