//! Deployments: what of sites, properties and edge certificates the networks are asked to enforce, and what they hold because of it.

use std::collections::{BTreeMap, BTreeSet};

use countersign_snapshot::{CaSetId, ClientAuthMode, NamePattern, Network};
use countersign_trust::UnixTime;
use serde_json::{Value, json};

use super::materials::EdgeCertificateBody;
use super::properties::{CheckedProperty, PropertyBody};
use super::sites::{CheckedEdgeCertificate, CheckedSite};
use super::{Context, ErrorCode, ServiceError, change, require};
use crate::model::{
    ActivationStatus, Association, AssociationKind, AssociationStatus, Caller, CredentialId,
    Deployment, DeploymentAction, DeploymentId, DeploymentKind, EdgeCertificateId, Role,
};
use crate::store::holdings::Holder;
use crate::store::{self, StoreError, Write};

const COUNTER: &str = "deployment";

/// What is to be deployed or removed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) kind: DeploymentKind,
    pub(crate) id: i64,
    pub(crate) name: &'a str,
    pub(crate) version: u32,
}

/// Asks a network to enforce, or to forget, something; in the caller's transaction. A reconciler ends it.
///
/// # Errors
/// When another deployment of the same thing is in progress on the network, or the caller may not change what production enforces.
pub(crate) async fn request(
    context: &Context,
    write: &mut Write,
    caller: &Caller,
    subject: Subject<'_>,
    network: Network,
    action: DeploymentAction,
    body: &str,
) -> Result<Deployment, ServiceError> {
    if network == Network::Production {
        require(caller, Role::Approver)?;
    }
    let at = context.clock.now();
    let deployment = Deployment {
        id: DeploymentId::new(write.next_number(COUNTER).await?),
        account: caller.account.clone(),
        kind: subject.kind,
        subject: subject.id,
        subject_name: subject.name.to_owned(),
        version: subject.version,
        network,
        action,
        status: ActivationStatus::InProgress,
        percent: 0,
        created_at: at,
        created_by: caller.name.clone(),
        modified_at: None,
        failure_reason: None,
        change_set: None,
    };
    match store::deployments::insert(write.connection(), &deployment, body).await {
        Err(error) if error.is_unique_violation() => {
            return Err(ServiceError::new(
                ErrorCode::DeploymentInProgress,
                format!(
                    "Another deployment of `{}` on {network} is in progress; wait for the end of it.",
                    subject.name
                ),
            )
            .with("network", network.as_str().to_ascii_uppercase()));
        }
        other => other?,
    }
    hold(write, &deployment).await?;
    write
        .record(&change(
            caller,
            at,
            match action {
                DeploymentAction::Deploy => "deployment.deploy",
                DeploymentAction::Remove => "deployment.remove",
            },
            resource(&deployment),
            None,
            Some(state(&deployment)),
        ))
        .await?;
    Ok(deployment)
}

/// Ends a running deployment inside a transaction: what the network enforces, what is held for it, the status and the audit log change
/// together. Says whether it was still running; when not, nothing changed.
pub(crate) async fn finish(
    write: &mut Write,
    caller: &Caller,
    deployment: &Deployment,
    outcome: Result<(), &str>,
    at: UnixTime,
) -> Result<bool, StoreError> {
    if !store::deployments::finish(write.connection(), deployment, outcome, at).await? {
        return Ok(false);
    }
    hold(write, deployment).await?;
    let mut after = deployment.clone();
    after.status = match outcome {
        Ok(()) => ActivationStatus::Complete,
        Err(_) => ActivationStatus::Failed,
    };
    after.failure_reason = outcome.err().map(str::to_owned);
    write
        .record(&change(
            caller,
            at,
            "deployment.end",
            resource(deployment),
            Some(state(deployment)),
            Some(state(&after)),
        ))
        .await?;
    Ok(true)
}

/// What a network uses for one thing: names, edge certificates, CA sets.
#[derive(Debug, Default)]
struct Uses {
    names: Vec<NamePattern>,
    /// With the name that each is presented for.
    edge_certificates: Vec<(EdgeCertificateId, NamePattern)>,
    /// With the hostname that uses each.
    ca_sets: BTreeSet<(CaSetId, String)>,
    /// What origins are shown.
    client_credentials: BTreeSet<CredentialId>,
}

/// Says anew what a thing holds on every network: all that is enforced or on its way, so that nobody takes it away meanwhile.
async fn hold(write: &mut Write, deployment: &Deployment) -> Result<(), StoreError> {
    let (kind, subject) = (deployment.kind, deployment.subject);
    if kind == DeploymentKind::ClientCredential {
        // It uses nothing else.
        return Ok(());
    }
    let name = deployment.subject_name.as_str();
    let bodies = store::deployments::bodies_of(write.connection(), kind, subject).await?;
    let mut associations = Vec::new();
    for network in Network::ALL {
        let mut enforced = Uses::default();
        let mut coming = None;
        for (on, action, status, body) in bodies.iter().filter(|body| body.0 == network) {
            debug_assert_eq!(*on, network);
            let uses = match action {
                DeploymentAction::Deploy => uses(kind, name, body)?,
                DeploymentAction::Remove => Uses::default(),
            };
            if *status == ActivationStatus::InProgress {
                coming = Some(uses);
            } else {
                enforced = uses;
            }
        }
        associations.extend(associate(
            network,
            kind,
            subject,
            name,
            &enforced,
            coming.as_ref(),
        ));
        if kind != DeploymentKind::EdgeCertificate {
            let all = || [Some(&enforced), coming.as_ref()].into_iter().flatten();
            let names: BTreeSet<_> = all().flat_map(|uses| uses.names.iter().cloned()).collect();
            let certificates: BTreeSet<_> = all()
                .flat_map(|uses| uses.edge_certificates.iter().cloned())
                .collect();
            let holder = Holder {
                kind,
                id: subject,
                name,
                account: &deployment.account,
            };
            store::holdings::replace(
                write.connection(),
                holder,
                network,
                &Vec::from_iter(names),
                &Vec::from_iter(certificates),
            )
            .await?;
            let credentials: BTreeSet<_> = all()
                .flat_map(|uses| uses.client_credentials.iter().copied())
                .collect();
            let credentials = Vec::from_iter(credentials);
            store::client_credentials::hold(write.connection(), holder, network, &credentials)
                .await?;
        }
    }
    store::associations::replace(
        write.connection(),
        association_kind(kind),
        subject,
        &associations,
    )
    .await
}

/// What the list of a CA set's users calls it: a site is a property in short form, and no two of them have the same number.
const fn association_kind(kind: DeploymentKind) -> AssociationKind {
    match kind {
        DeploymentKind::ClientCredential | DeploymentKind::EdgeCertificate => {
            AssociationKind::Enrollment
        }
        DeploymentKind::Property | DeploymentKind::Site => AssociationKind::Property,
    }
}

fn uses(kind: DeploymentKind, name: &str, body: &str) -> Result<Uses, StoreError> {
    let unreadable = || StoreError::Corrupt { what: "deployment" };
    Ok(match kind {
        DeploymentKind::ClientCredential => Uses::default(),
        DeploymentKind::EdgeCertificate => {
            let body: EdgeCertificateBody = serde_json::from_str(body)?;
            let settings = CheckedEdgeCertificate::new(&body.settings).map_err(|_| unreadable())?;
            Uses {
                ca_sets: settings
                    .client_auth
                    .ca_sets
                    .into_iter()
                    .map(|id| (id, name.to_owned()))
                    .collect(),
                ..Uses::default()
            }
        }
        DeploymentKind::Property => {
            let body: PropertyBody = serde_json::from_str(body)?;
            let property = CheckedProperty::of_body(&body).map_err(|_| unreadable())?;
            Uses {
                ca_sets: property
                    .ca_sets
                    .iter()
                    .flat_map(|id| property.names().map(|name| (*id, name.to_string())))
                    .collect(),
                edge_certificates: property.edge_certificates().collect(),
                client_credentials: property.client_credentials().map(|it| it.id).collect(),
                names: property.names().cloned().collect(),
            }
        }
        DeploymentKind::Site => {
            let site = CheckedSite::new(&serde_json::from_str(body)?).map_err(|_| unreadable())?;
            let asking = site
                .clients
                .as_ref()
                .filter(|clients| clients.auth.mode != ClientAuthMode::Off);
            Uses {
                ca_sets: asking
                    .into_iter()
                    .flat_map(|clients| clients.auth.ca_sets.iter())
                    .flat_map(|id| site.names.iter().map(|name| (*id, name.to_string())))
                    .collect(),
                edge_certificates: site
                    .edge_certificates
                    .iter()
                    .flat_map(|id| site.names.iter().map(|name| (*id, name.clone())))
                    .collect(),
                client_credentials: site
                    .client_credential()
                    .map(|it| it.id)
                    .into_iter()
                    .collect(),
                names: site.names,
            }
        }
    })
}

fn associate(
    network: Network,
    kind: DeploymentKind,
    subject: i64,
    name: &str,
    enforced: &Uses,
    coming: Option<&Uses>,
) -> Vec<Association> {
    let mut statuses: BTreeMap<&(CaSetId, String), AssociationStatus> = BTreeMap::new();
    for used in coming.into_iter().flat_map(|uses| &uses.ca_sets) {
        statuses.insert(used, AssociationStatus::Attaching);
    }
    for used in &enforced.ca_sets {
        let stays = coming.is_none_or(|coming| coming.ca_sets.contains(used));
        let status = if stays {
            AssociationStatus::Attached
        } else {
            AssociationStatus::Detaching
        };
        statuses.insert(used, status);
    }
    statuses
        .into_iter()
        .map(|((ca_set, hostname), status)| Association {
            ca_set: *ca_set,
            kind: association_kind(kind),
            user_id: subject,
            user_name: name.to_owned(),
            hostname: hostname.clone(),
            network,
            status,
        })
        .collect()
}

fn resource(deployment: &Deployment) -> String {
    let kind = match deployment.kind {
        DeploymentKind::ClientCredential => "client-credential",
        DeploymentKind::EdgeCertificate => "edge-certificate",
        DeploymentKind::Property => "property",
        DeploymentKind::Site => "site",
    };
    format!(
        "{kind}/{}/deployed/{}",
        deployment.subject, deployment.network
    )
}

fn state(deployment: &Deployment) -> Value {
    json!({
        "deployment": deployment.id.number(),
        "name": deployment.subject_name,
        "version": deployment.version,
        "network": deployment.network.as_str(),
        "action": deployment.action.as_str(),
        "status": deployment.status.as_str(),
        "failureReason": deployment.failure_reason,
    })
}

/// Refuses names that another site or property has on the network.
pub(crate) async fn refuse_taken_names(
    write: &mut Write,
    caller: &Caller,
    holder: (DeploymentKind, i64),
    network: Network,
    names: &[NamePattern],
) -> Result<(), ServiceError> {
    let taken = store::holdings::of_names(write.connection(), network, names, holder).await?;
    let Some(held) = taken.into_iter().next() else {
        return Ok(());
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
    Err(ServiceError::new(
        ErrorCode::HostnameTaken,
        format!(
            "The hostname `{}` belongs to {whose} on {network}.",
            held.pattern
        ),
    )
    .at("/hostnames")
    .with("hostname", held.pattern)
    .with("network", network.as_str().to_ascii_uppercase()))
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
