//! What a snapshot is compiled from: read by id lists, so that the number of queries does not grow with the number of things.

use std::collections::BTreeMap;

use countersign_snapshot::{CaSet, CaSetId, Network, VersionNumber};
use countersign_trust::{Owner, Policy, Sha1Signatures};
use sqlx::{Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{DeploymentId, DeploymentKind};

/// The version of every CA set that a network enforces, by id.
pub(crate) async fn ca_sets(
    connection: &mut SqliteConnection,
    network: Network,
) -> Result<Vec<(CaSetId, VersionNumber)>, StoreError> {
    super::activations::active(connection, network).await
}

/// The deployment of everything that a network enforces.
pub(crate) async fn deployments(
    connection: &mut SqliteConnection,
    network: Network,
) -> Result<Vec<DeploymentId>, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT deployment_id FROM deployed WHERE network = ?")
            .bind(decode::network_text(network))
            .fetch_all(connection)
            .await?
            .into_iter()
            .map(DeploymentId::new)
            .collect(),
    )
}

/// Versions with their certificates in their order, whatever their state.
pub(crate) async fn versions(
    connection: &mut SqliteConnection,
    wanted: &[(CaSetId, VersionNumber)],
) -> Result<Vec<CaSet>, StoreError> {
    let wanted: Vec<[i64; 2]> = wanted
        .iter()
        .map(|(id, version)| [decode::stored_id(*id), version.number().into()])
        .collect();
    let rows = sqlx::query(
        "SELECT v.ca_set_id, v.version, v.allow_insecure_sha1, ca_sets.name, ca_sets.account_id, certificates.der
         FROM json_each(?) AS wanted
         JOIN ca_set_versions v
             ON v.ca_set_id = json_extract(wanted.value, '$[0]') AND v.version = json_extract(wanted.value, '$[1]')
         JOIN ca_sets ON ca_sets.id = v.ca_set_id
         JOIN ca_set_version_certificates held ON held.ca_set_id = v.ca_set_id AND held.version = v.version
         JOIN certificates ON certificates.id = held.certificate_id
         ORDER BY v.ca_set_id, v.version, held.position",
    )
    .bind(serde_json::to_string(&wanted)?)
    .fetch_all(connection)
    .await?;
    let mut versions: BTreeMap<(CaSetId, VersionNumber), CaSet> = BTreeMap::new();
    for row in &rows {
        let id = decode::ca_set_id(row, "ca_set_id")?;
        let version = decode::version(row, "version")?;
        let der = row.try_get("der")?;
        match versions.entry((id, version)) {
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                entry.get_mut().certificates.push(der);
            }
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(CaSet {
                    id,
                    owner: Some(Owner::new(row.try_get("account_id")?)),
                    name: row.try_get("name")?,
                    version,
                    sha1: if row.try_get("allow_insecure_sha1")? {
                        Sha1Signatures::Allow
                    } else {
                        Sha1Signatures::Refuse
                    },
                    certificates: vec![der],
                    // A setting of the set, not of the version: whoever enforces it adds it.
                    policy: Policy::default(),
                });
            }
        }
    }
    Ok(versions.into_values().collect())
}

/// What was to be enforced by a deployment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct DeploymentBody {
    pub(crate) id: DeploymentId,
    pub(crate) kind: DeploymentKind,
    pub(crate) subject: i64,
    pub(crate) subject_name: String,
    pub(crate) version: u32,
    pub(crate) body: String,
}

/// The bodies of deployments, by id.
pub(crate) async fn bodies(
    connection: &mut SqliteConnection,
    wanted: &[DeploymentId],
) -> Result<Vec<DeploymentBody>, StoreError> {
    let wanted: Vec<i64> = wanted.iter().map(|id| id.number()).collect();
    let rows = sqlx::query(
        "SELECT d.id, d.kind, d.subject_id, d.subject_name, d.version, d.body FROM json_each(?) AS wanted
         JOIN deployments d ON d.id = wanted.value ORDER BY d.id",
    )
    .bind(serde_json::to_string(&wanted)?)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(DeploymentBody {
                id: DeploymentId::new(row.try_get("id")?),
                kind: decode::enumeration(row, "kind", DeploymentKind::from_text)?,
                subject: row.try_get("subject_id")?,
                subject_name: row.try_get("subject_name")?,
                version: row.try_get("version")?,
                body: row.try_get("body")?,
            })
        })
        .collect::<sqlx::Result<_>>()
        .map_err(StoreError::from)
}

/// Whether anything is in progress on a network.
pub(crate) async fn has_work(
    connection: &mut SqliteConnection,
    network: Network,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM activations WHERE status = 'IN_PROGRESS' AND network = ?1)
             OR EXISTS (SELECT 1 FROM deployments WHERE status = 'IN_PROGRESS' AND network = ?1)",
    )
    .bind(decode::network_text(network))
    .fetch_one(connection)
    .await?)
}
