//! Properties and their versions.

use countersign_trust::UnixTime;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{AccountId, Property, PropertyId, PropertyVersion};

impl FromRow<'_, SqliteRow> for Property {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: PropertyId::new(row.try_get("id")?),
            account: AccountId::new(row.try_get::<String, _>("account_id")?),
            name: row.try_get("name")?,
            latest_version: row.try_get("latest_version")?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            networks: Vec::new(),
        })
    }
}

impl FromRow<'_, SqliteRow> for PropertyVersion {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            property: PropertyId::new(row.try_get("property_id")?),
            number: row.try_get("version")?,
            edit: row.try_get("edit")?,
            note: row.try_get("note")?,
            created_from: row.try_get("created_from")?,
            hostnames: decode::json(row, "hostnames")?,
            origins: decode::json(row, "origins")?,
            rules: row.try_get("rules")?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            modified_at: decode::optional_time(row, "modified_at")?,
            modified_by: row.try_get("modified_by")?,
            frozen_at: decode::optional_time(row, "frozen_at")?,
        })
    }
}

/// Adds a property without versions.
///
/// # Errors
/// A unique violation when another one of the account has the name.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    property: &Property,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO properties (id, account_id, name, name_key, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(property.id.number())
    .bind(property.account.as_str())
    .bind(&property.name)
    .bind(property.name.to_lowercase())
    .bind(property.created_at.as_micros())
    .bind(&property.created_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// The properties of an account by name; only one when `id` is given.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    account: &AccountId,
    id: Option<PropertyId>,
) -> Result<Vec<Property>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT properties.*, (SELECT max(version) FROM property_versions WHERE property_id = properties.id) AS latest_version
         FROM properties WHERE account_id = ?1 AND deleted_at IS NULL AND (?2 IS NULL OR id = ?2) ORDER BY name_key",
    )
    .bind(account.as_str())
    .bind(id.map(PropertyId::number))
    .fetch_all(connection)
    .await?)
}

/// Takes a property away; its versions stay for the history.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    id: PropertyId,
    at: UnixTime,
    by: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE properties SET deleted_at = ?, deleted_by = ? WHERE id = ?")
        .bind(at.as_micros())
        .bind(by)
        .bind(id.number())
        .execute(connection)
        .await?;
    Ok(())
}

/// Adds a version, or replaces all that may change of it.
///
/// # Errors
/// When the version is frozen.
pub(crate) async fn put_version(
    connection: &mut SqliteConnection,
    version: &PropertyVersion,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO property_versions (property_id, version, edit, note, created_from, hostnames, origins, rules, created_at, created_by,
             modified_at, modified_by)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (property_id, version) DO UPDATE SET edit = excluded.edit, note = excluded.note, hostnames = excluded.hostnames,
             origins = excluded.origins, rules = excluded.rules, modified_at = excluded.modified_at, modified_by = excluded.modified_by",
    )
    .bind(version.property.number())
    .bind(version.number)
    .bind(version.edit)
    .bind(&version.note)
    .bind(version.created_from)
    .bind(serde_json::to_string(&version.hostnames)?)
    .bind(serde_json::to_string(&version.origins)?)
    .bind(&version.rules)
    .bind(version.created_at.as_micros())
    .bind(&version.created_by)
    .bind(version.modified_at.map(UnixTime::as_micros))
    .bind(&version.modified_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// Freezes a version for ever, if it is not yet.
pub(crate) async fn freeze(
    connection: &mut SqliteConnection,
    id: PropertyId,
    version: u32,
    at: UnixTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE property_versions SET frozen_at = ? WHERE property_id = ? AND version = ? AND frozen_at IS NULL",
    )
    .bind(at.as_micros())
    .bind(id.number())
    .bind(version)
    .execute(connection)
    .await?;
    Ok(())
}

/// The versions of a property, newest first; only one when `version` is given.
pub(crate) async fn versions(
    connection: &mut SqliteConnection,
    id: PropertyId,
    version: Option<u32>,
) -> Result<Vec<PropertyVersion>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM property_versions WHERE property_id = ?1 AND (?2 IS NULL OR version = ?2) ORDER BY version DESC",
    )
    .bind(id.number())
    .bind(version)
    .fetch_all(connection)
    .await?)
}

/// The properties of an account whose newest version names an edge certificate: their names.
pub(crate) async fn naming_edge_certificate(
    connection: &mut SqliteConnection,
    account: &AccountId,
    edge_certificate: &str,
) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT properties.name FROM properties
         JOIN property_versions ON property_versions.property_id = properties.id
             AND property_versions.version = (SELECT max(version) FROM property_versions WHERE property_id = properties.id)
         WHERE properties.account_id = ? AND properties.deleted_at IS NULL AND EXISTS (
             SELECT 1 FROM json_each(property_versions.hostnames) AS host, json_each(host.value, '$.edgeCertificateIds') AS named
             WHERE named.value = ?)
         ORDER BY properties.name_key",
    )
    .bind(account.as_str())
    .bind(edge_certificate)
    .fetch_all(connection)
    .await?)
}
