//! From the settings of sites and edge certificates, as people write them, to what a network can enforce.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_api::v1::edge_certificates::{EdgeCertificateSettings, MutualAuthentication};
use countersign_api::v1::sites::{
    Enforcement as WireEnforcement, OriginHost, SiteMutualAuthentication, SiteOrigin, SiteSettings,
};
use countersign_api::v1::tls::{
    CaList as WireCaList, CipherProfile as WireCiphers, ClientCertificateMode,
    HttpVersions as WireHttp, TlsSettings, TlsVersion as WireTlsVersion,
};
use countersign_rules::{Enforcement, IdentityPresets, SiteRules, site_rules};
use countersign_snapshot::{
    CaList, CaSetId, CipherProfile, ClientAuth, ClientAuthMode, HostHeader, HttpVersions,
    NamePattern, Origin, OriginId, OriginScheme, OriginTls, OriginTrust, ServerName, Service,
    TlsPolicy, TlsVersion,
};
use countersign_trust::{Policy, RevocationMode, RevocationPolicy, RevocationScope, parse_bundle};

use crate::app::ErrorItem;
use crate::app::compile::{EnforcedProperty, Hosts, made_id};
use crate::app::edge_certificates::EnforcedEdgeCertificate;
use crate::model::{CredentialId, CredentialReference, EdgeCertificateId, SiteId};

mod origin_policy;
mod tcp;

const HOSTNAMES_MAX: usize = 100;
const CA_SETS_MAX: usize = 32;
const PATHS_MAX: usize = 200;
const PATH_MAX_BYTES: usize = 1_024;

/// A site's settings, of which every value is known to be good. References are not looked up.
#[derive(Clone, Debug)]
pub(crate) struct CheckedSite {
    /// Each once.
    pub(crate) names: Vec<NamePattern>,
    /// Best first, each once.
    pub(crate) edge_certificates: Vec<EdgeCertificateId>,
    /// None when the first edge certificate says.
    pub(crate) tls: Option<TlsPolicy>,
    /// None when the first edge certificate says.
    pub(crate) clients: Option<Clients>,
    denied_paths: Vec<String>,
    forward: IdentityPresets,
    origin: Origin,
    pub(crate) service: Service,
}

/// What an origin is shown.
pub(crate) fn credential_of(origin: &Origin) -> Option<CredentialReference> {
    let tls = match &origin.scheme {
        OriginScheme::Https(tls) | OriginScheme::Tls(tls) => tls,
        _ => return None,
    };
    CredentialReference::from_text(tls.client_credential.as_ref()?.as_str())
}

impl CheckedSite {
    /// What its origin is shown.
    pub(crate) fn client_credential(&self) -> Option<CredentialReference> {
        credential_of(&self.origin)
    }
}

/// Who may come in.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) auth: ClientAuth,
    enforcement: Enforcement,
    open_paths: Vec<String>,
    certificate_paths: Vec<String>,
}

impl Clients {
    /// What an edge certificate says about clients: all of them need a certificate.
    pub(crate) const fn of_edge_certificate(auth: ClientAuth) -> Self {
        Self {
            auth,
            enforcement: Enforcement::Deny,
            open_paths: Vec::new(),
            certificate_paths: Vec::new(),
        }
    }
}

/// An edge certificate's settings, of which every value is known to be good.
#[derive(Clone, Debug)]
pub(crate) struct CheckedEdgeCertificate {
    pub(crate) tls: TlsPolicy,
    pub(crate) client_auth: ClientAuth,
}

impl CheckedSite {
    /// Checks everything that can be checked without the store.
    ///
    /// # Errors
    /// Every problem found, each with its pointer.
    pub(crate) fn new(settings: &SiteSettings) -> Result<Self, Vec<ErrorItem>> {
        let mut problems = Problems::default();
        let site = Self {
            names: hostnames(&settings.hostnames, &mut problems),
            edge_certificates: edge_certificates(&settings.edge_certificate_ids, &mut problems),
            tls: settings
                .tls
                .map(|tls| tls_policy(tls, "/tls", &mut problems)),
            clients: settings
                .mutual_authentication
                .as_ref()
                .map(|clients| self::clients(clients, &mut problems)),
            denied_paths: paths(&settings.denied_paths, "/deniedPaths", &mut problems),
            forward: presets(&settings.forward_identity, &mut problems),
            origin: origin(&settings.origin, settings.tcp.is_some(), &mut problems),
            service: settings.tcp.as_ref().map_or(Service::Http, |tcp| {
                tcp::service(settings, tcp, &mut problems)
            }),
        };
        if problems.0.is_empty() {
            // What remains is for the one judge of rules to say; the words of the short form have nothing that it refuses.
            let rules = site.rules(&site.origin.id, site.clients.as_ref());
            if let Err(found) = countersign_rules::compile(&rules) {
                for problem in found {
                    problems.add(
                        "",
                        problem.code,
                        format!("{}. {}", problem.detail, problem.remedy),
                    );
                }
            }
        }
        if problems.0.is_empty() {
            Ok(site)
        } else {
            Err(problems.0)
        }
    }

    /// The property that it stands for. Where it says nothing about clients, its first edge certificate does.
    pub(crate) fn as_property(
        &self,
        id: SiteId,
        edge_certificates: &BTreeMap<EdgeCertificateId, Arc<EnforcedEdgeCertificate>>,
    ) -> EnforcedProperty {
        let origin: OriginId = made_id("site", id);
        let clients = self.clients.clone().or_else(|| {
            let first = edge_certificates.get(self.edge_certificates.first()?)?;
            let auth = first.settings.client_auth.clone();
            Some(Clients::of_edge_certificate(auth))
        });
        EnforcedProperty {
            subject: format!("site {id}"),
            rules: self.rules(&origin, clients.as_ref()).to_json(),
            hosts: vec![Hosts {
                binding: made_id("site", id),
                names: self.names.clone(),
                edge_certificates: self.edge_certificates.clone(),
                tls: self.tls,
                client_auth: clients.map(|clients| clients.auth),
            }],
            origins: vec![Origin {
                id: origin.clone(),
                ..self.origin.clone()
            }],
            origin,
            service: self.service.clone(),
        }
    }

    /// The rule tree: the short form has no engine of its own.
    pub(crate) fn rules(
        &self,
        origin: &OriginId,
        clients: Option<&Clients>,
    ) -> countersign_rules::RuleTree {
        let asking = clients.filter(|clients| clients.auth.mode != ClientAuthMode::Off);
        site_rules(SiteRules {
            ca_sets: asking.map_or_else(Vec::new, |clients| {
                clients
                    .auth
                    .ca_sets
                    .iter()
                    .map(ToString::to_string)
                    .collect()
            }),
            enforcement: asking.map_or(Enforcement::Off, |clients| clients.enforcement),
            open_paths: asking.map_or_else(Vec::new, |clients| clients.open_paths.clone()),
            certificate_paths: asking
                .map_or_else(Vec::new, |clients| clients.certificate_paths.clone()),
            denied_paths: self.denied_paths.clone(),
            forward: self.forward,
            origin: countersign_rules::SiteOrigin::Id(origin.to_string()),
        })
    }
}

impl CheckedEdgeCertificate {
    /// Checks everything that can be checked without the store.
    ///
    /// # Errors
    /// Every problem found, each with its pointer.
    pub(crate) fn new(settings: &EdgeCertificateSettings) -> Result<Self, Vec<ErrorItem>> {
        let mut problems = Problems::default();
        let checked = Self {
            tls: tls_policy(settings.tls, "/settings/tls", &mut problems),
            client_auth: settings
                .mutual_authentication
                .as_ref()
                .map_or_else(ClientAuth::off, |mutual| {
                    mutual_authentication(mutual, &mut problems)
                }),
        };
        if problems.0.is_empty() {
            Ok(checked)
        } else {
            Err(problems.0)
        }
    }
}

/// Everything that is wrong with settings.
#[derive(Default)]
struct Problems(Vec<ErrorItem>);

impl Problems {
    fn add(&mut self, pointer: impl Into<String>, code: &str, detail: impl Into<String>) {
        self.0.push(ErrorItem {
            code: code.to_owned(),
            title: "A field is not valid.".to_owned(),
            detail: detail.into(),
            pointer: Some(pointer.into()),
            context: serde_json::Map::new(),
        });
    }
}

fn hostnames(texts: &[String], problems: &mut Problems) -> Vec<NamePattern> {
    if texts.is_empty() || texts.len() > HOSTNAMES_MAX {
        problems.add(
            "/hostnames",
            "invalid-hostnames",
            format!(
                "A site has 1 to {HOSTNAMES_MAX} hostnames; {} are given.",
                texts.len()
            ),
        );
        return Vec::new();
    }
    let mut names: Vec<NamePattern> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match text.parse() {
            Ok(name) if names.contains(&name) => {}
            Ok(name) => names.push(name),
            Err(error) => problems.add(
                format!("/hostnames/{index}"),
                "invalid-hostname",
                format!("`{}` cannot be a hostname: {error}.", short(text)),
            ),
        }
    }
    names
}

fn edge_certificates(texts: &[String], problems: &mut Problems) -> Vec<EdgeCertificateId> {
    if texts.is_empty() {
        problems.add(
            "/edgeCertificateIds",
            "missing-edge-certificate",
            "A site needs a server certificate: upload one as `certificate`, or name edge certificates in `edgeCertificateIds`.",
        );
    }
    let mut ids = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match EdgeCertificateId::from_text(text) {
            Some(id) if ids.contains(&id) => {}
            Some(id) => ids.push(id),
            None => problems.add(
                format!("/edgeCertificateIds/{index}"),
                "invalid-edge-certificate-id",
                format!(
                    "`{}` is no edge certificate id: a decimal number.",
                    short(text)
                ),
            ),
        }
    }
    ids
}

fn clients(settings: &SiteMutualAuthentication, problems: &mut Problems) -> Clients {
    let base = "/mutualAuthentication";
    let open_paths = paths(&settings.open_paths, &format!("{base}/openPaths"), problems);
    let certificate_paths = paths(
        &settings.certificate_paths,
        &format!("{base}/certificatePaths"),
        problems,
    );
    if settings.ca_set_ids.len() > CA_SETS_MAX {
        problems.add(
            format!("{base}/caSetIds"),
            "too-many-ca-sets",
            format!("A site names at most {CA_SETS_MAX} CA sets."),
        );
    }
    let mut ca_sets: Vec<CaSetId> = Vec::with_capacity(settings.ca_set_ids.len());
    for (index, text) in settings.ca_set_ids.iter().enumerate() {
        match ca_set_id(text, &format!("{base}/caSetIds/{index}"), problems) {
            Some(id) if !ca_sets.contains(&id) => ca_sets.push(id),
            _ => {}
        }
    }
    if settings.mode != ClientCertificateMode::Off && settings.ca_set_ids.is_empty() {
        problems.add(
            format!("{base}/caSetIds"),
            "missing-ca-set",
            "A site that asks for client certificates needs a CA set: name one, or give the CA certificates as `clientCaPem`.",
        );
    }
    if settings.mode == ClientCertificateMode::Require {
        // The handshake ends without a valid certificate, so nothing below would ever be reached.
        let never_reached = [
            (
                settings.enforcement == WireEnforcement::Record,
                "enforcement",
            ),
            (!settings.open_paths.is_empty(), "openPaths"),
            (!settings.certificate_paths.is_empty(), "certificatePaths"),
        ];
        for (_, field) in never_reached.into_iter().filter(|(is_set, _)| *is_set) {
            problems.add(
                format!("{base}/{field}"),
                "needs-mode-request",
                "With the mode `require` the handshake fails without a valid certificate, so this would never apply; use the mode `request`.",
            );
        }
    }
    Clients {
        auth: client_auth(settings.mode, ca_sets, settings.send_ca_list, settings.ocsp),
        enforcement: match settings.enforcement {
            WireEnforcement::Deny => Enforcement::Deny,
            WireEnforcement::Record => Enforcement::Record,
        },
        open_paths,
        certificate_paths,
    }
}

fn mutual_authentication(settings: &MutualAuthentication, problems: &mut Problems) -> ClientAuth {
    let pointer = "/settings/mutualAuthentication/caSetId";
    let ca_sets = ca_set_id(&settings.ca_set_id, pointer, problems)
        .into_iter()
        .collect();
    client_auth(settings.mode, ca_sets, settings.send_ca_list, settings.ocsp)
}

fn ca_set_id(text: &str, pointer: &str, problems: &mut Problems) -> Option<CaSetId> {
    match text.parse() {
        Ok(id) => Some(id),
        Err(error) => {
            problems.add(pointer, "invalid-ca-set-id", format!("{error}."));
            None
        }
    }
}

fn client_auth(
    mode: ClientCertificateMode,
    ca_sets: Vec<CaSetId>,
    ca_list: WireCaList,
    ocsp: bool,
) -> ClientAuth {
    let mode = match mode {
        ClientCertificateMode::Off => return ClientAuth::off(),
        ClientCertificateMode::Request => ClientAuthMode::Request,
        ClientCertificateMode::Require => ClientAuthMode::Require,
    };
    ClientAuth {
        mode,
        ca_sets,
        ca_list: match ca_list {
            WireCaList::All => CaList::Advertise,
            WireCaList::None => CaList::Omit,
        },
        policy: Policy {
            revocation: if ocsp {
                RevocationPolicy {
                    mode: RevocationMode::Prefer,
                    scope: RevocationScope::Leaf,
                    ..RevocationPolicy::default()
                }
            } else {
                RevocationPolicy::default()
            },
            ..Policy::default()
        },
    }
}

fn tls_policy(settings: TlsSettings, pointer: &str, problems: &mut Problems) -> TlsPolicy {
    if settings.minimum_version > settings.maximum_version {
        problems.add(
            format!("{pointer}/minimumVersion"),
            "invalid-tls-versions",
            "The lowest TLS version is above the highest.",
        );
    }
    let version = |version| match version {
        WireTlsVersion::Tls12 => TlsVersion::Tls12,
        WireTlsVersion::Tls13 => TlsVersion::Tls13,
    };
    TlsPolicy {
        minimum_version: version(settings.minimum_version),
        maximum_version: version(settings.maximum_version),
        ciphers: match settings.cipher_profile {
            WireCiphers::Compatible => CipherProfile::Compatible,
            WireCiphers::Modern => CipherProfile::Modern,
        },
        http: match settings.http_versions {
            WireHttp::Http1 => HttpVersions::Http1,
            WireHttp::Http1AndHttp2 => HttpVersions::Http1AndHttp2,
            WireHttp::Http1ToHttp3 => HttpVersions::Http1ToHttp3,
        },
    }
}

fn paths(patterns: &[String], pointer: &str, problems: &mut Problems) -> Vec<String> {
    if patterns.len() > PATHS_MAX {
        problems.add(
            pointer,
            "too-many-paths",
            format!("{PATHS_MAX} patterns are the most."),
        );
    }
    for (index, pattern) in patterns.iter().enumerate() {
        let is_good = pattern.starts_with('/')
            && pattern.len() <= PATH_MAX_BYTES
            && pattern.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_good {
            problems.add(
                format!("{pointer}/{index}"),
                "invalid-path",
                format!("`{}` cannot be a pattern of paths: it begins with `/`, and has no blanks and no characters outside ASCII.", short(pattern)),
            );
        }
    }
    patterns.to_vec()
}

fn presets(names: &[String], problems: &mut Problems) -> IdentityPresets {
    let mut presets = IdentityPresets::empty();
    for (index, name) in names.iter().enumerate() {
        match IdentityPresets::ALL.iter().find(|(_, known)| known == name) {
            Some((preset, _)) => presets = presets | *preset,
            None => {
                let known: Vec<_> = IdentityPresets::ALL.iter().map(|(_, name)| *name).collect();
                problems.add(
                    format!("/forwardIdentity/{index}"),
                    "unknown-identity-form",
                    format!(
                        "`{}` is no known form; there are {}.",
                        short(name),
                        known.join(", ")
                    ),
                );
            }
        }
    }
    presets
}

/// An origin that stands beside a rule tree, under an id that its owner gives it; problems have pointers below `/origin`.
///
/// # Errors
/// Every problem found.
pub(crate) fn checked_origin(settings: &SiteOrigin) -> Result<Origin, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let origin = origin(settings, false, &mut problems);
    if problems.0.is_empty() {
        Ok(origin)
    } else {
        Err(problems.0)
    }
}

fn origin(settings: &SiteOrigin, is_tcp: bool, problems: &mut Problems) -> Origin {
    let (is_tls, host, port) = origin_url(&settings.url, is_tcp).unwrap_or_else(|detail| {
        problems.add("/origin/url", "invalid-origin-url", detail);
        (true, String::new(), 0)
    });
    let tls_only = [
        (settings.ca_pem.is_some(), "caPem"),
        (settings.server_name.is_some(), "serverName"),
        (settings.minimum_tls_version.is_some(), "minimumTlsVersion"),
        (
            settings.client_credential_id.is_some(),
            "clientCredentialId",
        ),
    ];
    for (_, field) in tls_only
        .into_iter()
        .filter(|(is_set, _)| *is_set && !is_tls)
    {
        problems.add(
            format!("/origin/{field}"),
            "needs-https-origin",
            if is_tcp {
                "Only a `tls` origin has a certificate that could be verified."
            } else {
                "Only an `https` origin has a certificate that could be verified."
            },
        );
    }
    let is_name =
        |name: &str| ServerName::new(name).is_ok() || name.parse::<std::net::IpAddr>().is_ok();
    if let Some(name) = settings
        .server_name
        .as_deref()
        .filter(|name| !is_name(name))
    {
        problems.add(
            "/origin/serverName",
            "invalid-server-name",
            format!("`{}` is neither a DNS name nor an IP address.", short(name)),
        );
    }
    let trust = settings
        .ca_pem
        .as_deref()
        .map_or(OriginTrust::System, |pem| {
            OriginTrust::Bundle(match parse_bundle(pem.as_bytes()) {
                Ok(bundle) => bundle
                    .certificates
                    .iter()
                    .map(|entry| entry.certificate.der().to_vec())
                    .collect(),
                Err(error) => {
                    problems.add("/origin/caPem", "invalid-origin-ca", format!("{error}."));
                    Vec::new()
                }
            })
        });
    let credential = settings.client_credential_id.as_deref().and_then(|text| {
        let id = CredentialId::from_text(text);
        if id.is_none() {
            problems.add(
                "/origin/clientCredentialId",
                "invalid-client-credential",
                format!("`{}` is no id of a client credential.", short(text)),
            );
        }
        id
    });
    let authority = authority_of(&settings.url);
    let place = origin_policy::endpoints(settings, host, port, problems);
    let tls = || OriginTls {
        trust: trust.clone(),
        server_name: settings.server_name.clone().or_else(|| place.host.clone()),
        minimum_version: match settings.minimum_tls_version {
            None | Some(WireTlsVersion::Tls12) => TlsVersion::Tls12,
            Some(WireTlsVersion::Tls13) => TlsVersion::Tls13,
        },
        client_credential: credential.map(|id| made_id("client-credential", id)),
    };
    let host_header = host_header(settings.host_header.as_ref(), problems);
    Origin {
        id: made_id("site", 0),
        scheme: match (is_tls, is_tcp) {
            (true, false) => OriginScheme::Https(tls()),
            (true, true) => OriginScheme::Tls(tls()),
            (false, false) => OriginScheme::Http,
            (false, true) => OriginScheme::Tcp,
        },
        host_header: origin_policy::host_of_url(host_header, place.host.as_deref(), authority),
        endpoints: place.endpoints,
        timeouts: origin_policy::timeouts(settings, problems),
        policy: origin_policy::policy(settings, is_tcp, problems),
    }
}

/// Host and port as they stand in a URL.
fn authority_of(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    behind.split('/').next().unwrap_or_default()
}

fn host_header(setting: Option<&OriginHost>, problems: &mut Problems) -> HostHeader {
    match setting {
        None | Some(OriginHost::Request) => HostHeader::Request,
        Some(OriginHost::Origin) => HostHeader::Origin,
        Some(OriginHost::Custom(host)) => {
            origin_policy::check_authority(host, "/origin/hostHeader/custom", problems);
            HostHeader::Custom(host.clone())
        }
    }
}

/// Whether it is TLS, the host without brackets, the port.
fn origin_url(text: &str, is_tcp: bool) -> Result<(bool, String, u16), String> {
    let shape = || {
        let form = if is_tcp {
            "`tcp://host:port` or `tls://host:port`"
        } else {
            "`https://host[:port]` or `http://host[:port]`"
        };
        format!(
            "`{}` is no origin URL; write {form}, without a path.",
            short(text)
        )
    };
    let uri: http::Uri = text.parse().map_err(|_| shape())?;
    let is_tls = match (uri.scheme_str(), is_tcp) {
        (Some("https"), false) | (Some("tls"), true) => true,
        (Some("http"), false) | (Some("tcp"), true) => false,
        _ => return Err(shape()),
    };
    let authority = uri.authority().ok_or_else(shape)?;
    let path_is_empty = matches!(uri.path(), "" | "/") && uri.query().is_none();
    if !path_is_empty || authority.as_str().contains('@') || text.contains('#') {
        return Err(shape());
    }
    let port = match (authority.port_u16(), authority.port()) {
        (Some(0), _) => return Err(shape()),
        (Some(port), _) => port,
        // A port that is no number has been refused with the URL.
        // A service that passes bytes on has no port of its own.
        (None, _) if is_tcp => return Err(shape()),
        (None, _) if is_tls => 443,
        (None, _) => 80,
    };
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let is_host = ServerName::new(host).is_ok() || host.parse::<std::net::IpAddr>().is_ok();
    if !is_host {
        return Err(shape());
    }
    Ok((is_tls, host.to_ascii_lowercase(), port))
}

/// Outside input in a message.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(100).collect()
}
