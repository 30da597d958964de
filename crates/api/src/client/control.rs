//! The operations under `/v1`.

use super::{Client, ClientError};
use crate::control::{
    ApiClientRequest, ApiClients, AuditCheck, AuditEntries, NewApiClient, RollbackRequest,
};
use crate::truststore::{Activation, Network};
use crate::v1::extended_key_usage::ExtendedKeyUsage;
use crate::v1::features::{Feature, FeatureSetting, Features};
use crate::v1::forwarding_keys::{ForwardingKeyRotation, ForwardingKeys};

/// Every operation fails as [`ClientError`] says.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Client {
    /// Asks a network to go back to the version that it enforced before.
    pub async fn roll_back(&self, id: &str, network: Network) -> Result<Activation, ClientError> {
        let path = ["v1", "ca-sets", id, "rollback"];
        self.post(&path, &RollbackRequest { network }).await
    }

    /// What the account may use or not.
    pub async fn features(&self) -> Result<Features, ClientError> {
        self.get(&["v1", "features"], &[]).await
    }

    /// Says whether the account may use something.
    pub async fn set_feature(&self, name: &str, enabled: bool) -> Result<Feature, ClientError> {
        let setting = FeatureSetting { enabled };
        self.put(&["v1", "features", name], &setting).await
    }

    /// What the edges of a network sign requests with.
    pub async fn forwarding_keys(&self, network: Network) -> Result<ForwardingKeys, ClientError> {
        self.get(&["v1", "forwarding-keys", name(network)], &[])
            .await
    }

    /// Makes the next one.
    pub async fn rotate_forwarding_key(
        &self,
        network: Network,
        rotation: &ForwardingKeyRotation,
    ) -> Result<ForwardingKeys, ClientError> {
        let path = ["v1", "forwarding-keys", name(network)];
        self.post(&path, rotation).await
    }

    /// What the extended key usage of a CA set's clients must say.
    pub async fn extended_key_usage(&self, id: &str) -> Result<ExtendedKeyUsage, ClientError> {
        let path = ["v1", "ca-sets", id, "extended-key-usage"];
        self.get(&path, &[]).await
    }

    /// Says what the extended key usage of a CA set's clients must say.
    pub async fn set_extended_key_usage(
        &self,
        id: &str,
        rule: &ExtendedKeyUsage,
    ) -> Result<ExtendedKeyUsage, ClientError> {
        let path = ["v1", "ca-sets", id, "extended-key-usage"];
        self.put(&path, rule).await
    }

    /// Who changed what, newest first.
    pub async fn audit(
        &self,
        before: Option<u64>,
        limit: Option<u32>,
    ) -> Result<AuditEntries, ClientError> {
        let query = [
            ("before", before.map(|before| before.to_string())),
            ("limit", limit.map(|limit| limit.to_string())),
        ];
        self.get(&["v1", "audit"], &query).await
    }

    /// Checks the chain of hashes of the whole audit log, part by part.
    pub async fn verify_audit(&self) -> Result<AuditCheck, ClientError> {
        let path = ["v1", "audit", "verify"];
        let mut whole: AuditCheck = self.get(&path, &[]).await?;
        while let Some(after) = whole.next_after {
            let query = [
                ("after", Some(after.to_string())),
                ("head", Some(whole.head)),
            ];
            let page: AuditCheck = self.get(&path, &query).await?;
            whole = AuditCheck {
                entries: whole.entries + page.entries,
                ..page
            };
        }
        Ok(whole)
    }

    /// Makes an API client; what it proves who it is with is in this answer only.
    pub async fn create_api_client(
        &self,
        request: &ApiClientRequest,
    ) -> Result<NewApiClient, ClientError> {
        self.post(&["v1", "api-clients"], request).await
    }

    /// The API clients of the account.
    pub async fn api_clients(&self) -> Result<ApiClients, ClientError> {
        self.get(&["v1", "api-clients"], &[]).await
    }

    /// Takes an API client's access away.
    pub async fn revoke_api_client(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&["v1", "api-clients", id]).await
    }
}

/// A network as paths have it.
const fn name(network: Network) -> &'static str {
    match network {
        Network::Production => "production",
        Network::Staging => "staging",
    }
}
