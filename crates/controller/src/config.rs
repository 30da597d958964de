//! What a controller is started with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::{SealingKey, SigningKey};
use countersign_trust::Clock;

use crate::Distribution;
use crate::model::AccountId;

/// What a controller is started with.
#[derive(Debug)]
pub struct ControllerConfig {
    /// Where the store is; made when absent, readable by its owner only.
    pub data_dir: PathBuf,
    /// The account that exists from the start.
    pub account: AccountId,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The way to the edge nodes.
    pub distribution: Arc<dyn Distribution>,
    /// Seals private keys and client secrets.
    pub sealing_key: Arc<SealingKey>,
    /// Signs snapshots.
    pub signing_key: Arc<SigningKey>,
    /// How much is allowed.
    pub limits: Limits,
}

/// How much is allowed. The defaults of the truststore are the vendor's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// CA sets of one account that are not deleted.
    pub ca_sets_per_account: u32,
    /// Versions of one CA set that are not deleted.
    pub versions_per_ca_set: u32,
    /// Certificates of one version, duplicates not counted.
    pub certificates_per_version: u32,
    /// Requests of one account.
    pub rate: RateLimit,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// From the first byte of a request's head to its end.
    pub header_timeout: Duration,
    /// From the end of a request's head to the answer.
    pub request_timeout: Duration,
    /// Connections at the same time.
    pub connections: usize,
    /// After which time a client is told to look again at something that is in progress.
    pub retry_after: Duration,
    /// How long deleted sets and versions can still be read.
    pub retention: Duration,
    /// How long edge nodes may take to acknowledge a snapshot; what they have not acknowledged then has failed.
    pub acknowledgement_deadline: Duration,
    /// How far an EdgeGrid client's clock may be off.
    pub edgegrid_clock_skew: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ca_sets_per_account: 200,
            versions_per_ca_set: 100,
            certificates_per_version: 300,
            rate: RateLimit::default(),
            // 300 certificates of 4 KiB each in PEM and JSON take 1.7 MiB.
            body_bytes: 4 * 1024 * 1024,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            connections: 1_000,
            retry_after: Duration::from_secs(2),
            retention: Duration::from_secs(26 * 24 * 60 * 60),
            acknowledgement_deadline: Duration::from_secs(30),
            edgegrid_clock_skew: Duration::from_secs(30),
        }
    }
}

/// So many requests in so much time; unused ones are kept until the number is full again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RateLimit {
    /// How many requests.
    pub requests: u32,
    /// In what time.
    pub window: Duration,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            requests: 1_000,
            window: Duration::from_secs(60),
        }
    }
}
