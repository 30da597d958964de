//! Activations and deactivations.

use serde::{Deserialize, Serialize};

use super::Validation;
use crate::Timestamp;

/// One of the two networks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Network {
    Production,
    Staging,
}

impl Network {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "PRODUCTION",
            Self::Staging => "STAGING",
        }
    }
}

/// Which way.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ActivationType {
    Activate,
    Deactivate,
}

/// How far it came.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ActivationStatus {
    Complete,
    Failed,
    InProgress,
}

/// Where to activate or deactivate.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ActivationRequest {
    /// The network.
    pub network: Network,
}

/// One attempt to change what a network enforces.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's names")]
pub struct Activation {
    pub activation_id: i64,
    pub activation_link: String,
    pub activation_status: ActivationStatus,
    pub activation_type: ActivationType,
    pub ca_set_id: String,
    pub ca_set_link: String,
    pub ca_set_name: String,
    pub created_by: String,
    pub created_date: Timestamp,
    pub failure_reason: Option<String>,
    pub modified_by: Option<String>,
    pub modified_date: Option<Timestamp>,
    pub network: Network,
    /// 0 to 100.
    pub percent_complete: u8,
    pub validation: Option<Validation>,
    pub version: u32,
    pub version_link: String,
}

/// The history of a CA set or version.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Activations {
    /// Newest first.
    pub activations: Vec<Activation>,
}
