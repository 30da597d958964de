//! Client credentials: what the edge proves its own identity to origins with.

use serde::{Deserialize, Serialize};

use super::deployment::Deployed;
use super::{Network, SecretText};
use crate::truststore::Validation;
use crate::{Timestamp, ValidityDate};

/// A request to make a client credential.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCredentialInput {
    /// Its name, unique in the account.
    pub name: String,
    /// Version 1.
    #[serde(flatten)]
    pub version: ClientCredentialVersionInput,
}

/// A version to add.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCredentialVersionInput {
    /// The certificate and its intermediates, PEM, in any order.
    pub certificate_pem: String,
    /// The private key, PEM: PKCS#8, PKCS#1 or SEC 1, not encrypted. It is sealed at once and never returned.
    pub private_key_pem: SecretText,
}

/// A request to make a network show a version.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActivateCredentialInput {
    /// On which network.
    pub network: Network,
    /// Which version; the newest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// A client credential as it is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCredential {
    /// Its id.
    pub client_credential_id: String,
    /// Where it is.
    pub client_credential_link: String,
    /// How origins and rules name it: whichever version is active.
    pub reference: String,
    /// Its name.
    pub name: String,
    /// Oldest first.
    pub versions: Vec<ClientCredentialVersion>,
    /// What staging shows.
    pub staging: Option<Deployed>,
    /// What production shows.
    pub production: Option<Deployed>,
    /// When it was made.
    pub created_date: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Remarks about the request that made or changed it; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

/// A version of a client credential; never its key.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCredentialVersion {
    /// From 1.
    pub version: u32,
    /// How rules name this version and no other.
    pub reference: String,
    /// The chain, PEM, leaf first.
    pub certificate_pem: String,
    /// The leaf's subject.
    pub subject: String,
    /// The leaf's issuer.
    pub issuer: String,
    /// The kind of key.
    pub key_algorithm: String,
    /// SHA-256 of the leaf, lower-case hex.
    pub fingerprint: String,
    /// From when the leaf is valid.
    pub start_date: ValidityDate,
    /// Until when the leaf is valid.
    pub end_date: ValidityDate,
    /// Whether less than 30 % of its lifetime is left.
    pub expiring: bool,
    /// When it came in.
    pub created_date: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// The answer to a list request.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCredentials {
    /// All of the account, by name.
    pub client_credentials: Vec<ClientCredential>,
}
