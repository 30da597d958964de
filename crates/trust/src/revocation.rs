//! What is known about revoked certificates.

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

/// Whether revocation information is looked at.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum RevocationMode {
    /// CRLs and OCSP are not looked at; manual revocations always count.
    #[default]
    Off,
    /// A certificate known as revoked is refused, an unknown one is not.
    Prefer,
    /// A certificate is refused unless it is known as good.
    Require,
}

/// Which certificates of a path [`RevocationMode::Require`] wants information for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum RevocationScope {
    /// The client's certificate only.
    Leaf,
    /// The client's certificate and the intermediates below the trust anchor.
    #[default]
    Path,
}

/// What is known about revoked certificates: CRLs, OCSP responses and manual revocations.
#[derive(Debug, Default)]
pub struct RevocationIndex {
    generation: u64,
}

impl RevocationIndex {
    /// An index that knows nothing, of generation 0.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Changes whenever the contents do; caches of verdicts have it in their key.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }
}
