//! Declarations under `/v1`.

use countersign_api::v1::declaration as v1;
use http::StatusCode;

use super::call::{Call, Reply};
use super::operation::{Body, Operation, Verb};
use super::{activations, body, wire};
use crate::app::{Applied, ChangeSetProgress, ErrorCode, Run, ServiceError};
use crate::model::ActivationStatus;
use crate::{BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "applyDeclaration",
        method: Verb::Post,
        path: "/v1/apply",
        summary: "Makes a declaration true, as a whole or not at all; with `dryRun`, says what would change and for whom.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("ApplyRequest"),
        answers: &[(200, Some("ApplyAnswer"))],
        errors: &[
            ErrorCode::AnotherActivationInProgress,
            ErrorCode::CaSetInUseByBoth,
            ErrorCode::CaSetInUseByEnrollments,
            ErrorCode::CaSetInUseByHostnames,
            ErrorCode::CaSetLimitReached,
            ErrorCode::CaSetNameValidationFailure,
            ErrorCode::CaSetNotActive,
            ErrorCode::CertificateValidationFailureActivate,
            ErrorCode::CertificateValidationFailureCreate,
            ErrorCode::DeclarationUnenforceable,
            ErrorCode::DeploymentInProgress,
            ErrorCode::EdgeCertificateInUse,
            ErrorCode::EdgeCertificateValidationFailure,
            ErrorCode::FeatureNotEnabled,
            ErrorCode::HostnameTaken,
            ErrorCode::InvalidField,
            ErrorCode::PropertyValidationFailure,
            ErrorCode::PropertyVersionLimitReached,
            ErrorCode::VersionLimitReached,
        ],
        handler: apply,
    },
    Operation {
        id: "exportDeclaration",
        method: Verb::Get,
        path: "/v1/export",
        summary: "Shows what there is as a declaration, without keys.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Declaration"))],
        errors: &[],
        handler: export,
    },
    Operation {
        id: "getChangeSet",
        method: Verb::Get,
        path: "/v1/change-sets/{changeSetId}",
        summary: "Shows how far a change set came on each network: 200 ended, 202 in progress with Retry-After.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("ChangeSet")), (202, Some("ChangeSet"))],
        errors: &[ErrorCode::ChangeSetNotFound, ErrorCode::TypeMismatch],
        handler: change_set,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn apply(call: Call) -> Answer {
    Box::pin(async move {
        let input: v1::ApplyInput = body::typed(body::parse(&call.body)?)?;
        let run = if input.dry_run { Run::Dry } else { Run::Real };
        let declarations = call.controller.declarations();
        let applied = declarations
            .apply(&call.caller, &input.declaration, run)
            .await?;
        Reply::json(StatusCode::OK, &view(applied))
    })
}

fn export(call: Call) -> Answer {
    Box::pin(async move {
        let declaration = call.controller.declarations().export(&call.caller).await?;
        Reply::json(StatusCode::OK, &declaration)
    })
}

fn change_set(call: Call) -> Answer {
    Box::pin(async move {
        let number = call.number("changeSetId")?;
        let declarations = call.controller.declarations();
        let networks = declarations.change_set(&call.caller, number).await?;
        let any = |status| networks.iter().any(|it| it.status == status);
        let status = if any(ActivationStatus::InProgress) {
            ActivationStatus::InProgress
        } else if any(ActivationStatus::Failed) {
            ActivationStatus::Failed
        } else {
            ActivationStatus::Complete
        };
        let view = v1::ChangeSet {
            change_set_id: number,
            change_set_link: link(number),
            status: status.as_str().to_owned(),
            networks: networks.into_iter().map(on_network).collect(),
        };
        match status {
            ActivationStatus::InProgress => activations::in_progress(&call.controller, &view),
            _ => Reply::json(StatusCode::OK, &view),
        }
    })
}

fn on_network(progress: ChangeSetProgress) -> v1::ChangeSetOnNetwork {
    v1::ChangeSetOnNetwork {
        network: wire::network(progress.network),
        status: progress.status.as_str().to_owned(),
        percent_complete: progress.percent,
        failure_reason: progress.failure_reason,
    }
}

fn view(applied: Applied) -> v1::ApplyAnswer {
    v1::ApplyAnswer {
        change_set_id: applied.change_set,
        change_set_link: applied.change_set.map(link),
        changes: applied.changes,
        affected: applied.affected,
    }
}

fn link(number: i64) -> String {
    format!("/v1/change-sets/{number}")
}
