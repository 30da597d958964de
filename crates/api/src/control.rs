//! What lives under `/v1`: the audit log, API clients, rollback.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::truststore::Network;
use crate::{Timestamp, ValidityDate};

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
    /// The last good entry, when there are others after it that were not looked at.
    pub next_after: Option<u64>,
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
    /// A client certificate.
    Certificate,
}

/// An API client to make.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiClientRequest {
    /// Its name, as logs show it.
    pub name: String,
    /// `viewer`, `operator`, `approver` or `admin`.
    pub role: String,
    /// How it proves who it is.
    pub kind: ApiClientKind,
    /// For a client of the kind `CERTIFICATE`: its certificate, PEM, which is accepted whoever made it. Not beside `authorities`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// For a client of the kind `CERTIFICATE`: the CAs that vouch for its certificate, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
    /// Beside `authorities`: the subject of its certificate (RFC 2253), such as `CN=alice,O=Example`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// Which certificates prove who an API client is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorCertificate {
    /// The subject of the certificate (RFC 2253).
    pub subject: String,
    /// SHA-256 of the one certificate that is accepted, hexadecimal; null where CAs vouch for it.
    pub fingerprint: Option<String>,
    /// SHA-256 of the certificates of the CAs that vouch for it, hexadecimal; none where the certificate itself was registered.
    pub authorities: Vec<String>,
    /// When the certificate, or the last of the CAs, ends.
    pub end_date: ValidityDate,
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
    /// Its certificate, for a client of that kind.
    pub certificate: Option<OperatorCertificate>,
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
