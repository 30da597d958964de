//! Which features accounts have.

use countersign_trust::UnixTime;
use sqlx::SqliteConnection;

use super::StoreError;
use crate::model::{AccountId, Feature};

/// Whether somebody said that an account has a feature, or that it has not.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    account: &AccountId,
    feature: Feature,
) -> Result<Option<bool>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT enabled FROM account_features WHERE account_id = ? AND feature = ?",
    )
    .bind(account.as_str())
    .bind(feature.as_str())
    .fetch_optional(connection)
    .await?)
}

/// Says whether an account has a feature.
pub(crate) async fn set(
    connection: &mut SqliteConnection,
    account: &AccountId,
    feature: Feature,
    enabled: bool,
    at: UnixTime,
    by: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO account_features (account_id, feature, enabled, modified_at, modified_by) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (account_id, feature) DO UPDATE SET enabled = excluded.enabled, modified_at = excluded.modified_at,
             modified_by = excluded.modified_by",
    )
    .bind(account.as_str())
    .bind(feature.as_str())
    .bind(enabled)
    .bind(at.as_micros())
    .bind(by)
    .execute(connection)
    .await?;
    Ok(())
}
