//! What is held for something while networks enforce it or are about to, so that nobody takes it away meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use countersign_snapshot::{CaSetId, ClientAuthMode, NamePattern, Network};

use crate::app::materials::EdgeCertificateBody;
use crate::app::properties::{CheckedProperty, PropertyBody};
use crate::app::sites::{CheckedEdgeCertificate, CheckedSite};
use crate::model::{
    ActivationStatus, Association, AssociationKind, AssociationStatus, CredentialId, Deployment,
    DeploymentAction, DeploymentKind, EdgeCertificateId,
};
use crate::store::holdings::Holder;
use crate::store::{self, StoreError, Write};

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

/// Says anew what a thing holds on every network: all that is enforced or on its way.
pub(super) async fn hold(write: &mut Write, deployment: &Deployment) -> Result<(), StoreError> {
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
            user: kind,
            user_id: subject,
            user_name: name.to_owned(),
            hostname: hostname.clone(),
            network,
            status,
        })
        .collect()
}
