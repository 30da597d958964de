//! Judging certificates: operation 21 of the truststore.

use countersign_api::truststore;
use countersign_trust::Sha1Signatures;
use http::StatusCode;

use super::call::{Call, Reply};
use super::operation::{Body, Operation, Verb};
use super::{body, wire};
use crate::app::{ErrorCode, ServiceError};
use crate::{BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "validateCertificates",
    method: Verb::Post,
    path: "/mtls-edge-truststore/v2/certificates/validate",
    summary: "Judges certificates as the making of a version would, and keeps nothing.",
    role: Role::Viewer,
    query: &[],
    body: Body::Json("ValidationRequest"),
    answers: &[(200, Some("ValidationAnswer"))],
    errors: &[ErrorCode::CertificateValidationFailure],
    handler: validate,
}];

fn validate(call: Call) -> BoxFuture<'static, Result<Reply, ServiceError>> {
    Box::pin(async move {
        let (sha1, certificates) = body::certificates_to_judge(&call.body)?;
        let judged = call
            .controller
            .versions()
            .validate(&call.caller, sha1, certificates)
            .await?;
        Reply::json(
            StatusCode::OK,
            &truststore::ValidationAnswer {
                allow_insecure_sha1: sha1 == Sha1Signatures::Allow,
                certificates: judged
                    .certificates
                    .iter()
                    .map(wire::judged_certificate)
                    .collect(),
                validation: wire::validation(judged.warnings),
            },
        )
    })
}
