//! What sites and properties hold on the networks: names and edge certificates.

use countersign_snapshot::{NamePattern, Network};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{AccountId, DeploymentKind, EdgeCertificateId};

/// Who holds things: a site or a property.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder<'a> {
    pub(crate) kind: DeploymentKind,
    pub(crate) id: i64,
    pub(crate) name: &'a str,
    pub(crate) account: &'a AccountId,
}

/// A name that somebody holds on a network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct HeldName {
    pub(crate) pattern: String,
    pub(crate) kind: DeploymentKind,
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) account: AccountId,
}

impl FromRow<'_, SqliteRow> for HeldName {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            pattern: row.try_get("pattern")?,
            kind: decode::enumeration(row, "kind", DeploymentKind::from_text)?,
            id: row.try_get("subject_id")?,
            name: row.try_get("subject_name")?,
            account: AccountId::new(row.try_get::<String, _>("account_id")?),
        })
    }
}

/// Who else has one of these names on a network already.
pub(crate) async fn of_names(
    connection: &mut SqliteConnection,
    network: Network,
    patterns: &[NamePattern],
    but: (DeploymentKind, i64),
) -> Result<Vec<HeldName>, StoreError> {
    let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    Ok(sqlx::query_as(
        "SELECT held.* FROM json_each(?) AS wanted
         JOIN held_hostnames held ON held.network = ? AND held.pattern = wanted.value
         WHERE NOT (held.kind = ? AND held.subject_id = ?) ORDER BY wanted.key",
    )
    .bind(serde_json::to_string(&patterns)?)
    .bind(decode::network_text(network))
    .bind(but.0.as_str())
    .bind(but.1)
    .fetch_all(connection)
    .await?)
}

/// The first of these names that covers a name which another account has on a network, or that is covered by one.
pub(crate) async fn overlapping(
    connection: &mut SqliteConnection,
    network: Network,
    patterns: &[NamePattern],
    account: &AccountId,
) -> Result<Option<String>, StoreError> {
    let (mut exact, mut wildcards) = (Vec::new(), Vec::new());
    for pattern in patterns {
        match pattern {
            NamePattern::Exact(_) => exact.push(pattern.to_string()),
            NamePattern::Wildcard(_) => wildcards.push(pattern.to_string()),
        }
    }
    Ok(sqlx::query_scalar(
        "SELECT wanted.value FROM json_each(?1) AS wanted JOIN held_hostnames held
             ON held.network = ?3 AND held.pattern = '*' || substr(wanted.value, instr(wanted.value, '.'))
         WHERE held.account_id <> ?4
         UNION ALL SELECT wanted.value FROM json_each(?2) AS wanted JOIN held_hostnames held
             ON held.network = ?3 AND wanted.value = '*' || substr(held.pattern, instr(held.pattern, '.'))
         WHERE held.account_id <> ?4 LIMIT 1",
    )
    .bind(serde_json::to_string(&exact)?)
    .bind(serde_json::to_string(&wildcards)?)
    .bind(decode::network_text(network))
    .bind(account.as_str())
    .fetch_optional(connection)
    .await?)
}

/// The names for which an edge certificate is presented on a network, or is about to be.
pub(crate) async fn of_edge_certificate(
    connection: &mut SqliteConnection,
    id: EdgeCertificateId,
    network: Network,
) -> Result<Vec<HeldName>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT used.pattern, used.kind, used.subject_id, used.subject_name, edge_certificates.account_id
         FROM held_edge_certificates used
         JOIN edge_certificates ON edge_certificates.id = used.edge_certificate_id
         WHERE used.edge_certificate_id = ? AND used.network = ? ORDER BY used.subject_name, used.pattern",
    )
    .bind(id.number())
    .bind(decode::network_text(network))
    .fetch_all(connection)
    .await?)
}

/// Says anew what a site or property holds on a network, each thing once: its names, and the edge certificates presented for them. To be
/// called in the transaction that changes it.
///
/// # Errors
/// A unique violation when another one has one of the names.
pub(crate) async fn replace(
    connection: &mut SqliteConnection,
    holder: Holder<'_>,
    network: Network,
    patterns: &[NamePattern],
    edge_certificates: &[(EdgeCertificateId, NamePattern)],
) -> Result<(), StoreError> {
    let network = decode::network_text(network);
    for table in [
        "DELETE FROM held_hostnames WHERE kind = ? AND subject_id = ? AND network = ?",
        "DELETE FROM held_edge_certificates WHERE kind = ? AND subject_id = ? AND network = ?",
    ] {
        sqlx::query(table)
            .bind(holder.kind.as_str())
            .bind(holder.id)
            .bind(network)
            .execute(&mut *connection)
            .await?;
    }
    for pattern in patterns {
        sqlx::query(
            "INSERT INTO held_hostnames (network, pattern, kind, subject_id, subject_name, account_id)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(network)
        .bind(pattern.to_string())
        .bind(holder.kind.as_str())
        .bind(holder.id)
        .bind(holder.name)
        .bind(holder.account.as_str())
        .execute(&mut *connection)
        .await?;
    }
    for (certificate, pattern) in edge_certificates {
        sqlx::query(
            "INSERT INTO held_edge_certificates (network, edge_certificate_id, pattern, kind, subject_id, subject_name)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(network)
        .bind(certificate.number())
        .bind(pattern.to_string())
        .bind(holder.kind.as_str())
        .bind(holder.id)
        .bind(holder.name)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
