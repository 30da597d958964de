//! Versions of CA sets and their certificates.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Timestamp, ValidityDate};

/// Whether a network enforces a version.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ActiveStatus {
    Active,
    Inactive,
}

/// Whether a version is there.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names say it")]
pub enum VersionStatus {
    Deleted,
    NotDeleted,
}

/// A certificate to put into a version.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateRequest {
    /// One certificate, PEM.
    pub certificate_pem: String,
    /// 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What a version is to be.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionRequest {
    /// Whether SHA-1 signatures are admitted; a stop-gap while clients are replaced.
    #[serde(default)]
    pub allow_insecure_sha1: bool,
    /// At least one.
    pub certificates: Vec<CertificateRequest>,
    /// 1 to 255 characters.
    #[serde(default)]
    pub description: Option<String>,
}

/// Certificates to judge.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidationRequest {
    /// Whether SHA-1 signatures are admitted.
    #[serde(default)]
    pub allow_insecure_sha1: bool,
    /// At least one.
    pub certificates: Vec<CertificateRequest>,
}

/// A version of a CA set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's names")]
pub struct Version {
    pub allow_insecure_sha1: bool,
    pub ca_set_id: String,
    pub ca_set_name: String,
    pub ca_set_version_status: VersionStatus,
    /// Null in lists that were asked for without certificates.
    pub certificates: Option<Vec<Certificate>>,
    pub created_by: String,
    pub created_date: Timestamp,
    pub description: Option<String>,
    pub modified_by: Option<String>,
    pub modified_date: Option<Timestamp>,
    pub production_status: ActiveStatus,
    pub removal_date: Option<Timestamp>,
    pub staging_status: ActiveStatus,
    /// Null but in answers to changes.
    pub validation: Option<Validation>,
    pub version: u32,
    pub version_link: String,
}

/// Versions of a CA set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Versions {
    /// Newest first.
    pub versions: Vec<Version>,
}

/// A certificate of a version.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's names")]
pub struct Certificate {
    pub certificate_pem: String,
    /// Absent in the answer to a validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Absent in the answer to a validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_date: Option<Timestamp>,
    pub description: Option<String>,
    pub end_date: ValidityDate,
    /// SHA-256, lower-case hexadecimal.
    pub fingerprint: String,
    pub issuer: String,
    /// Lower-case hexadecimal.
    pub serial_number: String,
    pub signature_algorithm: String,
    pub start_date: ValidityDate,
    pub subject: String,
}

/// Certificates of one version.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's names")]
pub struct Certificates {
    pub ca_set_id: String,
    pub ca_set_name: String,
    pub certificates: Vec<Certificate>,
    pub version: u32,
}

/// What was judged good.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidationAnswer {
    /// As asked.
    pub allow_insecure_sha1: bool,
    /// As read; duplicates are all there.
    pub certificates: Vec<Certificate>,
    /// Remarks.
    pub validation: Validation,
}

/// Remarks on something that was done.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Validation {
    /// May be empty.
    pub warnings: Vec<Warning>,
}

/// One remark.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Warning {
    /// Names the kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind, for a person.
    pub title: String,
    /// This case, for a person.
    pub detail: String,
    /// Where in the request, as a JSON Pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Evidence for programs.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub context_info: Map<String, Value>,
}
