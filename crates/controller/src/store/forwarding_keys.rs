//! What the edges of networks sign with what they forward.

use countersign_snapshot::{Network, SealedSecret};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::ForwardingKey;

impl FromRow<'_, SqliteRow> for ForwardingKey {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let sealed: Vec<u8> = row.try_get("sealed_key")?;
        Ok(Self {
            id: row.try_get("key_id")?,
            public_key: row.try_get("public_key")?,
            sealed_key: SealedSecret::from_bytes(&sealed)
                .map_err(|_| decode::corrupt("sealed_key"))?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            used_from: decode::time(row, "used_from")?,
        })
    }
}

/// The keys of a network, in the order in which they are used.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    network: Network,
) -> Result<Vec<ForwardingKey>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM forwarding_keys WHERE network = ? ORDER BY used_from, rowid")
            .bind(decode::network_text(network))
            .fetch_all(connection)
            .await?,
    )
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    network: Network,
    key: &ForwardingKey,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO forwarding_keys (key_id, network, public_key, sealed_key, created_at, created_by, used_from)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&key.id)
    .bind(decode::network_text(network))
    .bind(&key.public_key)
    .bind(key.sealed_key.to_bytes())
    .bind(key.created_at.as_micros())
    .bind(&key.created_by)
    .bind(key.used_from.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a key that signs no more, or never did.
pub(crate) async fn delete(connection: &mut SqliteConnection, id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM forwarding_keys WHERE key_id = ?")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}
