//! What each network enforces as a whole: generations and the current snapshot.

use countersign_snapshot::{Generation, Network};
use countersign_trust::UnixTime;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{StoreError, decode};

/// The snapshot that a network enforces, as it was signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StoredSnapshot {
    pub(crate) generation: Generation,
    /// Digest of the content without generation and time.
    pub(crate) content: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) created_at: UnixTime,
}

impl FromRow<'_, SqliteRow> for StoredSnapshot {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            generation: Generation::new(decode::unsigned(row, "generation")?),
            content: row.try_get("content")?,
            body: row.try_get("body")?,
            created_at: decode::time(row, "created_at")?,
        })
    }
}

/// Takes the next generation of a network. To be committed before anything with that number is offered.
pub(crate) async fn next_generation(
    connection: &mut SqliteConnection,
    network: Network,
) -> Result<Generation, StoreError> {
    let row = sqlx::query(
        "INSERT INTO generations (network, generation) VALUES (?, 1)
         ON CONFLICT (network) DO UPDATE SET generation = generation + 1 RETURNING generation",
    )
    .bind(decode::network_text(network))
    .fetch_one(connection)
    .await?;
    Ok(Generation::new(decode::unsigned(&row, "generation")?))
}

/// The last generation that was taken; none before the first.
pub(crate) async fn last_generation(
    connection: &mut SqliteConnection,
    network: Network,
) -> Result<Option<Generation>, StoreError> {
    sqlx::query("SELECT generation FROM generations WHERE network = ?")
        .bind(decode::network_text(network))
        .fetch_optional(connection)
        .await?
        .map(|row| decode::unsigned(&row, "generation").map(Generation::new))
        .transpose()
        .map_err(StoreError::from)
}

/// What the network enforces; none before the first.
pub(crate) async fn current(
    connection: &mut SqliteConnection,
    network: Network,
) -> Result<Option<StoredSnapshot>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM snapshots WHERE network = ?")
        .bind(decode::network_text(network))
        .fetch_optional(connection)
        .await?)
}

/// Says what the network enforces from now on.
pub(crate) async fn set_current(
    connection: &mut SqliteConnection,
    network: Network,
    snapshot: &StoredSnapshot,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO snapshots (network, generation, content, body, created_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (network) DO UPDATE SET generation = excluded.generation, content = excluded.content,
             body = excluded.body, created_at = excluded.created_at",
    )
    .bind(decode::network_text(network))
    // Generations are given out by the store itself, one by one.
    .bind(i64::try_from(snapshot.generation.number()).unwrap_or(i64::MAX))
    .bind(&snapshot.content)
    .bind(&snapshot.body)
    .bind(snapshot.created_at.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}
