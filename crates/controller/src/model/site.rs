//! Sites and edge certificates, as they are kept.

use countersign_api::v1::edge_certificates::EdgeCertificateSettings;
use countersign_api::v1::sites::SiteSettings;
use countersign_snapshot::SealedSecret;
use countersign_trust::{Certificate, UnixTime};

use super::{AccountId, Deployed, row_id};

row_id! {
    /// Numbers sites, across accounts.
    SiteId
}
row_id! {
    /// Numbers edge certificates, across accounts.
    EdgeCertificateId
}
row_id! {
    /// Numbers certificate chains with their keys; a renewed one has another number.
    KeyPairId
}

/// A site.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Its number.
    pub id: SiteId,
    /// Its owner.
    pub account: AccountId,
    /// Its name; never changes.
    pub name: String,
    /// Grows with each change.
    pub version: u32,
    /// What is enforced where this version is deployed.
    pub settings: SiteSettings,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// When it was last changed.
    pub modified_at: Option<UnixTime>,
    /// By whom.
    pub modified_by: Option<String>,
    /// What the networks have of it.
    pub networks: Vec<Deployed>,
}

/// An edge certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeCertificate {
    /// Its number.
    pub id: EdgeCertificateId,
    /// Its owner.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Grows with each change.
    pub version: u32,
    /// How the edge speaks TLS with it.
    pub settings: EdgeCertificateSettings,
    /// The site that brought it along.
    pub owner_site: Option<SiteId>,
    /// The certificates with their keys, best first.
    pub key_pairs: Vec<KeyPair>,
    /// Keys that were made here and wait for their certificates, oldest first.
    pub key_requests: Vec<KeyRequest>,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// When it was last changed.
    pub modified_at: Option<UnixTime>,
    /// By whom.
    pub modified_by: Option<String>,
    /// What the networks have of it.
    pub networks: Vec<Deployed>,
}

impl EdgeCertificate {
    /// What is presented, one certificate for each key.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = &Certificate> {
        self.key_pairs.iter().filter_map(|pair| pair.chain.first())
    }
}

/// A key that was made here and waits for its certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRequest {
    /// Its number, out of those of key pairs.
    pub id: KeyPairId,
    /// The request for its certificate, PEM.
    pub request_pem: String,
    /// PKCS#8, sealed.
    pub sealed_key: SealedSecret,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
}

/// A certificate chain with its key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyPair {
    /// Its number.
    pub id: KeyPairId,
    /// Leaf first; never empty.
    pub chain: Vec<Certificate>,
    /// PKCS#8, sealed.
    pub sealed_key: SealedSecret,
}
