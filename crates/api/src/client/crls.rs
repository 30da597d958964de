//! The operations on CRLs, OCSP and what is done about them.

use super::{Client, ClientError};
use crate::v1::crls::{Crl, CrlRequest, Crls, RevocationPolicy};
use crate::v1::ocsp::{OcspAnswers, RevocationSources};

/// Every operation fails as [`ClientError`] says.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Client {
    /// The CRLs of a CA set.
    pub async fn crls(&self, ca_set: &str) -> Result<Crls, ClientError> {
        self.get(&["v1", "ca-sets", ca_set, "crls"], &[]).await
    }

    /// Adds a CRL to a CA set, or an address to fetch one from.
    pub async fn add_crl(&self, ca_set: &str, input: &CrlRequest) -> Result<Crl, ClientError> {
        self.post(&["v1", "ca-sets", ca_set, "crls"], input).await
    }

    /// Forgets a CRL of a CA set.
    pub async fn remove_crl(&self, ca_set: &str, crl: &str) -> Result<(), ClientError> {
        self.delete(&["v1", "ca-sets", ca_set, "crls", crl]).await
    }

    /// What is done about revocation for the clients of a CA set.
    pub async fn revocation_policy(&self, ca_set: &str) -> Result<RevocationPolicy, ClientError> {
        self.get(&["v1", "ca-sets", ca_set, "revocation-policy"], &[])
            .await
    }

    /// Says what is done about revocation for the clients of a CA set.
    pub async fn set_revocation_policy(
        &self,
        ca_set: &str,
        policy: &RevocationPolicy,
    ) -> Result<RevocationPolicy, ClientError> {
        self.put(&["v1", "ca-sets", ca_set, "revocation-policy"], policy)
            .await
    }

    /// Who may be asked about the clients of a CA set.
    pub async fn revocation_sources(&self, ca_set: &str) -> Result<RevocationSources, ClientError> {
        self.get(&["v1", "ca-sets", ca_set, "revocation-sources"], &[])
            .await
    }

    /// Says who may be asked about the clients of a CA set.
    pub async fn set_revocation_sources(
        &self,
        ca_set: &str,
        sources: &RevocationSources,
    ) -> Result<RevocationSources, ClientError> {
        self.put(&["v1", "ca-sets", ca_set, "revocation-sources"], sources)
            .await
    }

    /// What OCSP responders said about the clients of a CA set, at most so many.
    pub async fn ocsp_answers(
        &self,
        ca_set: &str,
        limit: Option<u32>,
    ) -> Result<OcspAnswers, ClientError> {
        let limit = limit.map(|limit| limit.to_string());
        self.get(
            &["v1", "ca-sets", ca_set, "ocsp-answers"],
            &[("limit", limit)],
        )
        .await
    }
}
