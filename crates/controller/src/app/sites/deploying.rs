//! What the networks have of a site, and of the edge certificate that it brought along.

use countersign_snapshot::Network;

use super::{CheckedSite, Sites, find_in};
use crate::app::deployments::{self, Subject};
use crate::app::input::invalid;
use crate::app::{Context, ErrorCode, ServiceError, client_credentials, edge_certificates};
use crate::model::{
    Caller, Deployable, Deployment, DeploymentAction, DeploymentKind, EdgeCertificate, Site, SiteId,
};
use crate::store::holdings::HeldName;
use crate::store::{self, Write};

impl Sites<'_> {
    /// Asks a network to enforce the site as it is now.
    ///
    /// # Errors
    /// When a CA set is not active there, a hostname belongs to another site, the certificate does not cover one, or a deployment of it is
    /// in progress.
    pub async fn deploy(
        &self,
        caller: &Caller,
        id: SiteId,
        network: Network,
    ) -> Result<Deployment, ServiceError> {
        let mut write = self.context.store.write().await?;
        let site = find_in(write.connection(), caller, id).await?;
        let deployment = deploy_in(self.context, &mut write, caller, &site, network).await?;
        self.context.commit_work(write).await?;
        Ok(deployment)
    }

    /// Asks a network to forget the site, and the edge certificate that it brought along.
    ///
    /// # Errors
    /// When the network does not have it, or a deployment of it is in progress.
    pub async fn remove(
        &self,
        caller: &Caller,
        id: SiteId,
        network: Network,
    ) -> Result<Deployment, ServiceError> {
        let mut write = self.context.store.write().await?;
        let site = find_in(write.connection(), caller, id).await?;
        let context = self.context;
        let deployment = deployments::forget(context, &mut write, caller, &site, network).await?;
        for certificate in owned(&mut write, caller, id).await? {
            let users =
                store::holdings::of_edge_certificate(write.connection(), certificate.id, network)
                    .await?;
            let is_mine =
                |user: &HeldName| (user.kind, user.id) == (DeploymentKind::Site, id.number());
            if certificate.version_on(network).is_some() && users.iter().all(is_mine) {
                deployments::forget(context, &mut write, caller, &certificate, network).await?;
            }
        }
        self.context.commit_work(write).await?;
        Ok(deployment)
    }
}

/// Asks a network, in the caller's transaction, to enforce the site as it is, and to present its certificates where it does not yet.
pub(crate) async fn deploy_in(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    site: &Site,
    network: Network,
) -> Result<Deployment, ServiceError> {
    let checked = CheckedSite::new(&site.settings).map_err(invalid)?;
    let holder = (DeploymentKind::Site, site.id.number());
    deployments::refuse_taken_names(write, caller, holder, network, &checked.names).await?;
    if let Some(clients) = &checked.clients {
        let pointer = "/mutualAuthentication/caSetIds";
        deployments::require_active(write, caller, network, &clients.auth.ca_sets, pointer).await?;
    }
    if let Some(reference) = checked.client_credential() {
        let pointer = "/origin/clientCredentialId";
        let now = context.clock.now();
        client_credentials::require_usable(write, caller, network, reference, pointer, now).await?;
    }
    for id in &checked.edge_certificates {
        let certificate = edge_certificates::find_in(write.connection(), caller, *id).await?;
        let now = context.clock.now();
        edge_certificates::require_presentable(&certificate, &checked.names, now)?;
        if needs_deployment(&certificate, site.id, network)? {
            edge_certificates::deploy_in(context, write, caller, &certificate, network).await?;
        }
    }
    let body = serde_json::to_string(&site.settings).map_err(ServiceError::internal)?;
    let action = DeploymentAction::Deploy;
    deployments::request(
        context,
        write,
        caller,
        Subject::of(site, site.version),
        network,
        action,
        &body,
    )
    .await
}

/// A shared certificate is deployed with a site only where it is not yet, since other sites depend on it; a site's own goes with the site.
fn needs_deployment(
    certificate: &EdgeCertificate,
    site: SiteId,
    network: Network,
) -> Result<bool, ServiceError> {
    let Some(deployed) = certificate.on(network) else {
        return Ok(true);
    };
    match deployed.running() {
        Some(running) if running.action == DeploymentAction::Remove => Err(ServiceError::new(
            ErrorCode::DeploymentInProgress,
            format!(
                "The edge certificate `{}` is being removed from {network}; wait for the end of it.",
                certificate.name
            ),
        )),
        Some(_) => Ok(false),
        None => Ok(match deployed.version {
            None => true,
            Some(version) => certificate.owner_site == Some(site) && version != certificate.version,
        }),
    }
}

/// The edge certificates that a site brought along.
pub(super) async fn owned(
    write: &mut Write,
    caller: &Caller,
    site: SiteId,
) -> Result<Vec<EdgeCertificate>, ServiceError> {
    let mut owned = Vec::new();
    for id in store::edge_certificates::owned_by(write.connection(), site).await? {
        owned.push(edge_certificates::find_in(write.connection(), caller, id).await?);
    }
    Ok(owned)
}
