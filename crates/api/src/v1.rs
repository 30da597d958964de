//! The resources that the vendor's API does not have, under `/v1`.

pub mod client_credentials;
pub mod crls;
pub mod declaration;
pub mod deployment;
pub mod edge_certificates;
pub mod explain;
pub mod extended_key_usage;
pub mod features;
pub mod forwarding_keys;
pub mod ocsp;
pub mod origins;
pub mod properties;
pub mod revocations;
pub mod sites;
pub mod tls;

pub use crate::truststore::Network;

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that only its receiver may see: a private key. Its `Debug` shows nothing, and no answer of the API holds one.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Takes the text over.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text in the clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
