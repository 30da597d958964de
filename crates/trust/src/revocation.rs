//! What is known about revoked certificates.
//!
//! CRLs and OCSP responses are read and verified when they arrive and put into a [`RevocationIndex`], an immutable value that evaluation
//! looks certificates up in; making a new index out of the parts of an old one is cheap, since the parts are shared. Nothing is fetched
//! here, and nothing waits.

mod changes;
mod crl;
mod index;
mod manual;
pub mod ocsp;
mod policy;
mod scope;

pub use changes::{Concern, RevocationChanges, crl_issuers};
pub use crl::{Crl, CrlEntry, LoadCrlError, RevocationReason};
pub use index::{
    CaState, RevocationIndex, RevocationIndexBuilder, RevocationSource, RevocationSourceKind,
};
pub(crate) use index::{CertificateStatus, Lookup};
pub use manual::{ManualRevocation, Owner};
pub use policy::{RevocationMode, RevocationPolicy, RevocationScope};

use std::time::Duration;

/// Deviation: how far clocks may be apart. A CRL or OCSP response from the near future is believed.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(300);
