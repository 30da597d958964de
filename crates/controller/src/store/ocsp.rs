//! Who is asked about certificates, and what they said.

use countersign_api::v1::edge_certificates::OcspStapling;
use countersign_api::v1::ocsp::RevocationSources;
use countersign_snapshot::{BodyDigest, CaSetId};
use countersign_trust::{Certificate, Sha1Signatures, UnixTime};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, chain, crls, decode};
use crate::model::{AskedCertificate, HeldAnswer, Says};

impl FromRow<'_, SqliteRow> for AskedCertificate {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let certificate = |column: &'static str| {
            Certificate::from_der(row.try_get(column)?).map_err(|_| decode::corrupt(column))
        };
        let ca_set = row.try_get::<Option<i64>, _>("ca_set_id")?;
        Ok(Self {
            id: row.try_get("id")?,
            ca_set: ca_set
                .map(|_| decode::ca_set_id(row, "ca_set_id"))
                .transpose()?,
            certificate: certificate("certificate")?,
            issuer: certificate("issuer")?,
            created_at: decode::time(row, "created_at")?,
            wanted_at: decode::time(row, "wanted_at")?,
            answer: held(row)?,
            responder: row.try_get("responder")?,
            checked_at: decode::optional_time(row, "checked_at")?,
            check_at: decode::time(row, "check_at")?,
            failures: decode::unsigned(row, "failures")?,
            error: row.try_get("error")?,
        })
    }
}

fn held(row: &SqliteRow) -> sqlx::Result<Option<HeldAnswer>> {
    let Some(response) = row.try_get::<Option<Vec<u8>>, _>("response")? else {
        return Ok(None);
    };
    let digest = row
        .try_get::<Option<Vec<u8>>, _>("digest")?
        .map(|digest| digest.try_into().map(BodyDigest::from_bytes))
        .transpose()
        .map_err(|_| decode::corrupt("digest"))?;
    Ok(Some(HeldAnswer {
        response,
        digest,
        says: match row.try_get::<&str, _>("state")? {
            "good" => Says::Good,
            "revoked" => Says::Revoked(decode::time(row, "revoked_at")?),
            "unknown" => Says::Unknown,
            _ => return Err(decode::corrupt("state")),
        },
        this_update: decode::time(row, "this_update")?,
        next_update: decode::time(row, "next_update")?,
        received_at: decode::time(row, "received_at")?,
    }))
}

/// Adds a certificate to ask about, or replaces all that may change of it.
pub(crate) async fn put(
    connection: &mut SqliteConnection,
    asked: &AskedCertificate,
) -> Result<(), StoreError> {
    let answer = asked.answer.as_ref();
    let revoked_at = answer.and_then(|answer| match answer.says {
        Says::Revoked(at) => Some(at.as_micros()),
        Says::Good | Says::Unknown => None,
    });
    sqlx::query(
        "INSERT INTO ocsp_answers (id, ca_set_id, issuer_key, serial, certificate, issuer, created_at, wanted_at, response, digest, state,
             revoked_at, this_update, next_update, received_at, responder, checked_at, check_at, failures, error)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET wanted_at = max(wanted_at, excluded.wanted_at), response = excluded.response,
             digest = excluded.digest, state = excluded.state, revoked_at = excluded.revoked_at, this_update = excluded.this_update,
             next_update = excluded.next_update, received_at = excluded.received_at, responder = excluded.responder,
             checked_at = excluded.checked_at, check_at = excluded.check_at, failures = excluded.failures, error = excluded.error",
    )
    .bind(asked.id)
    .bind(asked.ca_set.map(decode::stored_id))
    .bind(asked.issuer.spki_fingerprint().to_string())
    .bind(asked.certificate.serial().as_bytes())
    .bind(asked.certificate.der())
    .bind(asked.issuer.der())
    .bind(asked.created_at.as_micros())
    .bind(asked.wanted_at.as_micros())
    .bind(answer.map(|it| &it.response))
    .bind(answer.and_then(|it| it.digest).map(|it| it.as_bytes().to_vec()))
    .bind(answer.map(|it| it.says.as_str()))
    .bind(revoked_at)
    .bind(answer.map(|it| it.this_update.as_micros()))
    .bind(answer.map(|it| it.next_update.as_micros()))
    .bind(answer.map(|it| it.received_at.as_micros()))
    .bind(&asked.responder)
    .bind(asked.checked_at.map(UnixTime::as_micros))
    .bind(asked.check_at.as_micros())
    .bind(asked.failures)
    .bind(&asked.error)
    .execute(connection)
    .await?;
    Ok(())
}

/// What is known about a certificate, by the key of its issuer and its serial number.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    ca_set: Option<CaSetId>,
    certificate: &Certificate,
    issuer: &Certificate,
) -> Result<Option<AskedCertificate>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM ocsp_answers WHERE coalesce(ca_set_id, 0) = ? AND issuer_key = ? AND serial = ?",
    )
    .bind(ca_set.map_or(0, decode::stored_id))
    .bind(issuer.spki_fingerprint().to_string())
    .bind(certificate.serial().as_bytes())
    .fetch_optional(connection)
    .await?)
}

/// Notes that a node wants to know about a certificate.
pub(crate) async fn want(
    connection: &mut SqliteConnection,
    id: i64,
    at: UnixTime,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE ocsp_answers SET wanted_at = ? WHERE id = ?")
        .bind(at.as_micros())
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The certificates that are to be asked about now, the longest waiting first.
pub(crate) async fn due(
    connection: &mut SqliteConnection,
    now: UnixTime,
    limit: u32,
) -> Result<Vec<AskedCertificate>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT a.* FROM ocsp_answers a LEFT JOIN ca_sets s ON s.id = a.ca_set_id
         WHERE a.check_at <= ? AND (a.ca_set_id IS NULL OR s.status = 'NOT_DELETED') ORDER BY a.check_at LIMIT ?",
    )
    .bind(now.as_micros())
    .bind(limit)
    .fetch_all(connection)
    .await?)
}

/// Forgets a certificate.
pub(crate) async fn delete(connection: &mut SqliteConnection, id: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM ocsp_answers WHERE id = ?")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The certificates of a CA set that somebody was asked about: those that could not be had first, then the newest; and how many there are.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    limit: u32,
) -> Result<(Vec<AskedCertificate>, i64), StoreError> {
    let total = sqlx::query_scalar("SELECT count(*) FROM ocsp_answers WHERE ca_set_id = ?")
        .bind(decode::stored_id(ca_set))
        .fetch_one(&mut *connection)
        .await?;
    let shown = sqlx::query_as(
        "SELECT * FROM ocsp_answers WHERE ca_set_id = ? ORDER BY failures > 0 DESC, id DESC LIMIT ?",
    )
    .bind(decode::stored_id(ca_set))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok((shown, total))
}

/// The answers that nodes are told of in the revocation manifest, with whether SHA-1 will do; by number.
pub(crate) async fn told(
    connection: &mut SqliteConnection,
) -> Result<Vec<(AskedCertificate, Sha1Signatures)>, StoreError> {
    let rows = sqlx::query(
        "SELECT a.*, EXISTS (SELECT 1 FROM ca_set_versions v WHERE v.ca_set_id = a.ca_set_id AND v.allow_insecure_sha1 = 1
             AND v.deleted_at IS NULL) AS allow_sha1
         FROM ocsp_answers a LEFT JOIN ca_sets s ON s.id = a.ca_set_id
         WHERE a.digest IS NOT NULL AND (a.ca_set_id IS NULL OR s.status = 'NOT_DELETED') ORDER BY a.id",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let asked = AskedCertificate::from_row(row)?;
            Ok((asked, crls::sha1(row.try_get("allow_sha1")?)))
        })
        .collect()
}

/// Who may be asked about the clients of a CA set; none when nobody said.
pub(crate) async fn sources(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
) -> Result<Option<RevocationSources>, StoreError> {
    let row = sqlx::query("SELECT settings FROM revocation_sources WHERE ca_set_id = ?")
        .bind(decode::stored_id(ca_set))
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| decode::json(&row, "settings")).transpose()?)
}

/// Says who may be asked about the clients of a CA set. What could not be had is asked for again at once.
pub(crate) async fn set_sources(
    connection: &mut SqliteConnection,
    ca_set: CaSetId,
    sources: &RevocationSources,
    at: UnixTime,
    by: &str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO revocation_sources (ca_set_id, settings, modified_at, modified_by) VALUES (?, ?, ?, ?)")
        .bind(decode::stored_id(ca_set))
        .bind(serde_json::to_string(sources)?)
        .bind(at.as_micros())
        .bind(by)
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE ocsp_answers SET check_at = ?1 WHERE ca_set_id = ?2 AND failures > 0 AND check_at > ?1")
        .bind(at.as_micros())
        .bind(decode::stored_id(ca_set))
        .execute(connection)
        .await?;
    Ok(())
}

/// The chains that a network presents, with what is to be stapled.
pub(crate) async fn presented(
    connection: &mut SqliteConnection,
) -> Result<Vec<(Vec<Certificate>, OcspStapling)>, StoreError> {
    let rows = sqlx::query(
        "SELECT k.chain, max(coalesce(json_extract(d.body, '$.settings.ocspStapling'), 'on')) AS stapling
         FROM deployed JOIN deployments d ON d.id = deployed.deployment_id
         JOIN json_each(json_extract(d.body, '$.key_pairs')) AS pair JOIN edge_certificate_keys k ON k.id = pair.value
         WHERE deployed.kind = 'EDGE_CERTIFICATE' GROUP BY k.id ORDER BY k.id",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let chain = chain::column(row, "chain")?;
            // Of two networks that differ: `privateNetwork` is the last in the alphabet, `off` the first.
            let stapling = decode::enumeration(row, "stapling", |text| match text {
                "off" => Some(OcspStapling::Off),
                "on" => Some(OcspStapling::On),
                "privateNetwork" => Some(OcspStapling::PrivateNetwork),
                _ => None,
            })?;
            Ok((chain, stapling))
        })
        .collect()
}

/// The certificates that a network presents or presented, and that are asked about.
pub(crate) async fn presented_before(
    connection: &mut SqliteConnection,
) -> Result<Vec<(i64, Certificate)>, StoreError> {
    let rows = sqlx::query("SELECT id, certificate FROM ocsp_answers WHERE ca_set_id IS NULL")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let certificate = Certificate::from_der(row.try_get("certificate")?)
                .map_err(|_| decode::corrupt("certificate"))?;
            Ok((row.try_get("id")?, certificate))
        })
        .collect()
}
