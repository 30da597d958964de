//! CA sets and what is known about them.

use serde::{Deserialize, Serialize};

use super::{ActivationStatus, Network};
use crate::Timestamp;

/// Whether a CA set is there.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names say it")]
pub enum CaSetStatus {
    Deleted,
    Deleting,
    NotDeleted,
}

/// What a new or cloned CA set is to be called.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaSetRequest {
    /// 3 to 64 letters, digits, `_`, `-` and `.`.
    pub ca_set_name: String,
    /// 1 to 255 characters.
    #[serde(default)]
    pub description: Option<String>,
}

/// A CA set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's names")]
pub struct CaSet {
    pub account_id: String,
    pub ca_set_id: String,
    pub ca_set_link: String,
    pub ca_set_name: String,
    pub ca_set_status: CaSetStatus,
    pub created_by: String,
    pub created_date: Timestamp,
    pub deleted_by: Option<String>,
    pub deleted_date: Option<Timestamp>,
    pub description: Option<String>,
    pub latest_version: Option<u32>,
    pub latest_version_link: Option<String>,
    pub production_version: Option<u32>,
    pub production_version_link: Option<String>,
    pub removal_date: Option<Timestamp>,
    pub staging_version: Option<u32>,
    pub staging_version_link: Option<String>,
    /// Ends with a slash.
    pub versions_link: String,
}

/// CA sets of an account.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaSets {
    /// By id.
    pub ca_sets: Vec<CaSet>,
}

/// The deletion of a CA set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's names")]
pub struct DeletionStatus {
    pub ca_set_id: String,
    pub ca_set_link: String,
    pub ca_set_name: String,
    /// One per network.
    pub deletions: Vec<DeletionOfNetwork>,
    pub end_time: Option<Timestamp>,
    pub estimated_end_time: Option<Timestamp>,
    pub failure_reason: Option<String>,
    pub removal_date: Option<Timestamp>,
    /// Always `delete`.
    pub resource_method: Option<String>,
    pub start_time: Timestamp,
    pub status: ActivationStatus,
    pub status_link: String,
}

/// The deletion of a CA set on one network.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's names")]
pub struct DeletionOfNetwork {
    pub failure_reason: Option<String>,
    pub network: Network,
    pub percent_complete: u8,
    pub status: ActivationStatus,
}

/// What happened to a CA set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's names")]
pub struct Activities {
    /// Newest first.
    pub activities: Vec<Activity>,
    pub ca_set_id: String,
    pub ca_set_link: String,
    pub ca_set_name: String,
    pub ca_set_status: CaSetStatus,
    pub created_by: String,
    pub created_date: Timestamp,
    pub deleted_by: Option<String>,
    pub deleted_date: Option<Timestamp>,
}

/// One thing that happened.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's names")]
pub struct Activity {
    #[serde(rename = "type")]
    pub kind: String,
    pub activity_by: String,
    pub activity_date: Timestamp,
    pub network: Option<Network>,
    pub version: Option<u32>,
}

/// Who uses a CA set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Associations {
    /// The uses, by kind.
    pub associations: Association,
}

/// The uses by kind; null where the kind was not asked for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Association {
    /// Edge certificates.
    pub enrollments: Option<Vec<EnrollmentAssociation>>,
    /// Hostnames that name the set itself.
    pub properties: Option<Vec<PropertyAssociation>>,
}

/// An edge certificate that uses a CA set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's names")]
pub struct EnrollmentAssociation {
    pub cn: String,
    pub enrollment_id: i64,
    pub enrollment_link: String,
    pub production_slots: Vec<i64>,
    pub staging_slots: Vec<i64>,
}

/// A property or site whose hostnames use a CA set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's names")]
pub struct PropertyAssociation {
    pub asset_id: Option<i64>,
    pub group_id: Option<i64>,
    pub hostnames: Vec<HostnameAssociation>,
    pub property_id: String,
    pub property_link: String,
    pub property_name: Option<String>,
}

/// A hostname that uses a CA set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's names")]
pub struct HostnameAssociation {
    pub host_name: String,
    pub network: Network,
    /// `ATTACHING`, `DETACHING` or `ATTACHED`.
    pub status: String,
}
