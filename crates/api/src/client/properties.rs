//! The operations on properties.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Client, ClientError};
use crate::truststore::Network;
use crate::v1::deployment::{DeployInput, Deployment, Deployments};
use crate::v1::properties::{
    HostnamesInput, OriginsInput, Properties, Property, PropertyActivation, PropertyHostname,
    PropertyInput, PropertyRules, PropertyVersion, PropertyVersions, VersionInput,
};
use crate::v1::sites::SiteOrigin;

const ROOT: [&str; 2] = ["v1", "properties"];

/// Every operation fails as [`ClientError`] says. A `seen` tag is sent as `If-Match`.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Client {
    /// Makes a property.
    pub async fn create_property(&self, input: &PropertyInput) -> Result<Property, ClientError> {
        self.post(&ROOT, input).await
    }

    /// The properties of the account, by name.
    pub async fn properties(&self) -> Result<Properties, ClientError> {
        self.get(&ROOT, &[]).await
    }

    /// One property.
    pub async fn property(&self, id: &str) -> Result<Property, ClientError> {
        self.get(&["v1", "properties", id], &[]).await
    }

    /// Takes away a property that no network has.
    pub async fn delete_property(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&["v1", "properties", id]).await
    }

    /// Makes a version as a copy of another one.
    pub async fn create_property_version(
        &self,
        id: &str,
        input: &VersionInput,
    ) -> Result<PropertyVersion, ClientError> {
        self.post(&["v1", "properties", id, "versions"], input)
            .await
    }

    /// The versions of a property, newest first.
    pub async fn property_versions(&self, id: &str) -> Result<PropertyVersions, ClientError> {
        self.get(&["v1", "properties", id, "versions"], &[]).await
    }

    /// One version.
    pub async fn property_version(
        &self,
        id: &str,
        version: u32,
    ) -> Result<PropertyVersion, ClientError> {
        let version = version.to_string();
        self.get(&["v1", "properties", id, "versions", &version], &[])
            .await
    }

    /// Replaces the hostnames of a version.
    pub async fn set_property_hostnames(
        &self,
        id: &str,
        version: u32,
        hostnames: Vec<PropertyHostname>,
        seen: Option<&str>,
    ) -> Result<PropertyVersion, ClientError> {
        let version = version.to_string();
        let path = ["v1", "properties", id, "versions", &version, "hostnames"];
        self.put_if(&path, &HostnamesInput { hostnames }, seen)
            .await
    }

    /// Replaces the origins of a version.
    pub async fn set_property_origins(
        &self,
        id: &str,
        version: u32,
        origins: BTreeMap<String, SiteOrigin>,
        seen: Option<&str>,
    ) -> Result<PropertyVersion, ClientError> {
        let version = version.to_string();
        let path = ["v1", "properties", id, "versions", &version, "origins"];
        self.put_if(&path, &OriginsInput { origins }, seen).await
    }

    /// The rule tree of a version, and what is wrong with the version.
    pub async fn property_rules(
        &self,
        id: &str,
        version: u32,
    ) -> Result<PropertyRules, ClientError> {
        let version = version.to_string();
        self.get(
            &["v1", "properties", id, "versions", &version, "rules"],
            &[],
        )
        .await
    }

    /// Replaces the rule tree of a version.
    pub async fn set_property_rules(
        &self,
        id: &str,
        version: u32,
        document: &Value,
        seen: Option<&str>,
    ) -> Result<PropertyRules, ClientError> {
        let version = version.to_string();
        let path = ["v1", "properties", id, "versions", &version, "rules"];
        self.put_if(&path, document, seen).await
    }

    /// The JSON Schema of rule trees.
    pub async fn rule_schema(&self) -> Result<Value, ClientError> {
        self.get(&["v1", "properties", "rule-schema"], &[]).await
    }

    /// Asks a network to enforce a version.
    pub async fn activate_property(
        &self,
        id: &str,
        version: u32,
        network: Network,
    ) -> Result<PropertyActivation, ClientError> {
        let version = version.to_string();
        let path = ["v1", "properties", id, "versions", &version, "activate"];
        self.post(&path, &DeployInput { network }).await
    }

    /// Asks a network to forget a property.
    pub async fn deactivate_property(
        &self,
        id: &str,
        version: u32,
        network: Network,
    ) -> Result<PropertyActivation, ClientError> {
        let version = version.to_string();
        let path = ["v1", "properties", id, "versions", &version, "deactivate"];
        self.post(&path, &DeployInput { network }).await
    }

    /// Asks a network to go back to the version that it enforced before.
    pub async fn roll_back_property(
        &self,
        id: &str,
        network: Network,
    ) -> Result<PropertyActivation, ClientError> {
        let path = ["v1", "properties", id, "rollback"];
        self.post(&path, &DeployInput { network }).await
    }

    /// The activations and deactivations of a property, newest first.
    pub async fn property_activations(&self, id: &str) -> Result<Deployments, ClientError> {
        self.get(&["v1", "properties", id, "activations"], &[])
            .await
    }

    /// One of them, ended or not.
    pub async fn property_activation(
        &self,
        id: &str,
        activation: i64,
    ) -> Result<Deployment, ClientError> {
        let activation = activation.to_string();
        self.get(&["v1", "properties", id, "activations", &activation], &[])
            .await
    }
}
