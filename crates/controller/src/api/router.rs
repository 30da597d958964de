//! From a request to an operation and back.

use std::sync::Arc;

use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::response::Response;
use axum::routing::MethodRouter;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, IF_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::authenticate;
use super::call::{Call, Reply};
use super::media;
use super::operation::{Body, Operation, operations};
use super::problem::{self, Occurrence};
use super::query::Query;
use super::rate::{Allowance, RateLimiter};
use crate::Controller;
use crate::app::{ErrorCode, ServiceError, require};

const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RATE_NEXT: HeaderName = HeaderName::from_static("x-ratelimit-next");

#[derive(Clone, Debug)]
struct Shared {
    controller: Controller,
    rate: Arc<RateLimiter>,
}

/// The router of all operations and of the OpenAPI document.
pub(crate) fn router(controller: Controller) -> Router {
    let shared = Shared {
        rate: Arc::new(RateLimiter::new(controller.limits().rate)),
        controller,
    };
    let mut router = Router::new();
    for path in paths() {
        let served: Vec<_> = operations()
            .filter(|operation| operation.path == path)
            .collect();
        let mut methods = MethodRouter::new();
        for operation in &served {
            methods = methods.on(filter(&operation.method.http()), {
                let operation: &'static Operation = operation;
                move |State(shared): State<Shared>,
                      parameters: Result<RawPathParams, RawPathParamsRejection>,
                      request: Request| async move {
                    match parameters {
                        Ok(parameters) => answer(shared, operation, parameters, request).await,
                        // A path that is no text names nothing.
                        Err(_) => not_found(&request),
                    }
                }
            });
        }
        let allow: Vec<_> = served
            .iter()
            .map(|operation| operation.method.http().to_string())
            .collect();
        let allow = allow.join(", ");
        methods = methods.fallback(move |request: Request| {
            let allow = allow.clone();
            async move { method_not_allowed(&request, &allow) }
        });
        // Links to lists end with a slash, as the vendor's do, and whoever follows one gets there.
        router = router.route(&format!("{path}/"), methods.clone());
        router = router.route(path, methods);
    }
    router
        .route("/openapi.json", axum::routing::get(openapi))
        .fallback(|request: Request| async move { not_found(&request) })
        .with_state(shared)
}

/// Each path once.
fn paths() -> Vec<&'static str> {
    let mut paths: Vec<_> = operations().map(|operation| operation.path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

fn filter(method: &Method) -> axum::routing::MethodFilter {
    match *method {
        Method::DELETE => axum::routing::MethodFilter::DELETE,
        Method::POST => axum::routing::MethodFilter::POST,
        Method::PUT => axum::routing::MethodFilter::PUT,
        _ => axum::routing::MethodFilter::GET,
    }
}

async fn openapi() -> Response {
    let mut response = Response::new(HttpBody::from(super::openapi::document_text()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn answer(
    shared: Shared,
    operation: &'static Operation,
    parameters: RawPathParams,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = parameters
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut allowance = None;
    let deadline = shared.controller.limits().request_timeout;
    let carried_out = tokio::time::timeout(
        deadline,
        carry_out(&shared, operation, path, &parts, body, &mut allowance),
    )
    .await
    .unwrap_or_else(|_| {
        Err(ServiceError::new(
            ErrorCode::ServiceUnavailable,
            format!(
                "The request was not done within {} seconds.",
                deadline.as_secs()
            ),
        ))
    });
    let mut response = match carried_out {
        Ok(reply) => show(reply),
        Err(error) => {
            let source = authenticate::source(&parts);
            problem::respond(
                error,
                Occurrence {
                    method: parts.method.as_str(),
                    path: parts.uri.path(),
                    source: &source,
                },
            )
        }
    };
    add_headers(&mut response, allowance);
    response
}

/// The checks in their order: who asks, how often, whether it may, then the form of the request.
async fn carry_out(
    shared: &Shared,
    operation: &'static Operation,
    path: Vec<(String, String)>,
    parts: &Parts,
    body: HttpBody,
    allowance: &mut Option<Allowance>,
) -> Result<Reply, ServiceError> {
    let controller = &shared.controller;
    let dated = |error| authenticate::dated(error, controller.now());
    let claim = authenticate::begin(controller, parts)
        .await
        .map_err(dated)?;
    let body = read(body, controller.limits().body_bytes).await?;
    let caller = claim
        .finish(controller, parts, &body)
        .await
        .map_err(dated)?;
    let left = shared.rate.take(&caller.account, controller.now());
    *allowance = Some(left);
    left.check()?;
    require(&caller, operation.role)?;
    media::check_accept(&parts.headers)?;
    if operation.body != Body::Ignored {
        media::check_content_type(&parts.headers)?;
    }
    let query = Query::read(operation, parts.uri.query())?;
    (operation.handler)(Call {
        controller: controller.clone(),
        caller,
        path,
        query,
        if_match: if_match(&parts.headers),
        body,
    })
    .await
}

async fn read(body: HttpBody, limit: usize) -> Result<Bytes, ServiceError> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ServiceError::new(
            ErrorCode::RequestTooLarge,
            format!("The body has more than {limit} bytes."),
        )
        .with("maxBodyBytes", limit)),
        Err(error) => Err(ServiceError {
            cause: Some(error),
            ..ServiceError::new(ErrorCode::RequestTimeout, "The body did not arrive whole.")
        }),
    }
}

/// RFC 9110 §13.1.1: `*` matches whatever is there. Only one tag is understood, since only one state is ever current.
fn if_match(headers: &HeaderMap) -> Option<String> {
    let tag = headers.get(IF_MATCH)?.to_str().unwrap_or_default().trim();
    (tag != "*").then(|| tag.trim_matches('"').to_owned())
}

fn show(reply: Reply) -> Response {
    let has_body = reply.body.is_some();
    let mut response = Response::new(reply.body.unwrap_or_else(HttpBody::empty));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    if has_body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.extend(reply.headers);
    response
}

fn add_headers(response: &mut Response, allowance: Option<Allowance>) {
    let headers = response.headers_mut();
    // What is said to one caller is for nobody else, and old news misleads.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let Some(allowance) = allowance else { return };
    headers.insert(RATE_LIMIT, allowance.limit.into());
    headers.insert(RATE_REMAINING, allowance.remaining.into());
    if let Some(next) = allowance.next
        && let Ok(value) = HeaderValue::from_str(
            &countersign_api::Timestamp::from_micros(next.as_micros()).to_string(),
        )
    {
        headers.insert(RATE_NEXT, value);
    }
}

fn not_found(request: &Request) -> Response {
    respond(
        request,
        ServiceError::new(ErrorCode::NotFound, "There is nothing at this path."),
    )
}

fn method_not_allowed(request: &Request, allow: &str) -> Response {
    let error = ServiceError::new(
        ErrorCode::MethodNotAllowed,
        format!("At this path there is only {allow}."),
    );
    let mut response = respond(request, error);
    if let Ok(value) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(ALLOW, value);
    }
    response
}

fn respond(request: &Request, error: ServiceError) -> Response {
    problem::respond(
        error,
        Occurrence {
            method: request.method().as_str(),
            path: request.uri().path(),
            source: "unknown",
        },
    )
}
