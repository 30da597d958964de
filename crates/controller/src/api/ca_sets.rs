//! CA sets: operations 1 to 9 of the truststore but for activations.

use countersign_api::truststore::{self, links};
use countersign_snapshot::VersionNumber;
use http::StatusCode;
use http::header::LOCATION;

use super::call::{Call, Reply};
use super::operation::{Body, Operation, Parameter, ParameterKind, Verb};
use super::{body, wire};
use crate::app::{ErrorCode, ServiceError};
use crate::model::{ActivationStatus, AssociationKind, CaSetStatus};
use crate::store::ca_sets::{ActivatedOn, CaSetFilter};
use crate::{BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "createCaSet",
        method: Verb::Post,
        path: "/mtls-edge-truststore/v2/ca-sets",
        summary: "Makes a CA set without versions.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("CaSetRequest"),
        answers: &[(201, Some("CaSet"))],
        errors: &[
            ErrorCode::CaSetLimitReached,
            ErrorCode::CaSetNameNotUnique,
            ErrorCode::CaSetNameValidationFailure,
        ],
        handler: create,
    },
    Operation {
        id: "listCaSets",
        method: Verb::Get,
        path: "/mtls-edge-truststore/v2/ca-sets",
        summary: "Lists the CA sets of the account.",
        role: Role::Viewer,
        query: &[
            Parameter {
                name: "caSetNamePrefix",
                kind: ParameterKind::Text,
                summary: "Those whose names begin so, ignoring case; at most 64 characters.",
            },
            Parameter {
                name: "activatedOn",
                kind: ParameterKind::Choice(&[
                    "INACTIVE",
                    "STAGING",
                    "PRODUCTION",
                    "STAGING+PRODUCTION",
                    "PRODUCTION+STAGING",
                    "STAGING,PRODUCTION",
                    "PRODUCTION,STAGING",
                ]),
                summary: "Those active on a network: both with a plus sign, either with a comma. Sets that never were active are in none.",
            },
            Parameter {
                name: "caSetStatus",
                kind: ParameterKind::Choices(&["NOT_DELETED", "DELETING", "DELETED"]),
                summary: "Those with one of these; NOT_DELETED when absent.",
            },
        ],
        body: Body::Ignored,
        answers: &[(200, Some("CaSets"))],
        errors: &[ErrorCode::InvalidField, ErrorCode::TypeMismatch],
        handler: list,
    },
    Operation {
        id: "getCaSet",
        method: Verb::Get,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}",
        summary: "Shows a CA set, deleted or not.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("CaSet"))],
        errors: &[ErrorCode::CaSetNotFound],
        handler: show,
    },
    Operation {
        id: "deleteCaSet",
        method: Verb::Delete,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}",
        summary: "Asks for the deletion of a CA set that nothing uses and no network enforces.",
        role: Role::Operator,
        query: &[],
        body: Body::Ignored,
        answers: &[(202, Some("DeletionStatus"))],
        errors: &[
            ErrorCode::CaSetHasActiveVersions,
            ErrorCode::CaSetHasRunningActivations,
            ErrorCode::CaSetInUseByBoth,
            ErrorCode::CaSetInUseByEnrollments,
            ErrorCode::CaSetInUseByHostnames,
            ErrorCode::CaSetNotFound,
            ErrorCode::DeleteInProgress,
        ],
        handler: delete,
    },
    Operation {
        id: "getCaSetDeletionStatus",
        method: Verb::Get,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/status/delete",
        summary: "Shows how far a deletion came: 200 done, 202 in progress with Retry-After, 207 failed on a network.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[
            (200, Some("DeletionStatus")),
            (202, Some("DeletionStatus")),
            (207, Some("DeletionStatus")),
        ],
        errors: &[ErrorCode::CaSetNotFound, ErrorCode::NoActiveDeletions],
        handler: deletion,
    },
    Operation {
        id: "cloneCaSet",
        method: Verb::Post,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/clone",
        summary: "Makes a new CA set whose version 1 holds what a version of this one does.",
        role: Role::Operator,
        query: &[Parameter {
            name: "cloneFromVersion",
            kind: ParameterKind::Integer(1),
            summary: "The version to take; the latest when absent.",
        }],
        body: Body::Json("CaSetRequest"),
        answers: &[(201, Some("CaSet"))],
        errors: &[
            ErrorCode::CaSetLimitReached,
            ErrorCode::CaSetNameNotUnique,
            ErrorCode::CaSetNameValidationFailure,
            ErrorCode::CaSetNotFound,
            ErrorCode::DeleteInProgress,
            ErrorCode::MissingCaSetVersion,
            ErrorCode::TypeMismatch,
            ErrorCode::VersionNotFound,
        ],
        handler: duplicate,
    },
    Operation {
        id: "listCaSetActivities",
        method: Verb::Get,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/activities",
        summary: "Lists what happened to a CA set, newest first, deleted or not.",
        role: Role::Viewer,
        query: &[
            Parameter {
                name: "start",
                kind: ParameterKind::Time,
                summary: "Not before this time.",
            },
            Parameter {
                name: "end",
                kind: ParameterKind::Time,
                summary: "Not after this time.",
            },
        ],
        body: Body::Ignored,
        answers: &[(200, Some("Activities"))],
        errors: &[ErrorCode::CaSetNotFound, ErrorCode::TypeMismatch],
        handler: activities,
    },
    Operation {
        id: "listCaSetAssociations",
        method: Verb::Get,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/associations",
        summary: "Lists who uses a CA set.",
        role: Role::Viewer,
        query: &[Parameter {
            name: "associationType",
            kind: ParameterKind::Choice(&["enrollments", "properties"]),
            summary: "Only these; the other kind is null then.",
        }],
        body: Body::Ignored,
        answers: &[(200, Some("Associations"))],
        errors: &[ErrorCode::CaSetNotFound, ErrorCode::InvalidField],
        handler: associations,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn create(call: Call) -> Answer {
    Box::pin(async move {
        let new = body::new_ca_set(&call.body)?;
        let ca_set = call.controller.ca_sets().create(&call.caller, new).await?;
        Reply::json(StatusCode::CREATED, &wire::ca_set(&ca_set))?
            .with(LOCATION, &links::ca_set(ca_set.id.number()))
    })
}

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let filter = CaSetFilter {
            name_prefix: name_prefix(&call)?,
            activated_on: call.query.text("activatedOn").and_then(activated_on),
            statuses: call
                .query
                .list("caSetStatus")
                .filter_map(CaSetStatus::from_text)
                .collect(),
        };
        let ca_sets = call
            .controller
            .ca_sets()
            .list(&call.caller, &filter)
            .await?;
        let ca_sets = ca_sets.iter().map(wire::ca_set).collect();
        Reply::json(StatusCode::OK, &truststore::CaSets { ca_sets })
    })
}

fn name_prefix(call: &Call) -> Result<Option<String>, ServiceError> {
    let Some(prefix) = call.query.text("caSetNamePrefix") else {
        return Ok(None);
    };
    let allowed = |character: char| character.is_ascii_alphanumeric() || "%_-.".contains(character);
    if prefix.len() <= 64 && prefix.chars().all(allowed) {
        return Ok(Some(prefix.to_owned()));
    }
    Err(ServiceError::new(
        ErrorCode::InvalidField,
        "The query parameter `caSetNamePrefix` has at most 64 letters, digits, `_`, `-` and `.`.",
    )
    .with("parameter", "caSetNamePrefix"))
}

fn activated_on(text: &str) -> Option<ActivatedOn> {
    Some(match text {
        "INACTIVE" => ActivatedOn::Inactive,
        "STAGING" => ActivatedOn::Staging,
        "PRODUCTION" => ActivatedOn::Production,
        "STAGING+PRODUCTION" | "PRODUCTION+STAGING" => ActivatedOn::Both,
        "STAGING,PRODUCTION" | "PRODUCTION,STAGING" => ActivatedOn::Either,
        _ => return None,
    })
}

fn show(call: Call) -> Answer {
    Box::pin(async move {
        let ca_set = call
            .controller
            .ca_sets()
            .find(&call.caller, call.ca_set()?)
            .await?;
        Reply::json(StatusCode::OK, &wire::ca_set(&ca_set))
    })
}

fn delete(call: Call) -> Answer {
    Box::pin(async move {
        let id = call.ca_set()?;
        let ca_sets = call.controller.ca_sets();
        ca_sets.delete(&call.caller, id).await?;
        let (ca_set, deletions) = ca_sets.deletion(&call.caller, id).await?;
        Reply::json(StatusCode::ACCEPTED, &wire::deletion(&ca_set, &deletions))?
            .with(LOCATION, &links::deletion(id.number()))
    })
}

fn deletion(call: Call) -> Answer {
    Box::pin(async move {
        let (ca_set, deletions) = call
            .controller
            .ca_sets()
            .deletion(&call.caller, call.ca_set()?)
            .await?;
        let any = |status| deletions.iter().any(|deletion| deletion.status == status);
        let answer = wire::deletion(&ca_set, &deletions);
        if any(ActivationStatus::InProgress) {
            return super::activations::in_progress(&call.controller, &answer);
        }
        let status = if any(ActivationStatus::Failed) {
            StatusCode::MULTI_STATUS
        } else {
            StatusCode::OK
        };
        Reply::json(status, &answer)
    })
}

fn duplicate(call: Call) -> Answer {
    Box::pin(async move {
        let id = call.ca_set()?;
        let version = call
            .query
            .number("cloneFromVersion")
            .map(|number| VersionNumber::new(u32::try_from(number).unwrap_or(u32::MAX)));
        let new = body::new_ca_set(&call.body)?;
        let ca_set = call
            .controller
            .ca_sets()
            .duplicate(&call.caller, id, version, new)
            .await?;
        Reply::json(StatusCode::CREATED, &wire::ca_set(&ca_set))?
            .with(LOCATION, &links::ca_set(ca_set.id.number()))
    })
}

fn activities(call: Call) -> Answer {
    Box::pin(async move {
        let (start, end) = (call.query.time("start"), call.query.time("end"));
        let (ca_set, activities) = call
            .controller
            .ca_sets()
            .activities(&call.caller, call.ca_set()?, start, end)
            .await?;
        Reply::json(StatusCode::OK, &wire::activities(&ca_set, &activities))
    })
}

fn associations(call: Call) -> Answer {
    Box::pin(async move {
        let only = call.query.text("associationType").map(|text| match text {
            "enrollments" => AssociationKind::Enrollment,
            _ => AssociationKind::Property,
        });
        let users = call
            .controller
            .ca_sets()
            .associations(&call.caller, call.ca_set()?)
            .await?;
        Reply::json(StatusCode::OK, &wire::associations(&users, only))
    })
}
