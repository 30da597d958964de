//! What the feature `site-config-mtls` is about: who may come in, and what origins are shown. An account without it does not see these
//! settings and cannot change them; what is there stays in force.

use countersign_api::v1::sites::{SiteInput, SiteSettings};

use crate::app::{ErrorCode, ServiceError, features};
use crate::model::{Caller, Feature, Site};
use crate::store::Write;

const FEATURE: Feature = Feature::SiteConfigMtls;

/// Refuses settings that an account without the feature may not give; those that it does not see stay as they are.
pub(crate) async fn keep(
    write: &mut Write,
    caller: &Caller,
    before: &Site,
    settings: &mut SiteSettings,
) -> Result<(), ServiceError> {
    if features::has(write.connection(), caller, FEATURE).await? {
        return Ok(());
    }
    let known = &before.settings;
    let (clients, credential) = (
        settings.mutual_authentication.take(),
        settings.origin.client_credential_id.take(),
    );
    if clients.is_some() && clients != known.mutual_authentication {
        return Err(refusal("/mutualAuthentication"));
    }
    if credential.is_some() && credential != known.origin.client_credential_id {
        return Err(refusal("/origin/clientCredentialId"));
    }
    settings
        .mutual_authentication
        .clone_from(&known.mutual_authentication);
    settings
        .origin
        .client_credential_id
        .clone_from(&known.origin.client_credential_id);
    Ok(())
}

/// Refuses client CAs and a client certificate that come along, before anything is made of them.
pub(super) async fn allow(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    input: &SiteInput,
) -> Result<(), ServiceError> {
    let brought = [
        (input.client_ca_pem.is_some(), "/clientCaPem"),
        (input.client_credential.is_some(), "/clientCredential"),
    ];
    let Some((_, pointer)) = brought.into_iter().find(|(is_there, _)| *is_there) else {
        return Ok(());
    };
    if features::has(connection, caller, FEATURE).await? {
        Ok(())
    } else {
        Err(refusal(pointer))
    }
}

/// What an account without the feature does not see.
pub(crate) const MTLS_SETTINGS: [&str; 2] = ["/mutualAuthentication", "/origin/clientCredentialId"];

/// Leaves out what an account without the feature does not see.
pub(crate) fn hide(settings: &mut SiteSettings) {
    settings.mutual_authentication = None;
    settings.origin.client_credential_id = None;
}

fn refusal(pointer: &str) -> ServiceError {
    ServiceError::new(
        ErrorCode::FeatureNotEnabled,
        format!(
            "The account does not have the feature `{}`, so that sites cannot be given mutual TLS settings; an administrator can switch it on.",
            FEATURE.as_str()
        ),
    )
    .at(pointer)
    .with("feature", FEATURE.as_str())
}
