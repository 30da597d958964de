//! Data about revocation that grows old.

use std::time::Duration;

use countersign_snapshot::CaSetId;
use countersign_trust::UnixTime;

use super::CrlState;

/// A CRL of a CA set, or the OCSP answer about a certificate that the edge presents itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AgeingData {
    /// The CA set; none for an OCSP answer.
    pub(crate) ca_set: Option<CaSetId>,
    /// Its number: of the CRL, or of the answer.
    pub(crate) id: i64,
    /// The issuer of the CRL, or the serial number of the certificate.
    pub(crate) of: String,
    /// Where it comes from; none for a CRL that was uploaded.
    pub(crate) url: Option<String>,
    /// When it was issued.
    pub(crate) this_update: UnixTime,
    /// By when a newer one is promised.
    pub(crate) next_update: UnixTime,
    /// For how long it is used after that.
    pub(crate) grace: Duration,
}

impl AgeingData {
    /// How well it serves at a time.
    pub(crate) fn state(&self, now: UnixTime) -> CrlState {
        CrlState::of(self.this_update, Some(self.next_update), now, self.grace)
    }

    /// What makes it good again.
    pub(crate) const fn remedy(&self) -> &'static str {
        match (self.ca_set, &self.url) {
            (Some(_), Some(_)) => "`countersign crl list` says why no newer one was fetched",
            (Some(_), None) => {
                "upload a newer one with `countersign crl add`, and remove this one with `countersign crl remove`"
            }
            (None, _) => {
                "make its responder answer, or the certificate is presented without a staple"
            }
        }
    }
}
