//! API clients and how they prove who they are.

use countersign_trust::{Certificate, UnixTime};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, chain, decode};
use crate::model::{AccountId, ApiClient, ApiClientKind, OperatorCertificate, Role};

impl FromRow<'_, SqliteRow> for ApiClient {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            account: AccountId::new(row.try_get::<String, _>("account_id")?),
            name: row.try_get("name")?,
            role: decode::enumeration(row, "role", Role::from_text)?,
            kind: decode::enumeration(row, "kind", ApiClientKind::from_text)?,
            certificate: certificate(row)?,
            created_at: decode::time(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            revoked_at: decode::optional_time(row, "revoked_at")?,
            revoked_by: row.try_get("revoked_by")?,
        })
    }
}

fn certificate(row: &SqliteRow) -> sqlx::Result<Option<OperatorCertificate>> {
    if let Some(der) = row.try_get::<Option<&[u8]>, _>("certificate")? {
        let certificate = Certificate::from_der(der).map_err(|_| decode::corrupt("certificate"))?;
        return Ok(Some(OperatorCertificate::Pinned(certificate)));
    }
    let Some(subject) = row.try_get("subject")? else {
        return Ok(None);
    };
    Ok(Some(OperatorCertificate::Issued {
        authorities: chain::column(row, "authorities")?,
        subject,
    }))
}

/// What is kept of a client's proof.
#[derive(Clone, Debug)]
pub(crate) enum StoredProof {
    /// SHA-256 of the token.
    Bearer(Vec<u8>),
    EdgeGrid {
        client_token: String,
        access_token: String,
        sealed_secret: Vec<u8>,
    },
    Certificate(OperatorCertificate),
}

/// The columns of a proof; those of other kinds are null.
#[derive(Debug, Default)]
struct Columns<'p> {
    token_hash: Option<&'p [u8]>,
    client_token: Option<&'p str>,
    access_token: Option<&'p str>,
    sealed_secret: Option<&'p [u8]>,
    certificate: Option<&'p Certificate>,
    authorities: Option<Vec<u8>>,
    subject: Option<&'p str>,
}

impl<'p> Columns<'p> {
    fn of(proof: &'p StoredProof) -> Self {
        match proof {
            StoredProof::Bearer(hash) => Self {
                token_hash: Some(hash),
                ..Self::default()
            },
            StoredProof::EdgeGrid {
                client_token,
                access_token,
                sealed_secret,
            } => Self {
                client_token: Some(client_token),
                access_token: Some(access_token),
                sealed_secret: Some(sealed_secret),
                ..Self::default()
            },
            StoredProof::Certificate(OperatorCertificate::Pinned(certificate)) => Self {
                certificate: Some(certificate),
                ..Self::default()
            },
            StoredProof::Certificate(OperatorCertificate::Issued {
                authorities,
                subject,
            }) => Self {
                authorities: Some(chain::frame(authorities)),
                subject: Some(subject),
                ..Self::default()
            },
        }
    }
}

/// Adds a client.
///
/// # Errors
/// A unique violation when another client of the account that is not revoked has the certificate.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    client: &ApiClient,
    proof: &StoredProof,
) -> Result<(), StoreError> {
    let columns = Columns::of(proof);
    sqlx::query(
        "INSERT INTO api_clients (id, account_id, name, kind, role, token_hash, client_token, access_token, sealed_secret,
                                  certificate, certificate_sha256, authorities, subject, created_at, created_by)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&client.id)
    .bind(client.account.as_str())
    .bind(&client.name)
    .bind(client.kind.as_str())
    .bind(client.role.as_str())
    .bind(columns.token_hash)
    .bind(columns.client_token)
    .bind(columns.access_token)
    .bind(columns.sealed_secret)
    .bind(columns.certificate.map(Certificate::der))
    .bind(columns.certificate.map(|it| it.fingerprint().as_bytes().to_vec()))
    .bind(columns.authorities)
    .bind(columns.subject)
    .bind(client.created_at.as_micros())
    .bind(&client.created_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// The clients whose certificate one with this SHA-256 and this subject may be, unless revoked: those with the very certificate first, then
/// the oldest.
pub(crate) async fn find_by_certificate(
    connection: &mut SqliteConnection,
    sha256: &[u8],
    subject: &str,
) -> Result<Vec<ApiClient>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT *, 0 AS rank FROM api_clients WHERE certificate_sha256 = ? AND revoked_at IS NULL
         UNION ALL
         SELECT *, 1 AS rank FROM api_clients WHERE subject = ? AND revoked_at IS NULL
         ORDER BY rank, created_at, id",
    )
    .bind(sha256)
    .bind(subject)
    .fetch_all(connection)
    .await?)
}

/// The account's clients, oldest first.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    account: &AccountId,
) -> Result<Vec<ApiClient>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM api_clients WHERE account_id = ? ORDER BY created_at, id")
            .bind(account.as_str())
            .fetch_all(connection)
            .await?,
    )
}

/// One client of the account.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    account: &AccountId,
    id: &str,
) -> Result<Option<ApiClient>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM api_clients WHERE account_id = ? AND id = ?")
            .bind(account.as_str())
            .bind(id)
            .fetch_optional(connection)
            .await?,
    )
}

/// Takes a client's access away.
pub(crate) async fn revoke(
    connection: &mut SqliteConnection,
    id: &str,
    at: UnixTime,
    by: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE api_clients SET revoked_at = ?, revoked_by = ? WHERE id = ? AND revoked_at IS NULL",
    )
    .bind(at.as_micros())
    .bind(by)
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

/// The client with a bearer token, unless revoked. Looking up the hash of a token tells nothing about the token.
pub(crate) async fn find_by_token_hash(
    connection: &mut SqliteConnection,
    hash: &[u8],
) -> Result<Option<ApiClient>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM api_clients WHERE token_hash = ? AND revoked_at IS NULL")
            .bind(hash)
            .fetch_optional(connection)
            .await?,
    )
}

/// An EdgeGrid client with its access token and sealed secret, unless revoked.
pub(crate) async fn find_by_client_token(
    connection: &mut SqliteConnection,
    client_token: &str,
) -> Result<Option<(ApiClient, String, Vec<u8>)>, StoreError> {
    let row =
        sqlx::query("SELECT * FROM api_clients WHERE client_token = ? AND revoked_at IS NULL")
            .bind(client_token)
            .fetch_optional(connection)
            .await?;
    row.map(|row| {
        Ok((
            ApiClient::from_row(&row)?,
            row.try_get("access_token")?,
            row.try_get("sealed_secret")?,
        ))
    })
    .transpose()
    .map_err(|error: sqlx::Error| error.into())
}
