//! What a network enforces of a property. A site comes to one as well, so there is one way from either to bindings and origins.

use countersign_snapshot::{
    Binding, BindingId, ClientAuth, ClientAuthMode, NamePattern, Origin, OriginId, PlainHttp,
    PropertyVersion, ServerCertificate, Service, TlsPolicy,
};

use super::{CompileError, NetworkState};
use crate::app::sites::Https;
use crate::model::EdgeCertificateId;

/// A property as it is enforced, whoever described it.
#[derive(Clone, Debug)]
pub(crate) struct EnforcedProperty {
    /// What refusals call it, for example `site 3`.
    pub(crate) subject: String,
    /// Its names, grouped by the edge certificates that are presented for them.
    pub(crate) hosts: Vec<Hosts>,
    /// Where its requests may go. Several properties may have one in common.
    pub(crate) origins: Vec<Origin>,
    /// Where requests go when no rule says otherwise; one of them.
    pub(crate) origin: OriginId,
    /// The rule tree, JSON.
    pub(crate) rules: String,
    /// What is done with its connections.
    pub(crate) service: Service,
    /// What logs call it; none for what is only tried.
    pub(crate) version: Option<PropertyVersion>,
}

/// Names that are presented alike.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    pub(crate) binding: BindingId,
    pub(crate) names: Vec<NamePattern>,
    /// Best first; the first one's settings hold.
    pub(crate) edge_certificates: Vec<EdgeCertificateId>,
    /// None when the first edge certificate says.
    pub(crate) tls: Option<TlsPolicy>,
    /// None when the first edge certificate says.
    pub(crate) client_auth: Option<ClientAuth>,
    /// None when the first edge certificate says.
    pub(crate) https: Option<Https>,
    /// Served without TLS, and so without any edge certificate.
    pub(crate) is_plain: bool,
}

impl NetworkState {
    /// What its names resolve to.
    ///
    /// # Errors
    /// When something that it refers to is not there.
    pub(super) fn bindings(
        &self,
        property: &EnforcedProperty,
    ) -> Result<Vec<Binding>, CompileError> {
        property
            .hosts
            .iter()
            .map(|hosts| self.binding(property, hosts))
            .collect()
    }

    fn binding(&self, property: &EnforcedProperty, hosts: &Hosts) -> Result<Binding, CompileError> {
        let subject = &property.subject;
        let certificates = hosts
            .edge_certificates
            .iter()
            .map(|wanted| {
                self.edge_certificates.get(wanted).ok_or_else(|| {
                    CompileError(format!(
                        "{subject} needs the edge certificate {wanted}, which is not deployed"
                    ))
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let first = certificates.first().map(|it| &it.settings);
        if first.is_none() && !hosts.is_plain {
            return Err(CompileError(format!("{subject} has no edge certificate")));
        }
        let client_auth = hosts
            .client_auth
            .clone()
            .or_else(|| first.map(|first| first.client_auth.clone()))
            .unwrap_or_else(ClientAuth::off);
        // Where bytes are passed on there is no HTTP to say it in, whatever the certificate says for other names.
        let https = hosts
            .https
            .or_else(|| first.map(|first| first.https))
            .filter(|_| property.service == Service::Http)
            .unwrap_or_default();
        let missing = (client_auth.mode != ClientAuthMode::Off)
            .then(|| {
                client_auth
                    .ca_sets
                    .iter()
                    .find(|ca_set| !self.ca_sets.contains_key(ca_set))
            })
            .flatten();
        if let Some(ca_set) = missing {
            return Err(CompileError(format!(
                "{subject} needs the CA set {ca_set}, of which no version is active"
            )));
        }
        Ok(Binding {
            id: hosts.binding.clone(),
            names: hosts.names.clone(),
            server_certificates: certificates
                .iter()
                .flat_map(|certificate| certificate.certificates.iter())
                .map(|certificate: &ServerCertificate| certificate.id.clone())
                .collect(),
            tls: hosts
                .tls
                .or_else(|| first.map(|first| first.tls))
                .unwrap_or_default(),
            rules: property.rules.clone(),
            client_auth,
            origin: property.origin.clone(),
            service: property.service.clone(),
            property: property.version.clone(),
            plain_http: match (hosts.is_plain, https.redirect) {
                (true, _) => PlainHttp::Serve,
                (false, true) => PlainHttp::Redirect,
                (false, false) => PlainHttp::Refuse,
            },
            strict_transport: https.strict_transport,
        })
    }
}
