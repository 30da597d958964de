//! What is done about revocation.

use std::time::Duration;

/// What is done about revocation for the clients of a CA set.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RevocationPolicy {
    /// Whether revocation information is looked at, and whether it must be there.
    pub mode: RevocationMode,
    /// Which certificates of the path it must be there for.
    pub scope: RevocationScope,
    /// How long information may be used after the time at which its issuer promised newer.
    pub stale_grace: Duration,
}

/// Off; when switched on, for the whole path and with a day of grace.
impl Default for RevocationPolicy {
    fn default() -> Self {
        Self {
            mode: RevocationMode::Off,
            scope: RevocationScope::Path,
            stale_grace: Duration::from_secs(86_400),
        }
    }
}

impl RevocationPolicy {
    /// The policy under which only those are let in whom both let in.
    #[must_use]
    pub fn strictest(&self, other: &Self) -> Self {
        match (self.mode, other.mode) {
            (_, RevocationMode::Off) => self.clone(),
            (RevocationMode::Off, _) => other.clone(),
            (mode, other_mode) => Self {
                mode: mode.max(other_mode),
                scope: self.scope.max(other.scope),
                stale_grace: self.stale_grace.min(other.stale_grace),
            },
        }
    }
}

/// Whether revocation information is looked at. In every mode, manual revocations count.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RevocationMode {
    /// CRLs and OCSP are not looked at.
    #[default]
    Off,
    /// A certificate known as revoked is refused; one about which nothing is known is let in.
    Prefer,
    /// A certificate is refused unless it is known as good. Invariant I9: that holds for each certificate by the data of its own issuer, so
    /// that one CA's missing CRL locks out nobody else's clients.
    Require,
}

/// Which certificates of a path [`RevocationMode::Require`] wants information for. What is known as revoked is refused anywhere.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RevocationScope {
    /// The client's certificate only.
    Leaf,
    /// The client's certificate and the intermediates below the trust anchor.
    #[default]
    Path,
}
