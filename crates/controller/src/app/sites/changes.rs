//! A site's next version: what it brings along is made first, then the site changes inside one transaction.

use countersign_api::v1::edge_certificates::EdgeCertificateSettings;
use countersign_api::v1::sites::{SiteInput, SiteSettings};
use countersign_snapshot::Network;

use super::deploying::{deploy_in, owned};
use super::{
    CheckedSite, Sites, blank, client_ca, client_credential, find_in, mtls_feature,
    name_not_unique, network_of, resource, state,
};
use crate::app::chain::CheckedChain;
use crate::app::input::{check_name, invalid};
use crate::app::{
    ClientCredentials, Context, ErrorCode, ServiceError, change, client_credentials, deployments,
    edge_certificates,
};
use crate::model::{Caller, Site, SiteId, Warning};
use crate::store::{self, Write};

const COUNTER: &str = "site";

impl Sites<'_> {
    pub(super) async fn put(
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
                edge_certificates::check_uploads(context, caller, upload, &[], "/certificate")
                    .await?
            }
            None => (Vec::new(), Vec::new()),
        };
        let mut settings = input.settings.clone();
        {
            let mut read = context.store.read().await?;
            mtls_feature::allow(&mut read, caller, input).await?;
        }
        let credential = match &input.client_credential {
            Some(upload) => {
                let service = ClientCredentials::new(context);
                let checked = service.check(upload);
                let (chain, remarks) =
                    checked.map_err(|error| error.below(client_credential::POINTER))?;
                warnings.extend(remarks);
                Some(chain)
            }
            None => None,
        };
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
        if let Some(chain) = &credential {
            let id =
                client_credential::ensure(context, &mut write, caller, &after, chain, &networks)
                    .await?;
            settings.origin.client_credential_id = Some(id.to_string());
        }
        mtls_feature::keep(&mut write, caller, &after, &mut settings).await?;
        after = self
            .put_in(&mut write, caller, &before, after, settings)
            .await?;
        for network in networks {
            deploy_in(context, &mut write, caller, &after, network).await?;
        }
        let site = find_in(write.connection(), caller, after.id).await?;
        context.commit_work(write).await?;
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
        store::sites::put(write.connection(), &after)
            .await
            .map_err(|error| error.or_not_unique(|| name_not_unique(&after.name)))?;
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
        check_name(name)?;
        Ok(Site {
            id: SiteId::new(write.next_number(COUNTER).await?),
            ..blank(self.context, caller, name)
        })
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
        if let Some(reference) = checked.client_credential()
            && !client_credentials::exists(write.connection(), caller, reference).await?
        {
            return Err(ServiceError::new(
                ErrorCode::InvalidField,
                format!(
                    "There is no client credential `{}`; make it first, or give its certificate and key as `clientCredential`.",
                    reference.id
                ),
            )
            .at("/origin/clientCredentialId"));
        }
        Ok(())
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
