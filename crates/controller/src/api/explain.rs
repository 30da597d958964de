//! `POST /v1/explain`: what a network says to a client and its request, and why.

use countersign_api::v1::explain::ExplainRequest;
use http::StatusCode;

use super::body;
use super::call::{Call, Reply};
use super::operation::{Body, Operation, Verb};
use crate::app::{ErrorCode, ServiceError};
use crate::{BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "explain",
    method: Verb::Post,
    path: "/v1/explain",
    summary: "Says what a network says to a client and its request, why, and what would change it. Changes nothing.",
    role: Role::Viewer,
    query: &[],
    body: Body::Json("ExplainRequest"),
    answers: &[(200, Some("Explanation"))],
    errors: &[ErrorCode::InvalidField],
    handler: explain,
}];

fn explain(call: Call) -> BoxFuture<'static, Result<Reply, ServiceError>> {
    Box::pin(async move {
        let request: ExplainRequest = body::typed(body::parse(&call.body)?)?;
        let service = call.controller.explanations();
        let answer = service.explain(&call.caller, &request).await?;
        Reply::json(StatusCode::OK, &answer)
    })
}
