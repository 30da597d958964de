//! Deployments of edge certificates, properties and sites, as all show them.

use countersign_api::v1::deployment as v1;
use countersign_snapshot::Network;
use http::StatusCode;
use http::header::LOCATION;

use super::call::{Call, Reply};
use super::{activations, wire};
use crate::Controller;
use crate::app::ServiceError;
use crate::model::{ActivationStatus, Deployable, Deployment, DeploymentId, DeploymentKind};

/// Where a thing is.
pub(super) fn subject_link(kind: DeploymentKind, id: i64) -> String {
    match kind {
        DeploymentKind::ClientCredential => format!("/v1/client-credentials/{id}"),
        DeploymentKind::EdgeCertificate => format!("/v1/edge-certificates/{id}"),
        DeploymentKind::Property => format!("/v1/properties/{id}"),
        DeploymentKind::Site => format!("/v1/sites/{id}"),
    }
}

/// The deployment of the path.
pub(super) fn number(call: &Call) -> Result<DeploymentId, ServiceError> {
    call.number("deploymentId").map(DeploymentId::new)
}

/// The answer to a request that a reconciler ends.
pub(super) fn accepted(
    controller: &Controller,
    deployment: &Deployment,
) -> Result<Reply, ServiceError> {
    activations::in_progress(controller, &view(deployment))?.with(LOCATION, &link(deployment))
}

/// How far a deployment came.
pub(super) fn show(
    controller: &Controller,
    deployment: &Deployment,
) -> Result<Reply, ServiceError> {
    match deployment.status {
        ActivationStatus::InProgress => activations::in_progress(controller, &view(deployment)),
        _ => Reply::json(StatusCode::OK, &view(deployment)),
    }
}

/// The history of a thing.
pub(super) fn list(deployments: &[Deployment]) -> Result<Reply, ServiceError> {
    let deployments = deployments.iter().map(view).collect();
    Reply::json(StatusCode::OK, &v1::Deployments { deployments })
}

/// What a network has of a thing.
pub(super) fn on(thing: &impl Deployable, network: Network) -> Option<v1::Deployed> {
    thing.on(network).map(|deployed| v1::Deployed {
        version: deployed.version,
        deployment: deployed.latest.as_ref().map(view),
    })
}

pub(super) fn link(deployment: &Deployment) -> String {
    let subject = subject_link(deployment.kind, deployment.subject);
    let list = match deployment.kind {
        DeploymentKind::Property => "activations",
        DeploymentKind::ClientCredential
        | DeploymentKind::EdgeCertificate
        | DeploymentKind::Site => "deployments",
    };
    format!("{subject}/{list}/{}", deployment.id)
}

pub(super) fn view(deployment: &Deployment) -> v1::Deployment {
    v1::Deployment {
        deployment_id: deployment.id.number(),
        deployment_link: link(deployment),
        version: deployment.version,
        network: wire::network(deployment.network),
        action: deployment.action.as_str().to_owned(),
        status: deployment.status.as_str().to_owned(),
        percent_complete: deployment.percent,
        failure_reason: deployment.failure_reason.clone(),
        created_date: wire::time(deployment.created_at),
        created_by: deployment.created_by.clone(),
        modified_date: deployment.modified_at.map(wire::time),
    }
}
