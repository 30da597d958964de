//! Makes things as a declaration says, in one transaction, and writes down what was changed.

use std::collections::BTreeMap;

use countersign_api::v1::Network as WireNetwork;
use countersign_api::v1::declaration::{
    Declaration, DeclaredCaSet, DeclaredChange, DeclaredEdgeCertificate, DeclaredProperty,
    DeclaredSite,
};
use countersign_api::v1::edge_certificates::CertificateUpload;
use countersign_snapshot::{CaSetId, Network};
use countersign_trust::{Sha1Signatures, parse_bundle};

use super::affected::wire;
use super::names::{Names, Unknown};
use crate::app::chain::CheckedChain;
use crate::app::properties::{self, NewProperty, Properties, VersionPart};
use crate::app::sites::{self, Sites, network_of};
use crate::app::upload::{self, Accepted};
use crate::app::{
    Activations, CaSets, Context, ErrorCode, NewCaSet, ServiceError, Versions, deployments,
    edge_certificates,
};
use crate::model::{ActivationKind, CaSet, Caller, Deployable, EdgeCertificate, PropertyVersion};
use crate::store::ca_sets::CaSetFilter;
use crate::store::{self, Write};

mod client_credentials;

/// What had to be judged before the transaction, since it takes time.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    ca_sets: BTreeMap<String, Accepted>,
    /// Those whose keys are given.
    edge_certificates: BTreeMap<String, Vec<CheckedChain>>,
    /// Those whose key is given.
    client_credentials: BTreeMap<String, CheckedChain>,
}

/// A declaration on its way to be true.
pub(super) struct Making<'a> {
    context: &'a Context,
    caller: &'a Caller,
    declaration: &'a Declaration,
    uploads: Uploads,
    names: Names,
    pub(super) changes: Vec<DeclaredChange>,
}

/// Reads and judges the certificates of a declaration.
pub(super) async fn read_uploads(
    context: &Context,
    caller: &Caller,
    declaration: &Declaration,
) -> Result<Uploads, ServiceError> {
    let mut uploads = Uploads::default();
    for (name, declared) in &declaration.ca_sets {
        let at = format!("/caSets/{}", escaped(name));
        let (_, accepted) = upload::judge_text(
            &declared.certificates_pem,
            sha1(declared),
            context.clock.now(),
            &caller.name,
            "/certificatesPem",
        )
        .map_err(|error| within(&at, error))?;
        uploads.ca_sets.insert(name.clone(), accepted);
    }
    for (name, declared) in &declaration.edge_certificates {
        let at = format!("/edgeCertificates/{}", escaped(name));
        let given: Vec<CertificateUpload> = declared
            .certificates
            .iter()
            .filter_map(|certificate| {
                Some(CertificateUpload {
                    certificate_pem: certificate.certificate_pem.clone(),
                    private_key_pem: certificate.private_key_pem.clone()?,
                })
            })
            .collect();
        // One that waits for its first certificate is declared without any.
        if !given.is_empty() && given.len() == declared.certificates.len() {
            let (chains, _) =
                edge_certificates::check_uploads(context, caller, &given, &[], "/certificates")
                    .await
                    .map_err(|error| within(&at, error))?;
            uploads.edge_certificates.insert(name.clone(), chains);
        }
    }
    for (name, declared) in &declaration.client_credentials {
        client_credentials::read_upload(context, &mut uploads, name, declared)?;
    }
    Ok(uploads)
}

impl<'a> Making<'a> {
    pub(super) fn new(
        context: &'a Context,
        caller: &'a Caller,
        declaration: &'a Declaration,
        uploads: Uploads,
    ) -> Self {
        Self {
            context,
            caller,
            declaration,
            uploads,
            names: Names::default(),
            changes: Vec::new(),
        }
    }

    /// What others need comes first when it is made, and last when it goes.
    pub(super) async fn everything(&mut self, write: &mut Write) -> Result<(), ServiceError> {
        let declaration = self.declaration;
        self.learn_names(write).await?;
        for (name, declared) in &declaration.ca_sets {
            let at = format!("/caSets/{}", escaped(name));
            let made = self.ca_set(write, name, declared).await;
            made.map_err(|error| within(&at, error))?;
        }
        for (name, declared) in &declaration.edge_certificates {
            let at = format!("/edgeCertificates/{}", escaped(name));
            let made = self.edge_certificate(write, name, declared).await;
            made.map_err(|error| within(&at, error))?;
        }
        for (name, declared) in &declaration.client_credentials {
            let at = format!("/clientCredentials/{}", escaped(name));
            let made = self.client_credential(write, name, declared).await;
            made.map_err(|error| within(&at, error))?;
        }
        for (name, declared) in &declaration.sites {
            let at = format!("/sites/{}", escaped(name));
            let made = self.site(write, name, declared).await;
            made.map_err(|error| within(&at, error))?;
        }
        for (name, declared) in &declaration.properties {
            let at = format!("/properties/{}", escaped(name));
            let made = self.property(write, name, declared).await;
            made.map_err(|error| within(&at, error))?;
        }
        for (name, declared) in &declaration.client_credentials {
            let at = format!("/clientCredentials/{}/networks", escaped(name));
            let gone = self.forget_client_credential(write, name, declared).await;
            gone.map_err(|error| within(&at, error))?;
        }
        for (name, declared) in &declaration.edge_certificates {
            let at = format!("/edgeCertificates/{}/networks", escaped(name));
            let gone = self.forget_edge_certificate(write, name, declared).await;
            gone.map_err(|error| within(&at, error))?;
        }
        for (name, declared) in &declaration.ca_sets {
            let at = format!("/caSets/{}/networks", escaped(name));
            let gone = self.forget_ca_set(write, name, declared).await;
            gone.map_err(|error| within(&at, error))?;
        }
        Ok(())
    }

    async fn learn_names(&mut self, write: &mut Write) -> Result<(), ServiceError> {
        let account = &self.caller.account;
        let filter = CaSetFilter::default();
        for set in store::ca_sets::list(write.connection(), account, &filter).await? {
            self.names.ca_sets.insert(set.name, set.id.to_string());
        }
        for certificate in edge_certificates::all_in(write.connection(), self.caller).await? {
            let names = &mut self.names.edge_certificates;
            names.insert(certificate.name, certificate.id.to_string());
        }
        for credential in store::client_credentials::list(write.connection(), account, None).await?
        {
            let names = &mut self.names.client_credentials;
            names.insert(credential.name, credential.id.to_string());
        }
        Ok(())
    }

    async fn ca_set(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredCaSet,
    ) -> Result<(), ServiceError> {
        let accepted = self.uploads.ca_sets.remove(name);
        let account = &self.caller.account;
        let known = store::ca_sets::find_by_name(write.connection(), account, name).await?;
        let ca_set = match known {
            Some(ca_set) => ca_set,
            None => {
                let new = NewCaSet {
                    name: name.to_owned(),
                    description: declared.description.clone(),
                };
                let made = CaSets::new(self.context)
                    .insert(write, self.caller, new)
                    .await?;
                self.note("CREATE", "caSet", name, 0, None);
                self.names
                    .ca_sets
                    .insert(name.to_owned(), made.id.to_string());
                made
            }
        };
        let Some(accepted) = accepted else {
            return Ok(());
        };
        let certificates = &accepted.certificates;
        let same =
            store::versions::find_by_content(write.connection(), ca_set.id, certificates).await?;
        let number = match same {
            Some(number) => number,
            None => {
                let new = (None, sha1(declared));
                let version = Versions::new(self.context)
                    .create_in(write, self.caller, &ca_set, new, accepted)
                    .await?;
                let number = version.number;
                self.note("UPDATE", "caSet", name, number.number(), None);
                number
            }
        };
        for network in declared.networks.iter().copied().map(network_of) {
            if self.is_active(write, &ca_set, network).await? == Some(number) {
                continue;
            }
            let kind = ActivationKind::Activate;
            Activations::new(self.context)
                .request_in(write, self.caller, ca_set.id, number, network, kind)
                .await?;
            self.note("ENFORCE", "caSet", name, number.number(), Some(network));
        }
        Ok(())
    }

    /// The version that is active, or is about to be.
    async fn is_active(
        &self,
        write: &mut Write,
        ca_set: &CaSet,
        network: Network,
    ) -> Result<Option<countersign_snapshot::VersionNumber>, ServiceError> {
        let running = store::activations::running_of(write.connection(), ca_set.id).await?;
        let running = running.iter().find(|it| it.network == network);
        Ok(match running {
            Some(running) if running.kind == ActivationKind::Activate => Some(running.version),
            Some(_) => None,
            None => ca_set.active_version(network),
        })
    }

    async fn forget_ca_set(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredCaSet,
    ) -> Result<(), ServiceError> {
        let account = &self.caller.account;
        let known = store::ca_sets::find_by_name(write.connection(), account, name).await?;
        let Some(ca_set) = known else { return Ok(()) };
        for network in not_among(&declared.networks) {
            let Some(active) = ca_set.active_version(network) else {
                continue;
            };
            let kind = ActivationKind::Deactivate;
            let id: CaSetId = ca_set.id;
            Activations::new(self.context)
                .request_in(write, self.caller, id, active, network, kind)
                .await?;
            self.note("FORGET", "caSet", name, active.number(), Some(network));
        }
        Ok(())
    }

    async fn edge_certificate(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredEdgeCertificate,
    ) -> Result<(), ServiceError> {
        let mut settings = declared.settings.clone();
        self.names
            .edge_certificate(&mut settings, Unknown::Refused)?;
        let chains = self.uploads.edge_certificates.remove(name);
        let known = self.find_edge_certificate(write, name).await?;
        let certificate = match known {
            None => {
                let chains = chains.ok_or_else(|| needs_key(name, declared))?;
                let made = edge_certificates::insert(
                    self.context,
                    write,
                    self.caller,
                    Some(name),
                    &chains,
                    &settings,
                    None,
                )
                .await?;
                self.note("CREATE", "edgeCertificate", name, made.version, None);
                let names = &mut self.names.edge_certificates;
                names.insert(name.to_owned(), made.id.to_string());
                made
            }
            Some(known) => {
                let is_same = holds(&known, declared)?;
                if is_same && known.settings == settings {
                    known
                } else {
                    let chains = match (is_same, chains) {
                        (true, _) => Vec::new(),
                        (false, Some(chains)) => chains,
                        (false, None) => return Err(needs_key(name, declared)),
                    };
                    let updated = edge_certificates::update(
                        self.context,
                        write,
                        self.caller,
                        known,
                        None,
                        &chains,
                        &settings,
                    )
                    .await?;
                    self.note("UPDATE", "edgeCertificate", name, updated.version, None);
                    updated
                }
            }
        };
        for network in declared.networks.iter().copied().map(network_of) {
            if certificate.coming_to(network) == Some(certificate.version) {
                continue;
            }
            let (context, caller) = (self.context, self.caller);
            edge_certificates::deploy_in(context, write, caller, &certificate, network).await?;
            let version = certificate.version;
            self.note("ENFORCE", "edgeCertificate", name, version, Some(network));
        }
        Ok(())
    }

    async fn forget_edge_certificate(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredEdgeCertificate,
    ) -> Result<(), ServiceError> {
        let Some(certificate) = self.find_edge_certificate(write, name).await? else {
            return Ok(());
        };
        for network in not_among(&declared.networks) {
            let Some(version) = certificate.coming_to(network) else {
                continue;
            };
            let users =
                store::holdings::of_edge_certificate(write.connection(), certificate.id, network)
                    .await?;
            edge_certificates::refuse_in_use(&certificate, &users)?;
            let (context, caller) = (self.context, self.caller);
            deployments::forget(context, write, caller, &certificate, network).await?;
            self.note("FORGET", "edgeCertificate", name, version, Some(network));
        }
        Ok(())
    }

    async fn find_edge_certificate(
        &self,
        write: &mut Write,
        name: &str,
    ) -> Result<Option<EdgeCertificate>, ServiceError> {
        let known = edge_certificates::all_in(write.connection(), self.caller).await?;
        Ok(known
            .into_iter()
            .find(|it| it.name.to_lowercase() == name.to_lowercase()))
    }

    async fn site(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredSite,
    ) -> Result<(), ServiceError> {
        let mut settings = declared.settings.clone();
        self.names.site(&mut settings, Unknown::Refused)?;
        let service = Sites::new(self.context);
        let account = &self.caller.account;
        let known = store::sites::find_by_name(write.connection(), account, name).await?;
        let site = match known {
            Some(known) => {
                let known = sites::find_in(write.connection(), self.caller, known.id).await?;
                sites::keep_mtls(write, self.caller, &known, &mut settings).await?;
                if known.settings == settings {
                    known
                } else {
                    let changed = service
                        .put_in(write, self.caller, &known, known.clone(), settings)
                        .await?;
                    self.note("UPDATE", "site", name, changed.version, None);
                    changed
                }
            }
            None => {
                let new = service.new_in(write, self.caller, name).await?;
                sites::keep_mtls(write, self.caller, &new, &mut settings).await?;
                let made = service
                    .put_in(write, self.caller, &new.clone(), new, settings)
                    .await?;
                self.note("CREATE", "site", name, made.version, None);
                made
            }
        };
        for network in declared.networks.iter().copied().map(network_of) {
            if site.coming_to(network) != Some(site.version) {
                sites::deploy_in(self.context, write, self.caller, &site, network).await?;
                self.note("ENFORCE", "site", name, site.version, Some(network));
            }
        }
        for network in not_among(&declared.networks) {
            if let Some(version) = site.coming_to(network) {
                deployments::forget(self.context, write, self.caller, &site, network).await?;
                self.note("FORGET", "site", name, version, Some(network));
            }
        }
        Ok(())
    }

    async fn property(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredProperty,
    ) -> Result<(), ServiceError> {
        let mut hostnames = declared.hostnames.clone();
        self.names.hostnames(&mut hostnames, Unknown::Refused)?;
        let mut rules = declared.rules.clone();
        self.names.rules(&mut rules, Unknown::Refused)?;
        let mut origins = declared.origins.clone();
        self.names.origins(&mut origins, Unknown::Refused)?;
        let rules = properties::normalise(VersionPart::Rules(rules.to_string()))?;
        let service = Properties::new(self.context);
        let account = &self.caller.account;
        let all = store::properties::list(write.connection(), account, None).await?;
        let known = all
            .into_iter()
            .find(|it| it.name.to_lowercase() == name.to_lowercase());
        let (property, is_new) = match known {
            Some(known) => {
                let id = known.id;
                let found = properties::find_in(write.connection(), self.caller, id).await?;
                (found, false)
            }
            None => {
                let new = NewProperty {
                    name: name.to_owned(),
                    ..NewProperty::default()
                };
                let made = service.insert(write, self.caller, new).await?;
                self.note("CREATE", "property", name, 1, None);
                (made, true)
            }
        };
        let number = property.latest_version;
        let mut version = properties::version_in(write.connection(), &property, number).await?;
        let is_same = version.hostnames == hostnames
            && version.origins == origins
            && matches!(&rules, VersionPart::Rules(rules) if *rules == version.rules);
        if !is_same {
            if version.frozen_at.is_some() {
                version = service
                    .next_version(write, self.caller, &property, None, None)
                    .await?;
            }
            let parts = vec![
                VersionPart::Hostnames(hostnames),
                VersionPart::Origins(origins),
                rules,
            ];
            version = service
                .edit_in(write, self.caller, &property, version, parts)
                .await?;
            if !is_new {
                self.note("UPDATE", "property", name, version.number, None);
            }
        }
        self.enforce_property(write, &property, &version, &declared.networks)
            .await
    }

    async fn enforce_property(
        &mut self,
        write: &mut Write,
        property: &crate::model::Property,
        version: &PropertyVersion,
        networks: &[WireNetwork],
    ) -> Result<(), ServiceError> {
        let service = Properties::new(self.context);
        let name = property.name.as_str();
        for network in networks.iter().copied().map(network_of) {
            if property.coming_to(network) != Some(version.number) {
                service
                    .activate_in(write, self.caller, property, version, network)
                    .await?;
                self.note("ENFORCE", "property", name, version.number, Some(network));
            }
        }
        for network in not_among(networks) {
            if let Some(active) = property.coming_to(network) {
                deployments::forget(self.context, write, self.caller, property, network).await?;
                self.note("FORGET", "property", name, active, Some(network));
            }
        }
        Ok(())
    }

    fn note(
        &mut self,
        action: &str,
        kind: &str,
        name: &str,
        version: u32,
        network: Option<Network>,
    ) {
        self.changes.push(DeclaredChange {
            action: action.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            version,
            network: network.map(wire),
        });
    }
}

fn not_among(networks: &[WireNetwork]) -> impl Iterator<Item = Network> + '_ {
    Network::ALL
        .into_iter()
        .filter(|network| !networks.contains(&wire(*network)))
}

/// Whether an edge certificate has exactly the declared certificates, in their order.
fn holds(
    known: &EdgeCertificate,
    declared: &DeclaredEdgeCertificate,
) -> Result<bool, ServiceError> {
    if known.key_pairs.len() != declared.certificates.len() {
        return Ok(false);
    }
    for (pair, declared) in known.key_pairs.iter().zip(&declared.certificates) {
        let bundle = parse_bundle(declared.certificate_pem.as_bytes()).map_err(|error| {
            ServiceError::new(
                ErrorCode::EdgeCertificateValidationFailure,
                format!("A certificate cannot be read: {error}."),
            )
        })?;
        // Roots that came along are not presented, so a chain may have less than was declared.
        let has = |der: &[u8]| {
            let mut entries = bundle.certificates.iter();
            entries.any(|entry| entry.certificate.der() == der)
        };
        if !pair.chain.iter().all(|certificate| has(certificate.der())) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn needs_key(name: &str, declared: &DeclaredEdgeCertificate) -> ServiceError {
    let (why, pointer) = if declared.certificates.is_empty() {
        (
            "is not one that waits for its first certificate, so a certificate must be declared",
            "/certificates",
        )
    } else {
        (
            "does not have these certificates yet, so their keys are needed",
            "/certificates/0/privateKeyPem",
        )
    };
    ServiceError::new(
        ErrorCode::InvalidField,
        format!("The edge certificate `{name}` {why}."),
    )
    .at(pointer)
}

const fn sha1(declared: &DeclaredCaSet) -> Sha1Signatures {
    if declared.allow_insecure_sha1 {
        Sha1Signatures::Allow
    } else {
        Sha1Signatures::Refuse
    }
}

/// An error of a part, with its place in the declaration and the name of the part in front.
fn within(at: &str, error: ServiceError) -> ServiceError {
    let mut error = error.below(at);
    error.detail = format!("{at}: {}", error.detail);
    error
}

fn escaped(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}
