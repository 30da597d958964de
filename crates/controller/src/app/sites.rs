//! Sites: a hostname, who may come in, and where requests go. A site is expanded into a binding and a rule tree; it has no engine of its own.

mod as_written;
mod changes;
mod client_ca;
mod client_credential;
mod deploying;
mod mtls_feature;
mod settings;

use countersign_api::v1::sites::{SiteInput, SiteSettings};
use countersign_snapshot::Network;
use serde_json::{Value, json};

pub(crate) use deploying::deploy_in;
use deploying::owned;
pub(crate) use mtls_feature::{MTLS_SETTINGS, hide as hide_mtls, keep as keep_mtls};
pub(crate) use settings::{
    CheckedEdgeCertificate, CheckedSite, Https, checked_origin, credential_of,
};

use super::input::{check_name, short};
use super::{Context, ErrorCode, ServiceError, change, deployments, edge_certificates};
use crate::model::{Caller, Deployable, Deployment, DeploymentId, Site, SiteId, Warning};
use crate::store;

/// The sites of accounts.
#[derive(Clone, Copy, Debug)]
pub struct Sites<'c> {
    context: &'c Context,
}

impl<'c> Sites<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Makes a site, with a certificate and CA certificates of its own when they are given, and deploys it where that is asked for. Without a
    /// certificate it presents the edge certificate that covers its hostnames.
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
        let input = self.with_certificate(caller, input, &[]).await?;
        as_written::check(&input)?;
        check_name(&name)?;
        {
            let mut read = self.context.store.read().await?;
            let taken = store::sites::find_by_name(&mut read, &caller.account, &name).await?;
            if taken.is_some() {
                return Err(name_not_unique(&name));
            }
        }
        let site = blank(self.context, caller, &name);
        self.put(caller, site, &input).await
    }

    /// The account's sites, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Site>, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        let all = store::sites::list(&mut read, &caller.account, None).await?;
        Ok(deployments::with_networks(&mut read, caller, all).await?)
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
        let known = &site.settings.edge_certificate_ids;
        let input = self.with_certificate(caller, input, known).await?;
        as_written::check(&input)?;
        self.put(caller, site, &input).await
    }

    /// A site with TLS that says nothing about its certificate keeps the ones that it has, or gets the one that covers its hostnames.
    async fn with_certificate(
        &self,
        caller: &Caller,
        input: &SiteInput,
        known: &[String],
    ) -> Result<SiteInput, ServiceError> {
        let mut input = input.clone();
        let is_told = input.certificate.is_some()
            || input.settings.plain_http
            || !input.settings.edge_certificate_ids.is_empty();
        if is_told {
            return Ok(input);
        }
        input.settings.edge_certificate_ids = if known.is_empty() {
            let mut read = self.context.store.read_consistently().await?;
            let covering = edge_certificates::all_in(&mut read, caller).await?;
            let now = self.context.clock.now();
            edge_certificates::the_one_for_all(&covering, &input.settings.hostnames, now)?
        } else {
            known.to_vec()
        };
        Ok(input)
    }

    /// Removes a site for good, and the edge certificate that it brought along.
    ///
    /// # Errors
    /// When a network has it.
    pub async fn delete(&self, caller: &Caller, id: SiteId) -> Result<(), ServiceError> {
        let mut write = self.context.store.write().await?;
        let site = find_in(write.connection(), caller, id).await?;
        deployments::refuse_deployed(&site)?;
        let owned = owned(&mut write, caller, id).await?;
        let others = store::sites::list(write.connection(), &caller.account, None).await?;
        for certificate in &owned {
            deployments::refuse_deployed(certificate)?;
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

    /// Its deployments, newest first.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn deployments(
        &self,
        caller: &Caller,
        id: SiteId,
    ) -> Result<Vec<Deployment>, ServiceError> {
        deployments::history(self.context, &self.find(caller, id).await?).await
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
        deployments::one(self.context, &self.find(caller, id).await?, deployment).await
    }

    /// Waits until none of its deployments is in progress.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn settled(&self, caller: &Caller, id: SiteId) -> Result<Site, ServiceError> {
        let look = || self.find(caller, id);
        self.context.until_ended(look, Site::is_settled).await
    }
}

pub(crate) async fn find_in(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    id: SiteId,
) -> Result<Site, ServiceError> {
    let found = store::sites::list(connection, &caller.account, Some(id)).await?;
    let found = deployments::with_networks(connection, caller, found).await?;
    found.into_iter().next().ok_or_else(|| {
        ServiceError::new(
            ErrorCode::SiteNotFound,
            format!("The account has no site {id}."),
        )
        .with("siteId", id.to_string())
    })
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
