//! Properties: hostnames with a rule tree, in versions.

use std::collections::BTreeMap;

use countersign_api::v1::properties::PropertyHostname;
use countersign_api::v1::sites::SiteOrigin;
use countersign_trust::UnixTime;

use super::{AccountId, Deployed, row_id};

row_id! {
    /// Numbers properties, across accounts; no site has the same number.
    PropertyId
}

/// A property.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// Its number.
    pub id: PropertyId,
    /// Its owner.
    pub account: AccountId,
    /// Its name; never changes.
    pub name: String,
    /// The number of its newest version; there is always one.
    pub latest_version: u32,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// What the networks have of it.
    pub networks: Vec<Deployed>,
}

/// One version of a property: it can be edited until its first activation is asked for, and never changes afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyVersion {
    /// Of which property.
    pub property: PropertyId,
    /// Its number, from 1.
    pub number: u32,
    /// How often it was edited, from 1.
    pub edit: u32,
    /// What its author says about it.
    pub note: Option<String>,
    /// The version that it was made from.
    pub created_from: Option<u32>,
    /// The server names, and which edge certificates are presented for them.
    pub hostnames: Vec<PropertyHostname>,
    /// The origins that its rules choose by id.
    pub origins: BTreeMap<String, SiteOrigin>,
    /// The rule tree, JSON. Its form is good; what it says may not be.
    pub rules: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// When it was last edited.
    pub modified_at: Option<UnixTime>,
    /// By whom.
    pub modified_by: Option<String>,
    /// When its first activation was asked for.
    pub frozen_at: Option<UnixTime>,
}

impl PropertyVersion {
    /// What `If-Match` compares: another one after every edit.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("{}-{}", self.number, self.edit)
    }
}
