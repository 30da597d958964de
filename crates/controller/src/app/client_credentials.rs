//! Client credentials: what the edge proves its own identity to origins with, in versions that are activated, rotated and rolled back.

mod activation;
mod references;

use countersign_api::v1::client_credentials::{
    ClientCredentialInput, ClientCredentialVersionInput,
};
use countersign_snapshot::{ClientCredential as SnapshotCredential, Network};
use countersign_trust::Certificate;
use serde_json::{Value, json};

pub(crate) use activation::CredentialBody;
pub(crate) use references::{exists, find_by_name, others_than, refuse_used, require_usable};

use super::chain::{self, ChainPurpose, CheckedChain, Keys};
use super::input::check_name;
use super::{Context, ErrorCode, ServiceError, change, deployments};
use crate::model::{
    Caller, ClientCredential, CredentialId, CredentialVersion, Deployment, DeploymentId, Warning,
};
use crate::store::{self, Write};

const COUNTER: &str = "client_credential";
/// Whoever has more does not rotate but forget.
const VERSIONS_MAX: usize = 100;

/// The client credentials of accounts.
#[derive(Clone, Copy, Debug)]
pub struct ClientCredentials<'c> {
    context: &'c Context,
}

impl<'c> ClientCredentials<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Takes up a certificate with its key as version 1 of a credential; no network has it yet.
    ///
    /// # Errors
    /// When the chain or the key cannot be used, or the name is not free.
    pub async fn create(
        &self,
        caller: &Caller,
        input: &ClientCredentialInput,
    ) -> Result<(ClientCredential, Vec<Warning>), ServiceError> {
        let (chain, warnings) = self.check(&input.version)?;
        let mut write = self.context.store.write().await?;
        let credential = self.insert(&mut write, caller, &input.name, &chain).await?;
        write.commit().await?;
        Ok((credential, warnings))
    }

    pub(crate) async fn insert(
        &self,
        write: &mut Write,
        caller: &Caller,
        name: &str,
        chain: &CheckedChain,
    ) -> Result<ClientCredential, ServiceError> {
        check_name(name)?;
        let credential = ClientCredential {
            id: CredentialId::new(write.next_number(COUNTER).await?),
            account: caller.account.clone(),
            name: name.to_owned(),
            created_at: self.context.clock.now(),
            created_by: caller.name.clone(),
            versions: vec![self.version(caller, 1, chain)?],
            networks: Vec::new(),
        };
        store::client_credentials::insert(write.connection(), &credential)
            .await
            .map_err(|error| {
                error.or_not_unique(|| {
                    ServiceError::new(
                        ErrorCode::ClientCredentialNameNotUnique,
                        format!("Another client credential is called `{}`.", credential.name),
                    )
                    .at("/name")
                })
            })?;
        self.record_version(write, caller, &credential, "client-credential.create")
            .await?;
        Ok(credential)
    }

    /// Adds the next version; networks go on with what they have until it is activated.
    ///
    /// # Errors
    /// When the chain or the key cannot be used, or the account has no credential with that id.
    pub async fn add_version(
        &self,
        caller: &Caller,
        id: CredentialId,
        input: &ClientCredentialVersionInput,
    ) -> Result<(ClientCredential, Vec<Warning>), ServiceError> {
        let (chain, warnings) = self.check(input)?;
        let mut write = self.context.store.write().await?;
        let credential = find_in(write.connection(), caller, id).await?;
        let (credential, _) = self
            .insert_version(&mut write, caller, credential, &chain)
            .await?;
        write.commit().await?;
        Ok((credential, warnings))
    }

    /// The credential with one more version, and its number.
    pub(crate) async fn insert_version(
        &self,
        write: &mut Write,
        caller: &Caller,
        mut credential: ClientCredential,
        chain: &CheckedChain,
    ) -> Result<(ClientCredential, u32), ServiceError> {
        if credential.versions.len() >= VERSIONS_MAX {
            return Err(ServiceError::new(
                ErrorCode::InvalidField,
                format!(
                    "`{}` has {VERSIONS_MAX} versions already; make another credential.",
                    credential.name
                ),
            ));
        }
        let number = credential.versions.last().map_or(0, |last| last.number) + 1;
        credential
            .versions
            .push(self.version(caller, number, chain)?);
        self.record_version(
            write,
            caller,
            &credential,
            "client-credential.version.create",
        )
        .await?;
        Ok((credential, number))
    }

    /// The account's client credentials, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<ClientCredential>, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        let all = store::client_credentials::list(&mut read, &caller.account, None).await?;
        Ok(deployments::with_networks(&mut read, caller, all).await?)
    }

    /// One client credential.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn find(
        &self,
        caller: &Caller,
        id: CredentialId,
    ) -> Result<ClientCredential, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        find_in(&mut read, caller, id).await
    }

    /// Removes a credential and its keys for good.
    ///
    /// # Errors
    /// When a network has it.
    pub async fn delete(&self, caller: &Caller, id: CredentialId) -> Result<(), ServiceError> {
        let mut write = self.context.store.write().await?;
        let credential = find_in(write.connection(), caller, id).await?;
        deployments::refuse_deployed(&credential)?;
        refuse_used(&mut write, &credential, None).await?;
        store::client_credentials::delete(write.connection(), id).await?;
        write
            .record(&change(
                caller,
                self.context.clock.now(),
                "client-credential.delete",
                resource(id),
                Some(state(&credential)),
                None,
            ))
            .await?;
        Ok(write.commit().await?)
    }

    /// Asks a network to forget it.
    ///
    /// # Errors
    /// When a site or property uses it there: all of them are named; or when the network does not have it.
    pub async fn remove(
        &self,
        caller: &Caller,
        id: CredentialId,
        network: Network,
    ) -> Result<Deployment, ServiceError> {
        let mut write = self.context.store.write().await?;
        let credential = find_in(write.connection(), caller, id).await?;
        refuse_used(&mut write, &credential, Some(network)).await?;
        let context = self.context;
        let deployment =
            deployments::forget(context, &mut write, caller, &credential, network).await?;
        self.context.commit_work(write).await?;
        Ok(deployment)
    }

    /// Its activations and removals, newest first.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn deployments(
        &self,
        caller: &Caller,
        id: CredentialId,
    ) -> Result<Vec<Deployment>, ServiceError> {
        deployments::history(self.context, &self.find(caller, id).await?).await
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none with that number.
    pub async fn deployment(
        &self,
        caller: &Caller,
        id: CredentialId,
        deployment: DeploymentId,
    ) -> Result<Deployment, ServiceError> {
        deployments::one(self.context, &self.find(caller, id).await?, deployment).await
    }

    pub(crate) fn check(
        &self,
        input: &ClientCredentialVersionInput,
    ) -> Result<(CheckedChain, Vec<Warning>), ServiceError> {
        let now = self.context.clock.now();
        let key = input.private_key_pem.expose();
        let purpose = ChainPurpose::Client;
        let checked = chain::check(&input.certificate_pem, Keys::Given(key), &[], purpose, now)
            .map_err(|problems| {
                let items = problems.into_iter().map(|problem| problem.item(""));
                ServiceError::new(
                    ErrorCode::ClientCredentialValidationFailure,
                    "The certificate or its key cannot be used.",
                )
                .with_items(items.collect())
            })?;
        let warnings = checked.remarks.iter().map(|it| it.warning("")).collect();
        Ok((checked, warnings))
    }

    fn version(
        &self,
        caller: &Caller,
        number: u32,
        chain: &CheckedChain,
    ) -> Result<CredentialVersion, ServiceError> {
        Ok(CredentialVersion {
            number,
            chain: chain.chain.clone(),
            sealed_key: self
                .context
                .sealing_key
                .seal(SnapshotCredential::SEAL_CONTEXT, &chain.key.pkcs8)
                .map_err(ServiceError::internal)?,
            created_at: self.context.clock.now(),
            created_by: caller.name.clone(),
        })
    }

    /// Stores the newest version.
    async fn record_version(
        &self,
        write: &mut Write,
        caller: &Caller,
        credential: &ClientCredential,
        action: &'static str,
    ) -> Result<(), ServiceError> {
        let Some((newest, older)) = credential.versions.split_last() else {
            return Err(ServiceError::internal("a credential without versions"));
        };
        store::client_credentials::insert_version(write.connection(), credential.id, newest)
            .await?;
        let before = (!older.is_empty()).then(|| {
            state(&ClientCredential {
                versions: older.to_vec(),
                ..credential.clone()
            })
        });
        write
            .record(&change(
                caller,
                newest.created_at,
                action,
                resource(credential.id),
                before,
                Some(state(credential)),
            ))
            .await?;
        Ok(())
    }
}

pub(crate) async fn find_in(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    id: CredentialId,
) -> Result<ClientCredential, ServiceError> {
    let account = &caller.account;
    let found = store::client_credentials::list(connection, account, Some(id)).await?;
    let found = deployments::with_networks(connection, caller, found).await?;
    found.into_iter().next().ok_or_else(|| not_found(id))
}

fn not_found(id: CredentialId) -> ServiceError {
    ServiceError::new(
        ErrorCode::ClientCredentialNotFound,
        format!("The account has no client credential with the id `{id}`."),
    )
    .with("clientCredentialId", id.to_string())
}

fn resource(id: CredentialId) -> String {
    format!("client-credential/{id}")
}

/// What the logs keep: certificates by fingerprint, keys not at all.
fn state(credential: &ClientCredential) -> Value {
    let version = |version: &CredentialVersion| {
        let leaf = version.chain.first();
        json!({
            "version": version.number,
            "sha256": leaf.map(|leaf| leaf.fingerprint().to_string()),
            "subject": leaf.map(|leaf| leaf.subject().to_rfc2253()),
            "notAfter": leaf.map(|leaf: &Certificate| leaf.validity().not_after.to_string()),
        })
    };
    json!({
        "name": credential.name,
        "versions": credential.versions.iter().map(version).collect::<Vec<_>>(),
    })
}
