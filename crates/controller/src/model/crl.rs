//! CRLs of CA sets.

use countersign_snapshot::{BodyDigest, CaSetId};
use countersign_trust::{Certificate, UnixTime};

/// Where a CRL of a CA set comes from, with the last good one.
#[derive(Clone, Debug, PartialEq)]
pub struct CrlSource {
    /// Its number, across CA sets.
    pub id: i64,
    /// The CA set.
    pub ca_set: CaSetId,
    /// Where it is fetched from; none when it was uploaded.
    pub url: Option<String>,
    /// Whether its host may be in a private network.
    pub private_network: bool,
    /// Whether nobody added it: certificates of clients name it.
    pub from_certificate: bool,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// The last good one.
    pub crl: Option<HeldCrl>,
    /// When it was last asked for.
    pub checked_at: Option<UnixTime>,
    /// When it is asked for next.
    pub check_at: Option<UnixTime>,
    /// How often it could not be had since it was last had.
    pub failures: u32,
    /// Why it could not be had.
    pub error: Option<String>,
    /// What the server named the last good one.
    pub etag: Option<String>,
    /// Since when the server has the last good one, in its words.
    pub last_modified: Option<String>,
}

/// A CRL that was loaded with success.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldCrl {
    /// Its bytes.
    pub digest: BodyDigest,
    /// The certificate whose key signed it.
    pub signer: Certificate,
    /// Who issued it.
    pub issuer: String,
    /// Its number, hexadecimal.
    pub number: Option<String>,
    /// Whether it only tells what changed since another one.
    pub is_delta: bool,
    /// How many certificates it lists.
    pub entries: i64,
    /// When it was issued.
    pub this_update: UnixTime,
    /// By when a newer one is promised.
    pub next_update: Option<UnixTime>,
    /// When it came.
    pub received_at: UnixTime,
}

/// How well a CRL serves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CrlState {
    /// Its issuer has not promised a newer one before now.
    Good,
    /// Good, but most of its time is over and no newer one came: an alarm, before clients notice.
    Expiring,
    /// A newer one should be there; it is still used, within the grace of the CA set.
    Stale,
    /// It says nothing any more about what it does not list.
    Expired,
    /// There never was one.
    Missing,
}

impl CrlState {
    /// The text of the value on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Expiring => "expiring",
            Self::Stale => "stale",
            Self::Expired => "expired",
            Self::Missing => "missing",
        }
    }
}

impl CrlSource {
    /// How well it serves at a time, with this grace.
    #[must_use]
    pub fn state(&self, now: UnixTime, grace: std::time::Duration) -> CrlState {
        let Some(crl) = &self.crl else {
            return CrlState::Missing;
        };
        CrlState::of(crl.this_update, crl.next_update, now, grace)
    }
}

impl CrlState {
    /// How well data serves at a time that was issued and promised to be replaced then, with this grace.
    #[must_use]
    pub fn of(
        this_update: UnixTime,
        next_update: Option<UnixTime>,
        now: UnixTime,
        grace: std::time::Duration,
    ) -> Self {
        let Some(next) = next_update else {
            return Self::Good;
        };
        if now > next.saturating_add(grace) {
            return Self::Expired;
        }
        if now > next {
            return Self::Stale;
        }
        let (left, life) = (
            next.as_micros().saturating_sub(now.as_micros()),
            next.as_micros().saturating_sub(this_update.as_micros()),
        );
        // A newer one is fetched at half of the time, so that a quarter is left only when that goes wrong.
        if left < life / 4 {
            Self::Expiring
        } else {
            Self::Good
        }
    }
}
