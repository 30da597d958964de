//! What was accepted, with a remark.

use serde::{Deserialize, Serialize};

/// Something that a person should know about a request that was carried out. Stored with activations, hence readable and writable.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Warning {
    /// A stable slug such as `duplicate-certificate`.
    pub code: String,
    /// A short title.
    pub title: String,
    /// One sentence with the evidence.
    pub detail: String,
    /// Where in the request, as a JSON Pointer.
    pub pointer: Option<String>,
    /// Evidence for programs.
    pub context: serde_json::Map<String, serde_json::Value>,
}
