//! What lives under `/v1`: the audit log, API clients, rollback.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Timestamp;
use crate::truststore::Network;

/// Where the API is.
pub const PREFIX: &str = "/v1";

/// Entries of the audit log.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntries {
    /// Newest first.
    pub entries: Vec<AuditEntry>,
    /// What to give as `before` for the next page; null when this is the last.
    pub next_before: Option<u64>,
}

/// One change.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Its place in the log of all accounts.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// With which role.
    pub role: String,
    /// From where.
    pub source: String,
    /// What was done, such as `ca-set.create`.
    pub action: String,
    /// To what, such as `ca-set/12`.
    pub resource: String,
    /// What of it changed, as it was.
    pub before: Option<Value>,
    /// The whole of it afterwards.
    pub after: Option<Value>,
    /// SHA-256 over the entry and the previous entry's hash, hexadecimal.
    pub hash: String,
}

/// What checking the audit log's chain of hashes found.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditCheck {
    /// Whether every entry follows from the one before it.
    pub intact: bool,
    /// Good entries.
    pub entries: u64,
    /// The hash of the last good entry, hexadecimal.
    pub head: String,
    /// The first bad entry.
    pub broken_at: Option<u64>,
}

/// Go back to the version that was active before.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RollbackRequest {
    /// The network.
    pub network: Network,
}

/// How an API client proves who it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ApiClientKind {
    /// A bearer token.
    Bearer,
    /// Signed requests.
    Edgegrid,
}

/// An API client to make.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ApiClientRequest {
    /// Its name, as logs show it.
    pub name: String,
    /// `viewer`, `operator`, `approver` or `admin`.
    pub role: String,
    /// How it proves who it is.
    pub kind: ApiClientKind,
}

/// An API client.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiClient {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: String,
    /// How it proves who it is.
    pub kind: ApiClientKind,
    /// When it was made.
    pub created_date: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it lost its access.
    pub revoked_date: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<String>,
}

/// API clients of an account.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiClients {
    /// Oldest first.
    pub api_clients: Vec<ApiClient>,
}

/// A new API client with what it needs to prove who it is. Shown once.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewApiClient {
    /// The client.
    pub api_client: ApiClient,
    /// The bearer token, for a client of that kind.
    pub token: Option<String>,
    /// The EdgeGrid client token, for a client of that kind.
    pub client_token: Option<String>,
    /// The EdgeGrid access token, for a client of that kind.
    pub access_token: Option<String>,
    /// The EdgeGrid client secret, for a client of that kind.
    pub client_secret: Option<String>,
}

impl std::fmt::Debug for NewApiClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewApiClient")
            .field("api_client", &self.api_client)
            .field("secrets", &"[redacted]")
            .finish()
    }
}
