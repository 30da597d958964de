//! What stands against a deployment, or against taking something away that is deployed.

use countersign_snapshot::{CaSetId, NamePattern, Network};

use crate::app::{ErrorCode, ServiceError};
use crate::model::{Caller, Deployable, DeploymentId, DeploymentKind};
use crate::store::{self, Write};

/// Refuses names that another site or property has on the network, and names that are among those of another account: whoever took one
/// name out of somebody's wildcard would take its clients over.
pub(crate) async fn refuse_taken_names(
    write: &mut Write,
    caller: &Caller,
    holder: (DeploymentKind, i64),
    network: Network,
    names: &[NamePattern],
) -> Result<(), ServiceError> {
    let taken = store::holdings::of_names(write.connection(), network, names, holder).await?;
    let Some(held) = taken.into_iter().next() else {
        let account = &caller.account;
        let overlapping =
            store::holdings::overlapping(write.connection(), network, names, account).await?;
        return match overlapping {
            Some(name) => Err(taken_name(
                &name,
                network,
                format!(
                    "Names that `{name}` covers, or that cover it, belong to another account on {network}."
                ),
            )),
            None => Ok(()),
        };
    };
    let kind = match held.kind {
        DeploymentKind::Property => "property",
        _ => "site",
    };
    let whose = if held.account == caller.account {
        format!("the {kind} `{}`", held.name)
    } else {
        format!("a {kind} of another account")
    };
    let detail = format!(
        "The hostname `{}` belongs to {whose} on {network}.",
        held.pattern
    );
    Err(taken_name(&held.pattern, network, detail))
}

fn taken_name(name: &str, network: Network, detail: String) -> ServiceError {
    ServiceError::new(ErrorCode::HostnameTaken, detail)
        .at("/hostnames")
        .with("hostname", name)
        .with("network", network.as_str().to_ascii_uppercase())
}

/// Refuses when a CA set is not active on a network and is not about to be.
pub(crate) async fn require_active(
    write: &mut Write,
    caller: &Caller,
    network: Network,
    ca_sets: &[CaSetId],
    pointer: &str,
) -> Result<(), ServiceError> {
    for &id in ca_sets {
        let ca_set = store::ca_sets::find(write.connection(), &caller.account, id)
            .await?
            .filter(|ca_set| ca_set.status == crate::model::CaSetStatus::NotDeleted)
            .ok_or_else(|| unknown_ca_set(id, pointer))?;
        let running = store::activations::running_of(write.connection(), id).await?;
        let running = running.iter().find(|it| it.network == network);
        let will_be = match running.map(|it| it.kind) {
            Some(crate::model::ActivationKind::Activate) => true,
            Some(crate::model::ActivationKind::Deactivate) => false,
            None => ca_set.active_version(network).is_some(),
        };
        if !will_be {
            return Err(ServiceError::new(
                ErrorCode::CaSetNotActive,
                format!(
                    "The CA set `{}` is not active on {network}; activate a version of it there first.",
                    ca_set.name
                ),
            )
            .at(pointer)
            .with("caSetId", id.to_string())
            .with("caSetName", ca_set.name.as_str())
            .with("network", network.as_str().to_ascii_uppercase()));
        }
    }
    Ok(())
}

/// The refusal of settings that name a CA set that is not there.
pub(crate) fn unknown_ca_set(id: CaSetId, pointer: &str) -> ServiceError {
    ServiceError::new(
        ErrorCode::InvalidField,
        format!("The account has no CA set {id}."),
    )
    .at(pointer)
    .with("caSetId", id.to_string())
}

/// Refuses when a network enforces something or is about to.
pub(crate) fn refuse_deployed(thing: &impl Deployable) -> Result<(), ServiceError> {
    let places: Vec<_> = thing
        .networks()
        .iter()
        .filter(|deployed| deployed.version.is_some() || deployed.running().is_some())
        .map(|deployed| deployed.network.as_str())
        .collect();
    if places.is_empty() {
        return Ok(());
    }
    Err(ServiceError::new(
        ErrorCode::StillDeployed,
        format!(
            "`{}` is deployed on {}; remove it there first.",
            thing.name(),
            places.join(" and ")
        ),
    )
    .with(
        "networks",
        places
            .iter()
            .map(|place| place.to_ascii_uppercase())
            .collect::<Vec<_>>(),
    ))
}

/// Nothing is there that could be taken away.
pub(crate) fn not_deployed(name: &str, network: Network) -> ServiceError {
    ServiceError::new(
        ErrorCode::NotDeployed,
        format!("`{name}` is not deployed on {network}."),
    )
    .with("network", network.as_str().to_ascii_uppercase())
}

pub(super) fn deployment_not_found(id: DeploymentId) -> ServiceError {
    ServiceError::new(
        ErrorCode::DeploymentNotFound,
        format!("There is no deployment {id} of it."),
    )
}
