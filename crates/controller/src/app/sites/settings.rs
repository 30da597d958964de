//! From the settings of sites and edge certificates, as people write them, to what a network can enforce.

mod clients;
mod edge_certificate;
mod https;
mod names;
mod origin;
mod origin_policy;
mod switches;
mod tcp;
mod tls;

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_api::v1::sites::SiteSettings;
use countersign_rules::{Enforcement, IdentityPresets, SiteRules, site_rules};
use countersign_snapshot::{ClientAuthMode, NamePattern, Origin, OriginId, Service, TlsPolicy};

pub(crate) use clients::Clients;
pub(crate) use edge_certificate::CheckedEdgeCertificate;
pub(crate) use https::Https;
use names::{edge_certificates, hostnames, paths, presets};
use origin::origin;
pub(crate) use origin::{checked_origin, credential_of};
use tls::tls_policy;

use crate::app::ErrorItem;
use crate::app::compile::{EnforcedProperty, Hosts, made_id};
use crate::app::edge_certificates::EnforcedEdgeCertificate;
use crate::app::input::Problems;
use crate::model::{CredentialReference, EdgeCertificateId, SiteId};

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
    /// None when the first edge certificate says.
    pub(crate) https: Option<Https>,
    /// Served without TLS.
    pub(crate) is_plain: bool,
    denied_paths: Vec<String>,
    forward: IdentityPresets,
    sign: bool,
    origin: Origin,
    pub(crate) service: Service,
}

impl CheckedSite {
    /// What its origin is shown.
    pub(crate) fn client_credential(&self) -> Option<CredentialReference> {
        credential_of(&self.origin)
    }
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
            edge_certificates: edge_certificates(settings, &mut problems),
            tls: settings
                .tls
                .map(|tls| tls_policy(tls, "/tls", &mut problems)),
            clients: settings
                .mutual_authentication
                .as_ref()
                .map(|clients| clients::clients(clients, &mut problems)),
            https: settings
                .https
                .map(|settings| https::https(settings, "/https", &mut problems)),
            is_plain: settings.plain_http,
            denied_paths: paths(&settings.denied_paths, "/deniedPaths", &mut problems),
            sign: settings.sign_requests,
            forward: presets(&settings.forward_identity, &mut problems),
            origin: origin(&settings.origin, settings.tcp.is_some(), &mut problems),
            service: settings.tcp.as_ref().map_or(Service::Http, |tcp| {
                tcp::service(settings, tcp, &mut problems)
            }),
        };
        switches::refuse_contradictions(settings, &mut problems);
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
        problems.or(site)
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
                https: self.https,
                is_plain: self.is_plain,
                client_auth: clients.map(|clients| clients.auth),
            }],
            origins: vec![Origin {
                id: origin.clone(),
                ..self.origin.clone()
            }],
            origin,
            service: self.service.clone(),
            version: None,
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
            sign: self.sign,
            origin: countersign_rules::SiteOrigin::Id(origin.to_string()),
        })
    }
}
