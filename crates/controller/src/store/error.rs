//! What can go wrong with the store.

/// The store could not do its job.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// A stored value is not what this program writes.
    #[error("the store holds an unreadable {what}")]
    Corrupt {
        /// Which value.
        what: &'static str,
    },
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The data directory cannot be used.
    #[error("the data directory cannot be used")]
    Directory(#[from] std::io::Error),
    /// Another controller works in the same directory.
    #[error("another controller uses the data directory")]
    Locked,
    /// The schema could not be brought up to date.
    #[error("the schema could not be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A later release has changed the schema.
    #[error(
        "a newer release of this program wrote the store (schema {0}): start that release, or put back the copies of `store/` and `edge/` from before the upgrade"
    )]
    Newer(i64),
    /// A change was about to be committed without its audit entry.
    #[error("a change was not recorded in the audit log")]
    Unrecorded,
    /// A value that is to be stored cannot be encoded.
    #[error("a value cannot be encoded")]
    Encode(#[from] serde_json::Error),
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::VersionMissing(schema) => Self::Newer(schema),
            error => Self::Migrate(error),
        }
    }
}

impl StoreError {
    /// Whether a constraint that keeps values unique refused the write.
    pub(crate) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// Whether the writer stayed busy for longer than a caller is made to wait.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::PoolTimedOut))
    }
}
