//! Deployments: what of sites, properties and edge certificates the networks are asked to enforce, and what they hold because of it.

mod refusals;
mod things;
mod uses;

use countersign_snapshot::Network;
use countersign_trust::UnixTime;
use serde_json::{Value, json};

use super::{Context, ErrorCode, ServiceError, change, require};
use crate::model::{
    ActivationStatus, Caller, Deployable, Deployment, DeploymentAction, DeploymentId,
    DeploymentKind, Role,
};
use crate::store::{self, StoreError, Write};

const COUNTER: &str = "deployment";

pub(crate) use refusals::{
    not_deployed, refuse_deployed, refuse_taken_names, require_active, unknown_ca_set,
};
pub(crate) use things::{forget, history, one, previous_version, with_networks};
use uses::hold;

/// What is to be deployed or removed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) kind: DeploymentKind,
    pub(crate) id: i64,
    pub(crate) name: &'a str,
    pub(crate) version: u32,
}

impl<'a> Subject<'a> {
    /// A version of a thing.
    pub(crate) fn of<T: Deployable>(thing: &'a T, version: u32) -> Self {
        Self {
            kind: T::KIND,
            id: thing.number(),
            name: thing.name(),
            version,
        }
    }
}

/// Asks a network to enforce, or to forget, something; in the caller's transaction. A reconciler ends it.
///
/// # Errors
/// When another deployment of the same thing is in progress on the network, or the caller may not change what production enforces.
pub(crate) async fn request(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    subject: Subject<'_>,
    network: Network,
    action: DeploymentAction,
    body: &str,
) -> Result<Deployment, ServiceError> {
    if network == Network::Production {
        require(caller, Role::Approver)?;
    }
    let at = context.clock.now();
    let deployment = Deployment {
        id: DeploymentId::new(write.next_number(COUNTER).await?),
        account: caller.account.clone(),
        kind: subject.kind,
        subject: subject.id,
        subject_name: subject.name.to_owned(),
        version: subject.version,
        network,
        action,
        status: ActivationStatus::InProgress,
        percent: 0,
        created_at: at,
        created_by: caller.name.clone(),
        modified_at: None,
        failure_reason: None,
        change_set: None,
    };
    store::deployments::insert(write.connection(), &deployment, body)
        .await
        .map_err(|error| {
            error.or_not_unique(|| {
                ServiceError::new(
                    ErrorCode::DeploymentInProgress,
                    format!(
                        "Another deployment of `{}` on {network} is in progress; wait for the end of it.",
                        subject.name
                    ),
                )
                .with("network", network.as_str().to_ascii_uppercase())
            })
        })?;
    hold(write, &deployment).await?;
    write
        .record(&change(
            caller,
            at,
            match action {
                DeploymentAction::Deploy => "deployment.deploy",
                DeploymentAction::Remove => "deployment.remove",
            },
            resource(&deployment),
            None,
            Some(state(&deployment)),
        ))
        .await?;
    Ok(deployment)
}

/// Ends a running deployment inside a transaction: what the network enforces, what is held for it, the status and the audit log change
/// together. Says whether it was still running; when not, nothing changed.
pub(crate) async fn finish(
    write: &mut Write,
    caller: &Caller,
    deployment: &Deployment,
    outcome: Result<(), &str>,
    at: UnixTime,
) -> Result<bool, StoreError> {
    if !store::deployments::finish(write.connection(), deployment, outcome, at).await? {
        return Ok(false);
    }
    hold(write, deployment).await?;
    let mut after = deployment.clone();
    after.status = match outcome {
        Ok(()) => ActivationStatus::Complete,
        Err(_) => ActivationStatus::Failed,
    };
    after.failure_reason = outcome.err().map(str::to_owned);
    write
        .record(&change(
            caller,
            at,
            "deployment.end",
            resource(deployment),
            Some(state(deployment)),
            Some(state(&after)),
        ))
        .await?;
    Ok(true)
}

fn resource(deployment: &Deployment) -> String {
    let kind = match deployment.kind {
        DeploymentKind::ClientCredential => "client-credential",
        DeploymentKind::EdgeCertificate => "edge-certificate",
        DeploymentKind::Property => "property",
        DeploymentKind::Site => "site",
    };
    format!(
        "{kind}/{}/deployed/{}",
        deployment.subject, deployment.network
    )
}

fn state(deployment: &Deployment) -> Value {
    json!({
        "deployment": deployment.id.number(),
        "name": deployment.subject_name,
        "version": deployment.version,
        "network": deployment.network.as_str(),
        "action": deployment.action.as_str(),
        "status": deployment.status.as_str(),
        "failureReason": deployment.failure_reason,
    })
}
