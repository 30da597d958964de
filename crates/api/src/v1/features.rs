//! Features: what an account may use or not.

use serde::{Deserialize, Serialize};

/// Something that an account may use or not.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Whether the account may use it.
    pub enabled: bool,
    /// What it is about.
    pub description: String,
}

/// The answer to a list request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Features {
    /// All that there are.
    pub features: Vec<Feature>,
}

/// A request to change one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSetting {
    /// Whether the account may use it.
    pub enabled: bool,
}
