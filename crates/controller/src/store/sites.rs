//! Sites.

use countersign_trust::UnixTime;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{AccountId, Site, SiteId};

impl FromRow<'_, SqliteRow> for Site {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: SiteId::new(row.try_get("id")?),
            account: AccountId::new(row.try_get::<String, _>("account_id")?),
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            settings: decode::json(row, "settings")?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            modified_at: decode::optional_time(row, "modified_at")?,
            modified_by: row.try_get("modified_by")?,
            networks: Vec::new(),
        })
    }
}

/// Adds a site, or replaces all that may change of it.
///
/// # Errors
/// A unique violation when another one of the account has the name.
pub(crate) async fn put(connection: &mut SqliteConnection, site: &Site) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sites (id, account_id, name, name_key, version, settings, created_at, created_by, modified_at, modified_by)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET version = excluded.version, settings = excluded.settings,
             modified_at = excluded.modified_at, modified_by = excluded.modified_by",
    )
    .bind(site.id.number())
    .bind(site.account.as_str())
    .bind(&site.name)
    .bind(site.name.to_lowercase())
    .bind(site.version)
    .bind(serde_json::to_string(&site.settings)?)
    .bind(site.created_at.as_micros())
    .bind(&site.created_by)
    .bind(site.modified_at.map(UnixTime::as_micros))
    .bind(&site.modified_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// The sites of an account by name; only one when `id` is given.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    account: &AccountId,
    id: Option<SiteId>,
) -> Result<Vec<Site>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM sites WHERE account_id = ?1 AND (?2 IS NULL OR id = ?2) ORDER BY name_key",
    )
    .bind(account.as_str())
    .bind(id.map(SiteId::number))
    .fetch_all(connection)
    .await?)
}

/// The site of an account that has a name, ignoring case.
pub(crate) async fn find_by_name(
    connection: &mut SqliteConnection,
    account: &AccountId,
    name: &str,
) -> Result<Option<Site>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM sites WHERE account_id = ? AND name_key = ?")
            .bind(account.as_str())
            .bind(name.to_lowercase())
            .fetch_optional(connection)
            .await?,
    )
}

/// Removes a site for good.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    id: SiteId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sites WHERE id = ?")
        .bind(id.number())
        .execute(connection)
        .await?;
    Ok(())
}
