//! Who uses CA sets.

use countersign_snapshot::CaSetId;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{Association, AssociationKind, AssociationStatus};

impl FromRow<'_, SqliteRow> for Association {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            ca_set: decode::ca_set_id(row, "ca_set_id")?,
            kind: decode::enumeration(row, "kind", AssociationKind::from_text)?,
            user_id: row.try_get("user_id")?,
            user_name: row.try_get("user_name")?,
            hostname: row.try_get("hostname")?,
            network: decode::enumeration(row, "network", decode::network)?,
            status: decode::enumeration(row, "status", AssociationStatus::from_text)?,
        })
    }
}

/// Says anew what one user (a site, an edge certificate) uses. To be called in the transaction that changes the user.
pub(crate) async fn replace(
    connection: &mut SqliteConnection,
    kind: AssociationKind,
    user_id: i64,
    associations: &[Association],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM ca_set_associations WHERE kind = ? AND user_id = ?")
        .bind(kind.as_str())
        .bind(user_id)
        .execute(&mut *connection)
        .await?;
    for association in associations {
        sqlx::query(
            "INSERT INTO ca_set_associations (ca_set_id, kind, user_id, user_name, hostname, network, status)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(decode::stored_id(association.ca_set))
        .bind(kind.as_str())
        .bind(user_id)
        .bind(&association.user_name)
        .bind(&association.hostname)
        .bind(decode::network_text(association.network))
        .bind(association.status.as_str())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// All uses of a set, in a stable order.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
) -> Result<Vec<Association>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM ca_set_associations WHERE ca_set_id = ? ORDER BY kind, user_id, hostname, network",
    )
    .bind(decode::stored_id(ca_set))
    .fetch_all(connection)
    .await?)
}
