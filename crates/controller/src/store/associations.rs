//! Who uses CA sets.

use countersign_snapshot::CaSetId;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{AccountId, Association, AssociationKind, AssociationStatus, DeploymentKind};

impl FromRow<'_, SqliteRow> for Association {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            ca_set: decode::ca_set_id(row, "ca_set_id")?,
            kind: decode::enumeration(row, "kind", AssociationKind::from_text)?,
            user: decode::enumeration(row, "user", DeploymentKind::from_text)?,
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
        "SELECT used.*, CASE WHEN used.kind = 'ENROLLMENT' THEN 'EDGE_CERTIFICATE'
             WHEN EXISTS (SELECT 1 FROM sites WHERE sites.id = used.user_id) THEN 'SITE' ELSE 'PROPERTY' END AS user
         FROM ca_set_associations used WHERE ca_set_id = ? ORDER BY kind, user_id, hostname, network",
    )
    .bind(decode::stored_id(ca_set))
    .fetch_all(connection)
    .await?)
}

/// What of an account names a set in its newest state, whether a network enforces that or not: kind and name.
pub(crate) async fn naming(
    connection: &mut SqliteConnection,
    account: &AccountId,
    ca_set: CaSetId,
) -> Result<Vec<(DeploymentKind, String)>, StoreError> {
    let rows = sqlx::query(
        "SELECT 'EDGE_CERTIFICATE' AS kind, name FROM edge_certificates WHERE account_id = ?1 AND EXISTS (
             SELECT 1 FROM json_tree(settings, '$.mutualAuthentication') AS named
             WHERE named.atom = ?2 AND (named.key = 'caSetId' OR named.path LIKE '%.additionalCaSetIds'))
         UNION ALL SELECT 'SITE', name FROM sites WHERE account_id = ?1 AND EXISTS (
             SELECT 1 FROM json_each(settings, '$.mutualAuthentication.caSetIds') AS named WHERE named.value = ?2)
         UNION ALL SELECT 'PROPERTY', properties.name FROM properties
             JOIN property_versions ON property_versions.property_id = properties.id
                 AND property_versions.version = (SELECT max(version) FROM property_versions WHERE property_id = properties.id)
             WHERE account_id = ?1 AND deleted_at IS NULL AND EXISTS (
                 SELECT 1 FROM json_tree(rules) AS named WHERE named.atom = ?2 AND (named.path LIKE '%.options.certificateAuthoritySet'
                     OR named.path LIKE '%.options.values' AND json_extract(rules, replace(named.path, '.options.values', '.name')) = 'clientCaSet'))
         ORDER BY kind, name",
    )
    .bind(account.as_str())
    .bind(ca_set.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let kind = decode::enumeration(row, "kind", DeploymentKind::from_text)?;
            Ok((kind, row.try_get("name")?))
        })
        .collect::<sqlx::Result<_>>()
        .map_err(StoreError::from)
}
