//! The short form of a property, for people who want one page.

use serde_json::json;

use crate::decision::IdentityPresets;
use crate::tree::{Feature, Rule, RuleFormat, RuleTree};

/// The short form of a property.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteRules {
    /// Ids of the CA sets of which a client certificate must satisfy one.
    pub ca_sets: Vec<String>,
    /// What happens to a client without a valid certificate.
    pub enforcement: Enforcement,
    /// Paths that need no certificate; patterns with `?` and `*`.
    pub open_paths: Vec<String>,
    /// Paths that nobody reaches; patterns with `?` and `*`. They win over everything else.
    pub denied_paths: Vec<String>,
    /// If not empty, a certificate is needed on these paths only; patterns with `?` and `*`. They win over open paths,
    /// which then change nothing.
    pub certificate_paths: Vec<String>,
    /// How the origin learns who the client is.
    pub forward: IdentityPresets,
    /// Whether requests are signed on their way to the origin.
    pub sign: bool,
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

/// Expands the short form into an ordinary tree, which [`compile`](crate::compile) checks like any other.
///
/// Where a path could be meant to be on either side, it is on the stricter one: denied and certificate paths are
/// compared without regard to case and include everything below them; open paths are compared exactly as written.
pub fn site_rules(site: SiteRules) -> RuleTree {
    let mut top = Rule {
        name: "default".to_owned(),
        ..Rule::default()
    };
    top.behaviors.push(origin(&site.origin));
    if !site.forward.is_empty() || site.sign {
        let presets: Vec<&str> = site.forward.names().collect();
        let mut options = vec![("enabled", json!(true)), ("presets", json!(presets))];
        if site.sign {
            options.push(("sign", json!(true)));
        }
        top.behaviors
            .push(Feature::new("forwardClientIdentity", options));
    }
    if site.enforcement != Enforcement::Off {
        if site.certificate_paths.is_empty() {
            top.behaviors.push(check(&site));
            if !site.open_paths.is_empty() {
                let open = Feature::new("enforceMtlsSettings", [("enableAuthSet", json!(false))]);
                top.children
                    .push(rule("open paths", path(&site.open_paths, true), open));
            }
        } else {
            let paths = with_everything_below(&site.certificate_paths);
            top.children
                .push(rule("certificate paths", path(&paths, false), check(&site)));
        }
    }
    if !site.denied_paths.is_empty() {
        let deny = Feature::new(
            "denyAccess",
            [("enabled", json!(true)), ("reason", json!("denied-path"))],
        );
        let paths = with_everything_below(&site.denied_paths);
        top.children
            .push(rule("denied paths", path(&paths, false), deny));
    }
    RuleTree {
        rules: top,
        rule_format: RuleFormat::Latest,
        comments: None,
    }
}

fn rule(name: &str, criterion: Feature, behavior: Feature) -> Rule {
    Rule {
        name: name.to_owned(),
        criteria: vec![criterion],
        behaviors: vec![behavior],
        ..Rule::default()
    }
}

fn path(values: &[String], case_sensitive: bool) -> Feature {
    let options = [
        ("matchOperator", json!("MATCHES_ONE_OF")),
        ("values", json!(values)),
        ("matchCaseSensitive", json!(case_sensitive)),
    ];
    Feature::new("path", options)
}

fn check(site: &SiteRules) -> Feature {
    let options = [
        ("enableAuthSet", json!(true)),
        ("certificateAuthoritySet", json!(site.ca_sets)),
        (
            "enableDenyRequest",
            json!(site.enforcement == Enforcement::Deny),
        ),
    ];
    Feature::new("enforceMtlsSettings", options)
}

fn origin(origin: &SiteOrigin) -> Feature {
    match origin {
        SiteOrigin::Host {
            hostname,
            https_port,
        } => {
            let options = [
                ("originType", json!("CUSTOMER")),
                ("hostname", json!(hostname)),
                ("httpsPort", json!(https_port)),
            ];
            Feature::new("origin", options)
        }
        SiteOrigin::Id(id) => Feature::new("origin", [("originId", json!(id))]),
    }
}

/// `/admin`, `/admin/` and `/admin/*` all mean `/admin` and everything below it.
fn with_everything_below(patterns: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for pattern in patterns {
        let stem = pattern
            .strip_suffix("/*")
            .or_else(|| pattern.strip_suffix('/'))
            .unwrap_or(pattern);
        if stem.ends_with('*') {
            all.push(stem.to_owned());
        } else {
            all.extend(
                [stem.to_owned(), format!("{stem}/*")]
                    .into_iter()
                    .filter(|pattern| !pattern.is_empty()),
            );
        }
    }
    all
}
