//! The control plane: who may change what is trusted, and how a change reaches the edge.
//!
//! The controller keeps CA sets, sites and credentials, judges every change of them, compiles what a network enforces into one signed
//! snapshot and hands it to the edge nodes through a [`Distribution`]. Its truststore API is wire-compatible with the vendor's
//! (`/mtls-edge-truststore/v2`); what the vendor does not have is under `/v1`.
//!
//! It does **not** know TLS or edge nodes: accepted connections come in through [`Accept`], snapshots go out through [`Distribution`].
//!
//! Inside, `api` knows HTTP and calls services, `app` holds one service per resource and knows no HTTP, and only `store` knows SQL.
//!
//! Start from [`Controller`] (opens the store, gives out the services), [`ControllerConfig`] and [`Caller`] (who asks).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod api;
mod app;
mod config;
mod controller;
mod distribution;
mod model;
mod store;

pub use api::{
    Accept, Body, Connection, Operation, Parameter, ParameterKind, Scheme, Verb,
    api_client_document, openapi_document, operations, serve,
};
pub use app::{
    Accounts, Activations, AdmissionChange, ApiClients, Applied, AuditCheck, AuditEntry, AuditLog,
    CaSets, ChangeSetProgress, ClientCredentials, Credentials, Crls, Declarations,
    EdgeCertificates, ErrorCode, ErrorItem, Expiry, Explanations, ExtendedKeyUsageRules, Features,
    Finding, Findings, ForwardingKeys, HostnameImpact, Judged, NewApiClient, NewCaSet,
    NewCertificateClient, NewCrl, NewProperty, NewRevocation, NewVersion, Ocsp, Properties,
    Renewals, Revocations, Run, ServiceError, Sites, SubmittedCertificate, VersionFilter,
    VersionPart, Versions,
};
pub use config::{ControllerConfig, Limits, RateLimit};
pub use controller::{Controller, OpenError};
pub use distribution::{BoxFuture, Distribution};
pub use model::{
    AccountId, Activation, ActivationId, ActivationKind, ActivationStatus, Activity, ActivityKind,
    ApiClient, ApiClientKind, AskedCertificate, Association, AssociationKind, AssociationStatus,
    CaSet, CaSetStatus, Caller, ClientCredential, CredentialId, CredentialVersion, CrlSource,
    CrlState, Deletion, Deployed, Deployment, DeploymentAction, DeploymentId, DeploymentKind,
    EdgeCertificate, EdgeCertificateId, Feature, ForwardingKey, HeldAnswer, HeldCertificate,
    HeldCrl, KeyPair, KeyPairId, KeyRequest, OperatorCertificate, ParseRoleError, Presented,
    Property, PropertyId, PropertyVersion, REVOCATION_REASONS, Revocation, RevocationId, Role,
    Says, Site, SiteId, Version, VersionStatus, Warning,
};
pub use store::ca_sets::{ActivatedOn, CaSetFilter};
