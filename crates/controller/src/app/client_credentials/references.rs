//! Who names a client credential, and what has to be there for that.

use countersign_snapshot::Network;
use countersign_trust::UnixTime;

use super::find_in;
use crate::app::{ErrorCode, ServiceError};
use crate::model::{
    Caller, ClientCredential, CredentialId, CredentialReference, Deployable, DeploymentKind,
};
use crate::store::{self, Write};

/// Refuses when what is referred to could not be shown to an origin of the network: a credential of which no version is there and none is about
/// to be, or a version that has expired. A version that is named need not be the one that the network has.
pub(crate) async fn require_usable(
    write: &mut Write,
    caller: &Caller,
    network: Network,
    reference: CredentialReference,
    pointer: &str,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let credential = find_in(write.connection(), caller, reference.id)
        .await
        .map_err(|error| error.at(pointer))?;
    let refused = |code, detail| {
        Err(ServiceError::new(code, detail)
            .at(pointer)
            .with("clientCredentialId", reference.id.to_string())
            .with("network", network.as_str().to_ascii_uppercase()))
    };
    let name = &credential.name;
    let Some(wanted) = reference.version else {
        return match credential.coming_to(network) {
            Some(_) => Ok(()),
            None => refused(
                ErrorCode::ClientCredentialNotActive,
                format!(
                    "The client credential `{name}` is not active on {network}; activate it there first."
                ),
            ),
        };
    };
    let version = credential.versions.iter().find(|it| it.number == wanted);
    let until = version
        .and_then(|version| version.chain.first())
        .map(|leaf| leaf.validity().not_after);
    match until {
        None => refused(
            ErrorCode::ClientCredentialNotFound,
            format!("The client credential `{name}` has no version {wanted}."),
        ),
        Some(until) if until < now => refused(
            ErrorCode::ClientCredentialValidationFailure,
            format!(
                "Version {wanted} of the client credential `{name}` expired at {until}; name another one."
            ),
        ),
        Some(_) => Ok(()),
    }
}

/// Whether the account has what is referred to.
pub(crate) async fn exists(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    reference: CredentialReference,
) -> Result<bool, ServiceError> {
    let found =
        store::client_credentials::list(connection, &caller.account, Some(reference.id)).await?;
    Ok(found.first().is_some_and(|credential| {
        reference
            .version
            .is_none_or(|wanted| credential.versions.iter().any(|it| it.number == wanted))
    }))
}

/// The account's credential with that name, in whatever case.
pub(crate) async fn find_by_name(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    name: &str,
) -> Result<Option<ClientCredential>, ServiceError> {
    let all = store::client_credentials::list(connection, &caller.account, None).await?;
    let known = all
        .into_iter()
        .find(|it| it.name.to_lowercase() == name.to_lowercase());
    match known {
        Some(known) => find_in(connection, caller, known.id).await.map(Some),
        None => Ok(None),
    }
}

/// Who shows a credential to origins, beside this one.
pub(crate) async fn others_than(
    write: &mut Write,
    id: CredentialId,
    one: (DeploymentKind, &str),
) -> Result<Vec<String>, ServiceError> {
    let users = store::client_credentials::users(write.connection(), id, None).await?;
    let others = users
        .into_iter()
        .filter(|(kind, name)| (*kind, name.as_str()) != one);
    Ok(others.map(described).collect())
}

fn described((kind, name): (DeploymentKind, String)) -> String {
    match kind {
        DeploymentKind::Property => format!("the property `{name}`"),
        _ => format!("the site `{name}`"),
    }
}

/// Refuses to take a credential away from those that show it, on one network or on any.
pub(crate) async fn refuse_used(
    write: &mut Write,
    credential: &ClientCredential,
    network: Option<Network>,
) -> Result<(), ServiceError> {
    let users =
        store::client_credentials::users(write.connection(), credential.id, network).await?;
    if users.is_empty() {
        return Ok(());
    }
    let users: Vec<_> = users.into_iter().map(described).collect();
    Err(ServiceError::new(
        ErrorCode::ClientCredentialInUse,
        format!(
            "The client credential `{}` is shown to origins by {}; change or remove them first.",
            credential.name,
            users.join(", ")
        ),
    )
    .with("clientCredentialId", credential.id.to_string())
    .with("users", users))
}
