//! A request whose form is good, and the answer to it.

use bytes::Bytes;
use countersign_snapshot::{CaSetId, VersionNumber};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use super::query::Query;
use crate::app::{ErrorCode, ServiceError};
use crate::model::ActivationId;
use crate::{Caller, Controller};

/// A request whose caller, media types and parameter names have been checked.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) controller: Controller,
    pub(crate) caller: Caller,
    pub(crate) path: Vec<(String, String)>,
    pub(crate) query: Query,
    /// The tag of `If-Match`: what the caller saw. None when it does not care.
    pub(crate) if_match: Option<String>,
    pub(crate) body: Bytes,
}

impl Call {
    /// The CA set of the path.
    pub(crate) fn ca_set(&self) -> Result<CaSetId, ServiceError> {
        let from_text = |text: &str| text.parse().ok();
        self.thing("caSetId", from_text, "CA set", ErrorCode::CaSetNotFound)
    }

    /// The version of the path.
    pub(crate) fn version(&self) -> Result<VersionNumber, ServiceError> {
        self.number("version").map(VersionNumber::new)
    }

    /// The activation of the path.
    pub(crate) fn activation(&self) -> Result<ActivationId, ServiceError> {
        self.number("activationId").map(ActivationId::new)
    }

    /// The thing of the path. Its id is text to clients, so one that is no number names a thing that does not exist.
    pub(crate) fn thing<T>(
        &self,
        parameter: &str,
        from_text: fn(&str) -> Option<T>,
        noun: &str,
        not_found: ErrorCode,
    ) -> Result<T, ServiceError> {
        let text = self.parameter(parameter);
        from_text(text).ok_or_else(|| no_such(parameter, text, noun, not_found))
    }

    /// A parameter of the path, as text.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.path
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    /// A parameter of the path that is a number.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, ServiceError> {
        let text = self.parameter(name);
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).ok_or_else(|| {
            let shown: String = text.chars().take(64).collect();
            ServiceError::new(
                ErrorCode::TypeMismatch,
                format!("The path variable `{name}` is `{shown}`, but it is a number."),
            )
            .with("parameter", name)
            .with("value", shown)
        })
    }
}

/// What somebody is told whose id of a thing is none.
pub(crate) fn no_such(field: &str, text: &str, noun: &str, code: ErrorCode) -> ServiceError {
    let shown: String = text.chars().take(64).collect();
    ServiceError::new(
        code,
        format!("The account has no {noun} with the id `{shown}`."),
    )
    .with(field, shown)
}

/// A good answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// JSON.
    pub(crate) body: Option<axum::body::Body>,
}

impl Reply {
    /// An answer with a JSON body.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, ServiceError> {
        Ok(Self {
            status,
            headers: Vec::new(),
            body: Some(
                serde_json::to_vec(body)
                    .map_err(ServiceError::internal)?
                    .into(),
            ),
        })
    }

    /// An answer whose JSON is still being made.
    pub(crate) const fn stream(status: StatusCode, body: axum::body::Body) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(body),
        }
    }

    /// An answer without a body.
    pub(crate) const fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: None,
        }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Result<Self, ServiceError> {
        let value = HeaderValue::from_str(value).map_err(ServiceError::internal)?;
        self.headers.push((name, value));
        Ok(self)
    }
}
