//! Accounts: who owns what.

use countersign_trust::UnixTime;
use sqlx::SqliteConnection;

use super::StoreError;

/// Adds an account.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    id: &str,
    name: &str,
    at: UnixTime,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO accounts (id, name, created_at) VALUES (?, ?, ?)")
        .bind(id)
        .bind(name)
        .bind(at.as_micros())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether the account exists.
pub(crate) async fn exists(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<bool, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ?)")
            .bind(id)
            .fetch_one(connection)
            .await?,
    )
}

/// All accounts with their names, by id.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, String)>, StoreError> {
    Ok(sqlx::query_as("SELECT id, name FROM accounts ORDER BY id")
        .fetch_all(connection)
        .await?)
}
