//! What is the same for everything that networks have: what they have of it, its history, and that they forget it.

use std::collections::HashMap;

use countersign_snapshot::Network;
use sqlx::SqliteConnection;

use super::refusals::{deployment_not_found, not_deployed};
use super::{Subject, request};
use crate::app::{Context, ServiceError};
use crate::model::{
    ActivationStatus, Caller, Deployable, Deployed, Deployment, DeploymentAction, DeploymentId,
};
use crate::store::{self, StoreError, Write};

/// Says of things of the caller's account what the networks have of them.
pub(crate) async fn with_networks<T: Deployable>(
    connection: &mut SqliteConnection,
    caller: &Caller,
    mut things: Vec<T>,
) -> Result<Vec<T>, StoreError> {
    let only = match things.as_slice() {
        [] => return Ok(things),
        [one] => Some(one.number()),
        _ => None,
    };
    let account = &caller.account;
    let mut by_number: HashMap<i64, Vec<Deployed>> = HashMap::new();
    for (number, deployed) in
        store::deployments::deployed(connection, T::KIND, account, only).await?
    {
        by_number.entry(number).or_default().push(deployed);
    }
    for thing in &mut things {
        *thing.networks_mut() = by_number.remove(&thing.number()).unwrap_or_default();
    }
    Ok(things)
}

/// The deployments of a thing, newest first.
pub(crate) async fn history<T: Deployable>(
    context: &Context,
    thing: &T,
) -> Result<Vec<Deployment>, ServiceError> {
    let mut read = context.store.read().await?;
    Ok(store::deployments::list(&mut read, T::KIND, thing.number()).await?)
}

/// One of the deployments of a thing.
///
/// # Errors
/// When it has none with that number.
pub(crate) async fn one<T: Deployable>(
    context: &Context,
    thing: &T,
    id: DeploymentId,
) -> Result<Deployment, ServiceError> {
    let mut read = context.store.read().await?;
    store::deployments::find(&mut read, T::KIND, thing.number(), id)
        .await?
        .ok_or_else(|| deployment_not_found(id))
}

/// The version that a network enforced before the one that it enforces now.
pub(crate) async fn previous_version<T: Deployable>(
    connection: &mut SqliteConnection,
    thing: &T,
    network: Network,
) -> Result<Option<u32>, StoreError> {
    let current = thing.version_on(network);
    let history = store::deployments::list(connection, T::KIND, thing.number()).await?;
    Ok(history
        .into_iter()
        .filter(|it| it.network == network && it.status == ActivationStatus::Complete)
        .filter(|it| it.action == DeploymentAction::Deploy)
        .map(|it| it.version)
        .find(|version| Some(*version) != current))
}

/// Asks a network, in the caller's transaction, to forget a thing.
///
/// # Errors
/// When the network does not have it, or a deployment of it is in progress.
pub(crate) async fn forget<T: Deployable>(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    thing: &T,
    network: Network,
) -> Result<Deployment, ServiceError> {
    let version = thing
        .version_on(network)
        .ok_or_else(|| not_deployed(thing.name(), network))?;
    let subject = Subject::of(thing, version);
    let action = DeploymentAction::Remove;
    request(context, write, caller, subject, network, action, "{}").await
}
