//! The operations on revocations by hand.

use reqwest::Method;

use super::{Client, ClientError, decode};
use crate::v1::revocations::{Revocation, RevocationRequest, Revocations};

/// Every operation fails as [`ClientError`] says.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Client {
    /// Revokes certificates.
    pub async fn revoke(&self, request: &RevocationRequest) -> Result<Revocation, ClientError> {
        self.post(&["v1", "revocations"], request).await
    }

    /// The revocations of the account, newest first; those that hold no more only when asked for.
    pub async fn revocations(&self, ended_too: bool) -> Result<Revocations, ClientError> {
        let query = [("includeEnded", ended_too.then(|| true.to_string()))];
        self.get(&["v1", "revocations"], &query).await
    }

    /// One revocation.
    pub async fn revocation(&self, id: &str) -> Result<Revocation, ClientError> {
        self.get(&["v1", "revocations", id], &[]).await
    }

    /// Ends a revocation; it stays on record.
    pub async fn end_revocation(&self, id: &str) -> Result<Revocation, ClientError> {
        let path = ["v1", "revocations", id];
        decode(self.send(self.request(Method::DELETE, &path, &[])).await?)
    }
}
