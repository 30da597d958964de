//! Client credentials and their versions.

use std::collections::HashMap;

use countersign_snapshot::{Network, SealedSecret};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, chain, decode};
use crate::model::{AccountId, ClientCredential, CredentialId, CredentialVersion, DeploymentKind};

impl FromRow<'_, SqliteRow> for ClientCredential {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: CredentialId::new(row.try_get("id")?),
            account: AccountId::new(row.try_get::<String, _>("account_id")?),
            name: row.try_get("name")?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            versions: Vec::new(),
            networks: Vec::new(),
        })
    }
}

impl FromRow<'_, SqliteRow> for CredentialVersion {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            number: decode::unsigned(row, "version")?,
            chain: chain::column(row, "chain")?,
            sealed_key: SealedSecret::from_bytes(row.try_get("sealed_key")?)
                .map_err(|_| decode::corrupt("sealed key"))?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
        })
    }
}

/// Adds a credential without its versions.
///
/// # Errors
/// A unique violation when another one of the account has the name.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    credential: &ClientCredential,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO client_credentials (id, account_id, name, name_key, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(credential.id.number())
    .bind(credential.account.as_str())
    .bind(&credential.name)
    .bind(credential.name.to_lowercase())
    .bind(credential.created_at.as_micros())
    .bind(&credential.created_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds a version.
pub(crate) async fn insert_version(
    connection: &mut SqliteConnection,
    id: CredentialId,
    version: &CredentialVersion,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO client_credential_versions (client_credential_id, version, chain, sealed_key, created_at, created_by)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(id.number())
    .bind(version.number)
    .bind(chain::frame(&version.chain))
    .bind(version.sealed_key.to_bytes())
    .bind(version.created_at.as_micros())
    .bind(&version.created_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// The credentials of an account by name, with their versions; only one when `id` is given.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    account: &AccountId,
    id: Option<CredentialId>,
) -> Result<Vec<ClientCredential>, StoreError> {
    let mut credentials: Vec<ClientCredential> = sqlx::query_as(
        "SELECT * FROM client_credentials WHERE account_id = ?1 AND (?2 IS NULL OR id = ?2) ORDER BY name_key",
    )
    .bind(account.as_str())
    .bind(id.map(CredentialId::number))
    .fetch_all(&mut *connection)
    .await?;
    let rows = sqlx::query(
        "SELECT v.* FROM client_credential_versions v JOIN client_credentials c ON c.id = v.client_credential_id
         WHERE c.account_id = ?1 AND (?2 IS NULL OR c.id = ?2) ORDER BY v.client_credential_id, v.version",
    )
    .bind(account.as_str())
    .bind(id.map(CredentialId::number))
    .fetch_all(connection)
    .await?;
    let mut versions: HashMap<i64, Vec<CredentialVersion>> = HashMap::new();
    for row in &rows {
        versions
            .entry(row.try_get("client_credential_id")?)
            .or_default()
            .push(CredentialVersion::from_row(row)?);
    }
    for credential in &mut credentials {
        credential.versions = versions.remove(&credential.id.number()).unwrap_or_default();
    }
    Ok(credentials)
}

/// One version of a credential, whoever owns it.
pub(crate) async fn version(
    connection: &mut SqliteConnection,
    id: CredentialId,
    version: u32,
) -> Result<Option<CredentialVersion>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM client_credential_versions WHERE client_credential_id = ? AND version = ?",
    )
    .bind(id.number())
    .bind(version)
    .fetch_optional(connection)
    .await?)
}

/// Removes a credential with its versions for good.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    id: CredentialId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM client_credentials WHERE id = ?")
        .bind(id.number())
        .execute(connection)
        .await?;
    Ok(())
}

/// Says anew which credentials a site or property shows to origins on a network.
pub(crate) async fn hold(
    connection: &mut SqliteConnection,
    holder: super::holdings::Holder<'_>,
    network: Network,
    credentials: &[CredentialId],
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM held_client_credentials WHERE kind = ? AND subject_id = ? AND network = ?",
    )
    .bind(holder.kind.as_str())
    .bind(holder.id)
    .bind(decode::network_text(network))
    .execute(&mut *connection)
    .await?;
    for credential in credentials {
        sqlx::query(
            "INSERT INTO held_client_credentials (network, client_credential_id, kind, subject_id, subject_name)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(decode::network_text(network))
        .bind(credential.number())
        .bind(holder.kind.as_str())
        .bind(holder.id)
        .bind(holder.name)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The sites and properties that show a credential on a network, or on any.
pub(crate) async fn users(
    connection: &mut SqliteConnection,
    id: CredentialId,
    network: Option<Network>,
) -> Result<Vec<(DeploymentKind, String)>, StoreError> {
    let rows = sqlx::query(
        "SELECT DISTINCT kind, subject_name FROM held_client_credentials
         WHERE client_credential_id = ?1 AND (?2 IS NULL OR network = ?2) ORDER BY subject_name, kind",
    )
    .bind(id.number())
    .bind(network.map(decode::network_text))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let kind = decode::enumeration(row, "kind", DeploymentKind::from_text)?;
            Ok((kind, row.try_get("subject_name")?))
        })
        .collect::<sqlx::Result<_>>()
        .map_err(StoreError::from)
}
