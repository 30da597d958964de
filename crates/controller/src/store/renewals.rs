//! The certificates that networks present, to clients and to origins.

use countersign_trust::Certificate;
use sqlx::{Row, SqliteConnection};

use super::{StoreError, chain, decode};
use crate::model::{DeploymentKind, Presented};

/// Everything that is presented somewhere, once for each network.
pub(crate) async fn presented(
    connection: &mut SqliteConnection,
) -> Result<Vec<Presented>, StoreError> {
    let rows = sqlx::query(
        "SELECT d.account_id, d.kind, d.subject_id, d.subject_name, d.network, k.chain
         FROM deployed JOIN deployments d ON d.id = deployed.deployment_id
         JOIN json_each(json_extract(d.body, '$.key_pairs')) AS pair JOIN edge_certificate_keys k ON k.id = pair.value
         WHERE deployed.kind = 'EDGE_CERTIFICATE'
         UNION ALL SELECT d.account_id, d.kind, d.subject_id, d.subject_name, d.network, v.chain
         FROM deployed JOIN deployments d ON d.id = deployed.deployment_id
         JOIN client_credential_versions v ON v.client_credential_id = d.subject_id AND v.version = d.version
         WHERE deployed.kind = 'CLIENT_CREDENTIAL'
         ORDER BY 1, 2, 3, 5",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Presented {
                account: crate::model::AccountId::new(row.try_get::<String, _>("account_id")?),
                kind: decode::enumeration(row, "kind", DeploymentKind::from_text)?,
                id: row.try_get("subject_id")?,
                name: row.try_get("subject_name")?,
                network: decode::enumeration(row, "network", decode::network)?,
                leaf: leaf(chain::column(row, "chain")?)?,
            })
        })
        .collect::<sqlx::Result<_>>()
        .map_err(StoreError::from)
}

fn leaf(chain: Vec<Certificate>) -> sqlx::Result<Certificate> {
    chain
        .into_iter()
        .next()
        .ok_or_else(|| decode::corrupt("chain"))
}
