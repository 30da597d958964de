//! What the extended key usage of a CA set's clients must say.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The rule of a CA set.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExtendedKeyUsage {
    /// `acceptAbsent`, `acceptServerAuthUntil`, `any` or `requireClientAuth`.
    pub rule: String,
    /// Until when `serverAuth` will do; there exactly with `acceptServerAuthUntil`.
    #[serde(default)]
    pub until: Option<Timestamp>,
}
