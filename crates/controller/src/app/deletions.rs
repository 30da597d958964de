//! Deletions of CA sets: asked for by a person, ended per network by a reconciler.

use countersign_api::truststore::links;
use countersign_snapshot::{CaSetId, Network};
use countersign_trust::UnixTime;
use serde_json::json;

use super::{CaSets, Context, ErrorCode, ServiceError, associations, ca_sets, change, state};
use crate::model::{
    Activation, ActivationKind, ActivationStatus, Activity, ActivityKind, CaSet, CaSetStatus,
    Caller, Deletion,
};
use crate::store::{self, StoreError, Write};

impl CaSets<'_> {
    /// Asks for a set's deletion. The answer comes before the end of it, which [`CaSets::deletion`] tells.
    ///
    /// # Errors
    /// When a version of it is active or being activated, when something uses it, or when it is being deleted.
    pub async fn delete(&self, caller: &Caller, id: CaSetId) -> Result<(), ServiceError> {
        let context = self.context;
        let mut write = context.store.write().await?;
        let ca_set = ca_sets::live(&mut write, caller, id).await?;
        let running = store::activations::running_of(write.connection(), id).await?;
        if !running.is_empty() {
            return Err(activations_in_progress(&ca_set, &running));
        }
        if ca_set.staging_version.is_some() || ca_set.production_version.is_some() {
            return Err(active_versions(&ca_set));
        }
        associations::refuse_in_use(&mut write, &ca_set, None).await?;
        let at = context.clock.now();
        for network in Network::ALL {
            store::deletions::begin(write.connection(), id, network, at, &caller.name).await?;
            let activity = Activity {
                kind: ActivityKind::DeleteCaSet,
                network: Some(network),
                version: None,
                at,
                by: caller.name.clone(),
            };
            store::activities::append(write.connection(), id, &activity).await?;
        }
        store::ca_sets::set_status(write.connection(), id, CaSetStatus::Deleting).await?;
        let removal = at.saturating_add(context.limits.retention);
        store::ca_sets::set_deleted(write.connection(), id, at, &caller.name, removal).await?;
        write
            .record(&change(
                caller,
                at,
                "ca-set.delete",
                state::ca_set_resource(&ca_set),
                Some(state::ca_set(&ca_set)),
                None,
            ))
            .await?;
        write.commit().await?;
        context.work.notify_waiters();
        Ok(())
    }

    /// How far a set's deletion came, per network.
    ///
    /// # Errors
    /// When the account has no set with that id, or its deletion was not asked for.
    pub async fn deletion(
        &self,
        caller: &Caller,
        id: CaSetId,
    ) -> Result<(CaSet, Vec<Deletion>), ServiceError> {
        let ca_set = self.find(caller, id).await?;
        let mut connection = self.context.store.read().await?;
        let deletions = store::deletions::list(&mut connection, id).await?;
        if deletions.is_empty() {
            return Err(ServiceError::new(
                ErrorCode::NoActiveDeletions,
                format!(
                    "The deletion of the CA set `{}` was not asked for.",
                    ca_set.name
                ),
            )
            .with("caSetId", id.to_string())
            .with("caSetName", ca_set.name.as_str()));
        }
        Ok((ca_set, deletions))
    }
}

/// Ends the deletions that were asked for, and purges what was deleted long ago. Idempotent; to be called at the start and whenever there is work.
pub(crate) async fn reconcile(context: &Context) -> Result<(), StoreError> {
    let running = {
        let mut connection = context.store.read().await?;
        store::deletions::running(&mut connection).await?
    };
    for (ca_set, network) in running {
        let mut write = context.store.write().await?;
        // Nothing but an active version puts a set into a snapshot, and no version could be activated since the deletion was asked for.
        let active = store::activations::active(write.connection(), network)
            .await?
            .iter()
            .any(|(id, _)| *id == ca_set);
        let outcome = if active {
            Err("a version of the CA set is active on the network")
        } else {
            Ok(())
        };
        let at = context.clock.now();
        store::deletions::finish(write.connection(), ca_set, network, outcome, at).await?;
        settle(&mut write, ca_set).await?;
        write.commit_progress().await?;
    }
    super::purge::reconcile(context).await
}

/// Draws the conclusion for the set once no network is left.
async fn settle(write: &mut Write, id: CaSetId) -> Result<(), StoreError> {
    let deletions = store::deletions::list(write.connection(), id).await?;
    let any = |status| deletions.iter().any(|deletion| deletion.status == status);
    let status = if any(ActivationStatus::InProgress) {
        CaSetStatus::Deleting
    } else if any(ActivationStatus::Failed) {
        // Whoever asked may ask again.
        CaSetStatus::NotDeleted
    } else {
        CaSetStatus::Deleted
    };
    store::ca_sets::set_status(write.connection(), id, status).await
}

/// When a deletion that was asked for at `start` should be done.
pub(crate) fn estimated_end(start: UnixTime) -> UnixTime {
    start.saturating_add(std::time::Duration::from_secs(15 * 60))
}

/// The refusal of anything but reading while a set is being deleted.
pub(super) async fn in_progress(
    write: &mut Write,
    ca_set: &CaSet,
) -> Result<ServiceError, StoreError> {
    let mut error = ServiceError::new(
        ErrorCode::DeleteInProgress,
        format!("The CA set `{}` is being deleted.", ca_set.name),
    )
    .with("caSetId", ca_set.id.to_string())
    .with("caSetName", ca_set.name.as_str())
    .with("deletionLink", links::deletion(ca_set.id.number()));
    for deletion in store::deletions::list(write.connection(), ca_set.id).await? {
        error = error.with(status_key(deletion.network), deletion.status.as_str());
    }
    Ok(error)
}

fn activations_in_progress(ca_set: &CaSet, running: &[Activation]) -> ServiceError {
    let mut error = ServiceError::new(
        ErrorCode::CaSetHasRunningActivations,
        format!(
            "The CA set `{}` cannot be deleted while its versions are being activated or deactivated; wait for the end of it.",
            ca_set.name
        ),
    )
    .with("caSetId", ca_set.id.to_string())
    .with("caSetName", ca_set.name.as_str());
    for activation in running {
        let link = links::activation(
            ca_set.id.number(),
            activation.version.number(),
            activation.id.number(),
        );
        error = error
            .with(link_key(activation.network), link)
            .with(status_key(activation.network), activation.status.as_str());
    }
    error
}

fn active_versions(ca_set: &CaSet) -> ServiceError {
    let active: Vec<_> = Network::ALL
        .into_iter()
        .filter_map(|network| Some((network, ca_set.active_version(network)?)))
        .collect();
    let places: Vec<_> = active
        .iter()
        .map(|(network, version)| format!("version {version} on {network}"))
        .collect();
    ServiceError::new(
        ErrorCode::CaSetHasActiveVersions,
        format!(
            "The CA set `{}` cannot be deleted while it is active ({}); deactivate it first.",
            ca_set.name,
            places.join(", ")
        ),
    )
    .with("caSetId", ca_set.id.to_string())
    .with("caSetName", ca_set.name.as_str())
    .with(
        "activeVersions",
        active
            .iter()
            .map(|(network, version)| {
                json!({
                    "network": network.as_str().to_ascii_uppercase(),
                    "version": version.number(),
                    "versionLink": links::version(ca_set.id.number(), version.number()),
                })
            })
            .collect::<Vec<_>>(),
    )
}

const fn link_key(network: Network) -> &'static str {
    match network {
        Network::Staging => "stagingLink",
        Network::Production => "productionLink",
    }
}

const fn status_key(network: Network) -> &'static str {
    match network {
        Network::Staging => "stagingStatus",
        Network::Production => "productionStatus",
    }
}

/// The conflict with what is in progress on the network.
pub(super) fn another_in_progress(running: &Activation) -> ServiceError {
    let (code, word) = match running.kind {
        ActivationKind::Activate => (ErrorCode::AnotherActivationInProgress, "activation"),
        ActivationKind::Deactivate => (ErrorCode::AnotherDeactivationInProgress, "deactivation"),
    };
    ServiceError::new(
        code,
        format!(
            "The {word} of version {} of the CA set `{}` on {} is in progress; wait for the end of it.",
            running.version, running.ca_set_name, running.network
        ),
    )
    .with(
        "activationLink",
        links::activation(
            running.ca_set.number(),
            running.version.number(),
            running.id.number(),
        ),
    )
    .with("activationType", running.kind.as_str())
    .with("caSetId", running.ca_set.to_string())
    .with("caSetName", running.ca_set_name.as_str())
    .with("network", running.network.as_str().to_ascii_uppercase())
    .with("version", running.version.number())
}
