//! Deployments: making a network enforce, or forget, a site or an edge certificate.

use serde::{Deserialize, Serialize};

use super::Network;
use crate::Timestamp;

/// A request to deploy or to remove.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeployInput {
    /// On which network.
    pub network: Network,
}

/// What a network has of a site or an edge certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    /// The version that is enforced; absent while it is on its way for the first time.
    pub version: Option<u32>,
    /// The newest attempt to change that.
    pub deployment: Option<Deployment>,
}

/// One attempt to make a network enforce, or forget, something.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Its number.
    pub deployment_id: i64,
    /// Where it is.
    pub deployment_link: String,
    /// Which version of the thing.
    pub version: u32,
    /// The network.
    pub network: Network,
    /// `DEPLOY` or `REMOVE`.
    pub action: String,
    /// `IN_PROGRESS`, `COMPLETE` (every live edge node enforces it) or `FAILED` (what was enforced before is enforced still).
    pub status: String,
    /// The share of live edge nodes that acknowledged, 0 to 100.
    pub percent_complete: u8,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// When it was asked for.
    pub created_date: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When its status last changed.
    pub modified_date: Option<Timestamp>,
}

/// The answer to a list request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployments {
    /// Newest first.
    pub deployments: Vec<Deployment>,
}
