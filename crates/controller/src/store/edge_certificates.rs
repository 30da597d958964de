//! Edge certificates and their keys, which are sealed before they come here.

use countersign_snapshot::SealedSecret;
use countersign_trust::UnixTime;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, chain, decode};
use crate::model::{
    AccountId, EdgeCertificate, EdgeCertificateId, KeyPair, KeyPairId, KeyRequest, SiteId,
};

impl FromRow<'_, SqliteRow> for EdgeCertificate {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: EdgeCertificateId::new(row.try_get("id")?),
            account: AccountId::new(row.try_get::<String, _>("account_id")?),
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            settings: decode::json(row, "settings")?,
            owner_site: row
                .try_get::<Option<i64>, _>("owner_site")?
                .map(SiteId::new),
            key_pairs: Vec::new(),
            key_requests: Vec::new(),
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            modified_at: decode::optional_time(row, "modified_at")?,
            modified_by: row.try_get("modified_by")?,
            networks: Vec::new(),
        })
    }
}

impl FromRow<'_, SqliteRow> for KeyPair {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: KeyPairId::new(row.try_get("id")?),
            chain: chain::column(row, "chain")?,
            sealed_key: SealedSecret::from_bytes(row.try_get("sealed_key")?)
                .map_err(|_| decode::corrupt("sealed key"))?,
        })
    }
}

impl FromRow<'_, SqliteRow> for KeyRequest {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: KeyPairId::new(row.try_get("id")?),
            request_pem: row.try_get("request")?,
            sealed_key: SealedSecret::from_bytes(row.try_get("sealed_key")?)
                .map_err(|_| decode::corrupt("sealed key"))?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
        })
    }
}

/// Adds an edge certificate with its keys, or replaces all that may change of it.
///
/// # Errors
/// A unique violation when another one of the account has the name.
pub(crate) async fn put(
    connection: &mut SqliteConnection,
    certificate: &EdgeCertificate,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO edge_certificates (id, account_id, name, name_key, version, settings, owner_site, created_at, created_by, modified_at, modified_by)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key, version = excluded.version,
             settings = excluded.settings, modified_at = excluded.modified_at, modified_by = excluded.modified_by",
    )
    .bind(certificate.id.number())
    .bind(certificate.account.as_str())
    .bind(&certificate.name)
    .bind(certificate.name.to_lowercase())
    .bind(certificate.version)
    .bind(serde_json::to_string(&certificate.settings)?)
    .bind(certificate.owner_site.map(SiteId::number))
    .bind(certificate.created_at.as_micros())
    .bind(&certificate.created_by)
    .bind(certificate.modified_at.map(UnixTime::as_micros))
    .bind(&certificate.modified_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives an edge certificate new keys in the place of those that it has.
pub(crate) async fn replace_keys(
    connection: &mut SqliteConnection,
    id: EdgeCertificateId,
    key_pairs: &[KeyPair],
    at: UnixTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE edge_certificate_keys SET superseded_at = ? WHERE edge_certificate_id = ? AND superseded_at IS NULL",
    )
    .bind(at.as_micros())
    .bind(id.number())
    .execute(&mut *connection)
    .await?;
    for (position, pair) in (0_i64..).zip(key_pairs) {
        sqlx::query(
            "INSERT INTO edge_certificate_keys (id, edge_certificate_id, position, chain, sealed_key) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(pair.id.number())
        .bind(id.number())
        .bind(position)
        .bind(chain::frame(&pair.chain))
        .bind(pair.sealed_key.to_bytes())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Adds a key that waits for its certificate.
pub(crate) async fn insert_request(
    connection: &mut SqliteConnection,
    id: EdgeCertificateId,
    request: &KeyRequest,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO edge_certificate_key_requests (id, edge_certificate_id, request, sealed_key, created_at, created_by)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(request.id.number())
    .bind(id.number())
    .bind(&request.request_pem)
    .bind(request.sealed_key.to_bytes())
    .bind(request.created_at.as_micros())
    .bind(&request.created_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a request whose certificate is there.
pub(crate) async fn delete_request(
    connection: &mut SqliteConnection,
    id: KeyPairId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM edge_certificate_key_requests WHERE id = ?")
        .bind(id.number())
        .execute(connection)
        .await?;
    Ok(())
}

/// The edge certificates of an account by name, with their keys; only one when `id` is given.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    account: &AccountId,
    id: Option<EdgeCertificateId>,
) -> Result<Vec<EdgeCertificate>, StoreError> {
    let mut certificates: Vec<EdgeCertificate> = sqlx::query_as(
        "SELECT * FROM edge_certificates WHERE account_id = ?1 AND (?2 IS NULL OR id = ?2) ORDER BY name_key",
    )
    .bind(account.as_str())
    .bind(id.map(EdgeCertificateId::number))
    .fetch_all(&mut *connection)
    .await?;
    let rows = sqlx::query(
        "SELECT keys.* FROM edge_certificate_keys keys
         JOIN edge_certificates ON edge_certificates.id = keys.edge_certificate_id
         WHERE edge_certificates.account_id = ?1 AND (?2 IS NULL OR edge_certificates.id = ?2) AND keys.superseded_at IS NULL
         ORDER BY keys.edge_certificate_id, keys.position",
    )
    .bind(account.as_str())
    .bind(id.map(EdgeCertificateId::number))
    .fetch_all(&mut *connection)
    .await?;
    let requests = sqlx::query(
        "SELECT requests.* FROM edge_certificate_key_requests requests
         JOIN edge_certificates ON edge_certificates.id = requests.edge_certificate_id
         WHERE edge_certificates.account_id = ?1 AND (?2 IS NULL OR edge_certificates.id = ?2)
         ORDER BY requests.edge_certificate_id, requests.id",
    )
    .bind(account.as_str())
    .bind(id.map(EdgeCertificateId::number))
    .fetch_all(connection)
    .await?;
    let mut pairs: std::collections::HashMap<i64, Vec<KeyPair>> = std::collections::HashMap::new();
    for row in &rows {
        pairs
            .entry(row.try_get("edge_certificate_id")?)
            .or_default()
            .push(KeyPair::from_row(row)?);
    }
    let mut open: std::collections::HashMap<i64, Vec<KeyRequest>> =
        std::collections::HashMap::new();
    for row in &requests {
        open.entry(row.try_get("edge_certificate_id")?)
            .or_default()
            .push(KeyRequest::from_row(row)?);
    }
    for certificate in &mut certificates {
        let id = certificate.id.number();
        certificate.key_pairs = pairs.remove(&id).unwrap_or_default();
        certificate.key_requests = open.remove(&id).unwrap_or_default();
    }
    Ok(certificates)
}

/// Key pairs by number, superseded or not.
pub(crate) async fn key_pairs(
    connection: &mut SqliteConnection,
    wanted: &[KeyPairId],
) -> Result<Vec<KeyPair>, StoreError> {
    let wanted: Vec<i64> = wanted.iter().map(|id| id.number()).collect();
    Ok(sqlx::query_as(
        "SELECT keys.* FROM json_each(?) AS wanted JOIN edge_certificate_keys keys ON keys.id = wanted.value ORDER BY keys.id",
    )
    .bind(serde_json::to_string(&wanted)?)
    .fetch_all(connection)
    .await?)
}

/// Removes an edge certificate with its keys for good.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    id: EdgeCertificateId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM edge_certificate_keys WHERE edge_certificate_id = ?")
        .bind(id.number())
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM edge_certificate_key_requests WHERE edge_certificate_id = ?")
        .bind(id.number())
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM edge_certificates WHERE id = ?")
        .bind(id.number())
        .execute(connection)
        .await?;
    Ok(())
}

/// The edge certificates that a site brought along.
pub(crate) async fn owned_by(
    connection: &mut SqliteConnection,
    site: SiteId,
) -> Result<Vec<EdgeCertificateId>, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT id FROM edge_certificates WHERE owner_site = ? ORDER BY id")
            .bind(site.number())
            .fetch_all(connection)
            .await?
            .into_iter()
            .map(EdgeCertificateId::new)
            .collect(),
    )
}
