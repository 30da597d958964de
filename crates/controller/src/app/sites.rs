//! Sites: a hostname, who may come in, and where requests go. A site is expanded into a binding and a rule tree; it has no engine of its own.

mod client_ca;
mod settings;

use countersign_api::v1::edge_certificates::EdgeCertificateSettings;
use countersign_api::v1::sites::{SiteInput, SiteSettings};
use countersign_snapshot::Network;
use serde_json::{Value, json};

pub(crate) use settings::{
    CheckedEdgeCertificate, CheckedSite, checked_origin, credential_of, short,
};

use super::client_credentials;
use super::deployments::{self, Subject};
use super::edge_certificates::{self, CheckedChain, by_subject, deployment_not_found, invalid};
use super::{Context, ErrorCode, ServiceError, change};
use crate::model::{
    ActivationStatus, Caller, Deployment, DeploymentAction, DeploymentId, DeploymentKind,
    EdgeCertificate, Site, SiteId, Warning, on_network,
};
use crate::store::holdings::HeldName;
use crate::store::{self, Write};

const COUNTER: &str = "site";

/// The sites of accounts.
#[derive(Clone, Copy, Debug)]
pub struct Sites<'c> {
    context: &'c Context,
}

impl<'c> Sites<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Makes a site, with a certificate and CA certificates of its own when they are given, and deploys it where that is asked for.
    ///
    /// The steps are: CA set and version, their activation, then the site with its certificate and its deployments in one transaction. A
    /// request that was interrupted can be sent again: steps that are done are not repeated.
    ///
    /// # Errors
    /// When a setting is not good (all problems are named), the name or a hostname is not free, or a CA set is not active where the site
    /// is to be deployed.
    pub async fn create(
        &self,
        caller: &Caller,
        input: &SiteInput,
    ) -> Result<(Site, Vec<Warning>), ServiceError> {
        let name = match (&input.name, input.settings.hostnames.first()) {
            (Some(name), _) => name.clone(),
            (None, Some(hostname)) => hostname.clone(),
            (None, None) => String::new(),
        };
        check_shape(input)?;
        edge_certificates::check_name(&name)?;
        {
            let mut read = self.context.store.read().await?;
            let taken = store::sites::find_by_name(&mut read, &caller.account, &name).await?;
            if taken.is_some() {
                return Err(name_not_unique(&name));
            }
        }
        let site = blank(self.context, caller, &name);
        self.put(caller, site, input).await
    }

    /// The account's sites, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Site>, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        let mut sites = store::sites::list(&mut read, &caller.account, None).await?;
        let kind = DeploymentKind::Site;
        let deployed = store::deployments::deployed(&mut read, kind, &caller.account, None).await?;
        let mut by_id = by_subject(deployed);
        for site in &mut sites {
            site.networks = by_id.remove(&site.id.number()).unwrap_or_default();
        }
        Ok(sites)
    }

    /// One site.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn find(&self, caller: &Caller, id: SiteId) -> Result<Site, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        find_in(&mut read, caller, id).await
    }

    /// Changes a site, and deploys it where that is asked for; other networks go on with what they have.
    ///
    /// Without a certificate and without `edgeCertificateIds` it keeps the ones that it has.
    ///
    /// # Errors
    /// For the reasons of [`Sites::create`], when the account has none with that id, or when the name would change.
    pub async fn replace(
        &self,
        caller: &Caller,
        id: SiteId,
        input: &SiteInput,
    ) -> Result<(Site, Vec<Warning>), ServiceError> {
        let site = self.find(caller, id).await?;
        if input.name.as_ref().is_some_and(|name| *name != site.name) {
            return Err(ServiceError::new(
                ErrorCode::InvalidField,
                format!("The name of the site `{}` never changes.", site.name),
            )
            .at("/name"));
        }
        let mut input = input.clone();
        if input.certificate.is_none() && input.settings.edge_certificate_ids.is_empty() {
            input
                .settings
                .edge_certificate_ids
                .clone_from(&site.settings.edge_certificate_ids);
        }
        check_shape(&input)?;
        self.put(caller, site, &input).await
    }

    /// Removes a site for good, and the edge certificate that it brought along.
    ///
    /// # Errors
    /// When a network has it.
    pub async fn delete(&self, caller: &Caller, id: SiteId) -> Result<(), ServiceError> {
        let mut write = self.context.store.write().await?;
        let site = find_in(write.connection(), caller, id).await?;
        edge_certificates::refuse_deployed(&site.name, &site.networks)?;
        let owned = owned(&mut write, caller, id).await?;
        let others = store::sites::list(write.connection(), &caller.account, None).await?;
        for certificate in &owned {
            edge_certificates::refuse_deployed(&certificate.name, &certificate.networks)?;
            let text = certificate.id.to_string();
            let is_used = others
                .iter()
                .any(|other| other.id != id && other.settings.edge_certificate_ids.contains(&text));
            if !is_used {
                edge_certificates::remove_for_good(self.context, &mut write, caller, certificate)
                    .await?;
            }
        }
        store::sites::delete(write.connection(), id).await?;
        write
            .record(&change(
                caller,
                self.context.clock.now(),
                "site.delete",
                resource(id),
                Some(state(&site)),
                None,
            ))
            .await?;
        write.commit().await?;
        Ok(())
    }

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
        write.commit().await?;
        self.context.work.notify_waiters();
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
        let deployment = self.remove_in(&mut write, caller, &site, network).await?;
        for certificate in owned(&mut write, caller, id).await? {
            let users =
                store::holdings::of_edge_certificate(write.connection(), certificate.id, network)
                    .await?;
            let is_there = on_network(&certificate.networks, network)
                .is_some_and(|deployed| deployed.version.is_some());
            let is_mine =
                |user: &HeldName| (user.kind, user.id) == (DeploymentKind::Site, id.number());
            if is_there && users.iter().all(is_mine) {
                let context = self.context;
                edge_certificates::remove_in(context, &mut write, caller, &certificate, network)
                    .await?;
            }
        }
        write.commit().await?;
        self.context.work.notify_waiters();
        Ok(deployment)
    }

    /// Its deployments, newest first.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn deployments(
        &self,
        caller: &Caller,
        id: SiteId,
    ) -> Result<Vec<Deployment>, ServiceError> {
        self.find(caller, id).await?;
        let mut read = self.context.store.read().await?;
        Ok(store::deployments::list(&mut read, DeploymentKind::Site, id.number()).await?)
    }

    /// One of its deployments.
    ///
    /// # Errors
    /// When there is none with that number.
    pub async fn deployment(
        &self,
        caller: &Caller,
        id: SiteId,
        deployment: DeploymentId,
    ) -> Result<Deployment, ServiceError> {
        self.find(caller, id).await?;
        let mut read = self.context.store.read().await?;
        store::deployments::find(&mut read, DeploymentKind::Site, id.number(), deployment)
            .await?
            .ok_or_else(|| deployment_not_found(deployment))
    }

    /// Waits until none of its deployments is in progress.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn settled(&self, caller: &Caller, id: SiteId) -> Result<Site, ServiceError> {
        let mut progress = self.context.progress.subscribe();
        loop {
            progress.borrow_and_update();
            let site = self.find(caller, id).await?;
            let is_running = site.networks.iter().any(|deployed| {
                deployed
                    .latest
                    .as_ref()
                    .is_some_and(|it| it.status == ActivationStatus::InProgress)
            });
            if !is_running {
                return Ok(site);
            }
            // The sender lives as long as the context.
            let _ = progress.changed().await;
        }
    }

    async fn put(
        &self,
        caller: &Caller,
        before: Site,
        input: &SiteInput,
    ) -> Result<(Site, Vec<Warning>), ServiceError> {
        let context = self.context;
        let networks: Vec<Network> = input
            .deploy_to
            .iter()
            .map(|network| network_of(*network))
            .collect();
        let (chains, mut warnings) = match &input.certificate {
            Some(upload) => {
                let upload = std::slice::from_ref(upload);
                edge_certificates::check_uploads(context, caller, upload, "/certificate").await?
            }
            None => (Vec::new(), Vec::new()),
        };
        let mut settings = input.settings.clone();
        if let Some(pem) = &input.client_ca_pem {
            let (ca_set, remarks) =
                client_ca::ensure(context, caller, &before, pem, &networks).await?;
            warnings.extend(remarks);
            let clients = settings.mutual_authentication.get_or_insert_default();
            let id = ca_set.to_string();
            if !clients.ca_set_ids.contains(&id) {
                clients.ca_set_ids.push(id);
            }
        }
        let mut write = context.store.write().await?;
        let is_new = before.version == 0;
        let mut after = if is_new {
            Site {
                id: SiteId::new(write.next_number(COUNTER).await?),
                ..before.clone()
            }
        } else {
            // Somebody may have changed it meanwhile; what counts is what is there now.
            find_in(write.connection(), caller, before.id).await?
        };
        if !chains.is_empty() {
            let id = own_certificate(context, &mut write, caller, &after, &chains).await?;
            settings.edge_certificate_ids = vec![id];
        }
        after = self
            .put_in(&mut write, caller, &before, after, settings)
            .await?;
        for network in networks {
            deploy_in(context, &mut write, caller, &after, network).await?;
        }
        let site = find_in(write.connection(), caller, after.id).await?;
        write.commit().await?;
        context.work.notify_waiters();
        Ok((site, warnings))
    }

    /// Gives a site its next version, in the caller's transaction. `before` is what the log shows.
    pub(crate) async fn put_in(
        &self,
        write: &mut Write,
        caller: &Caller,
        before: &Site,
        mut after: Site,
        settings: SiteSettings,
    ) -> Result<Site, ServiceError> {
        let is_new = before.version == 0;
        let at = self.context.clock.now();
        after.version += 1;
        after.settings = settings;
        if !is_new {
            after.modified_at = Some(at);
            after.modified_by = Some(caller.name.clone());
        }
        self.check_references(write, caller, &after).await?;
        match store::sites::put(write.connection(), &after).await {
            Err(error) if error.is_unique_violation() => {
                return Err(name_not_unique(&after.name));
            }
            other => other?,
        }
        write
            .record(&change(
                caller,
                at,
                if is_new { "site.create" } else { "site.update" },
                resource(after.id),
                (!is_new).then(|| state(before)),
                Some(state(&after)),
            ))
            .await?;
        Ok(after)
    }

    /// A site that is to be made, with its number.
    pub(crate) async fn new_in(
        &self,
        write: &mut Write,
        caller: &Caller,
        name: &str,
    ) -> Result<Site, ServiceError> {
        edge_certificates::check_name(name)?;
        Ok(Site {
            id: SiteId::new(write.next_number(COUNTER).await?),
            ..blank(self.context, caller, name)
        })
    }

    /// Asks a network to forget a site, in the caller's transaction.
    pub(crate) async fn remove_in(
        &self,
        write: &mut Write,
        caller: &Caller,
        site: &Site,
        network: Network,
    ) -> Result<Deployment, ServiceError> {
        let Some(version) = on_network(&site.networks, network).and_then(|it| it.version) else {
            return Err(edge_certificates::not_deployed(&site.name, network));
        };
        let subject = Subject {
            version,
            ..subject(site)
        };
        let action = DeploymentAction::Remove;
        deployments::request(self.context, write, caller, subject, network, action, "{}").await
    }

    async fn check_references(
        &self,
        write: &mut Write,
        caller: &Caller,
        site: &Site,
    ) -> Result<(), ServiceError> {
        let checked = CheckedSite::new(&site.settings).map_err(invalid)?;
        for (index, id) in checked.edge_certificates.iter().enumerate() {
            let pointer = format!("/edgeCertificateIds/{index}");
            let certificate = edge_certificates::find_in(write.connection(), caller, *id)
                .await
                .map_err(|error| match error.code {
                    ErrorCode::EdgeCertificateNotFound => ServiceError {
                        code: ErrorCode::InvalidField,
                        ..error
                    }
                    .at(&pointer),
                    _ => error,
                })?;
            let now = self.context.clock.now();
            edge_certificates::require_presentable(&certificate, &checked.names, now)
                .map_err(|error| error.at("/hostnames"))?;
        }
        let ca_sets = checked
            .clients
            .iter()
            .flat_map(|clients| &clients.auth.ca_sets);
        for (index, id) in ca_sets.enumerate() {
            let pointer = format!("/mutualAuthentication/caSetIds/{index}");
            store::ca_sets::find(write.connection(), &caller.account, *id)
                .await?
                .ok_or_else(|| deployments::unknown_ca_set(*id, &pointer))?;
        }
        Ok(())
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
        client_credentials::require_active(write, caller, network, reference, pointer).await?;
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
        subject(site),
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
    let Some(deployed) = on_network(&certificate.networks, network) else {
        return Ok(true);
    };
    let running = deployed
        .latest
        .as_ref()
        .filter(|latest| latest.status == ActivationStatus::InProgress);
    match running {
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

/// The edge certificate that a site brings along: made with the first upload, renewed by the next. Returns its id as the API writes it.
async fn own_certificate(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    site: &Site,
    chains: &[CheckedChain],
) -> Result<String, ServiceError> {
    let existing = owned(write, caller, site.id).await?.into_iter().next();
    let certificate = match existing {
        Some(certificate) => {
            let settings = certificate.settings.clone();
            edge_certificates::update(context, write, caller, certificate, None, chains, &settings)
                .await?
        }
        None => {
            let settings = EdgeCertificateSettings::default();
            let (name, owner) = (Some(site.name.as_str()), Some(site.id));
            edge_certificates::insert(context, write, caller, name, chains, &settings, owner)
                .await?
        }
    };
    Ok(certificate.id.to_string())
}

async fn owned(
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

pub(crate) async fn find_in(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    id: SiteId,
) -> Result<Site, ServiceError> {
    let found = store::sites::list(connection, &caller.account, Some(id)).await?;
    let mut site = found.into_iter().next().ok_or_else(|| {
        ServiceError::new(
            ErrorCode::SiteNotFound,
            format!("The account has no site {id}."),
        )
        .with("siteId", id.to_string())
    })?;
    let kind = DeploymentKind::Site;
    site.networks =
        store::deployments::deployed(connection, kind, &caller.account, Some(id.number()))
            .await?
            .into_iter()
            .map(|(_, deployed)| deployed)
            .collect();
    Ok(site)
}

/// A site of which nothing is known but its name.
fn blank(context: &Context, caller: &Caller, name: &str) -> Site {
    Site {
        id: SiteId::new(0),
        account: caller.account.clone(),
        name: name.to_owned(),
        version: 0,
        settings: SiteSettings::default(),
        created_at: context.clock.now(),
        created_by: caller.name.clone(),
        modified_at: None,
        modified_by: None,
        networks: Vec::new(),
    }
}

/// A network, as the API names it.
pub(crate) const fn network_of(network: countersign_api::v1::Network) -> Network {
    match network {
        countersign_api::v1::Network::Production => Network::Production,
        countersign_api::v1::Network::Staging => Network::Staging,
    }
}

/// Refuses settings that would be refused in any case, before anything is made for them.
fn check_shape(input: &SiteInput) -> Result<(), ServiceError> {
    let mut settings = input.settings.clone();
    if input.certificate.is_some() {
        if !settings.edge_certificate_ids.is_empty() {
            return Err(ServiceError::new(
                ErrorCode::InvalidField,
                "Give either a certificate or the ids of edge certificates, not both.",
            )
            .at("/certificate"));
        }
        settings.edge_certificate_ids = vec!["1".to_owned()];
    }
    if input.client_ca_pem.is_some() {
        let clients = settings.mutual_authentication.get_or_insert_default();
        clients.ca_set_ids.push("1".to_owned());
    }
    CheckedSite::new(&settings).map(drop).map_err(invalid)
}

fn subject(site: &Site) -> Subject<'_> {
    Subject {
        kind: DeploymentKind::Site,
        id: site.id.number(),
        name: &site.name,
        version: site.version,
    }
}

fn resource(id: SiteId) -> String {
    format!("site/{id}")
}

fn state(site: &Site) -> Value {
    json!({"name": site.name, "version": site.version, "settings": site.settings})
}

fn name_not_unique(name: &str) -> ServiceError {
    ServiceError::new(
        ErrorCode::SiteNameNotUnique,
        format!("Another site is called `{}`.", short(name)),
    )
    .at("/name")
}
