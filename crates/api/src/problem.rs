//! The form of every error (RFC 9457), with the vendor's members.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Why a request was not carried out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Problem {
    /// Names the kind; its last path segment is stable.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind, for a person.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This case, for a person.
    pub detail: String,
    /// Names this case; the server's log has it too.
    pub instance: String,
    /// The field that is wrong, as a JSON Pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Evidence for programs.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub context_info: Map<String, Value>,
    /// All problems, when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemItem>,
    /// Members of one kind of problem only, such as `rateLimit`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Problem {
    /// The stable name of the kind: the last segment of its type.
    #[must_use]
    pub fn slug(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }
}

/// One problem of several.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProblemItem {
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
