//! Versions of CA sets and the certificates in them.

use aws_lc_rs::digest::{Context, SHA256};
use countersign_snapshot::{CaSetId, VersionNumber};
use countersign_trust::{Fingerprint, Sha1Signatures, UnixTime};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{HeldCertificate, Version};

macro_rules! select_versions {
    ($rest:literal) => {
        concat!(
            "SELECT v.*, s.name AS ca_set_name,
               EXISTS (SELECT 1 FROM active_versions a WHERE a.ca_set_id = v.ca_set_id AND a.network = 'STAGING'
                         AND a.version = v.version) AS active_on_staging,
               EXISTS (SELECT 1 FROM active_versions a WHERE a.ca_set_id = v.ca_set_id AND a.network = 'PRODUCTION'
                         AND a.version = v.version) AS active_on_production
             FROM ca_set_versions v JOIN ca_sets s ON s.id = v.ca_set_id ",
            $rest
        )
    };
}

impl FromRow<'_, SqliteRow> for Version {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            ca_set: decode::ca_set_id(row, "ca_set_id")?,
            ca_set_name: row.try_get("ca_set_name")?,
            number: decode::version(row, "version")?,
            description: row.try_get("description")?,
            sha1: if row.try_get("allow_insecure_sha1")? {
                Sha1Signatures::Allow
            } else {
                Sha1Signatures::Refuse
            },
            active_on_staging: row.try_get("active_on_staging")?,
            active_on_production: row.try_get("active_on_production")?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            edits: row.try_get("edits")?,
            modified_at: decode::optional_time(row, "modified_at")?,
            modified_by: row.try_get("modified_by")?,
            frozen_at: decode::optional_time(row, "frozen_at")?,
            deleted_at: decode::optional_time(row, "deleted_at")?,
            removal_at: decode::optional_time(row, "removal_at")?,
            certificates: None,
        })
    }
}

impl FromRow<'_, SqliteRow> for HeldCertificate {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let fingerprint: &[u8] = row.try_get("fingerprint")?;
        let fingerprint = <[u8; 32]>::try_from(fingerprint).map_err(|_| {
            sqlx::Error::Decode(Box::new(StoreError::Corrupt {
                what: "fingerprint",
            }))
        })?;
        Ok(Self {
            der: row.try_get("der")?,
            fingerprint: Fingerprint::from_bytes(fingerprint),
            subject: row.try_get("subject")?,
            issuer: row.try_get("issuer")?,
            serial_number: row.try_get("serial_number")?,
            signature_algorithm: row.try_get("signature_algorithm")?,
            not_before: decode::time(row, "not_before")?,
            not_after: decode::time(row, "not_after")?,
            description: row.try_get("description")?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
        })
    }
}

/// Takes the next version number of a set. Numbers are never reused, not even those of deleted versions.
pub(crate) async fn next_number(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
) -> Result<VersionNumber, StoreError> {
    let number: u32 = sqlx::query_scalar(
        "UPDATE ca_sets SET next_version = next_version + 1 WHERE id = ? RETURNING next_version - 1",
    )
    .bind(decode::stored_id(ca_set))
    .fetch_one(connection)
    .await?;
    Ok(VersionNumber::new(number))
}

/// Adds a version with its certificates.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    version: &Version,
    certificates: &[HeldCertificate],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO ca_set_versions (ca_set_id, version, description, allow_insecure_sha1, content_digest, created_at, created_by)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(decode::stored_id(version.ca_set))
    .bind(version.number.number())
    .bind(&version.description)
    .bind(version.sha1 == Sha1Signatures::Allow)
    .bind(content_digest(certificates))
    .bind(version.created_at.as_micros())
    .bind(&version.created_by)
    .execute(&mut *connection)
    .await?;
    insert_certificates(connection, version.ca_set, version.number, certificates).await
}

/// Replaces what an editable version says and holds.
///
/// # Errors
/// When the version is frozen; the database itself refuses.
pub(crate) async fn replace(
    connection: &mut SqliteConnection,
    version: &Version,
    certificates: &[HeldCertificate],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE ca_set_versions SET description = ?, allow_insecure_sha1 = ?, content_digest = ?, edits = ?, modified_at = ?, modified_by = ?
         WHERE ca_set_id = ? AND version = ?",
    )
    .bind(&version.description)
    .bind(version.sha1 == Sha1Signatures::Allow)
    .bind(content_digest(certificates))
    .bind(version.edits)
    .bind(version.modified_at.map(UnixTime::as_micros))
    .bind(&version.modified_by)
    .bind(decode::stored_id(version.ca_set))
    .bind(version.number.number())
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM ca_set_version_certificates WHERE ca_set_id = ? AND version = ?")
        .bind(decode::stored_id(version.ca_set))
        .bind(version.number.number())
        .execute(&mut *connection)
        .await?;
    insert_certificates(connection, version.ca_set, version.number, certificates).await
}

async fn insert_certificates(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    version: VersionNumber,
    certificates: &[HeldCertificate],
) -> Result<(), StoreError> {
    for (position, held) in (0_i64..).zip(certificates) {
        sqlx::query(
            "INSERT INTO certificates (fingerprint, der, subject, issuer, serial_number, signature_algorithm, not_before, not_after)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (fingerprint) DO NOTHING",
        )
        .bind(held.fingerprint.as_bytes().as_slice())
        .bind(held.der.as_slice())
        .bind(&held.subject)
        .bind(&held.issuer)
        .bind(&held.serial_number)
        .bind(&held.signature_algorithm)
        .bind(held.not_before.as_micros())
        .bind(held.not_after.as_micros())
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "INSERT INTO ca_set_version_certificates (ca_set_id, version, position, certificate_id, description, created_at, created_by)
             VALUES (?, ?, ?, (SELECT id FROM certificates WHERE fingerprint = ?), ?, ?, ?)",
        )
        .bind(decode::stored_id(ca_set))
        .bind(version.number())
        .bind(position)
        .bind(held.fingerprint.as_bytes().as_slice())
        .bind(&held.description)
        .bind(held.created_at.as_micros())
        .bind(&held.created_by)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// One version without its certificates, deleted or not.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    version: VersionNumber,
) -> Result<Option<Version>, StoreError> {
    Ok(
        sqlx::query_as(select_versions!("WHERE v.ca_set_id = ? AND v.version = ?"))
            .bind(decode::stored_id(ca_set))
            .bind(version.number())
            .fetch_optional(connection)
            .await?,
    )
}

/// The versions of a set without their certificates, newest first, deleted or not.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
) -> Result<Vec<Version>, StoreError> {
    Ok(sqlx::query_as(select_versions!(
        "WHERE v.ca_set_id = ? ORDER BY v.version DESC"
    ))
    .bind(decode::stored_id(ca_set))
    .fetch_all(connection)
    .await?)
}

/// The certificates of one version, in the order given.
pub(crate) async fn certificates(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    version: VersionNumber,
) -> Result<Vec<HeldCertificate>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT c.*, h.description, h.created_at, h.created_by
         FROM ca_set_version_certificates h JOIN certificates c ON c.id = h.certificate_id
         WHERE h.ca_set_id = ? AND h.version = ? ORDER BY h.position",
    )
    .bind(decode::stored_id(ca_set))
    .bind(version.number())
    .fetch_all(connection)
    .await?)
}

/// How many versions of the set are not deleted.
pub(crate) async fn count(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
) -> Result<u32, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM ca_set_versions WHERE ca_set_id = ? AND deleted_at IS NULL",
    )
    .bind(decode::stored_id(ca_set))
    .fetch_one(connection)
    .await?)
}

/// A version of the set that is not deleted and holds exactly these certificates.
pub(crate) async fn find_by_content(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    certificates: &[HeldCertificate],
) -> Result<Option<VersionNumber>, StoreError> {
    let number: Option<u32> = sqlx::query_scalar(
        "SELECT version FROM ca_set_versions WHERE ca_set_id = ? AND content_digest = ? AND deleted_at IS NULL
         ORDER BY version LIMIT 1",
    )
    .bind(decode::stored_id(ca_set))
    .bind(content_digest(certificates))
    .fetch_optional(connection)
    .await?;
    Ok(number.map(VersionNumber::new))
}

/// Freezes a version, if it is not frozen.
pub(crate) async fn freeze(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    version: VersionNumber,
    at: UnixTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE ca_set_versions SET frozen_at = ? WHERE ca_set_id = ? AND version = ? AND frozen_at IS NULL",
    )
    .bind(at.as_micros())
    .bind(decode::stored_id(ca_set))
    .bind(version.number())
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks a version for removal.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    version: VersionNumber,
    at: UnixTime,
    by: &str,
    removal: UnixTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE ca_set_versions SET deleted_at = ?, deleted_by = ?, removal_at = ? WHERE ca_set_id = ? AND version = ?",
    )
    .bind(at.as_micros())
    .bind(by)
    .bind(removal.as_micros())
    .bind(decode::stored_id(ca_set))
    .bind(version.number())
    .execute(connection)
    .await?;
    Ok(())
}

/// Equal exactly when two lists hold the same certificates in whatever order.
fn content_digest(certificates: &[HeldCertificate]) -> Vec<u8> {
    let mut fingerprints: Vec<_> = certificates.iter().map(|held| held.fingerprint).collect();
    fingerprints.sort_unstable();
    fingerprints.dedup();
    let mut context = Context::new(&SHA256);
    for fingerprint in fingerprints {
        context.update(fingerprint.as_bytes());
    }
    context.finish().as_ref().to_vec()
}
