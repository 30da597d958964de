//! The operations on sites.

use super::{Client, ClientError};
use crate::truststore::Network;
use crate::v1::deployment::{DeployInput, Deployment, Deployments};
use crate::v1::sites::{Site, SiteInput, Sites};

/// Every operation fails as [`ClientError`] says.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Client {
    /// Makes a site.
    pub async fn create_site(&self, input: &SiteInput) -> Result<Site, ClientError> {
        self.post(&["v1", "sites"], input).await
    }

    /// The sites of the account, by name.
    pub async fn sites(&self) -> Result<Sites, ClientError> {
        self.get(&["v1", "sites"], &[]).await
    }

    /// One site.
    pub async fn site(&self, id: &str) -> Result<Site, ClientError> {
        self.get(&["v1", "sites", id], &[]).await
    }

    /// Changes a site.
    pub async fn update_site(&self, id: &str, input: &SiteInput) -> Result<Site, ClientError> {
        self.put(&["v1", "sites", id], input).await
    }

    /// Removes a site that no network has.
    pub async fn delete_site(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&["v1", "sites", id]).await
    }

    /// Asks a network to enforce a site as it is now.
    pub async fn deploy_site(&self, id: &str, network: Network) -> Result<Deployment, ClientError> {
        self.post(&["v1", "sites", id, "deploy"], &DeployInput { network })
            .await
    }

    /// Asks a network to forget a site.
    pub async fn remove_site(&self, id: &str, network: Network) -> Result<Deployment, ClientError> {
        self.post(&["v1", "sites", id, "remove"], &DeployInput { network })
            .await
    }

    /// The deployments of a site, newest first.
    pub async fn site_deployments(&self, id: &str) -> Result<Deployments, ClientError> {
        self.get(&["v1", "sites", id, "deployments"], &[]).await
    }

    /// One deployment of a site, ended or not.
    pub async fn site_deployment(
        &self,
        id: &str,
        deployment: i64,
    ) -> Result<Deployment, ClientError> {
        let deployment = deployment.to_string();
        self.get(&["v1", "sites", id, "deployments", &deployment], &[])
            .await
    }
}
