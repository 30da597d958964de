//! Who is asked about the clients of a CA set, and what was answered, under `/v1`.

use std::time::Duration;

use countersign_api::v1::ocsp as v1;
use countersign_trust::UnixTime;
use http::StatusCode;

use super::body;
use super::call::{Call, Reply};
use super::operation::{Body, Operation, Parameter, ParameterKind, Verb};
use super::wire;
use crate::app::{ErrorCode, ServiceError};
use crate::model::{AskedCertificate, Says};
use crate::{BoxFuture, Role};

const PAGE: u32 = 100;
const PAGE_MAX: u32 = 1_000;

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "getRevocationSources",
        method: Verb::Get,
        path: "/v1/ca-sets/{caSetId}/revocation-sources",
        summary: "Shows who may be asked about the revocation of a CA set's clients.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("RevocationSources"))],
        errors: &[ErrorCode::CaSetNotFound],
        handler: sources,
    },
    Operation {
        id: "setRevocationSources",
        method: Verb::Put,
        path: "/v1/ca-sets/{caSetId}/revocation-sources",
        summary: "Says who may be asked about the revocation of a CA set's clients: hosts that certificates name, and OCSP responders.",
        role: Role::Approver,
        query: &[],
        body: Body::Json("RevocationSources"),
        answers: &[(200, Some("RevocationSources"))],
        errors: &[ErrorCode::CaSetNotFound, ErrorCode::InvalidField],
        handler: set_sources,
    },
    Operation {
        id: "listOcspAnswers",
        method: Verb::Get,
        path: "/v1/ca-sets/{caSetId}/ocsp-answers",
        summary: "Lists what OCSP responders said about the clients of a CA set, with states and ages; what failed first, then the newest.",
        role: Role::Viewer,
        query: &[Parameter {
            name: "limit",
            kind: ParameterKind::Integer(1),
            summary: "How many answers; 100 when absent, at most 1,000.",
        }],
        body: Body::Ignored,
        answers: &[(200, Some("OcspAnswers"))],
        errors: &[ErrorCode::CaSetNotFound, ErrorCode::TypeMismatch],
        handler: list,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn sources(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.ocsp();
        let sources = service.sources(&call.caller, call.ca_set()?).await?;
        Reply::json(StatusCode::OK, &sources)
    })
}

fn set_sources(call: Call) -> Answer {
    Box::pin(async move {
        let ca_set = call.ca_set()?;
        let sources = body::typed(body::parse(&call.body)?)?;
        let service = call.controller.ocsp();
        let sources = service.set_sources(&call.caller, ca_set, sources).await?;
        Reply::json(StatusCode::OK, &sources)
    })
}

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let limit = call.query.number("limit").map_or(PAGE, |limit| {
            u32::try_from(limit).unwrap_or(PAGE_MAX).min(PAGE_MAX)
        });
        let service = call.controller.ocsp();
        let (answers, total, policy) = service.answers(&call.caller, call.ca_set()?, limit).await?;
        let now = call.controller.now();
        let answers = answers
            .iter()
            .map(|asked| wire_form(asked, now, policy.stale_grace))
            .collect();
        Reply::json(StatusCode::OK, &v1::OcspAnswers { answers, total })
    })
}

fn wire_form(asked: &AskedCertificate, now: UnixTime, grace: Duration) -> v1::OcspAnswer {
    let answer = asked.answer.as_ref();
    v1::OcspAnswer {
        subject: asked.certificate.subject().to_rfc2253(),
        serial_number: asked.certificate.serial().to_string(),
        certificate_sha256: asked.certificate.fingerprint().to_string(),
        issuer: asked.certificate.issuer().to_rfc2253(),
        status: answer.map(|answer| answer.says.as_str().to_owned()),
        revoked_date: answer.and_then(|answer| match answer.says {
            Says::Revoked(at) => Some(wire::time(at)),
            Says::Good | Says::Unknown => None,
        }),
        state: asked.state(now, grace).as_str().to_owned(),
        this_update: answer.map(|answer| wire::time(answer.this_update)),
        next_update: answer.map(|answer| wire::time(answer.next_update)),
        age_seconds: answer.map(|it| now.as_secs().saturating_sub(it.this_update.as_secs())),
        responder: asked.responder.clone(),
        checked_date: asked.checked_at.map(wire::time),
        next_check_date: wire::time(asked.check_at),
        failures: asked.failures,
        error: asked.error.clone(),
    }
}
