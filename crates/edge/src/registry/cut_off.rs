//! Why a live connection is ended, and since when that was to be done.

use std::time::Instant;

/// What took the client's trust away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// A snapshot.
    Activation,
    /// Time: a certificate, or required revocation data, came to its end.
    Expiry,
    /// Revocations.
    Revocation,
}

/// A connection that is being ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CutOff {
    pub(crate) cause: Cause,
    /// When the node got the data, or the time came.
    pub(crate) since: Instant,
}
