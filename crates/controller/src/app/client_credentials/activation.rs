//! Which version of a client credential a network shows to origins.

use countersign_snapshot::Network;
use serde::{Deserialize, Serialize};

use super::{ClientCredentials, find_in};
use crate::app::deployments::{self, Subject};
use crate::app::{ErrorCode, ServiceError};
use crate::model::{
    Caller, ClientCredential, CredentialId, Deployable, Deployment, DeploymentAction,
};
use crate::store::Write;

/// What is deployed of a client credential. In stored deployments.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct CredentialBody {
    pub(crate) version: u32,
}

impl ClientCredentials<'_> {
    /// Asks a network to show a version of it to origins; the newest when none is named. What uses the credential follows without being
    /// deployed again.
    ///
    /// # Errors
    /// When there is no such version, it has expired, or another activation of the credential is in progress.
    pub async fn activate(
        &self,
        caller: &Caller,
        id: CredentialId,
        network: Network,
        version: Option<u32>,
    ) -> Result<Deployment, ServiceError> {
        let mut write = self.context.store.write().await?;
        let credential = find_in(write.connection(), caller, id).await?;
        let deployment = self
            .activate_in(&mut write, caller, &credential, network, version)
            .await?;
        self.context.commit_work(write).await?;
        Ok(deployment)
    }

    /// Asks a network to go back to the version that it had before the present one.
    ///
    /// # Errors
    /// When it had none, or for the reasons of [`ClientCredentials::activate`].
    pub async fn roll_back(
        &self,
        caller: &Caller,
        id: CredentialId,
        network: Network,
    ) -> Result<Deployment, ServiceError> {
        let mut write = self.context.store.write().await?;
        let credential = find_in(write.connection(), caller, id).await?;
        let previous =
            deployments::previous_version(write.connection(), &credential, network).await?;
        let (Some(_), Some(previous)) = (credential.version_on(network), previous) else {
            return Err(ServiceError::new(
                ErrorCode::NoPreviousVersion,
                format!(
                    "`{}` had no other version on {network} before.",
                    credential.name
                ),
            )
            .with("network", network.as_str().to_ascii_uppercase()));
        };
        let deployment = self
            .activate_in(&mut write, caller, &credential, network, Some(previous))
            .await?;
        self.context.commit_work(write).await?;
        Ok(deployment)
    }

    pub(crate) async fn activate_in(
        &self,
        write: &mut Write,
        caller: &Caller,
        credential: &ClientCredential,
        network: Network,
        version: Option<u32>,
    ) -> Result<Deployment, ServiceError> {
        let wanted = version.or_else(|| credential.versions.last().map(|last| last.number));
        let version = credential
            .versions
            .iter()
            .find(|it| Some(it.number) == wanted)
            .ok_or_else(|| {
                ServiceError::new(
                    ErrorCode::InvalidField,
                    format!(
                        "`{}` has no version {}.",
                        credential.name,
                        wanted.unwrap_or_default()
                    ),
                )
                .at("/version")
            })?;
        let until = version.chain.first().map(|leaf| leaf.validity().not_after);
        if let Some(until) = until.filter(|until| *until < self.context.clock.now()) {
            return Err(ServiceError::new(
                ErrorCode::ClientCredentialValidationFailure,
                format!(
                    "Version {} of `{}` expired at {until}; add a new one.",
                    version.number, credential.name
                ),
            )
            .at("/version"));
        }
        let body = CredentialBody {
            version: version.number,
        };
        let body = serde_json::to_string(&body).map_err(ServiceError::internal)?;
        let subject = Subject::of(credential, version.number);
        let action = DeploymentAction::Deploy;
        deployments::request(self.context, write, caller, subject, network, action, &body).await
    }
}
