//! From a version of a property, as its author wrote it, to what a network can enforce.

use std::collections::{BTreeMap, BTreeSet};

use countersign_api::v1::properties::PropertyHostname;
use countersign_api::v1::sites::SiteOrigin;
use countersign_rules::{OriginTarget, Problem, RuleTree, Severity};
use countersign_snapshot::{CaSetId, NamePattern, Origin, OriginId, Service};
use serde::{Deserialize, Serialize};

use super::walk::{self, Named, References};
use crate::app::compile::{EnforcedProperty, Hosts, made_id};
use crate::app::input::short;
use crate::app::sites::{checked_origin, credential_of};
use crate::model::{CredentialReference, EdgeCertificateId, PropertyId};

const HOSTNAMES_MAX: usize = 1_000;
const ORIGINS_MAX: usize = 200;
const ORIGIN_ID_MAX_BYTES: usize = 64;

/// What is enforced of a version: with the edge certificates that were chosen when its activation was asked for. In stored deployments.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PropertyBody {
    pub(crate) hostnames: Vec<PropertyHostname>,
    pub(crate) origins: BTreeMap<String, SiteOrigin>,
    pub(crate) rules: String,
}

/// A version of which every value is known to be good. References to other things are not looked up.
#[derive(Clone, Debug)]
pub(crate) struct CheckedProperty {
    hosts: Vec<(NamePattern, Vec<EdgeCertificateId>)>,
    /// By the id that its rules choose them by.
    own_origins: BTreeMap<String, Origin>,
    /// Those whose address a rule writes.
    written_origins: Vec<Origin>,
    tree: RuleTree,
    origin: TopOrigin,
    /// The CA sets that its checks accept.
    pub(crate) ca_sets: Vec<CaSetId>,
    pub(super) references: References,
}

/// Where requests go when no rule says otherwise.
#[derive(Clone, Debug)]
enum TopOrigin {
    /// One of the property's own, by the id that rules choose it by.
    Own(String),
    /// One whose address the top rule writes.
    Written(OriginId),
}

/// Something about a version that its author should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// A stable slug.
    pub code: String,
    /// Where: into the rules, or into `/hostnames` and `/origins`.
    pub pointer: String,
    /// What is wrong, as a sentence.
    pub detail: String,
    /// What to do, as a sentence.
    pub remedy: String,
}

/// Everything that was found about a version.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Findings {
    /// What stands against activating it.
    pub errors: Vec<Finding>,
    /// What may not be meant.
    pub warnings: Vec<Finding>,
}

impl Findings {
    pub(super) fn error(
        &mut self,
        pointer: impl Into<String>,
        code: &str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.errors.push(Finding {
            code: code.to_owned(),
            pointer: pointer.into(),
            detail: detail.into(),
            remedy: remedy.into(),
        });
    }

    fn note(&mut self, problems: &[Problem]) {
        for problem in problems {
            let list = match problem.severity {
                Severity::Error => &mut self.errors,
                Severity::Warning => &mut self.warnings,
            };
            list.push(Finding::of(problem));
        }
    }
}

impl Finding {
    pub(crate) fn of(problem: &Problem) -> Self {
        Self {
            code: problem.code.to_owned(),
            pointer: problem.pointer.clone(),
            detail: sentence(&problem.detail),
            remedy: sentence(&problem.remedy),
        }
    }
}

/// Ends a text that does not end yet.
fn sentence(text: &str) -> String {
    let end = if text.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    format!("{text}{end}")
}

impl CheckedProperty {
    /// The client credentials that its rules and origins name, with where they do.
    pub(super) fn credential_references(&self) -> Vec<(CredentialReference, String)> {
        let by_rules = self.references.credentials.iter().filter_map(|named| {
            Some((
                CredentialReference::from_text(&named.name)?,
                named.pointer.clone(),
            ))
        });
        let by_origins = self.own_origins.iter().filter_map(|(id, origin)| {
            let at = format!("/origins/{}/clientCredentialId", escaped(id));
            Some((credential_of(origin)?, at))
        });
        by_rules.chain(by_origins).collect()
    }

    /// The client credentials that it shows to origins.
    pub(crate) fn client_credentials(&self) -> impl Iterator<Item = CredentialReference> {
        self.credential_references()
            .into_iter()
            .map(|(reference, _)| reference)
    }

    /// What is stored of a deployment.
    ///
    /// # Errors
    /// When it cannot be enforced by this version of the program; why.
    pub(crate) fn of_body(body: &PropertyBody) -> Result<Self, Findings> {
        let (checked, findings) = Self::check(&body.hostnames, &body.origins, &body.rules);
        checked.ok_or(findings)
    }

    /// Checks everything that can be checked without the store. None when there are errors.
    pub(super) fn check(
        hostnames: &[PropertyHostname],
        origins: &BTreeMap<String, SiteOrigin>,
        rules: &str,
    ) -> (Option<Self>, Findings) {
        let mut findings = Findings::default();
        let hosts = hosts(hostnames, &mut findings);
        let own_origins = own_origins(origins, &mut findings);
        let tree = match RuleTree::from_json(rules) {
            Ok(tree) => tree,
            Err(problems) => {
                findings.note(&problems);
                return (None, findings);
            }
        };
        let references = References::of(&tree);
        for named in &references.origins {
            if !own_origins.contains_key(&named.name) {
                findings.error(
                    &named.pointer,
                    "unknown_origin",
                    format!("The property has no origin `{}`.", short(&named.name)),
                    "Add it to the version's origins, or write `hostname` and `httpsPort` instead of `originId`.",
                );
            }
        }
        let ca_sets = ca_set_ids(&references.ca_sets, &mut findings);
        ca_set_ids(&references.compared_ca_sets, &mut findings);
        warn_of_other_hostnames(&references.hostnames, &hosts, &mut findings);
        let program = match countersign_rules::compile(&tree) {
            Ok(program) => program,
            Err(problems) => {
                findings.note(&problems);
                return (None, findings);
            }
        };
        findings.note(program.warnings());
        let written_origins = written_origins(program.origins(), &mut findings);
        let origin = top_origin(&tree, &mut findings);
        let Some(origin) = origin.filter(|_| findings.errors.is_empty()) else {
            return (None, findings);
        };
        let checked = Self {
            hosts,
            own_origins,
            written_origins,
            tree,
            origin,
            ca_sets,
            references,
        };
        (Some(checked), findings)
    }

    /// Its names, each once.
    pub(crate) fn names(&self) -> impl Iterator<Item = &NamePattern> {
        self.hosts.iter().map(|(name, _)| name)
    }

    /// The edge certificates that are presented, with the names.
    pub(crate) fn edge_certificates(
        &self,
    ) -> impl Iterator<Item = (EdgeCertificateId, NamePattern)> + '_ {
        self.hosts
            .iter()
            .flat_map(|(name, ids)| ids.iter().map(|id| (*id, name.clone())))
    }

    /// As a network enforces it, under its number.
    pub(crate) fn as_enforced(&self, id: PropertyId) -> EnforcedProperty {
        let own_id = |key: &str| format!("property-{id}-{key}");
        let mut tree = self.tree.clone();
        walk::rename_origins(&mut tree.rules, &own_id);
        let mut groups: Vec<(&Vec<EdgeCertificateId>, Vec<NamePattern>)> = Vec::new();
        for (name, certificates) in &self.hosts {
            match groups.iter_mut().find(|(known, _)| *known == certificates) {
                Some((_, names)) => names.push(name.clone()),
                None => groups.push((certificates, vec![name.clone()])),
            }
        }
        let hosts = groups
            .into_iter()
            .zip(1_u32..)
            .map(|((certificates, names), number)| Hosts {
                binding: match number {
                    1 => made_id("property", id),
                    _ => made_id(&format!("property-{id}"), number),
                },
                names,
                edge_certificates: certificates.clone(),
                tls: None,
                client_auth: None,
                https: None,
                is_plain: false,
            })
            .collect();
        let own = self.own_origins.iter().map(|(key, origin)| Origin {
            id: made_id(&format!("property-{id}"), key),
            ..origin.clone()
        });
        EnforcedProperty {
            subject: format!("property {id}"),
            hosts,
            origins: own.chain(self.written_origins.iter().cloned()).collect(),
            origin: match &self.origin {
                TopOrigin::Own(key) => made_id(&format!("property-{id}"), key),
                TopOrigin::Written(id) => id.clone(),
            },
            rules: tree.to_json(),
            service: Service::Http,
            version: None,
        }
    }
}

fn hosts(
    hostnames: &[PropertyHostname],
    findings: &mut Findings,
) -> Vec<(NamePattern, Vec<EdgeCertificateId>)> {
    if hostnames.is_empty() || hostnames.len() > HOSTNAMES_MAX {
        findings.error(
            "/hostnames",
            "invalid_hostnames",
            format!(
                "A property has 1 to {HOSTNAMES_MAX} hostnames; this one has {}.",
                hostnames.len()
            ),
            "Say which server names it is for.",
        );
    }
    let mut hosts: Vec<(NamePattern, Vec<EdgeCertificateId>)> = Vec::with_capacity(hostnames.len());
    let mut seen = BTreeSet::new();
    for (index, host) in hostnames.iter().enumerate() {
        let name: NamePattern = match host.hostname.parse() {
            Ok(name) => name,
            Err(error) => {
                findings.error(
                    format!("/hostnames/{index}/hostname"),
                    "invalid_hostname",
                    format!("`{}` cannot be a hostname: {error}.", short(&host.hostname)),
                    "Write a DNS name without port, or `*.` and a DNS name.",
                );
                continue;
            }
        };
        if !seen.insert(name.clone()) {
            findings.error(
                format!("/hostnames/{index}/hostname"),
                "hostname_stands_twice",
                format!("`{name}` stands twice."),
                "Take one of them away.",
            );
            continue;
        }
        let mut ids = Vec::new();
        for (position, text) in host.edge_certificate_ids.iter().enumerate() {
            match EdgeCertificateId::from_text(text) {
                Some(id) if ids.contains(&id) => {}
                Some(id) => ids.push(id),
                None => findings.error(
                    format!("/hostnames/{index}/edgeCertificateIds/{position}"),
                    "invalid_edge_certificate_id",
                    format!("`{}` is no edge certificate id.", short(text)),
                    "Write the decimal number of an edge certificate.",
                ),
            }
        }
        hosts.push((name, ids));
    }
    hosts
}

fn own_origins(
    origins: &BTreeMap<String, SiteOrigin>,
    findings: &mut Findings,
) -> BTreeMap<String, Origin> {
    if origins.len() > ORIGINS_MAX {
        findings.error(
            "/origins",
            "too_many_origins",
            format!("{ORIGINS_MAX} origins are the most."),
            "Split the property.",
        );
    }
    let mut checked = BTreeMap::new();
    for (id, settings) in origins {
        let at = format!("/origins/{}", escaped(id));
        let is_id = (1..=ORIGIN_ID_MAX_BYTES).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !is_id {
            findings.error(
                &at,
                "invalid_origin_id",
                format!("`{}` cannot be the id of an origin.", short(id)),
                format!("Write 1 to {ORIGIN_ID_MAX_BYTES} letters, digits, `-`, `_` or `.`."),
            );
        }
        match checked_origin(settings) {
            Ok(origin) => {
                checked.insert(id.clone(), origin);
            }
            Err(items) => {
                for item in items {
                    let below = item.pointer.unwrap_or_default();
                    let below = below.strip_prefix("/origin").unwrap_or_default();
                    findings.error(
                        format!("{at}{below}"),
                        &item.code.replace('-', "_"),
                        item.detail,
                        "Correct it.",
                    );
                }
            }
        }
    }
    checked
}

/// The origins whose address a rule writes: TLS, verified by the edge machine's own store.
fn written_origins(origins: &[countersign_rules::Origin], findings: &mut Findings) -> Vec<Origin> {
    let mut written = Vec::new();
    for origin in origins {
        let OriginTarget::Host {
            hostname,
            https_port,
        } = &origin.target
        else {
            continue;
        };
        let settings = SiteOrigin {
            url: format!("https://{hostname}:{https_port}"),
            ..SiteOrigin::default()
        };
        match (origin.key.parse::<OriginId>(), checked_origin(&settings)) {
            (Ok(id), Ok(checked)) => written.push(Origin { id, ..checked }),
            _ => findings.error(
                "/rules",
                "unusable_origin",
                format!("`{}` cannot be the address of an origin in a rule.", short(&origin.key)),
                "Add it to the version's origins with its URL, and write its `originId` in the rule.",
            ),
        }
    }
    written
}

/// Requests that no rule sends elsewhere need somewhere to go.
fn top_origin(tree: &RuleTree, findings: &mut Findings) -> Option<TopOrigin> {
    let behaviors = &tree.rules.behaviors;
    let Some(behavior) = behaviors.iter().rfind(|it| it.name == "origin") else {
        findings.error(
            "/rules/behaviors",
            "origin_missing",
            "The top rule has no `origin`, so requests that no other rule sends anywhere have nowhere to go.",
            "Add the behavior `origin` to the top rule.",
        );
        return None;
    };
    // The compiler of rules has read the same options and complains about what is wrong with them.
    let option = |name: &str| behavior.options.get(name);
    if let Some(id) = option("originId") {
        return Some(TopOrigin::Own(id.as_str()?.to_owned()));
    }
    let hostname = option("hostname")?.as_str()?.to_ascii_lowercase();
    let port = match option("httpsPort") {
        None => 443,
        Some(value) => value.as_u64().or_else(|| value.as_str()?.parse().ok())?,
    };
    format!("{hostname}:{port}")
        .parse()
        .ok()
        .map(TopOrigin::Written)
}

fn ca_set_ids(named: &[Named], findings: &mut Findings) -> Vec<CaSetId> {
    let mut ids: Vec<CaSetId> = Vec::new();
    for named in named {
        match named.name.parse() {
            Ok(id) if ids.contains(&id) => {}
            Ok(id) => ids.push(id),
            Err(_) => findings.error(
                &named.pointer,
                "invalid_ca_set_id",
                format!("`{}` is no CA set id.", short(&named.name)),
                "Write the decimal id of a CA set; `countersign ca-set list` shows them.",
            ),
        }
    }
    ids
}

/// A rule for a host that the property does not have never applies.
fn warn_of_other_hostnames(
    named: &[Named],
    hosts: &[(NamePattern, Vec<EdgeCertificateId>)],
    findings: &mut Findings,
) {
    for named in named {
        let Ok(name) = countersign_snapshot::ServerName::new(&named.name) else {
            // With a wildcard.
            continue;
        };
        if !hosts.iter().any(|(pattern, _)| pattern.covers(&name)) {
            findings.warnings.push(Finding {
                code: "hostname_of_another_property".to_owned(),
                pointer: named.pointer.clone(),
                detail: format!("`{name}` is no hostname of this property, so it never matches."),
                remedy: "Add it to the hostnames, or take it out of the rule.".to_owned(),
            });
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}
