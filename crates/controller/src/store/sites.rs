//! Sites, and what they hold on the networks: names and edge certificates.

use countersign_snapshot::{NamePattern, Network};
use countersign_trust::UnixTime;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{AccountId, EdgeCertificateId, Site, SiteId};

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

/// Who has one of these names on a network already: the pattern, whose site, and its name.
pub(crate) async fn holders(
    connection: &mut SqliteConnection,
    network: Network,
    patterns: &[NamePattern],
    but: SiteId,
) -> Result<Vec<(String, AccountId, String)>, StoreError> {
    let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT held.pattern, sites.account_id, sites.name FROM json_each(?) AS wanted
         JOIN site_hostnames held ON held.network = ? AND held.pattern = wanted.value
         JOIN sites ON sites.id = held.site_id
         WHERE held.site_id <> ? ORDER BY wanted.key",
    )
    .bind(serde_json::to_string(&patterns)?)
    .bind(decode::network_text(network))
    .bind(but.number())
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(pattern, account, name)| (pattern, AccountId::new(account), name))
        .collect())
}

/// Says anew what a site holds on a network, each thing once. To be called in the transaction that changes it.
///
/// # Errors
/// A unique violation when another site has one of the names.
pub(crate) async fn replace_holdings(
    connection: &mut SqliteConnection,
    id: SiteId,
    network: Network,
    patterns: &[NamePattern],
    edge_certificates: &[EdgeCertificateId],
) -> Result<(), StoreError> {
    let network = decode::network_text(network);
    for table in [
        "DELETE FROM site_hostnames WHERE site_id = ? AND network = ?",
        "DELETE FROM site_edge_certificates WHERE site_id = ? AND network = ?",
    ] {
        sqlx::query(table)
            .bind(id.number())
            .bind(network)
            .execute(&mut *connection)
            .await?;
    }
    for pattern in patterns {
        sqlx::query("INSERT INTO site_hostnames (network, pattern, site_id) VALUES (?, ?, ?)")
            .bind(network)
            .bind(pattern.to_string())
            .bind(id.number())
            .execute(&mut *connection)
            .await?;
    }
    for certificate in edge_certificates {
        sqlx::query(
            "INSERT INTO site_edge_certificates (network, edge_certificate_id, site_id) VALUES (?, ?, ?)",
        )
        .bind(network)
        .bind(certificate.number())
        .bind(id.number())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
