//! Media types: JSON in, JSON out.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};

use crate::app::{ErrorCode, ServiceError};

const JSON: &str = "application/json";
const ACCEPTED: [&str; 4] = [
    "application/json",
    "application/problem+json",
    "application/*",
    "*/*",
];

/// Refuses a caller who would not understand JSON.
pub(crate) fn check_accept(headers: &HeaderMap) -> Result<(), ServiceError> {
    let types = list(headers, &ACCEPT);
    if types.is_empty() || types.iter().any(|kind| ACCEPTED.contains(&kind.as_str())) {
        return Ok(());
    }
    Err(ServiceError::new(
        ErrorCode::MediaTypeNotAcceptable,
        "The answer is JSON, which the `Accept` header does not admit.",
    )
    .with("acceptableMediaTypes", vec![JSON])
    .with("unacceptableMediaTypes", types))
}

/// Refuses a body that claims to be something other than JSON.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), ServiceError> {
    let types = list(headers, &CONTENT_TYPE);
    if types.iter().all(|kind| kind == JSON) {
        return Ok(());
    }
    Err(
        ServiceError::new(ErrorCode::MediaTypeNotSupported, "The body has to be JSON.")
            .with("allowedMediaTypes", vec![JSON])
            .with("unsupportedMediaType", types.join(", ")),
    )
}

/// The media types of a header, lower case, without parameters.
fn list(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| {
            // A value with bytes beyond ASCII is no media type; it is shown as such.
            let text = value.to_str().unwrap_or("?");
            text.split(',').map(|kind| {
                let kind = kind.split(';').next().unwrap_or_default();
                kind.trim().to_ascii_lowercase()
            })
        })
        .filter(|kind| !kind.is_empty())
        .map(|kind| kind.chars().take(100).collect())
        .collect()
}
