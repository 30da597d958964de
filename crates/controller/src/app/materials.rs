//! Brings what a network is to enforce out of the store, and keeps what cannot change any more.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use countersign_snapshot::{
    CaSet, CaSetId, Network, PropertyVersion, ServerCertificate, VersionNumber,
};
use countersign_trust::Policy;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use super::client_credentials::CredentialBody;
use super::compile::{Activated, EnforcedCredential, NetworkState, made_id};
use super::edge_certificates::EnforcedEdgeCertificate;
use super::forwarding_keys;
use super::properties::CheckedProperty;
use super::sites::{CheckedEdgeCertificate, CheckedSite};
use crate::model::{
    Activation, ActivationKind, CredentialId, CredentialReference, Deployment, DeploymentAction,
    DeploymentId, DeploymentKind, EdgeCertificateId, KeyPair, KeyPairId, PropertyId, SiteId,
};
use crate::store::enforced::DeploymentBody;
use crate::store::{self, Store, StoreError};

/// What is deployed of an edge certificate. In stored deployments.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct EdgeCertificateBody {
    pub(crate) settings: countersign_api::v1::edge_certificates::EdgeCertificateSettings,
    pub(crate) key_pairs: Vec<i64>,
}

/// Something that a network is asked to enforce, or to forget.
#[derive(Clone, Debug)]
pub(crate) enum PendingChange {
    CaSet(Activation),
    Deployed(Deployment),
}

impl PendingChange {
    /// The change set that it belongs to.
    pub(crate) const fn change_set(&self) -> Option<i64> {
        match self {
            Self::CaSet(activation) => activation.change_set,
            Self::Deployed(deployment) => deployment.change_set,
        }
    }
}

/// What a network enforces, and what it is asked to.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) state: NetworkState,
    /// Oldest first.
    pub(crate) pending: Vec<PendingChange>,
}

/// What was read from the store and cannot change any more: versions are frozen when their activation is asked for, and deployments never
/// change.
#[derive(Debug, Default)]
pub(crate) struct Materials {
    versions: HashMap<(CaSetId, VersionNumber), Arc<CaSet>>,
    deployments: HashMap<DeploymentId, Material>,
}

#[derive(Clone, Debug)]
enum Material {
    ClientCredential(CredentialId, Arc<EnforcedCredential>),
    EdgeCertificate(EdgeCertificateId, Arc<EnforcedEdgeCertificate>),
    Property(PropertyId, Activated<CheckedProperty>),
    Site(SiteId, Activated<CheckedSite>),
    /// Nothing can be made of what is stored; why.
    Unusable(Arc<str>),
}

impl Materials {
    /// Reads a network's state and what is asked of it, both as of one moment.
    pub(crate) async fn plan(
        &mut self,
        store: &Store,
        network: Network,
    ) -> Result<Plan, StoreError> {
        let mut read = store.read_consistently().await?;
        self.plan_in(&mut read, network).await
    }

    /// The same inside a transaction, whose own changes it sees.
    pub(crate) async fn plan_in(
        &mut self,
        read: &mut SqliteConnection,
        network: Network,
    ) -> Result<Plan, StoreError> {
        let versions = store::enforced::ca_sets(read, network).await?;
        let deployments = store::enforced::deployments(read, network).await?;
        let activations = store::activations::running(read, network).await?;
        let running = store::deployments::running(read, network).await?;
        let wanted_versions: HashSet<_> = versions
            .iter()
            .copied()
            .chain(activations.iter().map(|it| (it.ca_set, it.version)))
            .collect();
        let wanted_deployments: HashSet<_> = deployments
            .iter()
            .copied()
            .chain(running.iter().map(|it| it.id))
            .collect();
        self.versions.retain(|key, _| wanted_versions.contains(key));
        self.deployments
            .retain(|key, _| wanted_deployments.contains(key));
        self.read_versions(read, &wanted_versions).await?;
        self.read_deployments(read, &wanted_deployments).await?;
        let policies: HashMap<_, _> = store::crls::policies(read, None)
            .await?
            .into_iter()
            .collect();
        let rules: HashMap<_, _> = store::extended_key_usage::list(read, None)
            .await?
            .into_iter()
            .collect();
        for ((ca_set, _), version) in &mut self.versions {
            let policy = Policy {
                extended_key_usage: rules.get(ca_set).copied().unwrap_or_default(),
                revocation: policies.get(ca_set).cloned().unwrap_or_default(),
            };
            // A setting of the set, which may change while the version cannot.
            if version.policy != policy {
                Arc::make_mut(version).policy = policy;
            }
        }
        let mut state = NetworkState {
            forwarding_keys: forwarding_keys::for_snapshot(read, network).await?,
            ..NetworkState::default()
        };
        for (ca_set, version) in versions {
            let version = self.versions.get(&(ca_set, version));
            state
                .ca_sets
                .extend(version.map(|version| (ca_set, Arc::clone(version))));
        }
        for id in deployments {
            self.deploy(&mut state, id)
                .map_err(|_| StoreError::Corrupt { what: "deployment" })?;
        }
        let mut pending: Vec<_> = activations
            .into_iter()
            .map(PendingChange::CaSet)
            .chain(running.into_iter().map(PendingChange::Deployed))
            .collect();
        // A site may be deployed while the CA set that it needs is being activated, so activations go first at the same time.
        pending.sort_by_key(|change| match change {
            PendingChange::CaSet(it) => (it.created_at, 0, it.id.number()),
            PendingChange::Deployed(it) => (it.created_at, 1, it.id.number()),
        });
        Ok(Plan { state, pending })
    }

    /// The state after a change.
    ///
    /// # Errors
    /// Why nothing can be made of the change.
    pub(crate) fn apply(
        &self,
        state: &mut NetworkState,
        change: &PendingChange,
    ) -> Result<(), Arc<str>> {
        match change {
            PendingChange::CaSet(activation) => {
                if activation.kind == ActivationKind::Deactivate {
                    state.ca_sets.remove(&activation.ca_set);
                    return Ok(());
                }
                let version = self
                    .versions
                    .get(&(activation.ca_set, activation.version))
                    .ok_or("the version holds no certificate")?;
                state.ca_sets.insert(activation.ca_set, Arc::clone(version));
            }
            PendingChange::Deployed(deployment) => match (deployment.action, deployment.kind) {
                (DeploymentAction::Deploy, _) => return self.deploy(state, deployment.id),
                (DeploymentAction::Remove, DeploymentKind::ClientCredential) => {
                    let id = CredentialId::new(deployment.subject);
                    state.client_credentials.remove(&id);
                }
                (DeploymentAction::Remove, DeploymentKind::Property) => {
                    let id = PropertyId::new(deployment.subject);
                    state.properties.remove(&id);
                }
                (DeploymentAction::Remove, DeploymentKind::Site) => {
                    state.sites.remove(&SiteId::new(deployment.subject));
                }
                (DeploymentAction::Remove, DeploymentKind::EdgeCertificate) => {
                    let id = EdgeCertificateId::new(deployment.subject);
                    state.edge_certificates.remove(&id);
                }
            },
        }
        Ok(())
    }

    /// The state after everything that is asked of the network.
    ///
    /// # Errors
    /// Why nothing can be made of a change.
    pub(crate) fn after(&self, plan: &Plan) -> Result<NetworkState, Arc<str>> {
        let mut state = plan.state.clone();
        for change in &plan.pending {
            self.apply(&mut state, change)?;
        }
        Ok(state)
    }

    fn deploy(&self, state: &mut NetworkState, id: DeploymentId) -> Result<(), Arc<str>> {
        match self.deployments.get(&id) {
            Some(Material::ClientCredential(id, credential)) => {
                state.client_credentials.insert(*id, Arc::clone(credential));
                Ok(())
            }
            Some(Material::EdgeCertificate(id, certificate)) => {
                state.edge_certificates.insert(*id, Arc::clone(certificate));
                Ok(())
            }
            Some(Material::Property(id, property)) => {
                state.properties.insert(*id, property.clone());
                Ok(())
            }
            Some(Material::Site(id, site)) => {
                state.sites.insert(*id, site.clone());
                Ok(())
            }
            Some(Material::Unusable(why)) => Err(Arc::clone(why)),
            None => Err("it is not in the store".into()),
        }
    }

    async fn read_versions(
        &mut self,
        read: &mut SqliteConnection,
        wanted: &HashSet<(CaSetId, VersionNumber)>,
    ) -> Result<(), StoreError> {
        let missing: Vec<_> = wanted
            .iter()
            .filter(|key| !self.versions.contains_key(*key))
            .copied()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        for version in store::enforced::versions(read, &missing).await? {
            let key = (version.id, version.version);
            self.versions.insert(key, Arc::new(version));
        }
        Ok(())
    }

    async fn read_deployments(
        &mut self,
        read: &mut SqliteConnection,
        wanted: &HashSet<DeploymentId>,
    ) -> Result<(), StoreError> {
        let missing: Vec<_> = wanted
            .iter()
            .filter(|id| !self.deployments.contains_key(id))
            .copied()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let bodies = store::enforced::bodies(read, &missing).await?;
        let edge_certificates: BTreeMap<DeploymentId, EdgeCertificateBody> = bodies
            .iter()
            .filter(|body| body.kind == DeploymentKind::EdgeCertificate)
            .filter_map(|body| Some((body.id, serde_json::from_str(&body.body).ok()?)))
            .collect();
        let wanted_pairs: Vec<KeyPairId> = edge_certificates
            .values()
            .flat_map(|body| body.key_pairs.iter().copied().map(KeyPairId::new))
            .collect();
        let pairs: HashMap<KeyPairId, ServerCertificate> =
            store::edge_certificates::key_pairs(read, &wanted_pairs)
                .await?
                .into_iter()
                .map(|pair| (pair.id, server_certificate(pair)))
                .collect();
        for body in bodies {
            let material = match body.kind {
                DeploymentKind::ClientCredential => client_credential(read, &body).await?,
                DeploymentKind::Property => property(read, &body).await?,
                DeploymentKind::Site => site(&body),
                DeploymentKind::EdgeCertificate => edge_certificates
                    .get(&body.id)
                    .and_then(|stored| edge_certificate(&body, stored, &pairs)),
            };
            self.deployments.insert(
                body.id,
                material.unwrap_or_else(|| {
                    Material::Unusable(
                        "what is stored of it cannot be enforced by this version of the program"
                            .into(),
                    )
                }),
            );
        }
        Ok(())
    }
}

/// A chain with its key, as a network has it.
pub(crate) fn server_certificate(pair: KeyPair) -> ServerCertificate {
    ServerCertificate {
        id: made_id("key-pair", pair.id),
        chain: pair.chain.iter().map(|it| it.der().to_vec()).collect(),
        key: pair.sealed_key,
    }
}

fn site(body: &DeploymentBody) -> Option<Material> {
    let settings = serde_json::from_str(&body.body).ok()?;
    let site = CheckedSite::new(&settings).ok()?;
    Some(Material::Site(
        SiteId::new(body.subject),
        activated(body, site),
    ))
}

async fn property(
    read: &mut SqliteConnection,
    body: &DeploymentBody,
) -> Result<Option<Material>, StoreError> {
    let stored = serde_json::from_str(&body.body).ok();
    let Some(property) = stored.and_then(|stored| CheckedProperty::of_body(&stored).ok()) else {
        return Ok(None);
    };
    let mut pinned = Vec::new();
    for CredentialReference { id, version } in property.client_credentials() {
        if let Some(version) = version {
            let found = enforced_credential(read, id, version).await?;
            pinned.extend(found.map(|found| (id, Arc::new(found))));
        }
    }
    let activated = Activated {
        pinned,
        ..activated(body, property)
    };
    Ok(Some(Material::Property(
        PropertyId::new(body.subject),
        activated,
    )))
}

fn activated<T>(body: &DeploymentBody, checked: T) -> Activated<T> {
    Activated {
        version: PropertyVersion {
            name: body.subject_name.clone(),
            version: VersionNumber::new(body.version),
        },
        checked: Arc::new(checked),
        pinned: Vec::new(),
    }
}

async fn client_credential(
    read: &mut SqliteConnection,
    body: &DeploymentBody,
) -> Result<Option<Material>, StoreError> {
    let Ok(stored) = serde_json::from_str::<CredentialBody>(&body.body) else {
        return Ok(None);
    };
    let id = CredentialId::new(body.subject);
    let found = enforced_credential(read, id, stored.version).await?;
    Ok(found.map(|found| Material::ClientCredential(id, Arc::new(found))))
}

async fn enforced_credential(
    read: &mut SqliteConnection,
    id: CredentialId,
    version: u32,
) -> Result<Option<EnforcedCredential>, StoreError> {
    let found = store::client_credentials::version(read, id, version).await?;
    Ok(found.map(|found| EnforcedCredential {
        version: found.number,
        chain: found.chain.iter().map(|it| it.der().to_vec()).collect(),
        key: found.sealed_key,
    }))
}

fn edge_certificate(
    body: &DeploymentBody,
    stored: &EdgeCertificateBody,
    pairs: &HashMap<KeyPairId, ServerCertificate>,
) -> Option<Material> {
    let certificates = stored
        .key_pairs
        .iter()
        .map(|id| pairs.get(&KeyPairId::new(*id)).cloned())
        .collect::<Option<Vec<_>>>()?;
    let certificate = EnforcedEdgeCertificate {
        settings: CheckedEdgeCertificate::new(&stored.settings).ok()?,
        certificates,
    };
    let id = EdgeCertificateId::new(body.subject);
    Some(Material::EdgeCertificate(id, Arc::new(certificate)))
}
