//! Revocations by hand, and the manifest that tells edge nodes of all revocations.

use countersign_snapshot::RevocationSequence;
use countersign_trust::{Fingerprint, ManualRevocation, SerialNumber, UnixTime};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};
use crate::model::{AccountId, Revocation, RevocationId, revocation_reason};

impl FromRow<'_, SqliteRow> for Revocation {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: RevocationId::new(row.try_get("id")?),
            account: AccountId::new(row.try_get::<String, _>("account_id")?),
            what: what(row)?,
            reason: decode::enumeration(row, "reason", revocation_reason)?,
            note: row.try_get("note")?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            ends_at: decode::optional_time(row, "ends_at")?,
            ended_at: decode::optional_time(row, "ended_at")?,
            ended_by: row.try_get("ended_by")?,
        })
    }
}

fn what(row: &SqliteRow) -> sqlx::Result<ManualRevocation> {
    let fingerprint: Fingerprint = row
        .try_get::<&str, _>("fingerprint")?
        .parse()
        .map_err(|_| decode::corrupt("fingerprint"))?;
    Ok(match row.try_get::<&str, _>("kind")? {
        "CERTIFICATE" => ManualRevocation::Certificate(fingerprint),
        "KEY" => ManualRevocation::Key(fingerprint),
        "SERIAL" => ManualRevocation::Serial {
            issuer_key: fingerprint,
            serial: SerialNumber::from_bytes(row.try_get("serial")?),
        },
        "ISSUED_BEFORE" => ManualRevocation::IssuedBefore {
            issuer_key: fingerprint,
            before: decode::time(row, "before")?,
        },
        _ => return Err(decode::corrupt("kind")),
    })
}

/// Adds a revocation.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    revocation: &Revocation,
) -> Result<(), StoreError> {
    let (kind, fingerprint, serial, before) = match &revocation.what {
        ManualRevocation::Certificate(fingerprint) => ("CERTIFICATE", fingerprint, None, None),
        ManualRevocation::Key(fingerprint) => ("KEY", fingerprint, None, None),
        ManualRevocation::Serial { issuer_key, serial } => {
            ("SERIAL", issuer_key, Some(serial.as_bytes()), None)
        }
        ManualRevocation::IssuedBefore { issuer_key, before } => {
            ("ISSUED_BEFORE", issuer_key, None, Some(before.as_micros()))
        }
    };
    sqlx::query(
        "INSERT INTO revocations (id, account_id, kind, fingerprint, serial, before, reason, note, created_at, created_by, ends_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(revocation.id.number())
    .bind(revocation.account.as_str())
    .bind(kind)
    .bind(fingerprint.to_string())
    .bind(serial)
    .bind(before)
    .bind(revocation.reason.name())
    .bind(&revocation.note)
    .bind(revocation.created_at.as_micros())
    .bind(&revocation.created_by)
    .bind(revocation.ends_at.map(UnixTime::as_micros))
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends a revocation.
pub(crate) async fn end(
    connection: &mut SqliteConnection,
    id: RevocationId,
    at: UnixTime,
    by: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE revocations SET ended_at = ?, ended_by = ? WHERE id = ? AND ended_at IS NULL",
    )
    .bind(at.as_micros())
    .bind(by)
    .bind(id.number())
    .execute(connection)
    .await?;
    Ok(())
}

/// The revocations of an account, newest first; only one when `id` is given.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    account: &AccountId,
    id: Option<RevocationId>,
) -> Result<Vec<Revocation>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM revocations WHERE account_id = ?1 AND (?2 IS NULL OR id = ?2) ORDER BY id DESC",
    )
    .bind(account.as_str())
    .bind(id.map(RevocationId::number))
    .fetch_all(connection)
    .await?)
}

/// The revocations of all accounts that hold at a time, by id.
pub(crate) async fn in_force(
    connection: &mut SqliteConnection,
    at: UnixTime,
) -> Result<Vec<Revocation>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM revocations WHERE ended_at IS NULL AND (ends_at IS NULL OR ends_at > ?) ORDER BY id",
    )
    .bind(at.as_micros())
    .fetch_all(connection)
    .await?)
}

/// The manifest that edge nodes have, or will have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StoredManifest {
    pub(crate) sequence: RevocationSequence,
    /// Digest of the content without sequence and time.
    pub(crate) content: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) created_at: UnixTime,
}

impl FromRow<'_, SqliteRow> for StoredManifest {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            sequence: RevocationSequence::new(decode::unsigned(row, "sequence")?),
            content: row.try_get("content")?,
            body: row.try_get("body")?,
            created_at: decode::time(row, "created_at")?,
        })
    }
}

/// The last manifest; none before the first.
pub(crate) async fn manifest(
    connection: &mut SqliteConnection,
) -> Result<Option<StoredManifest>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM revocation_manifest")
        .fetch_optional(connection)
        .await?)
}

/// Keeps a manifest. To be committed before it is offered: no other one will ever have its sequence.
pub(crate) async fn set_manifest(
    connection: &mut SqliteConnection,
    manifest: &StoredManifest,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO revocation_manifest (id, sequence, content, body, created_at) VALUES (1, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, content = excluded.content,
             body = excluded.body, created_at = excluded.created_at",
    )
    // Sequences are given out by the store itself, one by one.
    .bind(i64::try_from(manifest.sequence.number()).unwrap_or(i64::MAX))
    .bind(&manifest.content)
    .bind(&manifest.body)
    .bind(manifest.created_at.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}
