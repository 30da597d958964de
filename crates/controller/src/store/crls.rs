//! CRLs of CA sets, and what is done about revocation for each set.

use countersign_snapshot::{BodyDigest, CaSetId};
use countersign_trust::{
    Certificate, RevocationMode, RevocationPolicy, RevocationScope, Sha1Signatures, UnixTime,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};
use std::collections::HashSet;
use std::time::Duration;

use super::{StoreError, decode};
use crate::model::{AccountId, CrlSource, HeldCrl};

impl FromRow<'_, SqliteRow> for CrlSource {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            ca_set: decode::ca_set_id(row, "ca_set_id")?,
            url: row.try_get("url")?,
            private_network: row.try_get("private_network")?,
            from_certificate: row.try_get("from_certificate")?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            crl: held(row)?,
            checked_at: decode::optional_time(row, "checked_at")?,
            check_at: decode::optional_time(row, "check_at")?,
            failures: decode::unsigned(row, "failures")?,
            error: row.try_get("error")?,
            etag: row.try_get("etag")?,
            last_modified: row.try_get("last_modified")?,
        })
    }
}

fn held(row: &SqliteRow) -> sqlx::Result<Option<HeldCrl>> {
    let Some(digest) = row.try_get::<Option<Vec<u8>>, _>("digest")? else {
        return Ok(None);
    };
    let digest = digest.try_into().map_err(|_| decode::corrupt("digest"))?;
    Ok(Some(HeldCrl {
        digest: BodyDigest::from_bytes(digest),
        signer: Certificate::from_der(row.try_get("signer")?)
            .map_err(|_| decode::corrupt("signer"))?,
        issuer: row.try_get("issuer")?,
        number: row.try_get("number")?,
        is_delta: row.try_get("is_delta")?,
        entries: row.try_get("entries")?,
        this_update: decode::time(row, "this_update")?,
        next_update: decode::optional_time(row, "next_update")?,
        received_at: decode::time(row, "received_at")?,
    }))
}

/// Adds a source, or replaces all that may change of it.
pub(crate) async fn put(
    connection: &mut SqliteConnection,
    source: &CrlSource,
) -> Result<(), StoreError> {
    let crl = source.crl.as_ref();
    sqlx::query(
        "INSERT INTO crls (id, ca_set_id, url, private_network, from_certificate, created_at, created_by, digest, signer, issuer, number, is_delta, entries,
             this_update, next_update, received_at, etag, last_modified, checked_at, check_at, failures, error)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET private_network = excluded.private_network, from_certificate = excluded.from_certificate,
             digest = excluded.digest, signer = excluded.signer, issuer = excluded.issuer,
             number = excluded.number, is_delta = excluded.is_delta, entries = excluded.entries, this_update = excluded.this_update,
             next_update = excluded.next_update, received_at = excluded.received_at, etag = excluded.etag,
             last_modified = excluded.last_modified, checked_at = excluded.checked_at, check_at = excluded.check_at,
             failures = excluded.failures, error = excluded.error",
    )
    .bind(source.id)
    .bind(decode::stored_id(source.ca_set))
    .bind(&source.url)
    .bind(source.private_network)
    .bind(source.from_certificate)
    .bind(source.created_at.as_micros())
    .bind(&source.created_by)
    .bind(crl.map(|it| it.digest.as_bytes().to_vec()))
    .bind(crl.map(|it| it.signer.der()))
    .bind(crl.map(|it| &it.issuer))
    .bind(crl.and_then(|it| it.number.as_ref()))
    .bind(crl.map(|it| it.is_delta))
    .bind(crl.map(|it| it.entries))
    .bind(crl.map(|it| it.this_update.as_micros()))
    .bind(crl.and_then(|it| it.next_update).map(UnixTime::as_micros))
    .bind(crl.map(|it| it.received_at.as_micros()))
    .bind(&source.etag)
    .bind(&source.last_modified)
    .bind(source.checked_at.map(UnixTime::as_micros))
    .bind(source.check_at.map(UnixTime::as_micros))
    .bind(source.failures)
    .bind(&source.error)
    .execute(connection)
    .await?;
    Ok(())
}

/// The sources of a CA set, by number.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
) -> Result<Vec<CrlSource>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM crls WHERE ca_set_id = ? ORDER BY id")
            .bind(decode::stored_id(ca_set))
            .fetch_all(connection)
            .await?,
    )
}

/// One source.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<CrlSource>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM crls WHERE id = ?")
        .bind(id)
        .fetch_optional(connection)
        .await?)
}

/// Forgets a source.
pub(crate) async fn delete(connection: &mut SqliteConnection, id: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM crls WHERE id = ?")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The sources that are to be asked now, the longest waiting first.
pub(crate) async fn due(
    connection: &mut SqliteConnection,
    now: UnixTime,
    limit: u32,
) -> Result<Vec<CrlSource>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT c.* FROM crls c JOIN ca_sets s ON s.id = c.ca_set_id AND s.status = 'NOT_DELETED'
         WHERE c.check_at <= ? ORDER BY c.check_at LIMIT ?",
    )
    .bind(now.as_micros())
    .bind(limit)
    .fetch_all(connection)
    .await?)
}

/// The CRLs of every CA set that is not deleted, with whether SHA-1 will do; by number.
pub(crate) async fn in_force(
    connection: &mut SqliteConnection,
) -> Result<Vec<(HeldCrl, Sha1Signatures)>, StoreError> {
    let rows = sqlx::query(
        "SELECT c.*, EXISTS (SELECT 1 FROM ca_set_versions v WHERE v.ca_set_id = c.ca_set_id AND v.allow_insecure_sha1 = 1
             AND v.deleted_at IS NULL) AS allow_sha1
         FROM crls c JOIN ca_sets s ON s.id = c.ca_set_id AND s.status = 'NOT_DELETED' WHERE c.digest IS NOT NULL ORDER BY c.id",
    )
    .fetch_all(connection)
    .await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in &rows {
        all.extend(held(row)?.map(|crl| (crl, row)));
    }
    all.into_iter()
        .map(|(crl, row)| Ok((crl, sha1(row.try_get("allow_sha1")?))))
        .collect()
}

/// The addresses of all bodies that a row refers to, hexadecimal.
pub(crate) async fn bodies(
    connection: &mut SqliteConnection,
) -> Result<HashSet<String>, StoreError> {
    let digests: Vec<String> =
        sqlx::query_scalar("SELECT lower(hex(digest)) FROM crls WHERE digest IS NOT NULL UNION SELECT lower(hex(digest)) FROM ocsp_answers WHERE digest IS NOT NULL")
            .fetch_all(connection)
            .await?;
    Ok(digests.into_iter().collect())
}

/// The certificates of all versions of a CA set that are not deleted, and whether one of them admits SHA-1.
pub(crate) async fn signers(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
) -> Result<(Vec<Certificate>, Sha1Signatures), StoreError> {
    let rows = sqlx::query(
        "SELECT DISTINCT c.der, max(v.allow_insecure_sha1) AS allow_sha1 FROM ca_set_versions v
         JOIN ca_set_version_certificates h ON h.ca_set_id = v.ca_set_id AND h.version = v.version
         JOIN certificates c ON c.id = h.certificate_id WHERE v.ca_set_id = ? AND v.deleted_at IS NULL GROUP BY c.id ORDER BY c.id",
    )
    .bind(decode::stored_id(ca_set))
    .fetch_all(connection)
    .await?;
    let mut certificates = Vec::with_capacity(rows.len());
    let mut allow = false;
    for row in &rows {
        let der: &[u8] = row.try_get("der")?;
        certificates.push(Certificate::from_der(der).map_err(|_| decode::corrupt("der"))?);
        allow |= row.try_get::<bool, _>("allow_sha1")?;
    }
    Ok((certificates, sha1(allow)))
}

pub(super) const fn sha1(allow: bool) -> Sha1Signatures {
    if allow {
        Sha1Signatures::Allow
    } else {
        Sha1Signatures::Refuse
    }
}

fn policy(row: &SqliteRow) -> sqlx::Result<RevocationPolicy> {
    Ok(RevocationPolicy {
        mode: decode::enumeration(row, "mode", |text| match text {
            "off" => Some(RevocationMode::Off),
            "prefer" => Some(RevocationMode::Prefer),
            "require" => Some(RevocationMode::Require),
            _ => None,
        })?,
        scope: decode::enumeration(row, "scope", |text| match text {
            "leaf" => Some(RevocationScope::Leaf),
            "path" => Some(RevocationScope::Path),
            _ => None,
        })?,
        stale_grace: Duration::from_secs(decode::unsigned(row, "stale_grace_seconds")?),
    })
}

/// What is done about revocation for each CA set for which something was said.
pub(crate) async fn policies(
    connection: &mut SqliteConnection,
    only: Option<CaSetId>,
) -> Result<Vec<(CaSetId, RevocationPolicy)>, StoreError> {
    let rows = sqlx::query(
        "SELECT * FROM revocation_policies WHERE ?1 IS NULL OR ca_set_id = ?1 ORDER BY ca_set_id",
    )
    .bind(only.map(decode::stored_id))
    .fetch_all(connection)
    .await?;
    policies_in(&rows)
}

/// What is done about revocation for those CA sets of an account for which something is done.
pub(crate) async fn policies_of_account(
    connection: &mut SqliteConnection,
    account: &AccountId,
) -> Result<Vec<(CaSetId, RevocationPolicy)>, StoreError> {
    let rows = sqlx::query(
        "SELECT p.* FROM revocation_policies p JOIN ca_sets s ON s.id = p.ca_set_id
         WHERE s.account_id = ? AND s.status = 'NOT_DELETED' AND p.mode <> 'off' ORDER BY p.ca_set_id",
    )
    .bind(account.as_str())
    .fetch_all(connection)
    .await?;
    policies_in(&rows)
}

fn policies_in(rows: &[SqliteRow]) -> Result<Vec<(CaSetId, RevocationPolicy)>, StoreError> {
    rows.iter()
        .map(|row| Ok((decode::ca_set_id(row, "ca_set_id")?, policy(row)?)))
        .collect()
}

/// Says what is done about revocation for a CA set.
pub(crate) async fn set_policy(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    policy: &RevocationPolicy,
    at: UnixTime,
    by: &str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO revocation_policies (ca_set_id, mode, scope, stale_grace_seconds, modified_at, modified_by) VALUES (?, ?, ?, ?, ?, ?)")
        .bind(decode::stored_id(ca_set))
        .bind(mode_text(policy.mode))
        .bind(scope_text(policy.scope))
        .bind(i64::try_from(policy.stale_grace.as_secs()).unwrap_or(i64::MAX))
        .bind(at.as_micros())
        .bind(by)
        .execute(connection)
        .await?;
    Ok(())
}

/// The text of a mode, in the store and on the wire.
pub(crate) const fn mode_text(mode: RevocationMode) -> &'static str {
    match mode {
        RevocationMode::Off => "off",
        RevocationMode::Prefer => "prefer",
        RevocationMode::Require => "require",
    }
}

/// The text of a scope, in the store and on the wire.
pub(crate) const fn scope_text(scope: RevocationScope) -> &'static str {
    match scope {
        RevocationScope::Leaf => "leaf",
        RevocationScope::Path => "path",
    }
}
