//! Edge certificates: what the edge presents to clients, and how it asks them for theirs.

mod changes;
mod impact;
mod key_requests;
mod presenting;

use countersign_api::v1::edge_certificates::EdgeCertificateInput;
use countersign_pki::KeyWithRequest;
use countersign_snapshot::{Network, ServerCertificate};

pub use impact::{AdmissionChange, HostnameImpact};

pub(crate) use changes::{check_uploads, insert, remove_for_good, update};
use presenting::in_use;
pub(crate) use presenting::{
    covers_all, deploy_in, refuse_in_use, require_presentable, the_one_for_all,
};

use super::sites::CheckedEdgeCertificate;
use super::{Context, ErrorCode, ServiceError, deployments};
use crate::model::{Caller, Deployment, DeploymentId, EdgeCertificate, EdgeCertificateId, Warning};
use crate::store;

/// What a network enforces of an edge certificate.
#[derive(Clone, Debug)]
pub(crate) struct EnforcedEdgeCertificate {
    pub(crate) settings: CheckedEdgeCertificate,
    /// Best first; never empty.
    pub(crate) certificates: Vec<ServerCertificate>,
}

/// The edge certificates of accounts.
#[derive(Clone, Copy, Debug)]
pub struct EdgeCertificates<'c> {
    context: &'c Context,
}

impl<'c> EdgeCertificates<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Makes an edge certificate; no network presents it before it is deployed. With a key request it may come without a certificate, which is
    /// installed when somebody signed it.
    ///
    /// # Errors
    /// When a chain or a key cannot be used, a setting is not good, or the name is not free.
    pub async fn create(
        &self,
        caller: &Caller,
        input: &EdgeCertificateInput,
    ) -> Result<(EdgeCertificate, Vec<Warning>), ServiceError> {
        let made = self.key_request(input).await?;
        let (chains, warnings) = if made.is_some() && input.certificates.is_empty() {
            (Vec::new(), Vec::new())
        } else {
            check_uploads(
                self.context,
                caller,
                &input.certificates,
                &[],
                "/certificates",
            )
            .await?
        };
        let asked = input.key_request.as_ref();
        let name = input.name.as_ref().or_else(|| {
            asked
                .filter(|_| chains.is_empty())
                .and_then(|asked| asked.names.first())
        });
        let mut write = self.context.store.write().await?;
        let mut certificate = insert(
            self.context,
            &mut write,
            caller,
            name.map(String::as_str),
            &chains,
            &input.settings,
            None,
        )
        .await?;
        if let Some(made) = made {
            key_requests::keep(self.context, &mut write, caller, &mut certificate, made).await?;
        }
        write.commit().await?;
        Ok((certificate, warnings))
    }

    /// The account's edge certificates, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<EdgeCertificate>, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        all_in(&mut read, caller).await
    }

    /// One edge certificate.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn find(
        &self,
        caller: &Caller,
        id: EdgeCertificateId,
    ) -> Result<EdgeCertificate, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        find_in(&mut read, caller, id).await
    }

    /// Changes name and settings, and the certificates when some are given; networks go on with what they have until it is deployed again.
    ///
    /// # Errors
    /// For the reasons of [`EdgeCertificates::create`], or when the account has none with that id.
    pub async fn replace(
        &self,
        caller: &Caller,
        id: EdgeCertificateId,
        input: &EdgeCertificateInput,
    ) -> Result<(EdgeCertificate, Vec<Warning>), ServiceError> {
        let made = self.key_request(input).await?;
        let uploads = if input.certificates.is_empty() {
            (Vec::new(), Vec::new())
        } else {
            let held = key_requests::held(self.context, &self.find(caller, id).await?)?;
            let uploads = &input.certificates;
            check_uploads(self.context, caller, uploads, &held, "/certificates").await?
        };
        let (chains, warnings) = uploads;
        let mut write = self.context.store.write().await?;
        let certificate = find_in(write.connection(), caller, id).await?;
        let mut certificate = update(
            self.context,
            &mut write,
            caller,
            certificate,
            input.name.as_deref(),
            &chains,
            &input.settings,
        )
        .await?;
        let context = self.context;
        key_requests::forget_answered(context, &mut write, &mut certificate).await?;
        if let Some(made) = made {
            key_requests::keep(context, &mut write, caller, &mut certificate, made).await?;
        }
        write.commit().await?;
        Ok((certificate, warnings))
    }

    /// The key that is asked for, if one is.
    async fn key_request(
        &self,
        input: &EdgeCertificateInput,
    ) -> Result<Option<KeyWithRequest>, ServiceError> {
        match &input.key_request {
            Some(asked) => Ok(Some(key_requests::make(asked).await?)),
            None => Ok(None),
        }
    }

    /// Removes an edge certificate and its keys for good.
    ///
    /// # Errors
    /// When a network has it, or a site or property names it: all of them are named.
    pub async fn delete(&self, caller: &Caller, id: EdgeCertificateId) -> Result<(), ServiceError> {
        let mut write = self.context.store.write().await?;
        let certificate = find_in(write.connection(), caller, id).await?;
        deployments::refuse_deployed(&certificate)?;
        let text = id.to_string();
        let sites = store::sites::list(write.connection(), &caller.account, None).await?;
        let mut users: Vec<_> = sites
            .into_iter()
            .filter(|site| site.settings.edge_certificate_ids.contains(&text))
            .map(|site| site.name)
            .collect();
        let account = &caller.account;
        users.extend(
            store::properties::naming_edge_certificate(write.connection(), account, &text).await?,
        );
        if !users.is_empty() {
            return Err(in_use(&certificate, &users));
        }
        remove_for_good(self.context, &mut write, caller, &certificate).await?;
        write.commit().await?;
        Ok(())
    }

    /// Asks a network to present it as it is now.
    ///
    /// # Errors
    /// When a CA set that it needs is not active there, a site's hostname is not covered, a certificate has expired, or a deployment of it
    /// is in progress.
    pub async fn deploy(
        &self,
        caller: &Caller,
        id: EdgeCertificateId,
        network: Network,
    ) -> Result<Deployment, ServiceError> {
        let mut write = self.context.store.write().await?;
        let certificate = find_in(write.connection(), caller, id).await?;
        let deployment = deploy_in(self.context, &mut write, caller, &certificate, network).await?;
        self.context.commit_work(write).await?;
        Ok(deployment)
    }

    /// Asks a network to forget it.
    ///
    /// # Errors
    /// When a site or property presents it there: all of them are named; or when the network does not have it.
    pub async fn remove(
        &self,
        caller: &Caller,
        id: EdgeCertificateId,
        network: Network,
    ) -> Result<Deployment, ServiceError> {
        let mut write = self.context.store.write().await?;
        let certificate = find_in(write.connection(), caller, id).await?;
        let users = store::holdings::of_edge_certificate(write.connection(), id, network).await?;
        refuse_in_use(&certificate, &users)?;
        let context = self.context;
        let deployment =
            deployments::forget(context, &mut write, caller, &certificate, network).await?;
        self.context.commit_work(write).await?;
        Ok(deployment)
    }

    /// Its deployments, newest first.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn deployments(
        &self,
        caller: &Caller,
        id: EdgeCertificateId,
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
        id: EdgeCertificateId,
        deployment: DeploymentId,
    ) -> Result<Deployment, ServiceError> {
        deployments::one(self.context, &self.find(caller, id).await?, deployment).await
    }
}

/// The account's edge certificates, by name.
pub(crate) async fn all_in(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
) -> Result<Vec<EdgeCertificate>, ServiceError> {
    let all = store::edge_certificates::list(connection, &caller.account, None).await?;
    Ok(deployments::with_networks(connection, caller, all).await?)
}

pub(crate) async fn find_in(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    id: EdgeCertificateId,
) -> Result<EdgeCertificate, ServiceError> {
    let found = store::edge_certificates::list(connection, &caller.account, Some(id)).await?;
    let found = deployments::with_networks(connection, caller, found).await?;
    found.into_iter().next().ok_or_else(|| not_found(id))
}

fn not_found(id: EdgeCertificateId) -> ServiceError {
    ServiceError::new(
        ErrorCode::EdgeCertificateNotFound,
        format!("The account has no edge certificate {id}."),
    )
    .with("edgeCertificateId", id.to_string())
}
