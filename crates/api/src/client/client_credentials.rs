//! The operations on client credentials.

use super::{Client, ClientError};
use crate::truststore::Network;
use crate::v1::client_credentials::{
    ActivateCredentialInput, ClientCredential, ClientCredentialInput, ClientCredentialVersionInput,
    ClientCredentials,
};
use crate::v1::deployment::{DeployInput, Deployment, Deployments};

/// Every operation fails as [`ClientError`] says.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Client {
    /// Makes a client credential with its first version.
    pub async fn create_client_credential(
        &self,
        input: &ClientCredentialInput,
    ) -> Result<ClientCredential, ClientError> {
        self.post(&["v1", "client-credentials"], input).await
    }

    /// The client credentials of the account, by name.
    pub async fn client_credentials(&self) -> Result<ClientCredentials, ClientError> {
        self.get(&["v1", "client-credentials"], &[]).await
    }

    /// One client credential.
    pub async fn client_credential(&self, id: &str) -> Result<ClientCredential, ClientError> {
        self.get(&["v1", "client-credentials", id], &[]).await
    }

    /// Removes a client credential that no network has.
    pub async fn delete_client_credential(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&["v1", "client-credentials", id]).await
    }

    /// Adds the next version.
    pub async fn add_client_credential_version(
        &self,
        id: &str,
        input: &ClientCredentialVersionInput,
    ) -> Result<ClientCredential, ClientError> {
        self.post(&["v1", "client-credentials", id, "versions"], input)
            .await
    }

    /// Asks a network to show a version, the newest when none is named.
    pub async fn activate_client_credential(
        &self,
        id: &str,
        network: Network,
        version: Option<u32>,
    ) -> Result<Deployment, ClientError> {
        let input = ActivateCredentialInput { network, version };
        self.post(&["v1", "client-credentials", id, "activate"], &input)
            .await
    }

    /// Asks a network to go back to the version that it had before.
    pub async fn roll_back_client_credential(
        &self,
        id: &str,
        network: Network,
    ) -> Result<Deployment, ClientError> {
        let input = DeployInput { network };
        self.post(&["v1", "client-credentials", id, "rollback"], &input)
            .await
    }

    /// Asks a network to forget a client credential.
    pub async fn remove_client_credential(
        &self,
        id: &str,
        network: Network,
    ) -> Result<Deployment, ClientError> {
        let input = DeployInput { network };
        self.post(&["v1", "client-credentials", id, "remove"], &input)
            .await
    }

    /// What was asked of the networks, newest first.
    pub async fn client_credential_deployments(
        &self,
        id: &str,
    ) -> Result<Deployments, ClientError> {
        self.get(&["v1", "client-credentials", id, "deployments"], &[])
            .await
    }

    /// One of them, ended or not.
    pub async fn client_credential_deployment(
        &self,
        id: &str,
        deployment: i64,
    ) -> Result<Deployment, ClientError> {
        let deployment = deployment.to_string();
        let path = ["v1", "client-credentials", id, "deployments", &deployment];
        self.get(&path, &[]).await
    }
}
