//! CRLs of CA sets, and what is done about revocation.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A CRL to add: given here, or to be fetched. Exactly one of `crl` and `url`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CrlRequest {
    /// The CRL, PEM or base64 of DER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crl: Option<String>,
    /// Where it is fetched from, and fetched again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether the host of the URL may be in a private network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private_network: bool,
}

/// A CRL of a CA set, or where it comes from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Crl {
    /// Its id.
    pub crl_id: String,
    /// Where it is.
    pub crl_link: String,
    /// `good`, `expiring` (a newer one is late), `stale` (used within the grace), `expired` or `missing`.
    pub state: String,
    /// Where it is fetched from; null when it was uploaded.
    pub url: Option<String>,
    /// Whether the host of the URL may be in a private network.
    pub private_network: bool,
    /// Whether nobody added it: certificates of clients name it.
    pub from_certificate: bool,
    /// Who issued it.
    pub issuer: Option<String>,
    /// Its number, hexadecimal.
    pub number: Option<String>,
    /// Whether it only tells what changed since another one.
    pub delta: Option<bool>,
    /// How many certificates it lists.
    pub entries: Option<i64>,
    /// When it was issued.
    pub this_update: Option<Timestamp>,
    /// By when a newer one is promised.
    pub next_update: Option<Timestamp>,
    /// How long ago it was issued.
    pub age_seconds: Option<i64>,
    /// When it came.
    pub received_date: Option<Timestamp>,
    /// SHA-256 of its bytes.
    pub sha256: Option<String>,
    /// When it was last asked for.
    pub checked_date: Option<Timestamp>,
    /// When it is asked for next.
    pub next_check_date: Option<Timestamp>,
    /// How often in a row it could not be had.
    pub failures: u32,
    /// Why it could not be had.
    pub error: Option<String>,
    /// When it was added.
    pub created_date: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// The CRLs of a CA set.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Crls {
    /// In the order in which they were added.
    pub crls: Vec<Crl>,
}

/// What is done about revocation for the clients of a CA set.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationPolicy {
    /// `off`, `prefer` or `require`.
    pub mode: String,
    /// `leaf` or `path`.
    pub scope: String,
    /// How long information is used after newer was promised.
    pub stale_grace_seconds: u64,
}
