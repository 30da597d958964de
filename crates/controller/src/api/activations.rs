//! Activations: operations 9 and 17 to 20 of the truststore, and the rollback.

use countersign_api::truststore::{self, links};
use countersign_snapshot::Network;
use http::StatusCode;
use http::header::{LOCATION, RETRY_AFTER};
use serde::Serialize;

use super::body::{self, Reader};
use super::call::{Call, Reply};
use super::operation::{Body, Operation, Verb};
use super::wire;
use crate::app::{ErrorCode, ServiceError};
use crate::model::{Activation, ActivationKind, ActivationStatus};
use crate::{BoxFuture, Controller, Role};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "listCaSetActivations",
        method: Verb::Get,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/activations",
        summary: "Lists the activations and deactivations of a CA set, newest first.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Activations"))],
        errors: &[ErrorCode::CaSetNotFound],
        handler: list_of_set,
    },
    Operation {
        id: "activateCaSetVersion",
        method: Verb::Post,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/versions/{version}/activate",
        summary: "Asks a network to enforce a version. Production wants an approver.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("ActivationRequest"),
        answers: &[(202, Some("Activation"))],
        errors: &[
            ErrorCode::AnotherActivationInProgress,
            ErrorCode::AnotherDeactivationInProgress,
            ErrorCode::CaSetNotFound,
            ErrorCode::CertificateValidationFailureActivate,
            ErrorCode::DeleteInProgress,
            ErrorCode::TypeMismatch,
            ErrorCode::VersionAlreadyActive,
            ErrorCode::VersionNotFound,
        ],
        handler: activate,
    },
    Operation {
        id: "deactivateCaSetVersion",
        method: Verb::Post,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/versions/{version}/deactivate",
        summary: "Asks a network to forget the CA set. Production wants an approver.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("ActivationRequest"),
        answers: &[(202, Some("Activation"))],
        errors: &[
            ErrorCode::AnotherActivationInProgress,
            ErrorCode::AnotherDeactivationInProgress,
            ErrorCode::CaSetInUseByBoth,
            ErrorCode::CaSetInUseByEnrollments,
            ErrorCode::CaSetInUseByHostnames,
            ErrorCode::CaSetNotFound,
            ErrorCode::DeleteInProgress,
            ErrorCode::TypeMismatch,
            ErrorCode::VersionNotActive,
            ErrorCode::VersionNotFound,
        ],
        handler: deactivate,
    },
    Operation {
        id: "listCaSetVersionActivations",
        method: Verb::Get,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/versions/{version}/activations",
        summary: "Lists the activations and deactivations of a version, newest first.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Activations"))],
        errors: &[
            ErrorCode::CaSetNotFound,
            ErrorCode::TypeMismatch,
            ErrorCode::VersionNotFound,
        ],
        handler: list_of_version,
    },
    Operation {
        id: "getCaSetVersionActivation",
        method: Verb::Get,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/versions/{version}/activations/{activationId}",
        summary: "Shows an activation or deactivation: 200 when it ended, 202 with Retry-After while it is in progress.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Activation")), (202, Some("Activation"))],
        errors: &[
            ErrorCode::ActivationNotFound,
            ErrorCode::CaSetNotFound,
            ErrorCode::TypeMismatch,
            ErrorCode::VersionNotFound,
        ],
        handler: show,
    },
    Operation {
        id: "rollBackCaSet",
        method: Verb::Post,
        path: "/v1/ca-sets/{caSetId}/rollback",
        summary: "Asks a network to go back to the version that it enforced before. Production wants an approver.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("RollbackRequest"),
        answers: &[(202, Some("Activation"))],
        errors: &[
            ErrorCode::AnotherActivationInProgress,
            ErrorCode::AnotherDeactivationInProgress,
            ErrorCode::CaSetNotFound,
            ErrorCode::CertificateValidationFailureActivate,
            ErrorCode::DeleteInProgress,
            ErrorCode::NoPreviousVersion,
            ErrorCode::VersionNotFound,
        ],
        handler: roll_back,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn list_of_set(call: Call) -> Answer {
    Box::pin(async move {
        let activations = call
            .controller
            .activations()
            .list(&call.caller, call.ca_set()?, None)
            .await?;
        history(&activations)
    })
}

fn list_of_version(call: Call) -> Answer {
    Box::pin(async move {
        let activations = call
            .controller
            .activations()
            .list(&call.caller, call.ca_set()?, Some(call.version()?))
            .await?;
        history(&activations)
    })
}

fn history(activations: &[Activation]) -> Result<Reply, ServiceError> {
    let activations = activations.iter().map(wire::activation).collect();
    Reply::json(StatusCode::OK, &truststore::Activations { activations })
}

fn activate(call: Call) -> Answer {
    request(call, ActivationKind::Activate)
}

fn deactivate(call: Call) -> Answer {
    request(call, ActivationKind::Deactivate)
}

fn request(call: Call, kind: ActivationKind) -> Answer {
    Box::pin(async move {
        let (id, number) = (call.ca_set()?, call.version()?);
        let network = network(&call)?;
        let activation = call
            .controller
            .activations()
            .request(&call.caller, id, number, network, kind)
            .await?;
        accepted(&call.controller, &activation)
    })
}

fn roll_back(call: Call) -> Answer {
    Box::pin(async move {
        let id = call.ca_set()?;
        let network = network(&call)?;
        let activation = call
            .controller
            .activations()
            .roll_back(&call.caller, id, network)
            .await?;
        accepted(&call.controller, &activation)
    })
}

pub(super) fn network(call: &Call) -> Result<Network, ServiceError> {
    let value = body::parse(&call.body)?;
    let mut reader = Reader::default();
    let root = reader.root(&value);
    reader.only(root, &["network"], &[]);
    let network = reader.choice(
        root,
        "network",
        &[
            ("STAGING", Network::Staging),
            ("PRODUCTION", Network::Production),
        ],
    );
    reader.finish()?;
    network.ok_or_else(|| ServiceError::new(ErrorCode::InvalidField, "There is no network."))
}

fn accepted(controller: &Controller, activation: &Activation) -> Result<Reply, ServiceError> {
    let link = links::activation(
        activation.ca_set.number(),
        activation.version.number(),
        activation.id.number(),
    );
    in_progress(controller, &wire::activation(activation))?.with(LOCATION, &link)
}

fn show(call: Call) -> Answer {
    Box::pin(async move {
        let activation = call
            .controller
            .activations()
            .find(
                &call.caller,
                call.ca_set()?,
                call.version()?,
                call.activation()?,
            )
            .await?;
        let answer = wire::activation(&activation);
        if activation.status == ActivationStatus::InProgress {
            in_progress(&call.controller, &answer)
        } else {
            Reply::json(StatusCode::OK, &answer)
        }
    })
}

/// 202 with the time to look again: an RFC 1123 date, since the vendor's client reads nothing else.
pub(super) fn in_progress(
    controller: &Controller,
    answer: &impl Serialize,
) -> Result<Reply, ServiceError> {
    let again = controller
        .now()
        .saturating_add(controller.limits().retry_after);
    // Rounded up: whoever comes at the time told has waited long enough.
    let seconds = u64::try_from(again.as_secs())
        .unwrap_or(0)
        .saturating_add(1);
    let date =
        httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds));
    Reply::json(StatusCode::ACCEPTED, answer)?.with(RETRY_AFTER, &date)
}
