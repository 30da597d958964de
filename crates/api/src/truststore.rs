//! The truststore API (`/mtls-edge-truststore/v2`), field for field as the vendor's clients read it.
//!
//! A field that is an `Option` is always there, with an explicit null when empty, unless its documentation says otherwise.

mod activation;
mod ca_set;
pub mod links;
mod version;

pub use activation::{
    Activation, ActivationRequest, ActivationStatus, ActivationType, Activations, Network,
};
pub use ca_set::{
    Activities, Activity, Association, Associations, CaSet, CaSetRequest, CaSetStatus, CaSets,
    DeletionOfNetwork, DeletionStatus, EnrollmentAssociation, HostnameAssociation,
    PropertyAssociation,
};
pub use version::{
    ActiveStatus, Certificate, CertificateRequest, Certificates, Validation, ValidationAnswer,
    ValidationRequest, Version, VersionRequest, VersionStatus, Versions, Warning,
};

/// Where the API is.
pub const PREFIX: &str = "/mtls-edge-truststore/v2";
