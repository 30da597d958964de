//! The operations of the truststore.

use super::{Client, ClientError};
use crate::Timestamp;
use crate::truststore::{
    Activation, ActivationRequest, Activations, Activities, Associations, CaSet, CaSetRequest,
    CaSets, Certificates, DeletionStatus, Network, ValidationAnswer, ValidationRequest, Version,
    VersionRequest, Versions,
};

const API: [&str; 2] = ["mtls-edge-truststore", "v2"];

/// Which CA sets to list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CaSetQuery {
    /// Those whose names begin so, ignoring case.
    pub name_prefix: Option<String>,
    /// `INACTIVE`, `STAGING`, `PRODUCTION`, both joined by `+`, or either joined by `,`.
    pub activated_on: Option<String>,
    /// Some of `NOT_DELETED`, `DELETING` and `DELETED`, joined by `,`.
    pub status: Option<String>,
}

/// Which versions to list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VersionQuery {
    /// With their certificates.
    pub include_certificates: bool,
    /// Only those that a network enforces.
    pub active_only: bool,
    /// `NOT_DELETED`, `DELETED`, or both joined by `,`.
    pub status: Option<String>,
}

/// Which certificates to list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CertificateQuery {
    /// `ACTIVE`, `EXPIRED`, `EXPIRING`, or one of them with `EXPIRED`, joined by `,`.
    pub status: Option<String>,
    /// How many days `EXPIRED` and `EXPIRING` reach.
    pub threshold_days: Option<u32>,
    /// How far `EXPIRED` or `EXPIRING` reaches.
    pub threshold: Option<Timestamp>,
}

/// Every operation fails as [`ClientError`] says.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Client {
    /// Makes a CA set without versions.
    pub async fn create_ca_set(&self, request: &CaSetRequest) -> Result<CaSet, ClientError> {
        self.post(&path(&["ca-sets"]), request).await
    }

    /// The CA sets of the account.
    pub async fn ca_sets(&self, query: &CaSetQuery) -> Result<CaSets, ClientError> {
        let query = [
            ("caSetNamePrefix", query.name_prefix.clone()),
            ("activatedOn", query.activated_on.clone()),
            ("caSetStatus", query.status.clone()),
        ];
        self.get(&path(&["ca-sets"]), &query).await
    }

    /// One CA set.
    pub async fn ca_set(&self, id: &str) -> Result<CaSet, ClientError> {
        self.get(&path(&["ca-sets", id]), &[]).await
    }

    /// Asks for a CA set's deletion.
    pub async fn delete_ca_set(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&path(&["ca-sets", id])).await
    }

    /// How far a CA set's deletion came.
    pub async fn deletion_status(&self, id: &str) -> Result<DeletionStatus, ClientError> {
        self.get(&path(&["ca-sets", id, "status", "delete"]), &[])
            .await
    }

    /// Makes a new CA set out of a version of another; the latest when none is named.
    pub async fn clone_ca_set(
        &self,
        id: &str,
        from_version: Option<u32>,
        request: &CaSetRequest,
    ) -> Result<CaSet, ClientError> {
        let query = [("cloneFromVersion", from_version.map(|v| v.to_string()))];
        self.post_with(&path(&["ca-sets", id, "clone"]), &query, request)
            .await
    }

    /// What happened to a CA set between two times, both included.
    pub async fn activities(
        &self,
        id: &str,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
    ) -> Result<Activities, ClientError> {
        let query = [
            ("start", start.map(|time| time.to_string())),
            ("end", end.map(|time| time.to_string())),
        ];
        self.get(&path(&["ca-sets", id, "activities"]), &query)
            .await
    }

    /// Who uses a CA set.
    pub async fn associations(&self, id: &str) -> Result<Associations, ClientError> {
        self.get(&path(&["ca-sets", id, "associations"]), &[]).await
    }

    /// The activations and deactivations of a CA set, newest first.
    pub async fn ca_set_activations(&self, id: &str) -> Result<Activations, ClientError> {
        self.get(&path(&["ca-sets", id, "activations"]), &[]).await
    }

    /// Makes the next version of a CA set.
    pub async fn create_version(
        &self,
        id: &str,
        request: &VersionRequest,
    ) -> Result<Version, ClientError> {
        self.post(&path(&["ca-sets", id, "versions"]), request)
            .await
    }

    /// The versions of a CA set, newest first.
    pub async fn versions(&self, id: &str, query: &VersionQuery) -> Result<Versions, ClientError> {
        let on = |flag: bool| flag.then(|| "true".to_owned());
        let query = [
            ("includeCertificates", on(query.include_certificates)),
            ("activeVersionsOnly", on(query.active_only)),
            ("caSetVersionStatus", query.status.clone()),
        ];
        self.get(&path(&["ca-sets", id, "versions"]), &query).await
    }

    /// One version with its certificates.
    pub async fn version(&self, id: &str, version: u32) -> Result<Version, ClientError> {
        let version = version.to_string();
        self.get(&path(&["ca-sets", id, "versions", &version]), &[])
            .await
    }

    /// One version with its certificates, and the tag that names its state, for [`Client::update_version`].
    pub async fn version_to_update(
        &self,
        id: &str,
        version: u32,
    ) -> Result<(Version, Option<String>), ClientError> {
        let version = version.to_string();
        self.get_tagged(&path(&["ca-sets", id, "versions", &version]))
            .await
    }

    /// Replaces what a version says and holds; with a tag, only if nobody changed it since.
    pub async fn update_version(
        &self,
        id: &str,
        version: u32,
        request: &VersionRequest,
        seen: Option<&str>,
    ) -> Result<Version, ClientError> {
        let version = version.to_string();
        let path = path(&["ca-sets", id, "versions", &version]);
        self.put_if(&path, request, seen).await
    }

    /// Marks a version for removal.
    pub async fn delete_version(&self, id: &str, version: u32) -> Result<(), ClientError> {
        let version = version.to_string();
        self.delete(&path(&["ca-sets", id, "versions", &version]))
            .await
    }

    /// Makes the next version with what this one holds.
    pub async fn clone_version(&self, id: &str, version: u32) -> Result<Version, ClientError> {
        let version = version.to_string();
        self.post_empty(&path(&["ca-sets", id, "versions", &version, "clone"]))
            .await
    }

    /// The certificates of a version.
    pub async fn certificates(
        &self,
        id: &str,
        version: u32,
        query: &CertificateQuery,
    ) -> Result<Certificates, ClientError> {
        let query = [
            ("certificateStatus", query.status.clone()),
            (
                "expiryThresholdInDays",
                query.threshold_days.map(|days| days.to_string()),
            ),
            (
                "expiryThresholdTimestamp",
                query.threshold.map(|time| time.to_string()),
            ),
        ];
        let version = version.to_string();
        let path = path(&["ca-sets", id, "versions", &version, "certificates"]);
        self.get(&path, &query).await
    }

    /// Asks a network to enforce a version.
    pub async fn activate(
        &self,
        id: &str,
        version: u32,
        network: Network,
    ) -> Result<Activation, ClientError> {
        self.change(id, version, "activate", network).await
    }

    /// Asks a network to forget a CA set.
    pub async fn deactivate(
        &self,
        id: &str,
        version: u32,
        network: Network,
    ) -> Result<Activation, ClientError> {
        self.change(id, version, "deactivate", network).await
    }

    /// The activations and deactivations of a version, newest first.
    pub async fn version_activations(
        &self,
        id: &str,
        version: u32,
    ) -> Result<Activations, ClientError> {
        let version = version.to_string();
        self.get(
            &path(&["ca-sets", id, "versions", &version, "activations"]),
            &[],
        )
        .await
    }

    /// One activation or deactivation, ended or not.
    pub async fn activation(
        &self,
        id: &str,
        version: u32,
        activation: i64,
    ) -> Result<Activation, ClientError> {
        let (version, activation) = (version.to_string(), activation.to_string());
        let path = path(&[
            "ca-sets",
            id,
            "versions",
            &version,
            "activations",
            &activation,
        ]);
        self.get(&path, &[]).await
    }

    /// Judges certificates and keeps nothing.
    pub async fn validate(
        &self,
        request: &ValidationRequest,
    ) -> Result<ValidationAnswer, ClientError> {
        self.post(&path(&["certificates", "validate"]), request)
            .await
    }

    async fn change(
        &self,
        id: &str,
        version: u32,
        verb: &str,
        network: Network,
    ) -> Result<Activation, ClientError> {
        let version = version.to_string();
        let path = path(&["ca-sets", id, "versions", &version, verb]);
        self.post(&path, &ActivationRequest { network }).await
    }
}

fn path<'p>(rest: &[&'p str]) -> Vec<&'p str> {
    [&API, rest].concat()
}
