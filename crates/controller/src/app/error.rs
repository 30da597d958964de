//! What a service answers when it does not do what it was asked.

use std::error::Error;
use std::fmt;

use serde_json::{Map, Value};

use crate::store::StoreError;

/// A request that was not carried out: what its caller is told, and what only the log is told.
#[derive(Debug)]
pub struct ServiceError {
    /// Which kind; the API derives status and type from it.
    pub code: ErrorCode,
    /// What the caller is told, with the evidence.
    pub detail: String,
    /// Where in the request, as a JSON Pointer.
    pub pointer: Option<String>,
    /// Evidence for programs.
    pub context: Map<String, Value>,
    /// All problems, when there are several.
    pub items: Vec<ErrorItem>,
    /// What only the log is told.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

/// One problem of several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ErrorItem {
    /// A stable slug.
    pub code: String,
    /// A short title.
    pub title: String,
    /// One sentence with the evidence.
    pub detail: String,
    /// Where in the request, as a JSON Pointer.
    pub pointer: Option<String>,
    /// Evidence for programs.
    pub context: Map<String, Value>,
}

impl ServiceError {
    /// An error that the caller can do something about.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            pointer: None,
            context: Map::new(),
            items: Vec::new(),
            cause: None,
        }
    }

    /// An error that only the operator can do something about.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(
                ErrorCode::InternalError,
                "Something failed inside the controller; its log says what.",
            )
        }
    }

    /// Adds evidence.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.context.insert(key.to_owned(), value.into());
        self
    }

    /// Says where in the request.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// Says that what every pointer points into is itself at this place of the request.
    #[must_use]
    pub(crate) fn below(self, place: &str) -> Self {
        self.moved(|inner| format!("{place}{}", inner.unwrap_or_default()))
    }

    /// Says of every pointer where that is in the request.
    #[must_use]
    pub(crate) fn moved(mut self, place: impl Fn(Option<&str>) -> String) -> Self {
        let items = self.items.iter_mut().map(|item| &mut item.pointer);
        for pointer in items.chain([&mut self.pointer]) {
            *pointer = Some(place(pointer.as_deref()));
        }
        self
    }

    /// Adds the list of all problems.
    #[must_use]
    pub fn with_items(mut self, items: Vec<ErrorItem>) -> Self {
        self.items = items;
        self
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.slug(), self.detail)?;
        self.items.iter().try_for_each(|item| {
            let pointer = item.pointer.as_deref().unwrap_or_default();
            write!(f, "\n  {pointer} {}", item.detail)
        })
    }
}

impl Error for ServiceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &dyn Error)
    }
}

impl StoreError {
    /// What the caller is told: the refusal when a value had to be unique and is not.
    pub(crate) fn or_not_unique(self, refusal: impl FnOnce() -> ServiceError) -> ServiceError {
        if self.is_unique_violation() {
            refusal()
        } else {
            self.into()
        }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        if error.is_busy() {
            Self {
                cause: Some(Box::new(error)),
                ..Self::new(
                    ErrorCode::ServiceUnavailable,
                    "The store is busy with other changes; try again in a few seconds.",
                )
            }
        } else {
            Self::internal(error)
        }
    }
}

macro_rules! error_codes {
    ($($variant:ident = $slug:literal, $title:literal;)+) => {
        /// The kinds of errors. The slug is the stable name, the last part of a problem's type.
        #[allow(missing_docs, reason = "the slug and the title say it")]
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum ErrorCode { $($variant,)+ }

        impl ErrorCode {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)+ }
            }

            /// The title, for a person.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

error_codes! {
    AccountRateLimitExceeded = "account-rate-limit-exceeded", "The account has sent too many requests.";
    ActivationNotFound = "activation-or-deactivation-request-not-found", "Activation or deactivation request is not found.";
    AnotherActivationInProgress = "another-activation-request-in-progress-in-the-ca-set", "Another activation request is in progress in the CA set.";
    AnotherActivationJustCompleted = "another-activation-just-completed-in-the-ca-set", "Another activation just completed in the CA set.";
    AnotherDeactivationInProgress = "another-deactivation-request-in-progress-in-the-ca-set", "Another deactivation request is in progress in the CA set.";
    ApiClientNotFound = "api-client-not-found", "API client is not found.";
    CaSetBoundToHostname = "ca-set-bound-to-hostname", "The CA set is bound to a hostname.";
    CaSetHasActiveVersions = "ca-set-cannot-be-deleted-active-versions", "The CA set cannot be deleted as it has active versions.";
    CaSetHasRunningActivations = "ca-set-cannot-be-deleted-in-progress-version-activations", "The CA set cannot be deleted as activations of its versions are in progress.";
    CaSetInUseByBoth = "ca-set-in-use-by-both-enrollments-and-hostnames", "The CA set is in use by enrollments and hostnames.";
    CaSetInUseByEnrollments = "ca-set-in-use-by-enrollments", "The CA set is in use by enrollments.";
    CaSetInUseByHostnames = "ca-set-in-use-by-hostnames", "The CA set is in use by hostnames.";
    CaSetLimitReached = "ca-set-limit-reached", "The account has reached its limit of CA sets.";
    CaSetNameNotUnique = "ca-set-name-is-not-unique", "CA set with the same name exists in the account.";
    CaSetNameValidationFailure = "ca-set-name-validation-failure", "CA set name is not valid.";
    CaSetNotFound = "ca-set-not-found", "CA set is not found.";
    CertificateLimitReached = "certificate-limit-reached", "The version has more certificates than allowed.";
    CertificateRegistered = "certificate-already-registered", "The certificate is registered already.";
    CertificateValidationFailure = "certificate-validation-failure", "Certificate(s) has failed validation.";
    CertificateValidationFailureActivate = "certificate-validation-failure-activate", "Cannot activate the ca set version as the certificate(s) has failed validation.";
    CertificateValidationFailureCreate = "certificate-validation-failure-create", "Cannot create the ca set version as the certificate(s) has failed validation.";
    CertificateValidationFailureUpdate = "certificate-validation-failure-update", "Cannot update the ca set version as the certificate(s) has failed validation.";
    ChangeSetNotFound = "change-set-not-found", "Change set is not found.";
    DeclarationUnenforceable = "declaration-cannot-be-enforced", "The declaration cannot be enforced.";
    ClientCredentialInUse = "client-credential-in-use", "The client credential is in use.";
    ClientCredentialNameNotUnique = "client-credential-name-is-not-unique", "Client credential with the same name exists in the account.";
    ClientCredentialNotActive = "client-credential-not-active-on-network", "Client credential is not active on the network.";
    ClientCredentialNotFound = "client-credential-not-found", "Client credential is not found.";
    ClientCredentialValidationFailure = "client-credential-validation-failure", "The client credential cannot be used.";
    CrlNotFound = "crl-not-found", "CRL is not found.";
    CrlValidationFailure = "crl-validation-failure", "The CRL cannot be used.";
    DeleteInProgress = "delete-ca-set-request-in-progress", "DELETE request is in progress for the CA set on the network.";
    DuplicateVersion = "duplicate-ca-set-version", "A version of the CA set has the same certificates.";
    EdgeGridDeny = "edgegrid-deny", "The signature is not accepted.";
    EdgeGridRequest = "edgegrid-request-error", "The signature cannot be checked.";
    CaSetNotActive = "ca-set-not-active-on-network", "CA set is not active on the network.";
    DeploymentInProgress = "another-deployment-in-progress", "Another deployment is in progress.";
    DeploymentNotFound = "deployment-not-found", "Deployment is not found.";
    EdgeCertificateInUse = "edge-certificate-in-use", "The edge certificate is in use.";
    EdgeCertificateNameNotUnique = "edge-certificate-name-is-not-unique", "Edge certificate with the same name exists in the account.";
    EdgeCertificateNotFound = "edge-certificate-not-found", "Edge certificate is not found.";
    EdgeCertificateValidationFailure = "edge-certificate-validation-failure", "The edge certificate cannot be used.";
    Forbidden = "forbidden", "Forbidden.";
    HostnameTaken = "hostname-taken", "The hostname belongs to another site or property.";
    InternalError = "internal-error", "Internal error.";
    InvalidField = "invalid-field", "A field is not valid.";
    InvalidJson = "invalid-json", "Body is not valid JSON.";
    JsonSchemaValidationError = "json-schema-validation-error", "Body failed JSON schema validation.";
    MediaTypeNotAcceptable = "media-type-not-acceptable", "Media type not acceptable.";
    MediaTypeNotSupported = "media-type-not-supported", "Media type not supported.";
    MethodNotAllowed = "method-not-allowed", "Method not allowed.";
    MissingCaSetVersion = "missing-caset-version", "The CA set has no version.";
    MissingQueryParameter = "missing-required-query-parameter", "A required query parameter is missing.";
    NoActiveDeletions = "no-active-cert-deletions", "No deletion of the CA set is active.";
    NoPreviousVersion = "no-previous-ca-set-version", "There is no version to go back to.";
    NotDeployed = "not-deployed", "It is not deployed on the network.";
    FeatureNotEnabled = "feature-not-enabled", "The account does not have the feature.";
    FeatureNotFound = "feature-not-found", "Feature is not found.";
    NotFound = "not-found", "Not found.";
    PreconditionFailed = "precondition-failed", "It was changed in the meantime.";
    NoPreviousPropertyVersion = "no-previous-property-version", "There is no version to go back to.";
    PropertyNameNotUnique = "property-name-is-not-unique", "Property with the same name exists in the account.";
    PropertyNotFound = "property-not-found", "Property is not found.";
    PropertyValidationFailure = "property-validation-failure", "The property cannot be activated as it is.";
    PropertyVersionFrozen = "property-version-was-activated", "The property's version was activated.";
    PropertyVersionLimitReached = "property-version-limit-reached", "The property has reached its limit of versions.";
    PropertyVersionNotFound = "property-version-not-found", "Property version is not found.";
    RevocationNotFound = "revocation-not-found", "Revocation is not found.";
    RequestTimeout = "request-timeout", "The request took too long.";
    RequestTooLarge = "request-too-large", "The request is too large.";
    ServiceUnavailable = "service-unavailable", "The service is not available at this time.";
    SiteNameNotUnique = "site-name-is-not-unique", "Site with the same name exists in the account.";
    SiteNotFound = "site-not-found", "Site is not found.";
    StillDeployed = "still-deployed", "It is still deployed.";
    TypeMismatch = "path-variable-query-param-type-mismatch", "A path variable or query parameter has the wrong type.";
    Unauthorized = "unauthorized", "Unauthorized.";
    UnknownQueryParameters = "unknown-query-parameters", "Unknown query parameters provided.";
    VersionAlreadyActive = "ca-set-version-already-active-on-network", "CA set version is already active on the network.";
    VersionIsActive = "ca-set-version-is-active", "CA set version is active.";
    VersionLimitReached = "ca-set-version-limit-reached", "The CA set has reached its limit of versions.";
    VersionNotActive = "ca-set-version-not-active-on-network", "CA set version is not active on the network.";
    VersionNotFound = "ca-set-version-not-found", "CA set version is not found.";
    VersionWasActive = "ca-set-version-was-previously-active", "CA set version was previously active.";
}
