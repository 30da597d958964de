//! Activations: asking for them, following them, ending them.

use std::sync::Arc;

use countersign_snapshot::{CaSetId, Network, VersionNumber};
use tokio::sync::Notify;

use super::{
    CaSets, Context, ErrorCode, ServiceError, associations, ca_sets, change, deletions, require,
    state, upload, versions,
};
use crate::model::{
    Activation, ActivationId, ActivationKind, ActivationStatus, Activity, ActivityKind, CaSet,
    Caller, Role, Version, VersionStatus, Warning,
};
use crate::store::{self, StoreError, Write};

const COUNTER: &str = "activation";

/// Activations and deactivations of CA sets.
#[derive(Clone, Copy, Debug)]
pub struct Activations<'c> {
    context: &'c Context,
}

impl<'c> Activations<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Asks a network to enforce a version, or to forget the CA set. The answer is in progress; a reconciler ends it.
    ///
    /// # Errors
    /// When the lifecycle rules forbid it, or the store fails.
    pub async fn request(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        version: VersionNumber,
        network: Network,
        kind: ActivationKind,
    ) -> Result<Activation, ServiceError> {
        let mut write = self.context.store.write().await?;
        let activation = self
            .request_in(&mut write, caller, ca_set, version, network, kind)
            .await?;
        write.commit().await?;
        self.context.work.notify_waiters();
        Ok(activation)
    }

    /// The same in the caller's transaction.
    pub(crate) async fn request_in(
        &self,
        write: &mut Write,
        caller: &Caller,
        ca_set: CaSetId,
        version: VersionNumber,
        network: Network,
        kind: ActivationKind,
    ) -> Result<Activation, ServiceError> {
        if network == Network::Production {
            require(caller, Role::Approver)?;
        }
        let ca_set = ca_sets::live(write, caller, ca_set).await?;
        let version = versions::find_live(write, &ca_set, version).await?;
        let running = store::activations::running_of(write.connection(), ca_set.id).await?;
        if let Some(running) = running.iter().find(|running| running.network == network) {
            return Err(deletions::another_in_progress(running));
        }
        let warnings = match kind {
            ActivationKind::Activate => {
                self.check_activate(write, &ca_set, &version, network)
                    .await?
            }
            ActivationKind::Deactivate => {
                check_deactivate(write, &ca_set, &version, network).await?;
                Vec::new()
            }
        };
        let at = self.context.clock.now();
        let activation = Activation {
            id: ActivationId::new(write.next_number(COUNTER).await?),
            account: caller.account.clone(),
            ca_set: ca_set.id,
            ca_set_name: ca_set.name,
            version: version.number,
            network,
            kind,
            status: ActivationStatus::InProgress,
            percent: 0,
            created_at: at,
            created_by: caller.name.clone(),
            modified_at: None,
            modified_by: None,
            failure_reason: None,
            change_set: None,
            warnings,
        };
        store::activations::insert(write.connection(), &activation).await?;
        store::versions::freeze(write.connection(), activation.ca_set, version.number, at).await?;
        write
            .record(&change(
                caller,
                at,
                match kind {
                    ActivationKind::Activate => "ca-set.activate",
                    ActivationKind::Deactivate => "ca-set.deactivate",
                },
                state::active_resource(&activation),
                None,
                Some(state::activation(&activation)),
            ))
            .await?;
        Ok(activation)
    }

    /// Asks a network to go back to the version that it enforced before the one that it enforces now.
    ///
    /// # Errors
    /// When there was none, or for the reasons of [`Activations::request`].
    pub async fn roll_back(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        network: Network,
    ) -> Result<Activation, ServiceError> {
        let (ca_set, history, versions) = {
            let mut connection = self.context.store.read_consistently().await?;
            let ca_set = ca_sets::find_in(&mut connection, caller, ca_set).await?;
            let history = store::activations::list(&mut connection, ca_set.id, None).await?;
            let versions = store::versions::list(&mut connection, ca_set.id).await?;
            (ca_set, history, versions)
        };
        let active = ca_set.active_version(network);
        let is_there = |number: VersionNumber| {
            versions.iter().any(|version| {
                version.number == number && version.status() == VersionStatus::NotDeleted
            })
        };
        let previous = history
            .iter()
            .filter(|activation| {
                activation.network == network
                    && activation.kind == ActivationKind::Activate
                    && activation.status == ActivationStatus::Complete
            })
            .map(|activation| activation.version)
            .find(|version| Some(*version) != active && is_there(*version))
            .ok_or_else(|| {
                ServiceError::new(
                    ErrorCode::NoPreviousVersion,
                    format!(
                        "No other version of the CA set `{}` was ever active on {network}.",
                        ca_set.name
                    ),
                )
                .with("caSetId", ca_set.id.to_string())
                .with("caSetName", ca_set.name.as_str())
            })?;
        self.request(
            caller,
            ca_set.id,
            previous,
            network,
            ActivationKind::Activate,
        )
        .await
    }

    /// The history of a set, or of one of its versions, newest first; of deleted ones too.
    ///
    /// # Errors
    /// When the account has no such set or version.
    pub async fn list(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        version: Option<VersionNumber>,
    ) -> Result<Vec<Activation>, ServiceError> {
        let ca_set = CaSets::new(self.context).find(caller, ca_set).await?;
        let mut connection = self.context.store.read().await?;
        if let Some(number) = version
            && store::versions::find(&mut connection, ca_set.id, number)
                .await?
                .is_none()
        {
            return Err(versions::not_found(&ca_set, number));
        }
        Ok(store::activations::list(&mut connection, ca_set.id, version).await?)
    }

    /// One activation or deactivation of a version.
    ///
    /// # Errors
    /// When the account has no such set, version or activation.
    pub async fn find(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        version: VersionNumber,
        id: ActivationId,
    ) -> Result<Activation, ServiceError> {
        let mut connection = self.context.store.read_consistently().await?;
        let ca_set = ca_sets::find_in(&mut connection, caller, ca_set).await?;
        if store::versions::find(&mut connection, ca_set.id, version)
            .await?
            .is_none()
        {
            return Err(versions::not_found(&ca_set, version));
        }
        store::activations::find(&mut connection, ca_set.id, version, id)
            .await?
            .ok_or_else(|| {
                ServiceError::new(
                    ErrorCode::ActivationNotFound,
                    format!(
                        "Version {version} of the CA set `{}` has no activation or deactivation {id}.",
                        ca_set.name
                    ),
                )
                .with("caSetId", ca_set.id.to_string())
                .with("version", version.number())
                .with("activationId", id.number())
            })
    }

    /// Waits for the end of an activation.
    ///
    /// # Errors
    /// When the account has no such activation.
    pub async fn ended(
        &self,
        caller: &Caller,
        activation: &Activation,
    ) -> Result<Activation, ServiceError> {
        let (ca_set, version) = (activation.ca_set, activation.version);
        let look = || self.find(caller, ca_set, version, activation.id);
        let has_ended = |now: &Activation| now.status != ActivationStatus::InProgress;
        self.context.until_ended(look, has_ended).await
    }

    /// Wakes whoever waits for work: something is in progress that a reconciler ends.
    #[must_use]
    pub fn work(&self) -> Arc<Notify> {
        Arc::clone(&self.context.work)
    }

    async fn check_activate(
        &self,
        write: &mut Write,
        ca_set: &CaSet,
        version: &Version,
        network: Network,
    ) -> Result<Vec<Warning>, ServiceError> {
        if ca_set.active_version(network) == Some(version.number) {
            return Err(versions::about(
                ErrorCode::VersionAlreadyActive,
                version,
                format!(
                    "Version {} of the CA set `{}` is already active on {network}.",
                    version.number, ca_set.name
                ),
            )
            .with("network", network.as_str().to_ascii_uppercase()));
        }
        let held =
            store::versions::certificates(write.connection(), ca_set.id, version.number).await?;
        let mut warnings = upload::judge_again(
            &held,
            version.sha1,
            self.context.clock.now(),
            ErrorCode::CertificateValidationFailureActivate,
        )?;
        if network == Network::Production {
            let history =
                store::activations::list(write.connection(), ca_set.id, Some(version.number))
                    .await?;
            if !history.iter().any(was_active_on_staging) {
                warnings.push(untried(version));
            }
        }
        Ok(warnings)
    }
}

async fn check_deactivate(
    write: &mut Write,
    ca_set: &CaSet,
    version: &Version,
    network: Network,
) -> Result<(), ServiceError> {
    if ca_set.active_version(network) != Some(version.number) {
        return Err(versions::about(
            ErrorCode::VersionNotActive,
            version,
            format!(
                "Version {} of the CA set `{}` is not active on {network}.",
                version.number, ca_set.name
            ),
        )
        .with("network", network.as_str().to_ascii_uppercase()));
    }
    associations::refuse_in_use(write, ca_set, Some(network)).await
}

/// Ends a running activation inside a transaction: what the network enforces, the activation's status, the history and the audit log
/// change together. Says whether it was still running; when not, nothing changed.
///
/// The reconciler calls it after the nodes have answered, in the transaction in which it notes what it published.
pub(crate) async fn finish(
    write: &mut Write,
    caller: &Caller,
    activation: &Activation,
    outcome: Result<(), &str>,
    at: countersign_trust::UnixTime,
) -> Result<bool, StoreError> {
    let ended =
        store::activations::finish(write.connection(), activation.id, outcome, at, &caller.name)
            .await?;
    if !ended {
        return Ok(false);
    }
    let mut after = activation.clone();
    after.status = ActivationStatus::Failed;
    after.failure_reason = outcome.err().map(str::to_owned);
    if outcome.is_ok() {
        let (version, kind) = match activation.kind {
            ActivationKind::Activate => (Some(activation.version), ActivityKind::ActivateVersion),
            ActivationKind::Deactivate => (None, ActivityKind::DeactivateVersion),
        };
        after.status = ActivationStatus::Complete;
        store::activations::set_active(
            write.connection(),
            activation.ca_set,
            activation.network,
            version,
        )
        .await?;
        let activity = Activity {
            kind,
            network: Some(activation.network),
            version: Some(activation.version),
            at,
            by: activation.created_by.clone(),
        };
        store::activities::append(write.connection(), activation.ca_set, &activity).await?;
    }
    write
        .record(&change(
            caller,
            at,
            "ca-set.activation.end",
            state::active_resource(activation),
            Some(state::activation(activation)),
            Some(state::activation(&after)),
        ))
        .await?;
    Ok(true)
}

fn was_active_on_staging(activation: &Activation) -> bool {
    activation.network == Network::Staging
        && activation.kind == ActivationKind::Activate
        && activation.status == ActivationStatus::Complete
}

fn untried(version: &Version) -> Warning {
    Warning {
        code: "activate-version-on-production-without-activating-on-staging".to_owned(),
        title: "The version was not tried on staging.".to_owned(),
        detail: format!(
            "Version {} of the CA set `{}` goes to production without ever having been active on staging.",
            version.number, version.ca_set_name
        ),
        pointer: None,
        context: serde_json::Map::new(),
    }
}
