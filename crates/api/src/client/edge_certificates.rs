//! The operations on edge certificates.

use super::{Client, ClientError};
use crate::truststore::Network;
use crate::v1::deployment::{DeployInput, Deployment, Deployments};
use crate::v1::edge_certificates::{
    EdgeCertificate, EdgeCertificateImpact, EdgeCertificateInput, EdgeCertificates,
};

/// Every operation fails as [`ClientError`] says.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Client {
    /// Makes an edge certificate.
    pub async fn create_edge_certificate(
        &self,
        input: &EdgeCertificateInput,
    ) -> Result<EdgeCertificate, ClientError> {
        self.post(&["v1", "edge-certificates"], input).await
    }

    /// The edge certificates of the account, by name.
    pub async fn edge_certificates(&self) -> Result<EdgeCertificates, ClientError> {
        self.get(&["v1", "edge-certificates"], &[]).await
    }

    /// One edge certificate.
    pub async fn edge_certificate(&self, id: &str) -> Result<EdgeCertificate, ClientError> {
        self.get(&["v1", "edge-certificates", id], &[]).await
    }

    /// Changes an edge certificate.
    pub async fn update_edge_certificate(
        &self,
        id: &str,
        input: &EdgeCertificateInput,
    ) -> Result<EdgeCertificate, ClientError> {
        self.put(&["v1", "edge-certificates", id], input).await
    }

    /// Removes an edge certificate that no network has.
    pub async fn delete_edge_certificate(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&["v1", "edge-certificates", id]).await
    }

    /// For whom it changes who may come in when a network presents an edge certificate as it is now.
    pub async fn edge_certificate_impact(
        &self,
        id: &str,
        network: Network,
    ) -> Result<EdgeCertificateImpact, ClientError> {
        let network = match network {
            Network::Production => "PRODUCTION",
            Network::Staging => "STAGING",
        };
        self.get(
            &["v1", "edge-certificates", id, "impact"],
            &[("network", Some(network.to_owned()))],
        )
        .await
    }

    /// Asks a network to present an edge certificate as it is now.
    pub async fn deploy_edge_certificate(
        &self,
        id: &str,
        network: Network,
    ) -> Result<Deployment, ClientError> {
        self.post(
            &["v1", "edge-certificates", id, "deploy"],
            &DeployInput { network },
        )
        .await
    }

    /// Asks a network to forget an edge certificate.
    pub async fn remove_edge_certificate(
        &self,
        id: &str,
        network: Network,
    ) -> Result<Deployment, ClientError> {
        self.post(
            &["v1", "edge-certificates", id, "remove"],
            &DeployInput { network },
        )
        .await
    }

    /// The deployments of an edge certificate, newest first.
    pub async fn edge_certificate_deployments(&self, id: &str) -> Result<Deployments, ClientError> {
        self.get(&["v1", "edge-certificates", id, "deployments"], &[])
            .await
    }

    /// One deployment of an edge certificate, ended or not.
    pub async fn edge_certificate_deployment(
        &self,
        id: &str,
        deployment: i64,
    ) -> Result<Deployment, ClientError> {
        let deployment = deployment.to_string();
        self.get(
            &["v1", "edge-certificates", id, "deployments", &deployment],
            &[],
        )
        .await
    }
}
