//! The operations on declarations.

use super::{Client, ClientError};
use crate::v1::declaration::{ApplyAnswer, ApplyInput, ChangeSet, Declaration};

/// Every operation fails as [`ClientError`] says.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Client {
    /// Makes a declaration true, or says what would change.
    pub async fn apply(&self, input: &ApplyInput) -> Result<ApplyAnswer, ClientError> {
        self.post(&["v1", "apply"], input).await
    }

    /// How far a change set came.
    pub async fn change_set(&self, id: i64) -> Result<ChangeSet, ClientError> {
        self.get(&["v1", "change-sets", &id.to_string()], &[]).await
    }

    /// What there is, as a declaration.
    pub async fn export(&self) -> Result<Declaration, ClientError> {
        self.get(&["v1", "export"], &[]).await
    }
}
