//! Properties: hostnames with a rule tree, in versions that are activated like those of CA sets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::deployment::{Deployed, Deployment};
use super::sites::SiteOrigin;
use crate::Timestamp;
use crate::truststore::Validation;

/// A request to make a property; its version 1 is made with it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PropertyInput {
    /// Its name, unique in the account. Never changes.
    pub property_name: String,
    /// The rule format of version 1; `latest` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_format: Option<String>,
    /// What version 1 is a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone_from: Option<CloneFrom>,
}

/// A version of a property.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloneFrom {
    /// The property.
    pub property_id: String,
    /// The version.
    pub version: u32,
}

/// A request to make a version.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VersionInput {
    /// The version that it starts as a copy of; the newest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_from_version: Option<u32>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A server name of a property.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PropertyHostname {
    /// The name; `*.example.com` is a wildcard for one label.
    pub hostname: String,
    /// The edge certificates to present, best first. When there are none, the one that covers the name and is deployed on the network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edge_certificate_ids: Vec<String>,
}

/// The server names of a version.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostnamesInput {
    /// All of them.
    pub hostnames: Vec<PropertyHostname>,
}

/// The origins of a version.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OriginsInput {
    /// All of them, by the id that rules choose them by (`origin` with `originId`).
    pub origins: BTreeMap<String, SiteOrigin>,
}

/// A property as it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Property {
    /// Its id.
    pub property_id: String,
    /// Where it is.
    pub property_link: String,
    /// Its name.
    pub property_name: String,
    /// The number of its newest version.
    pub latest_version: u32,
    /// What staging has.
    pub staging: Option<Deployed>,
    /// What production has.
    pub production: Option<Deployed>,
    /// When it was made.
    pub created_date: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// The answer to a list request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// All of the account, by name.
    pub properties: Vec<Property>,
}

/// A version of a property, without its rules.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PropertyVersion {
    /// Of which property.
    pub property_id: String,
    /// The name of that property.
    pub property_name: String,
    /// Its number.
    pub property_version: u32,
    /// Where it is.
    pub version_link: String,
    /// Another one after every edit; for `If-Match`.
    pub etag: String,
    /// The format that its rules are written in.
    pub rule_format: String,
    /// Whether it can still be edited.
    pub is_editable: bool,
    /// A remark.
    pub note: Option<String>,
    /// The version that it was made from.
    pub created_from_version: Option<u32>,
    /// `ACTIVE`, `INACTIVE`, or `PENDING` while that changes.
    pub staging_status: String,
    /// `ACTIVE`, `INACTIVE`, or `PENDING` while that changes.
    pub production_status: String,
    /// Its server names.
    pub hostnames: Vec<PropertyHostname>,
    /// Its origins.
    pub origins: BTreeMap<String, SiteOrigin>,
    /// When it was made.
    pub created_date: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was last edited.
    pub modified_date: Option<Timestamp>,
    /// By whom.
    pub modified_by: Option<String>,
}

/// The answer to a list request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PropertyVersions {
    /// Newest first.
    pub versions: Vec<PropertyVersion>,
}

/// The rules of a version, in the vendor's form.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PropertyRules {
    /// Of which property.
    pub property_id: String,
    /// Of which version.
    pub property_version: u32,
    /// Another one after every edit; for `If-Match`.
    pub etag: String,
    /// The format that the rules are written in.
    pub rule_format: String,
    /// The top rule.
    pub rules: Map<String, Value>,
    /// What the author says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comments: Option<String>,
    /// What stands against activating the version.
    pub errors: Vec<RuleProblem>,
    /// What may not be meant.
    pub warnings: Vec<RuleProblem>,
}

/// Something about a version that its author should know.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleProblem {
    /// A stable slug.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where, as a JSON Pointer: into the rules, or into `/hostnames` and `/origins`.
    pub error_location: String,
    /// What is wrong.
    pub detail: String,
    /// What to do.
    pub remedy: String,
}

/// The activation or deactivation of a version.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PropertyActivation {
    /// How far it came.
    #[serde(flatten)]
    pub deployment: Deployment,
    /// Remarks; only in the answer to the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}
