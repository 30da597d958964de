//! Client credentials: what the edge proves its own identity to origins with, in versions that are activated, rotated and rolled back.

use countersign_api::v1::client_credentials::{
    ClientCredentialInput, ClientCredentialVersionInput,
};
use countersign_snapshot::{ClientCredential as SnapshotCredential, Network};
use countersign_trust::Certificate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::deployments::{self, Subject};
use super::edge_certificates::{
    ChainPurpose, CheckedChain, by_subject, check_chain, check_name, deployment_not_found,
    not_deployed, refuse_deployed,
};
use super::{Context, ErrorCode, ErrorItem, ServiceError, change};
use crate::model::{
    ActivationStatus, Caller, ClientCredential, CredentialId, CredentialReference,
    CredentialVersion, Deployment, DeploymentAction, DeploymentId, DeploymentKind, Warning,
    on_network,
};
use crate::store::{self, Write};

const COUNTER: &str = "client_credential";
const KIND: DeploymentKind = DeploymentKind::ClientCredential;
/// Whoever has more does not rotate but forget.
const VERSIONS_MAX: usize = 100;

/// What is deployed of a client credential. In stored deployments.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct CredentialBody {
    pub(crate) version: u32,
}

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
        check_name(&input.name)?;
        let (chain, warnings) = self.check(&input.version)?;
        let at = self.context.clock.now();
        let mut write = self.context.store.write().await?;
        let credential = ClientCredential {
            id: CredentialId::new(write.next_number(COUNTER).await?),
            account: caller.account.clone(),
            name: input.name.clone(),
            created_at: at,
            created_by: caller.name.clone(),
            versions: vec![self.version(caller, 1, &chain)?],
            networks: Vec::new(),
        };
        match store::client_credentials::insert(write.connection(), &credential).await {
            Err(error) if error.is_unique_violation() => {
                return Err(ServiceError::new(
                    ErrorCode::ClientCredentialNameNotUnique,
                    format!("Another client credential is called `{}`.", credential.name),
                )
                .at("/name"));
            }
            other => other?,
        }
        self.record_version(write, caller, &credential, "client-credential.create")
            .await?;
        Ok((credential, warnings))
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
        let mut credential = find_in(write.connection(), caller, id).await?;
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
            .push(self.version(caller, number, &chain)?);
        self.record_version(
            write,
            caller,
            &credential,
            "client-credential.version.create",
        )
        .await?;
        Ok((credential, warnings))
    }

    /// The account's client credentials, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<ClientCredential>, ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        let account = &caller.account;
        let mut credentials = store::client_credentials::list(&mut read, account, None).await?;
        let deployed = store::deployments::deployed(&mut read, KIND, account, None).await?;
        let mut by_id = by_subject(deployed);
        for credential in &mut credentials {
            credential.networks = by_id.remove(&credential.id.number()).unwrap_or_default();
        }
        Ok(credentials)
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
        refuse_deployed(&credential.name, &credential.networks)?;
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

    /// Asks a network to show a version of it to origins; the newest when none is named. What uses the credential follows without being
    /// deployed again.
    ///
    /// # Errors
    /// When there is no such version, it has expired, or another activation of the credential is in progress.
    pub async fn activate(
        &self,
        caller: &Caller,
        id: CredentialId,
        network: Network,
        version: Option<u32>,
    ) -> Result<Deployment, ServiceError> {
        let mut write = self.context.store.write().await?;
        let credential = find_in(write.connection(), caller, id).await?;
        let deployment = self
            .activate_in(&mut write, caller, &credential, network, version)
            .await?;
        write.commit().await?;
        self.context.work.notify_waiters();
        Ok(deployment)
    }

    /// Asks a network to go back to the version that it had before the present one.
    ///
    /// # Errors
    /// When it had none, or for the reasons of [`ClientCredentials::activate`].
    pub async fn roll_back(
        &self,
        caller: &Caller,
        id: CredentialId,
        network: Network,
    ) -> Result<Deployment, ServiceError> {
        let mut write = self.context.store.write().await?;
        let credential = find_in(write.connection(), caller, id).await?;
        let current = on_network(&credential.networks, network).and_then(|it| it.version);
        let history = store::deployments::list(write.connection(), KIND, id.number()).await?;
        let previous = history
            .iter()
            .filter(|it| it.network == network && it.status == ActivationStatus::Complete)
            .filter(|it| it.action == DeploymentAction::Deploy)
            .map(|it| it.version)
            .find(|version| Some(*version) != current);
        let (Some(_), Some(previous)) = (current, previous) else {
            return Err(ServiceError::new(
                ErrorCode::NoPreviousVersion,
                format!(
                    "`{}` had no other version on {network} before.",
                    credential.name
                ),
            )
            .with("network", network.as_str().to_ascii_uppercase()));
        };
        let deployment = self
            .activate_in(&mut write, caller, &credential, network, Some(previous))
            .await?;
        write.commit().await?;
        self.context.work.notify_waiters();
        Ok(deployment)
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
        let version = on_network(&credential.networks, network)
            .and_then(|it| it.version)
            .ok_or_else(|| not_deployed(&credential.name, network))?;
        let subject = subject(&credential, version);
        let action = DeploymentAction::Remove;
        let context = self.context;
        let deployment =
            deployments::request(context, &mut write, caller, subject, network, action, "{}")
                .await?;
        write.commit().await?;
        self.context.work.notify_waiters();
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
        self.find(caller, id).await?;
        let mut read = self.context.store.read().await?;
        Ok(store::deployments::list(&mut read, KIND, id.number()).await?)
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
        self.find(caller, id).await?;
        let mut read = self.context.store.read().await?;
        store::deployments::find(&mut read, KIND, id.number(), deployment)
            .await?
            .ok_or_else(|| deployment_not_found(deployment))
    }

    async fn activate_in(
        &self,
        write: &mut Write,
        caller: &Caller,
        credential: &ClientCredential,
        network: Network,
        version: Option<u32>,
    ) -> Result<Deployment, ServiceError> {
        let wanted = version.or_else(|| credential.versions.last().map(|last| last.number));
        let version = credential
            .versions
            .iter()
            .find(|it| Some(it.number) == wanted)
            .ok_or_else(|| {
                ServiceError::new(
                    ErrorCode::InvalidField,
                    format!(
                        "`{}` has no version {}.",
                        credential.name,
                        wanted.unwrap_or_default()
                    ),
                )
                .at("/version")
            })?;
        let until = version.chain.first().map(|leaf| leaf.validity().not_after);
        if let Some(until) = until.filter(|until| *until < self.context.clock.now()) {
            return Err(ServiceError::new(
                ErrorCode::ClientCredentialValidationFailure,
                format!(
                    "Version {} of `{}` expired at {until}; add a new one.",
                    version.number, credential.name
                ),
            )
            .at("/version"));
        }
        let body = CredentialBody {
            version: version.number,
        };
        let body = serde_json::to_string(&body).map_err(ServiceError::internal)?;
        let subject = subject(credential, version.number);
        let action = DeploymentAction::Deploy;
        deployments::request(self.context, write, caller, subject, network, action, &body).await
    }

    fn check(
        &self,
        input: &ClientCredentialVersionInput,
    ) -> Result<(CheckedChain, Vec<Warning>), ServiceError> {
        let now = self.context.clock.now();
        let key = input.private_key_pem.expose();
        let purpose = ChainPurpose::Client;
        let checked =
            check_chain(&input.certificate_pem, key, &[], purpose, now).map_err(|problems| {
                let items = problems.into_iter().map(|problem| ErrorItem {
                    code: problem.code.to_owned(),
                    title: "The certificate or its key cannot be used.".to_owned(),
                    detail: problem.detail,
                    pointer: Some(format!("/{}", problem.field.name())),
                    context: Map::new(),
                });
                ServiceError::new(
                    ErrorCode::ClientCredentialValidationFailure,
                    "The certificate or its key cannot be used.",
                )
                .with_items(items.collect())
            })?;
        let warnings = checked
            .remarks
            .iter()
            .map(|remark| Warning {
                code: remark.code.to_owned(),
                title: "About the certificate chain.".to_owned(),
                detail: remark.detail.clone(),
                pointer: Some("/certificatePem".to_owned()),
                context: Map::new(),
            })
            .collect();
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

    /// Stores the newest version and ends the transaction.
    async fn record_version(
        &self,
        mut write: Write,
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
        Ok(write.commit().await?)
    }
}

/// Refuses when a client credential that is referred to is not there, or is not on the network and not about to be.
pub(crate) async fn require_active(
    write: &mut Write,
    caller: &Caller,
    network: Network,
    reference: CredentialReference,
    pointer: &str,
) -> Result<(), ServiceError> {
    let credential = find_in(write.connection(), caller, reference.id)
        .await
        .map_err(|error| error.at(pointer))?;
    let deployed = on_network(&credential.networks, network);
    let coming = deployed
        .and_then(|it| it.latest.as_ref())
        .filter(|it| it.status == ActivationStatus::InProgress);
    let will_be = match coming {
        Some(coming) if coming.action == DeploymentAction::Deploy => Some(coming.version),
        Some(_) => None,
        None => deployed.and_then(|it| it.version),
    };
    let is_good = match (will_be, reference.version) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(there), Some(wanted)) => there == wanted,
    };
    if is_good {
        return Ok(());
    }
    let which = reference.version.map_or_else(
        || "The".to_owned(),
        |version| format!("Version {version} of the"),
    );
    Err(ServiceError::new(
        ErrorCode::ClientCredentialNotActive,
        format!(
            "{which} client credential `{}` is not active on {network}; activate it there first.",
            credential.name
        ),
    )
    .at(pointer)
    .with("clientCredentialId", reference.id.to_string())
    .with("network", network.as_str().to_ascii_uppercase()))
}

/// Whether the account has what is referred to.
pub(crate) async fn exists(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    reference: CredentialReference,
) -> Result<bool, ServiceError> {
    let found =
        store::client_credentials::list(connection, &caller.account, Some(reference.id)).await?;
    Ok(found.first().is_some_and(|credential| {
        reference
            .version
            .is_none_or(|wanted| credential.versions.iter().any(|it| it.number == wanted))
    }))
}

async fn find_in(
    connection: &mut sqlx::SqliteConnection,
    caller: &Caller,
    id: CredentialId,
) -> Result<ClientCredential, ServiceError> {
    let account = &caller.account;
    let found = store::client_credentials::list(connection, account, Some(id)).await?;
    let mut credential = found
        .into_iter()
        .next()
        .ok_or_else(|| not_found(&id.to_string()))?;
    let deployed =
        store::deployments::deployed(connection, KIND, account, Some(id.number())).await?;
    credential.networks = deployed.into_iter().map(|(_, deployed)| deployed).collect();
    Ok(credential)
}

async fn refuse_used(
    write: &mut Write,
    credential: &ClientCredential,
    network: Option<Network>,
) -> Result<(), ServiceError> {
    let users =
        store::client_credentials::users(write.connection(), credential.id, network).await?;
    if users.is_empty() {
        return Ok(());
    }
    let users: Vec<_> = users
        .into_iter()
        .map(|(kind, name)| match kind {
            DeploymentKind::Property => format!("the property `{name}`"),
            _ => format!("the site `{name}`"),
        })
        .collect();
    Err(ServiceError::new(
        ErrorCode::ClientCredentialInUse,
        format!(
            "The client credential `{}` is shown to origins by {}; change or remove them first.",
            credential.name,
            users.join(", ")
        ),
    )
    .with("clientCredentialId", credential.id.to_string())
    .with("users", users))
}

/// What somebody is told who names a credential that is not there.
pub(crate) fn not_found(id: &str) -> ServiceError {
    let shown: String = id.chars().take(64).collect();
    ServiceError::new(
        ErrorCode::ClientCredentialNotFound,
        format!("The account has no client credential with the id `{shown}`."),
    )
    .with("clientCredentialId", shown)
}

fn subject(credential: &ClientCredential, version: u32) -> Subject<'_> {
    Subject {
        kind: KIND,
        id: credential.id.number(),
        name: &credential.name,
        version,
    }
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
