//! Host-relative links between resources.

use super::PREFIX;

/// A CA set.
#[must_use]
pub fn ca_set(id: u64) -> String {
    format!("{PREFIX}/ca-sets/{id}")
}

/// The versions of a CA set; with the vendor's trailing slash.
#[must_use]
pub fn versions(id: u64) -> String {
    format!("{PREFIX}/ca-sets/{id}/versions/")
}

/// A version.
#[must_use]
pub fn version(id: u64, version: u32) -> String {
    format!("{PREFIX}/ca-sets/{id}/versions/{version}")
}

/// An activation or deactivation.
#[must_use]
pub fn activation(id: u64, version: u32, activation: i64) -> String {
    format!("{PREFIX}/ca-sets/{id}/versions/{version}/activations/{activation}")
}

/// The status of a CA set's deletion.
#[must_use]
pub fn deletion(id: u64) -> String {
    format!("{PREFIX}/ca-sets/{id}/status/delete")
}

/// A property, in the vendor's property API.
#[must_use]
pub fn property(id: i64) -> String {
    format!("/papi/v1/properties/{id}")
}

/// An edge certificate, in the vendor's certificate API.
#[must_use]
pub fn enrollment(id: i64) -> String {
    format!("/cps/v2/enrollments/{id}")
}
