//! A declaration: everything that an account's networks are to enforce, in one document.
//!
//! Things are called by their names. Where the API has the id of a CA set, an edge certificate or a client credential, a declaration has its
//! name, also inside of rules. Keys are only ever read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::properties::PropertyHostname;
use super::sites::{SiteOrigin, SiteSettings};
use super::{Network, SecretText, edge_certificates::EdgeCertificateSettings};

/// What is to be enforced. What it does not name stays as it is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Declaration {
    /// CA sets by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ca_sets: BTreeMap<String, DeclaredCaSet>,
    /// Edge certificates by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub edge_certificates: BTreeMap<String, DeclaredEdgeCertificate>,
    /// Client credentials by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub client_credentials: BTreeMap<String, DeclaredClientCredential>,
    /// Sites by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sites: BTreeMap<String, DeclaredSite>,
    /// Properties by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, DeclaredProperty>,
}

/// A CA set.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredCaSet {
    /// A remark, for a set that is made; it never changes afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether SHA-1 signatures are admitted.
    #[serde(default)]
    pub allow_insecure_sha1: bool,
    /// Its certificates, PEM.
    pub certificates_pem: String,
    /// Where the version with these certificates is active.
    #[serde(default)]
    pub networks: Vec<Network>,
}

/// An edge certificate.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredEdgeCertificate {
    /// Its certificates, best first.
    pub certificates: Vec<DeclaredCertificate>,
    /// How the edge speaks TLS with it.
    #[serde(default)]
    pub settings: EdgeCertificateSettings,
    /// Where it is deployed.
    #[serde(default)]
    pub networks: Vec<Network>,
}

/// A certificate of an edge certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredCertificate {
    /// The certificate and its intermediates, PEM.
    pub certificate_pem: String,
    /// Its key, PEM; needed only for a certificate that is not there yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key_pem: Option<SecretText>,
}

/// What the edge proves its own identity to origins with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredClientCredential {
    /// The certificate and its intermediates, PEM.
    pub certificate_pem: String,
    /// Its key, PEM; needed only when no version has this certificate yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key_pem: Option<SecretText>,
    /// Where the version with this certificate is active.
    #[serde(default)]
    pub networks: Vec<Network>,
}

/// A site.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredSite {
    /// What is enforced.
    pub settings: SiteSettings,
    /// Where it is deployed.
    #[serde(default)]
    pub networks: Vec<Network>,
}

/// A property.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredProperty {
    /// Its server names.
    pub hostnames: Vec<PropertyHostname>,
    /// Its origins, by the id that rules choose them by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<String, SiteOrigin>,
    /// The rule tree: `ruleFormat` and `rules`.
    pub rules: Value,
    /// Where the version with all that is active.
    #[serde(default)]
    pub networks: Vec<Network>,
}

/// A request to make a declaration true.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplyInput {
    /// What is to be true.
    pub declaration: Declaration,
    /// Only say what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// What changes, and for whom.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyAnswer {
    /// The change set to follow; absent when nothing changes or nothing was to be changed.
    pub change_set_id: Option<i64>,
    /// Where it is.
    pub change_set_link: Option<String>,
    /// In the order in which they are made; empty when the declaration is true already.
    pub changes: Vec<DeclaredChange>,
    /// The server names for which something else is enforced than before.
    pub affected: Vec<AffectedHostname>,
}

/// One change.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredChange {
    /// `CREATE`, `UPDATE`, `ENFORCE` or `FORGET`.
    pub action: String,
    /// `caSet`, `edgeCertificate`, `clientCredential`, `site` or `property`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The version that is made, enforced or forgotten.
    pub version: u32,
    /// Where, for what is enforced or forgotten.
    pub network: Option<Network>,
}

/// A server name for which something else is enforced.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AffectedHostname {
    /// Where.
    pub network: Network,
    /// The name or pattern.
    pub hostname: String,
    /// `ADDED`, `CHANGED` or `REMOVED`.
    pub how: String,
}

/// How far a change set came.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeSet {
    /// Its number.
    pub change_set_id: i64,
    /// Where it is.
    pub change_set_link: String,
    /// `IN_PROGRESS`, `COMPLETE`, or `FAILED` when a network refused: that network enforces nothing of it.
    pub status: String,
    /// Per network.
    pub networks: Vec<ChangeSetOnNetwork>,
}

/// How far a change set came on a network.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeSetOnNetwork {
    /// Where.
    pub network: Network,
    /// `IN_PROGRESS`, `COMPLETE` or `FAILED`.
    pub status: String,
    /// The share of live edge nodes that acknowledged, 0 to 100.
    pub percent_complete: u8,
    /// Why it failed.
    pub failure_reason: Option<String>,
}
