//! CA sets.

use countersign_snapshot::CaSetId;
use countersign_trust::UnixTime;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{AccountId, CaSet, CaSetStatus};

macro_rules! select_ca_sets {
    ($rest:literal) => {
        concat!(
            "SELECT s.*,
               (SELECT max(v.version) FROM ca_set_versions v WHERE v.ca_set_id = s.id AND v.deleted_at IS NULL) AS latest_version,
               (SELECT a.version FROM active_versions a WHERE a.ca_set_id = s.id AND a.network = 'STAGING') AS staging_version,
               (SELECT a.version FROM active_versions a WHERE a.ca_set_id = s.id AND a.network = 'PRODUCTION') AS production_version
             FROM ca_sets s ",
            $rest
        )
    };
}

impl FromRow<'_, SqliteRow> for CaSet {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: decode::ca_set_id(row, "id")?,
            account: AccountId::new(row.try_get::<String, _>("account_id")?),
            name: row.try_get("name")?,
            description: row.try_get("description")?,
            status: decode::enumeration(row, "status", CaSetStatus::from_text)?,
            latest_version: decode::optional_version(row, "latest_version")?,
            staging_version: decode::optional_version(row, "staging_version")?,
            production_version: decode::optional_version(row, "production_version")?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            deleted_at: decode::optional_time(row, "deleted_at")?,
            deleted_by: row.try_get("deleted_by")?,
            removal_at: decode::optional_time(row, "removal_at")?,
        })
    }
}

/// Adds a CA set without versions.
///
/// # Errors
/// A unique violation when a set of the account that is not deleted has the name.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    ca_set: &CaSet,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO ca_sets (id, account_id, name, name_key, description, status, created_at, created_by)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(decode::stored_id(ca_set.id))
    .bind(ca_set.account.as_str())
    .bind(&ca_set.name)
    .bind(ca_set.name.to_ascii_lowercase())
    .bind(&ca_set.description)
    .bind(ca_set.status.as_str())
    .bind(ca_set.created_at.as_micros())
    .bind(&ca_set.created_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// One CA set of an account, deleted or not.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    account: &AccountId,
    id: CaSetId,
) -> Result<Option<CaSet>, StoreError> {
    Ok(
        sqlx::query_as(select_ca_sets!("WHERE s.id = ? AND s.account_id = ?"))
            .bind(decode::stored_id(id))
            .bind(account.as_str())
            .fetch_optional(connection)
            .await?,
    )
}

/// The set of the account that has a name, ignoring case, and is not deleted.
pub(crate) async fn find_by_name(
    connection: &mut SqliteConnection,
    account: &AccountId,
    name: &str,
) -> Result<Option<CaSet>, StoreError> {
    Ok(sqlx::query_as(select_ca_sets!(
        "WHERE s.account_id = ? AND s.name_key = ? AND s.status <> 'DELETED'"
    ))
    .bind(account.as_str())
    .bind(name.to_ascii_lowercase())
    .fetch_optional(connection)
    .await?)
}

/// On which networks a listed set must be active. Sets that never were are in none of these.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ActivatedOn {
    /// On none now, on one once.
    Inactive,
    /// On staging, whether or not on production.
    Staging,
    /// On production, whether or not on staging.
    Production,
    /// On both.
    Both,
    /// On one at least.
    Either,
}

impl ActivatedOn {
    const fn code(self) -> i64 {
        match self {
            Self::Inactive => 1,
            Self::Staging => 2,
            Self::Production => 3,
            Self::Both => 4,
            Self::Either => 5,
        }
    }
}

/// Which CA sets to list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CaSetFilter {
    /// Those whose names begin so, ignoring case.
    pub name_prefix: Option<String>,
    /// Those active there.
    pub activated_on: Option<ActivatedOn>,
    /// Those with one of these; none is [`CaSetStatus::NotDeleted`] only.
    pub statuses: Vec<CaSetStatus>,
}

/// The CA sets of an account, by id.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    account: &AccountId,
    filter: &CaSetFilter,
) -> Result<Vec<CaSet>, StoreError> {
    let includes = |status| {
        filter.statuses.contains(&status)
            || (filter.statuses.is_empty() && status == CaSetStatus::NotDeleted)
    };
    Ok(sqlx::query_as(select_ca_sets!(
        "WHERE s.account_id = ?1
           AND (?2 IS NULL OR substr(s.name_key, 1, length(?2)) = ?2)
           AND ((?3 AND s.status = 'NOT_DELETED') OR (?4 AND s.status = 'DELETING') OR (?5 AND s.status = 'DELETED'))
           AND CASE ?6
                 WHEN 1 THEN staging_version IS NULL AND production_version IS NULL
                    AND EXISTS (SELECT 1 FROM activations x WHERE x.ca_set_id = s.id AND x.kind = 'ACTIVATE' AND x.status = 'COMPLETE')
                 WHEN 2 THEN staging_version IS NOT NULL
                 WHEN 3 THEN production_version IS NOT NULL
                 WHEN 4 THEN staging_version IS NOT NULL AND production_version IS NOT NULL
                 WHEN 5 THEN staging_version IS NOT NULL OR production_version IS NOT NULL
                 ELSE 1
               END
         ORDER BY s.id"
    ))
    .bind(account.as_str())
    .bind(filter.name_prefix.as_deref().map(str::to_ascii_lowercase))
    .bind(includes(CaSetStatus::NotDeleted))
    .bind(includes(CaSetStatus::Deleting))
    .bind(includes(CaSetStatus::Deleted))
    .bind(filter.activated_on.map(ActivatedOn::code))
    .fetch_all(connection)
    .await?)
}

/// How many sets of the account are not deleted.
pub(crate) async fn count(
    connection: &mut SqliteConnection,
    account: &AccountId,
) -> Result<u32, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM ca_sets WHERE account_id = ? AND status <> 'DELETED'",
    )
    .bind(account.as_str())
    .fetch_one(connection)
    .await?)
}

/// Moves a set towards its end.
pub(crate) async fn set_status(
    connection: &mut SqliteConnection,
    id: CaSetId,
    status: CaSetStatus,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE ca_sets SET status = ? WHERE id = ?")
        .bind(status.as_str())
        .bind(decode::stored_id(id))
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes who asked for a set's deletion, and until when it can be read.
pub(crate) async fn set_deleted(
    connection: &mut SqliteConnection,
    id: CaSetId,
    at: UnixTime,
    by: &str,
    removal: UnixTime,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE ca_sets SET deleted_at = ?, deleted_by = ?, removal_at = ? WHERE id = ?")
        .bind(at.as_micros())
        .bind(by)
        .bind(removal.as_micros())
        .bind(decode::stored_id(id))
        .execute(connection)
        .await?;
    Ok(())
}
