//! The one place where an error becomes a status, a type and a problem document (RFC 9457).

use std::error::Error;

use axum::body::Body;
use countersign_api::{Problem, ProblemItem, truststore};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use crate::app::{ErrorCode, ServiceError};

const MEDIA_TYPE: &str = "application/problem+json";
/// The vendor's clients compare types to the letter; the version of the API is not part of them.
const TRUSTSTORE_TYPES: &str = "/mtls-edge-truststore/error-types";
const CONTROL_TYPES: &str = "/v1/error-types";

/// The status of an error.
pub(crate) const fn status(code: ErrorCode) -> StatusCode {
    use ErrorCode as E;
    match code {
        E::AnotherActivationJustCompleted
        | E::CaSetHasActiveVersions
        | E::CaSetNameValidationFailure
        | E::CertificateValidationFailure
        | E::CertificateValidationFailureActivate
        | E::CertificateValidationFailureCreate
        | E::CertificateValidationFailureUpdate
        | E::ClientCredentialValidationFailure
        | E::CrlValidationFailure
        | E::DeclarationUnenforceable
        | E::EdgeCertificateValidationFailure
        | E::EdgeGridRequest
        | E::InvalidField
        | E::InvalidJson
        | E::JsonSchemaValidationError
        | E::MissingCaSetVersion
        | E::MissingQueryParameter
        | E::NoActiveDeletions
        | E::PropertyValidationFailure
        | E::TypeMismatch
        | E::UnknownQueryParameters => StatusCode::BAD_REQUEST,
        E::EdgeGridDeny | E::Unauthorized => StatusCode::UNAUTHORIZED,
        E::FeatureNotEnabled | E::Forbidden => StatusCode::FORBIDDEN,
        E::ActivationNotFound
        | E::ApiClientNotFound
        | E::CaSetNotFound
        | E::ChangeSetNotFound
        | E::ClientCredentialNotFound
        | E::CrlNotFound
        | E::DeploymentNotFound
        | E::EdgeCertificateNotFound
        | E::FeatureNotFound
        | E::NotFound
        | E::PropertyNotFound
        | E::PropertyVersionNotFound
        | E::RevocationNotFound
        | E::SiteNotFound
        | E::VersionNotFound => StatusCode::NOT_FOUND,
        E::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        E::MediaTypeNotAcceptable => StatusCode::NOT_ACCEPTABLE,
        E::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        E::AnotherActivationInProgress
        | E::AnotherDeactivationInProgress
        | E::CaSetBoundToHostname
        | E::CaSetHasRunningActivations
        | E::CaSetInUseByBoth
        | E::CaSetInUseByEnrollments
        | E::CaSetInUseByHostnames
        | E::CaSetNameNotUnique
        | E::CaSetNotActive
        | E::CertificateRegistered
        | E::ClientCredentialInUse
        | E::ClientCredentialNameNotUnique
        | E::ClientCredentialNotActive
        | E::DeleteInProgress
        | E::DeploymentInProgress
        | E::EdgeCertificateInUse
        | E::EdgeCertificateNameNotUnique
        | E::HostnameTaken
        | E::NoPreviousPropertyVersion
        | E::NoPreviousVersion
        | E::NotDeployed
        | E::PropertyNameNotUnique
        | E::SiteNameNotUnique
        | E::StillDeployed
        | E::VersionAlreadyActive
        | E::VersionNotActive => StatusCode::CONFLICT,
        E::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        E::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        E::MediaTypeNotSupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        E::CaSetLimitReached
        | E::CertificateLimitReached
        | E::DuplicateVersion
        | E::PropertyVersionFrozen
        | E::PropertyVersionLimitReached
        | E::VersionIsActive
        | E::VersionLimitReached
        | E::VersionWasActive => StatusCode::UNPROCESSABLE_ENTITY,
        E::AccountRateLimitExceeded => StatusCode::TOO_MANY_REQUESTS,
        E::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        E::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What a problem document says beside the error itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occurrence<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Where the request came from.
    pub(crate) source: &'a str,
}

/// Shows an error to the caller, and all of it to the log.
pub(crate) fn respond(error: ServiceError, occurrence: Occurrence<'_>) -> Response<Body> {
    let status = status(error.code);
    let kind = type_of(error.code, occurrence.path);
    let request = format!("{:016x}", random());
    let instance = format!("{kind}/{request}");
    log(&error, status, &instance, occurrence);
    let code = error.code;
    let problem = Problem {
        title: title(code).to_owned(),
        status: status.as_u16(),
        detail: error.detail,
        pointer: error.pointer,
        errors: error
            .items
            .into_iter()
            .map(|item| ProblemItem {
                kind: join(base(occurrence.path), &item.code),
                title: item.title,
                detail: item.detail,
                pointer: item.pointer,
                context_info: item.context,
            })
            .collect(),
        extra: extra(code, &error.context, &request),
        context_info: error.context,
        kind,
        instance,
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if code == ErrorCode::Unauthorized {
        // RFC 9110 §15.5.2: "The server generating a 401 response MUST send a WWW-Authenticate header field".
        headers.insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"countersign\", EG1-HMAC-SHA256"),
        );
    } else if code == ErrorCode::EdgeGridDeny {
        headers.insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("EG1-HMAC-SHA256"),
        );
    }
    response
}

/// The type of an error: the vendor's for its API, ours below it for the rest.
pub(crate) fn type_of(code: ErrorCode, path: &str) -> String {
    match code {
        ErrorCode::EdgeGridRequest => {
            "https://problems.luna.akamaiapis.net/-/pep-authn/request-error".to_owned()
        }
        ErrorCode::EdgeGridDeny => {
            "https://problems.luna.akamaiapis.net/-/pep-authn/deny".to_owned()
        }
        code => join(base(path), code.slug()),
    }
}

fn base(path: &str) -> &'static str {
    if path.starts_with(truststore::PREFIX) {
        TRUSTSTORE_TYPES
    } else {
        CONTROL_TYPES
    }
}

fn join(base: &str, slug: &str) -> String {
    format!("{base}/{slug}")
}

fn title(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::EdgeGridRequest => "Bad request",
        ErrorCode::EdgeGridDeny => "Not authorized",
        code => code.title(),
    }
}

/// Members that one kind of problem has at its top: the vendor's clients look for them there.
fn extra(code: ErrorCode, context: &Map<String, Value>, request: &str) -> Map<String, Value> {
    match code {
        ErrorCode::AccountRateLimitExceeded => context.clone(),
        ErrorCode::EdgeGridDeny | ErrorCode::EdgeGridRequest => {
            let mut extra = context.clone();
            extra.insert("requestId".to_owned(), request.into());
            extra
        }
        _ => Map::new(),
    }
}

fn log(error: &ServiceError, status: StatusCode, instance: &str, occurrence: Occurrence<'_>) {
    let Occurrence {
        method,
        path,
        source,
    } = occurrence;
    let cause = error.cause.as_deref().map(|cause| cause as &dyn Error);
    if status.is_server_error() {
        tracing::error!(
            method,
            path,
            source,
            instance,
            error = cause,
            "request failed"
        );
    } else {
        tracing::debug!(
            method,
            path,
            source,
            instance,
            problem = error.code.slug(),
            "request refused"
        );
    }
}

/// Names an occurrence. Nothing depends on its being hard to guess.
fn random() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness the occurrence is found by its time alone.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the vendor's typed client compares, status and last segment of the type; it takes nothing else for the error meant.
    const MATCHED_BY_CLIENTS: &[(u16, &str)] = &[
        (400, "another-activation-just-completed-in-the-ca-set"),
        (400, "ca-set-cannot-be-deleted-active-versions"),
        (400, "ca-set-name-validation-failure"),
        (400, "certificate-validation-failure"),
        (400, "certificate-validation-failure-activate"),
        (400, "certificate-validation-failure-create"),
        (400, "certificate-validation-failure-update"),
        (400, "invalid-field"),
        (400, "invalid-json"),
        (400, "missing-caset-version"),
        (400, "missing-required-query-parameter"),
        (400, "no-active-cert-deletions"),
        (400, "path-variable-query-param-type-mismatch"),
        (400, "unknown-query-parameters"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "activation-or-deactivation-request-not-found"),
        (404, "ca-set-not-found"),
        (404, "ca-set-version-not-found"),
        (406, "media-type-not-acceptable"),
        (409, "another-activation-request-in-progress-in-the-ca-set"),
        (
            409,
            "another-deactivation-request-in-progress-in-the-ca-set",
        ),
        (409, "ca-set-bound-to-hostname"),
        (
            409,
            "ca-set-cannot-be-deleted-in-progress-version-activations",
        ),
        (409, "ca-set-in-use-by-both-enrollments-and-hostnames"),
        (409, "ca-set-in-use-by-enrollments"),
        (409, "ca-set-in-use-by-hostnames"),
        (409, "ca-set-name-is-not-unique"),
        (409, "ca-set-version-already-active-on-network"),
        (409, "ca-set-version-not-active-on-network"),
        (409, "delete-ca-set-request-in-progress"),
        (415, "media-type-not-supported"),
        (422, "ca-set-limit-reached"),
        (422, "ca-set-version-is-active"),
        (422, "ca-set-version-limit-reached"),
        (422, "ca-set-version-was-previously-active"),
        (422, "certificate-limit-reached"),
        (422, "duplicate-ca-set-version"),
        (500, "internal-error"),
    ];

    #[test]
    fn errors_have_the_statuses_and_types_that_the_vendors_clients_match() {
        for (expected, slug) in MATCHED_BY_CLIENTS {
            let code = ErrorCode::ALL.iter().find(|code| code.slug() == *slug);
            let code = *code.unwrap_or_else(|| panic!("no {slug}"));
            assert_eq!(status(code).as_u16(), *expected, "{slug}");
            assert_eq!(
                type_of(code, "/mtls-edge-truststore/v2/ca-sets"),
                format!("/mtls-edge-truststore/error-types/{slug}")
            );
        }
    }

    #[test]
    fn slugs_are_unique_and_titles_are_sentences() {
        let mut slugs: Vec<_> = ErrorCode::ALL.iter().map(|code| code.slug()).collect();
        let count = slugs.len();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), count);
        for code in ErrorCode::ALL {
            assert!(code.title().ends_with('.'), "{}", code.slug());
        }
    }
}
