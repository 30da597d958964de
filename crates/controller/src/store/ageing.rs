//! Data about revocation that grows old.

use std::time::Duration;

use countersign_trust::RevocationPolicy;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::AgeingData;

impl FromRow<'_, SqliteRow> for AgeingData {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let ca_set = row.try_get::<Option<i64>, _>("ca_set_id")?;
        Ok(Self {
            ca_set: ca_set
                .map(|_| decode::ca_set_id(row, "ca_set_id"))
                .transpose()?,
            id: row.try_get("id")?,
            of: row.try_get("what")?,
            url: row.try_get("url")?,
            this_update: decode::time(row, "this_update")?,
            next_update: decode::time(row, "next_update")?,
            grace: Duration::from_secs(decode::unsigned(row, "grace")?),
        })
    }
}

/// The CRLs of every CA set that is not deleted, and the OCSP answers that are stapled; those that never say by when they are replaced do not
/// grow old.
pub(crate) async fn all(connection: &mut SqliteConnection) -> Result<Vec<AgeingData>, StoreError> {
    let grace = RevocationPolicy::default().stale_grace.as_secs();
    Ok(sqlx::query_as(
        "SELECT c.ca_set_id, c.id, c.issuer AS what, c.url, c.this_update, c.next_update, coalesce(p.stale_grace_seconds, ?) AS grace
         FROM crls c JOIN ca_sets s ON s.id = c.ca_set_id AND s.status = 'NOT_DELETED'
         LEFT JOIN revocation_policies p ON p.ca_set_id = c.ca_set_id WHERE c.next_update IS NOT NULL
         UNION ALL SELECT ca_set_id, id, lower(hex(serial)), responder, this_update, next_update, 0
         FROM ocsp_answers WHERE coalesce(ca_set_id, 0) = 0 AND next_update IS NOT NULL",
    )
    .bind(i64::try_from(grace).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?)
}
