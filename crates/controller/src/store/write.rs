//! Write transactions: a change and the record of it are one.

use countersign_trust::UnixTime;
use serde_json::Value;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::{StoreError, audit};

/// Who makes a change, as the logs keep it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor<'a> {
    pub(crate) account: &'a str,
    pub(crate) name: &'a str,
    pub(crate) role: &'a str,
    /// From where: an address, or the part of the program.
    pub(crate) source: &'a str,
}

/// What was done to one resource.
#[derive(Clone, Debug)]
pub(crate) struct Change<'a> {
    pub(crate) at: UnixTime,
    pub(crate) actor: Actor<'a>,
    /// For example `ca-set.create`.
    pub(crate) action: &'static str,
    /// For example `ca-set/12/version/3`.
    pub(crate) resource: String,
    /// What of it changed, as it was; none when it did not exist.
    pub(crate) before: Option<Value>,
    /// The whole of it afterwards; none when it is gone.
    pub(crate) after: Option<Value>,
}

/// A write transaction; dropped without a commit, it never was.
#[derive(Debug)]
pub(crate) struct Write {
    transaction: Transaction<'static, Sqlite>,
    recorded: bool,
}

impl Write {
    pub(super) const fn new(transaction: Transaction<'static, Sqlite>) -> Self {
        Self {
            transaction,
            recorded: false,
        }
    }

    /// The connection inside the transaction; sees the transaction's own writes.
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    /// Takes the next number of a kind. A number that is taken and rolled back is given again, one that is committed never.
    pub(crate) async fn next_number(&mut self, counter: &str) -> Result<i64, StoreError> {
        let value = sqlx::query_scalar(
            "INSERT INTO counters (name, value) VALUES (?, 1)
             ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
        )
        .bind(counter)
        .fetch_one(self.connection())
        .await?;
        Ok(value)
    }

    /// Appends the change to the revision log and to the audit log.
    pub(crate) async fn record(&mut self, change: &Change<'_>) -> Result<(), StoreError> {
        let after = change.after.as_ref().map(Value::to_string);
        let revision: i64 = sqlx::query_scalar(
            "INSERT INTO revisions (at, account_id, resource, body) VALUES (?, ?, ?, ?) RETURNING revision",
        )
        .bind(change.at.as_micros())
        .bind(change.actor.account)
        .bind(&change.resource)
        .bind(after.as_deref())
        .fetch_one(self.connection())
        .await?;
        audit::append(self.connection(), revision, change, after.as_deref()).await?;
        self.recorded = true;
        Ok(())
    }

    /// Makes the recorded changes durable.
    ///
    /// # Errors
    /// When nothing was recorded, or the database fails; then nothing has happened.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        if !self.recorded {
            return Err(StoreError::Unrecorded);
        }
        Ok(self.transaction.commit().await?)
    }

    /// Makes changes durable that concern nobody's trust: progress of work that is recorded when it begins and when it ends.
    pub(crate) async fn commit_progress(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}
