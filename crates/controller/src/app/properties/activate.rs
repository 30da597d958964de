//! Activation of a property's versions: which edge certificates present its names, and what stands against it.

use countersign_api::v1::properties::PropertyHostname;
use countersign_snapshot::{CaSetId, NamePattern, Network};

use super::{Properties, PropertyBody, find_in, item, judge, version_in};
use crate::app::client_credentials;
use crate::app::deployments::{self, Subject};
use crate::app::input::invalid;
use crate::app::sites::CheckedEdgeCertificate;
use crate::app::{ErrorCode, ErrorItem, ServiceError, certificate_names, edge_certificates};
use crate::model::{
    Caller, Deployable, Deployment, DeploymentAction, DeploymentId, DeploymentKind,
    EdgeCertificate, EdgeCertificateId, Property, PropertyId, PropertyVersion, Warning,
};
use crate::store::{self, Write};

impl Properties<'_> {
    /// Asks a network to enforce a version; from now on the version never changes.
    ///
    /// # Errors
    /// When something is wrong with the version (everything is named), a hostname belongs to another property or site, no edge
    /// certificate that covers a hostname is deployed on the network, a CA set that its rules name is not active there or is asked for
    /// by none of its edge certificates, or a change of it is in progress.
    pub async fn activate(
        &self,
        caller: &Caller,
        id: PropertyId,
        number: u32,
        network: Network,
    ) -> Result<(Deployment, Vec<Warning>), ServiceError> {
        let mut write = self.context.store.write().await?;
        let property = find_in(write.connection(), caller, id).await?;
        let version = version_in(write.connection(), &property, number).await?;
        let activation = self
            .activate_in(&mut write, caller, &property, &version, network)
            .await?;
        self.context.commit_work(write).await?;
        Ok(activation)
    }

    /// Asks a network to forget the property.
    ///
    /// # Errors
    /// When the version is not active there, or a change of it is in progress.
    pub async fn deactivate(
        &self,
        caller: &Caller,
        id: PropertyId,
        number: u32,
        network: Network,
    ) -> Result<Deployment, ServiceError> {
        let mut write = self.context.store.write().await?;
        let property = find_in(write.connection(), caller, id).await?;
        version_in(write.connection(), &property, number).await?;
        if property.version_on(network) != Some(number) {
            return Err(deployments::not_deployed(
                &format!("version {number} of {}", property.name),
                network,
            ));
        }
        let context = self.context;
        let deactivation =
            deployments::forget(context, &mut write, caller, &property, network).await?;
        self.context.commit_work(write).await?;
        Ok(deactivation)
    }

    /// Asks a network to go back to the version that it enforced before the one that it enforces now.
    ///
    /// # Errors
    /// When there was none, or for the reasons of [`Properties::activate`].
    pub async fn roll_back(
        &self,
        caller: &Caller,
        id: PropertyId,
        network: Network,
    ) -> Result<(Deployment, Vec<Warning>), ServiceError> {
        let property = self.find(caller, id).await?;
        let mut read = self.context.store.read().await?;
        let previous = deployments::previous_version(&mut read, &property, network)
            .await?
            .ok_or_else(|| {
                ServiceError::new(
                    ErrorCode::NoPreviousPropertyVersion,
                    format!(
                        "No other version of the property `{}` was ever active on {network}.",
                        property.name
                    ),
                )
                .with("propertyId", property.id.to_string())
            })?;
        drop(read);
        self.activate(caller, id, previous, network).await
    }

    /// Its activations and deactivations, newest first.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn activations(
        &self,
        caller: &Caller,
        id: PropertyId,
    ) -> Result<Vec<Deployment>, ServiceError> {
        deployments::history(self.context, &self.find(caller, id).await?).await
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none with that number.
    pub async fn activation(
        &self,
        caller: &Caller,
        id: PropertyId,
        activation: DeploymentId,
    ) -> Result<Deployment, ServiceError> {
        deployments::one(self.context, &self.find(caller, id).await?, activation).await
    }

    /// Waits until no change of what the networks have of it is in progress.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn settled(&self, caller: &Caller, id: PropertyId) -> Result<Property, ServiceError> {
        let look = || self.find(caller, id);
        self.context.until_ended(look, Property::is_settled).await
    }

    pub(crate) async fn activate_in(
        &self,
        write: &mut Write,
        caller: &Caller,
        property: &Property,
        version: &PropertyVersion,
        network: Network,
    ) -> Result<(Deployment, Vec<Warning>), ServiceError> {
        let (checked, findings) = judge(write.connection(), caller, version).await?;
        let Some(checked) = checked else {
            return Err(ServiceError::new(
                ErrorCode::PropertyValidationFailure,
                format!(
                    "Version {} of the property `{}` has errors.",
                    version.number, property.name
                ),
            )
            .with_items(findings.errors.iter().map(item).collect()));
        };
        let names: Vec<NamePattern> = checked.names().cloned().collect();
        let holder = (DeploymentKind::Property, property.id.number());
        deployments::refuse_taken_names(write, caller, holder, network, &names).await?;
        for named in &checked.references.ca_sets {
            if let Ok(id) = named.name.parse() {
                let pointer = &named.pointer;
                deployments::require_active(write, caller, network, &[id], pointer).await?;
            }
        }
        for (reference, pointer) in checked.credential_references() {
            let now = self.context.clock.now();
            client_credentials::require_usable(write, caller, network, reference, &pointer, now)
                .await?;
        }
        let presented = self
            .presented(write, caller, &version.hostnames, network)
            .await?;
        let asked = presented
            .iter()
            .filter_map(|(_, certificates)| certificates.first())
            .map(asked_for)
            .collect::<Result<Vec<_>, _>>()?;
        self.refuse_unasked(&checked.references.ca_sets, &asked, network)?;
        let body = PropertyBody {
            hostnames: presented
                .iter()
                .map(|(hostname, certificates)| PropertyHostname {
                    hostname: hostname.clone(),
                    edge_certificate_ids: certificates.iter().map(|it| it.id.to_string()).collect(),
                })
                .collect(),
            origins: version.origins.clone(),
            rules: version.rules.clone(),
        };
        let body = serde_json::to_string(&body).map_err(ServiceError::internal)?;
        let at = self.context.clock.now();
        let subject = Subject::of(property, version.number);
        let action = DeploymentAction::Deploy;
        let deployment =
            deployments::request(self.context, write, caller, subject, network, action, &body)
                .await?;
        store::properties::freeze(write.connection(), property.id, version.number, at).await?;
        Ok((deployment, warnings(&findings.warnings)))
    }

    /// Which edge certificates present each hostname on the network.
    async fn presented(
        &self,
        write: &mut Write,
        caller: &Caller,
        hostnames: &[PropertyHostname],
        network: Network,
    ) -> Result<Vec<(String, Vec<EdgeCertificate>)>, ServiceError> {
        let known = edge_certificates::all_in(write.connection(), caller).await?;
        let now = self.context.clock.now();
        let mut presented = Vec::with_capacity(hostnames.len());
        let mut problems = Vec::new();
        for (index, host) in hostnames.iter().enumerate() {
            // Checked before: it is a name, and certificates that are named exist and cover it.
            let Ok(pattern) = host.hostname.parse::<NamePattern>() else {
                continue;
            };
            let chosen: Vec<EdgeCertificate> = if host.edge_certificate_ids.is_empty() {
                the_one_for(&known, &pattern, network, index, &mut problems)
                    .into_iter()
                    .collect()
            } else {
                host.edge_certificate_ids
                    .iter()
                    .filter_map(|text| EdgeCertificateId::from_text(text))
                    .filter_map(|id| known.iter().find(|certificate| certificate.id == id))
                    .cloned()
                    .collect()
            };
            for certificate in &chosen {
                edge_certificates::require_presentable(
                    certificate,
                    std::slice::from_ref(&pattern),
                    now,
                )
                .map_err(|error| error.at(format!("/hostnames/{index}")))?;
                if certificate.coming_to(network).is_none() {
                    problems.push(problem(
                        index,
                        "edge-certificate-not-deployed",
                        format!(
                            "The edge certificate `{}` is not deployed on {network}; deploy it there first.",
                            certificate.name
                        ),
                    ));
                }
            }
            presented.push((host.hostname.clone(), chosen));
        }
        if problems.is_empty() {
            return Ok(presented);
        }
        Err(ServiceError::new(
            ErrorCode::PropertyValidationFailure,
            format!("There is no edge certificate for every hostname on {network}."),
        )
        .with_items(problems)
        .with("network", network.as_str().to_ascii_uppercase()))
    }

    /// Refuses checks that no client could ever pass, since no handshake asks for certificates of that CA set.
    fn refuse_unasked(
        &self,
        named: &[super::walk::Named],
        asked: &[Vec<CaSetId>],
        network: Network,
    ) -> Result<(), ServiceError> {
        let problems: Vec<ErrorItem> = named
            .iter()
            .filter_map(|named| Some((named, named.name.parse::<CaSetId>().ok()?)))
            .filter(|(_, id)| !asked.iter().any(|asked| asked.contains(id)))
            .map(|(named, id)| ErrorItem {
                code: "ca-set-not-asked-for".to_owned(),
                title: "The property cannot be activated as it is.".to_owned(),
                detail: format!(
                    "The rule accepts clients of the CA set {id}, but no edge certificate of the property's hostnames asks for them; name the \
                     CA set in the mutual authentication of the edge certificate and deploy it on {network}."
                ),
                pointer: Some(named.pointer.clone()),
                context: serde_json::Map::new(),
            })
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(ServiceError::new(
            ErrorCode::PropertyValidationFailure,
            "A rule asks for clients that could never come in.",
        )
        .with_items(problems))
    }
}

/// The only deployed edge certificate that covers a name; one with the very name goes before one with a wildcard.
fn the_one_for(
    known: &[EdgeCertificate],
    pattern: &NamePattern,
    network: Network,
    index: usize,
    problems: &mut Vec<ErrorItem>,
) -> Option<EdgeCertificate> {
    let covering: Vec<&EdgeCertificate> = known
        .iter()
        .filter(|certificate| certificate.coming_to(network).is_some())
        .filter(|certificate| edge_certificates::covers_all(certificate, pattern))
        .collect();
    let has_the_name = |certificate: &&&EdgeCertificate| {
        let mut leaves = certificate.leaves();
        leaves.all(|leaf| certificate_names(leaf).contains(pattern))
    };
    let exact: Vec<&EdgeCertificate> = covering.iter().filter(has_the_name).copied().collect();
    let candidates = if exact.is_empty() { covering } else { exact };
    match candidates.as_slice() {
        [one] => Some((*one).clone()),
        [] => {
            problems.push(problem(
                index,
                "no-edge-certificate",
                format!(
                    "No edge certificate that covers `{pattern}` is deployed on {network}; upload one and deploy it there."
                ),
            ));
            None
        }
        several => {
            let names: Vec<_> = several
                .iter()
                .map(|it| format!("`{}` ({})", it.name, it.id))
                .collect();
            problems.push(problem(
                index,
                "several-edge-certificates",
                format!(
                    "Several edge certificates cover `{pattern}` on {network}: {}; name one in `edgeCertificateIds`.",
                    names.join(", ")
                ),
            ));
            None
        }
    }
}

/// The CA sets whose clients are known where an edge certificate is presented.
fn asked_for(certificate: &EdgeCertificate) -> Result<Vec<CaSetId>, ServiceError> {
    let checked = CheckedEdgeCertificate::new(&certificate.settings).map_err(invalid)?;
    Ok(checked.client_auth.ca_sets)
}

fn problem(index: usize, code: &str, detail: String) -> ErrorItem {
    ErrorItem {
        code: code.to_owned(),
        title: "The property cannot be activated as it is.".to_owned(),
        detail,
        pointer: Some(format!("/hostnames/{index}")),
        context: serde_json::Map::new(),
    }
}

fn warnings(findings: &[super::Finding]) -> Vec<Warning> {
    findings
        .iter()
        .map(|finding| Warning {
            code: finding.code.replace('_', "-"),
            title: "This may not be meant.".to_owned(),
            detail: format!("{} {}", finding.detail, finding.remedy),
            pointer: Some(finding.pointer.clone()),
            context: serde_json::Map::new(),
        })
        .collect()
}
