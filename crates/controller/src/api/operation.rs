//! The table of operations: what the router serves, what the OpenAPI document says and who may do what, in one place.

use http::Method;

use super::call::{Call, Reply};
use super::{
    activations, api_clients, audit, ca_sets, certificates, client_credentials, crls, declarations,
    edge_certificates, explain, extended_key_usage, features, forwarding_keys, ocsp, properties,
    revocations, sites, versions,
};
use crate::app::{ErrorCode, ServiceError};
use crate::{BoxFuture, Role};

/// Carries an operation out.
pub(crate) type Handler = fn(Call) -> BoxFuture<'static, Result<Reply, ServiceError>>;

/// One operation of the API.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its stable name.
    pub id: &'static str,
    /// Its method.
    pub method: Verb,
    /// Its path, with parameters in braces.
    pub path: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// The least role that may call it. Changes of what production enforces want an approver besides.
    pub role: Role,
    /// The query parameters that it knows.
    pub query: &'static [Parameter],
    /// What its body is.
    pub body: Body,
    /// The statuses of its good answers, with the schema of their bodies.
    pub answers: &'static [(u16, Option<&'static str>)],
    /// The errors that it has beyond those that all operations have.
    pub errors: &'static [ErrorCode],
    pub(crate) handler: Handler,
}

/// The methods in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Verb {
    Delete,
    Get,
    Post,
    Put,
}

impl Verb {
    /// The method as the HTTP library has it.
    #[must_use]
    pub const fn http(self) -> Method {
        match self {
            Self::Delete => Method::DELETE,
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
        }
    }
}

/// What the body of a request is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Body {
    /// None is looked at; the vendor's client sends one with a GET.
    Ignored,
    /// JSON with this schema.
    Json(&'static str),
}

/// A query parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: ParameterKind,
    /// What it does, in one sentence.
    pub summary: &'static str,
}

/// What the values of a query parameter are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ParameterKind {
    /// `true` or `false`.
    Boolean,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Some of these, separated by commas.
    Choices(&'static [&'static str]),
    /// A number, at least this.
    Integer(i64),
    /// Any text.
    Text,
    /// RFC 3339.
    Time,
}

/// All operations, in the order of the documentation.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    [
        ca_sets::OPERATIONS,
        versions::OPERATIONS,
        activations::OPERATIONS,
        certificates::OPERATIONS,
        edge_certificates::OPERATIONS,
        client_credentials::OPERATIONS,
        sites::OPERATIONS,
        properties::OPERATIONS,
        explain::OPERATIONS,
        declarations::OPERATIONS,
        revocations::OPERATIONS,
        crls::OPERATIONS,
        extended_key_usage::OPERATIONS,
        ocsp::OPERATIONS,
        features::OPERATIONS,
        forwarding_keys::OPERATIONS,
        audit::OPERATIONS,
        api_clients::OPERATIONS,
    ]
    .into_iter()
    .flatten()
}

/// The errors that every operation has.
pub(crate) const COMMON_ERRORS: &[ErrorCode] = &[
    ErrorCode::AccountRateLimitExceeded,
    ErrorCode::Forbidden,
    ErrorCode::InternalError,
    ErrorCode::MediaTypeNotAcceptable,
    ErrorCode::MethodNotAllowed,
    ErrorCode::ServiceUnavailable,
    ErrorCode::Unauthorized,
    ErrorCode::UnknownQueryParameters,
];

/// The errors that every operation with a JSON body has.
pub(crate) const BODY_ERRORS: &[ErrorCode] = &[
    ErrorCode::InvalidJson,
    ErrorCode::JsonSchemaValidationError,
    ErrorCode::MediaTypeNotSupported,
    ErrorCode::RequestTimeout,
    ErrorCode::RequestTooLarge,
];
