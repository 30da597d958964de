//! Nonces of signed requests, so that none is accepted twice, not even after a restart.
//!
//! They are in a file of their own that is not synced on every commit: a killed process loses nothing, and a machine that lost power is
//! not up again before the nonces' half minute has passed.

use countersign_trust::UnixTime;
use sqlx::SqlitePool;

use super::StoreError;

/// The table, made when the file is new.
pub(super) const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS nonces (
    hash       BLOB    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS nonces_by_expiry ON nonces (expires_at);";

/// Notes a nonce; says whether it is new.
pub(super) async fn note(
    pool: &SqlitePool,
    hash: &[u8],
    now: UnixTime,
    expires_at: UnixTime,
) -> Result<bool, StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("DELETE FROM nonces WHERE expires_at < ?")
        .bind(now.as_micros())
        .execute(&mut *transaction)
        .await?;
    let done =
        sqlx::query("INSERT INTO nonces (hash, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(hash)
            .bind(expires_at.as_micros())
            .execute(&mut *transaction)
            .await?;
    transaction.commit().await?;
    Ok(done.rows_affected() == 1)
}
