//! The truth: SQLite in WAL mode, one writer, many readers.
//!
//! Nothing outside this module knows SQL. Every change goes through a [`Write`], which commits only together with its entry in the
//! revision and audit logs (invariants I5 and I8).

mod chain;
mod decode;
mod error;
mod nonces;
mod open;
mod write;

pub(crate) mod accounts;
pub(crate) mod activations;
pub(crate) mod activities;
pub(crate) mod ageing;
pub(crate) mod api_clients;
pub(crate) mod associations;
pub(crate) mod audit;
pub(crate) mod ca_sets;
pub(crate) mod change_sets;
pub(crate) mod client_credentials;
pub(crate) mod crls;
pub(crate) mod deletions;
pub(crate) mod deployments;
pub(crate) mod edge_certificates;
pub(crate) mod enforced;
pub(crate) mod extended_key_usage;
pub(crate) mod features;
pub(crate) mod forwarding_keys;
pub(crate) mod holdings;
pub(crate) mod networks;
pub(crate) mod ocsp;
pub(crate) mod properties;
pub(crate) mod purge;
pub(crate) mod renewals;
pub(crate) mod revocations;
pub(crate) mod sites;
pub(crate) mod versions;

use countersign_trust::UnixTime;
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqlitePool, Transaction};

pub(crate) use error::StoreError;
pub(crate) use open::DirectoryLock;
pub(crate) use write::{Actor, Change, Write};

/// What queries run on, inside or outside a transaction.
pub(crate) type Connection = sqlx::SqliteConnection;

/// The database of one controller.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    nonces: SqlitePool,
}

impl Store {
    /// A connection that sees the last committed state and cannot change it.
    pub(crate) async fn read(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    /// A transaction in which every query sees the same committed state.
    pub(crate) async fn read_consistently(
        &self,
    ) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.readers.begin().await?)
    }

    /// Begins the only write transaction at this time; others wait for it.
    pub(crate) async fn write(&self) -> Result<Write, StoreError> {
        // IMMEDIATE takes the write lock before the first read, so what the transaction decides upon cannot change under it.
        Ok(Write::new(self.writer.begin_with("BEGIN IMMEDIATE").await?))
    }

    /// Notes the nonce of a signed request until the request is too old anyway; says whether it is new.
    pub(crate) async fn note_nonce(
        &self,
        hash: &[u8],
        now: UnixTime,
        expires_at: UnixTime,
    ) -> Result<bool, StoreError> {
        nonces::note(&self.nonces, hash, now, expires_at).await
    }

    /// Waits for running transactions and closes the files.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.nonces.close().await;
        self.writer.close().await;
    }
}
