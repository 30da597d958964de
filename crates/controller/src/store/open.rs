//! Opening the database file and bringing its schema up to date.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::{Store, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
const FILE_NAME: &str = "controller.sqlite";
const NONCES_NAME: &str = "nonces.sqlite";
const LOCK_NAME: &str = "controller.lock";
const READERS: u32 = 4;
/// Longer than any transaction takes; a caller who waits for longer is told to come back.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Keeps a second controller out of the directory for as long as it lives.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl Store {
    /// Opens or creates the database in `directory`.
    pub(crate) async fn open(directory: &Path) -> Result<(Self, DirectoryLock), StoreError> {
        create_private_directory(directory)?;
        let lock = lock(directory)?;
        let options = SqliteConnectOptions::new()
            .filename(directory.join(FILE_NAME))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Invariant I8: with FULL, SQLite syncs the log on every commit, so a confirmed write survives power loss.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(ACQUIRE_TIMEOUT);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.clone())
            .await?;
        MIGRATIONS.run(&writer).await?;
        let nonces = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(
                options
                    .clone()
                    .filename(directory.join(NONCES_NAME))
                    .synchronous(SqliteSynchronous::Normal),
            )
            .await?;
        sqlx::raw_sql(super::nonces::SCHEMA)
            .execute(&nonces)
            .await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.pragma("query_only", "on"))
            .await?;
        Ok((
            Self {
                writer,
                readers,
                nonces,
            },
            lock,
        ))
    }
}

fn lock(directory: &Path) -> Result<DirectoryLock, StoreError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(directory.join(LOCK_NAME))?;
    match file.try_lock() {
        Ok(()) => Ok(DirectoryLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Makes the directory readable by its owner alone: it holds sealed secrets and hashes of tokens.
fn create_private_directory(directory: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

#[cfg(test)]
mod tests;
