//! A controller with a fleet of nodes that enforce what they can verify and check, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_api::v1::Network as WireNetwork;
use countersign_api::v1::SecretText;
use countersign_api::v1::edge_certificates::{CertificateUpload, EdgeCertificateInput};
use countersign_api::v1::sites::{SiteInput, SiteMutualAuthentication, SiteOrigin, SiteSettings};
use countersign_controller::{
    AccountId, Activation, ActivationKind, ActivationStatus, BoxFuture, Caller, Controller,
    ControllerConfig, Distribution, EdgeCertificate, Limits, NewCaSet, NewVersion,
    SubmittedCertificate,
};
use countersign_snapshot::{
    Acknowledgement, AcknowledgementOutcome, CaSetId, CheckedSnapshot, Generation, Network, NodeId,
    RevocationAcknowledgement, RevocationBodies, SealingKey, SignedRevocations, SignedSnapshot,
    SigningKey, Snapshot, VerifyingKey, VersionNumber,
};
use countersign_testkit::{Ca, Credential, NOW, Pki};
use countersign_trust::{Clock, Sha1Signatures, UnixTime};
use tempfile::TempDir;
use tokio::sync::watch;

/// Longer than anything takes; a test that waits for so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW)
    }
}

/// How a node behaves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mood {
    /// Enforces what it can.
    Willing,
    /// Refuses snapshots in which a binding or CA set has this name.
    Refusing(&'static str),
    /// Takes snapshots up and never says so.
    Silent,
}

#[derive(Debug)]
pub struct Node {
    network: Network,
    pub mood: Mood,
    pub enforced: Option<Snapshot>,
    /// Every generation that was enforced.
    pub history: Vec<Generation>,
}

/// All nodes of both networks.
#[derive(Debug)]
pub struct Fleet {
    key: VerifyingKey,
    pub nodes: Mutex<BTreeMap<NodeId, Node>>,
    /// While closed, offers to the network do not end.
    gates: BTreeMap<Network, watch::Sender<bool>>,
    /// Counts offers that reached the gate.
    pub offers: watch::Sender<usize>,
}

impl Fleet {
    fn new(key: VerifyingKey) -> Self {
        Self {
            key,
            nodes: Mutex::default(),
            gates: Network::ALL
                .into_iter()
                .map(|network| (network, watch::Sender::new(true)))
                .collect(),
            offers: watch::Sender::new(0),
        }
    }

    pub fn join(&self, network: Network, name: &str, mood: Mood) {
        let node = Node {
            network,
            mood,
            enforced: None,
            history: Vec::new(),
        };
        self.nodes
            .lock()
            .unwrap()
            .insert(name.parse().unwrap(), node);
    }

    pub fn leave(&self, name: &str) {
        self.nodes.lock().unwrap().remove(&name.parse().unwrap());
    }

    pub fn open(&self, network: Network, open: bool) {
        self.gates[&network].send_replace(open);
    }

    pub fn with<T>(&self, name: &str, look: impl FnOnce(&mut Node) -> T) -> T {
        look(
            self.nodes
                .lock()
                .unwrap()
                .get_mut(&name.parse().unwrap())
                .unwrap(),
        )
    }

    /// What a node knows of a CA set.
    pub fn version(&self, name: &str, ca_set: CaSetId) -> Option<VersionNumber> {
        self.with(name, |node| {
            let sets = &node.enforced.as_ref()?.ca_sets;
            Some(sets.iter().find(|set| set.id == ca_set)?.version)
        })
    }

    /// The server names that a node knows.
    pub fn names(&self, name: &str) -> Vec<String> {
        self.with(name, |node| {
            node.enforced
                .iter()
                .flat_map(|snapshot| &snapshot.bindings)
                .flat_map(|binding| &binding.names)
                .map(ToString::to_string)
                .collect()
        })
    }

    fn take_up(
        &self,
        node: &mut Node,
        network: Network,
        signed: &SignedSnapshot,
    ) -> Result<Generation, String> {
        let snapshot = signed
            .verify(&self.key, network)
            .map_err(|error| error.to_string())?;
        let generation = snapshot.generation;
        CheckedSnapshot::check(snapshot.clone()).map_err(|problems| format!("{problems:?}"))?;
        if let Some(enforced) = &node.enforced {
            if generation < enforced.generation {
                return Err("an older generation".to_owned());
            }
            if generation == enforced.generation && *enforced != snapshot {
                return Err("two snapshots of one generation".to_owned());
            }
        }
        if let Mood::Refusing(name) = node.mood {
            let is_in = snapshot.ca_sets.iter().any(|set| set.name == name)
                || snapshot.bindings.iter().any(|binding| {
                    binding
                        .names
                        .iter()
                        .any(|pattern| pattern.to_string() == name)
                });
            if is_in {
                return Err(format!("no memory for {name}"));
            }
        }
        node.history.push(generation);
        node.enforced = Some(snapshot);
        Ok(generation)
    }
}

impl Distribution for Fleet {
    fn offer(
        &self,
        network: Network,
        signed: Arc<SignedSnapshot>,
    ) -> BoxFuture<'_, Vec<Acknowledgement>> {
        Box::pin(async move {
            self.offers.send_modify(|count| *count += 1);
            let mut gate = self.gates[&network].subscribe();
            gate.wait_for(|open| *open).await.unwrap();
            let mut nodes = self.nodes.lock().unwrap();
            let mut answers = Vec::new();
            for (id, node) in nodes.iter_mut().filter(|(_, node)| node.network == network) {
                let taken = self.take_up(node, network, &signed);
                if node.mood == Mood::Silent {
                    continue;
                }
                answers.push(Acknowledgement {
                    node: id.clone(),
                    network,
                    generation: *taken.as_ref().unwrap_or(&Generation::new(0)),
                    digest: signed.digest(),
                    outcome: match taken {
                        Ok(_) => AcknowledgementOutcome::Enforced,
                        Err(why) => AcknowledgementOutcome::Refused(why),
                    },
                });
            }
            answers
        })
    }

    fn offer_revocations(
        &self,
        network: Network,
        revocations: Arc<SignedRevocations>,
        _bodies: Arc<dyn RevocationBodies>,
    ) -> BoxFuture<'_, Vec<RevocationAcknowledgement>> {
        let answers = self
            .nodes(network)
            .into_iter()
            .map(|node| RevocationAcknowledgement {
                node,
                network,
                digest: revocations.digest(),
                outcome: AcknowledgementOutcome::Enforced,
            })
            .collect();
        Box::pin(async move { answers })
    }

    fn nodes(&self, network: Network) -> Vec<NodeId> {
        self.nodes
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, node)| node.network == network)
            .map(|(id, _)| id.clone())
            .collect()
    }
}

pub struct World {
    pub controller: Controller,
    pub fleet: Arc<Fleet>,
    pub caller: Caller,
    pub ca: Ca,
    pub sealing: Arc<SealingKey>,
    signing: Arc<SigningKey>,
    pub limits: Limits,
    pub directory: TempDir,
}

impl World {
    /// A started controller with one willing node per network: `staging-1` and `production-1`.
    pub async fn new() -> Self {
        let world = Self::idle(Limits::default()).await;
        world.controller.start().await;
        world
    }

    /// The same, not started.
    pub async fn idle(limits: Limits) -> Self {
        let signing = Arc::new(SigningKey::generate().unwrap().0);
        let sealing = Arc::new(SealingKey::generate().unwrap());
        let fleet = Arc::new(Fleet::new(signing.verifying_key()));
        for network in Network::ALL {
            fleet.join(network, &format!("{network}-1"), Mood::Willing);
        }
        let directory = TempDir::new().unwrap();
        let controller = open(directory.path(), &fleet, &sealing, &signing, &limits).await;
        Self {
            controller,
            fleet,
            caller: Caller::internal(AccountId::new("A-CCT1234"), "test"),
            ca: Pki::new().root("Server Root"),
            sealing,
            signing,
            limits,
            directory,
        }
    }

    /// Closes the controller and opens another one over the same store; not started.
    pub async fn reopen(mut self) -> Self {
        self.controller.close().await;
        let World {
            controller,
            fleet,
            sealing,
            signing,
            limits,
            directory,
            ..
        } = &self;
        let _ = controller;
        // The lock of the directory goes with the last clone of the old controller.
        let (path, fleet, sealing, signing, limits) = (
            directory.path().to_owned(),
            Arc::clone(fleet),
            Arc::clone(sealing),
            Arc::clone(signing),
            limits.clone(),
        );
        let caller = self.caller.clone();
        let ca = self.ca.clone();
        let directory = std::mem::replace(&mut self.directory, TempDir::new().unwrap());
        drop(self);
        let controller = open(&path, &fleet, &sealing, &signing, &limits).await;
        Self {
            controller,
            fleet,
            caller,
            ca,
            sealing,
            signing,
            limits,
            directory,
        }
    }

    /// A CA set with one version per CA.
    pub async fn ca_set(&self, name: &str, cas: &[&Ca]) -> CaSetId {
        let new = NewCaSet {
            name: name.to_owned(),
            description: None,
        };
        let set = self
            .controller
            .ca_sets()
            .create(&self.caller, new)
            .await
            .unwrap();
        for ca in cas {
            let new = NewVersion {
                description: None,
                sha1: Sha1Signatures::Refuse,
                certificates: vec![SubmittedCertificate {
                    text: ca.pem(),
                    description: None,
                }],
            };
            let versions = self.controller.versions();
            versions.create(&self.caller, set.id, new).await.unwrap();
        }
        set.id
    }

    /// A CA set with one version, active on a network.
    pub async fn active_ca_set(&self, name: &str, network: Network) -> CaSetId {
        let id = self.ca_set(name, &[&Pki::new().root(name)]).await;
        let activation = self.activate(id, 1, network).await;
        let ended = self.ended(&activation).await;
        assert_eq!(
            ended.status,
            ActivationStatus::Complete,
            "{:?}",
            ended.failure_reason
        );
        id
    }

    pub async fn request(
        &self,
        id: CaSetId,
        version: u32,
        network: Network,
        kind: ActivationKind,
    ) -> Activation {
        let version = VersionNumber::new(version);
        let activations = self.controller.activations();
        activations
            .request(&self.caller, id, version, network, kind)
            .await
            .unwrap()
    }

    pub async fn activate(&self, id: CaSetId, version: u32, network: Network) -> Activation {
        self.request(id, version, network, ActivationKind::Activate)
            .await
    }

    pub async fn deactivate(&self, id: CaSetId, version: u32, network: Network) -> Activation {
        self.request(id, version, network, ActivationKind::Deactivate)
            .await
    }

    pub async fn look(&self, activation: &Activation) -> Activation {
        let activations = self.controller.activations();
        activations
            .find(
                &self.caller,
                activation.ca_set,
                activation.version,
                activation.id,
            )
            .await
            .unwrap()
    }

    /// The activation once it has ended.
    pub async fn ended(&self, activation: &Activation) -> Activation {
        let activations = self.controller.activations();
        let ended = activations.ended(&self.caller, activation);
        tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("the activation ends")
            .unwrap()
    }

    pub fn credential(&self, names: &[&str]) -> Credential {
        self.ca.server(names.iter().copied()).issue()
    }

    pub async fn edge_certificate(&self, names: &[&str]) -> EdgeCertificate {
        let input = EdgeCertificateInput {
            certificates: vec![upload(&self.credential(names))],
            ..EdgeCertificateInput::default()
        };
        let service = self.controller.edge_certificates();
        service.create(&self.caller, &input).await.unwrap().0
    }

    /// A request for a site with a certificate of its own; clients need a certificate of the CA set, if one is given.
    pub fn site(
        &self,
        hostname: &str,
        ca_set: Option<CaSetId>,
        deploy_to: &[WireNetwork],
    ) -> SiteInput {
        SiteInput {
            certificate: Some(upload(&self.credential(&[hostname]))),
            deploy_to: deploy_to.to_vec(),
            settings: SiteSettings {
                hostnames: vec![hostname.to_owned()],
                mutual_authentication: ca_set.map(|id| SiteMutualAuthentication {
                    ca_set_ids: vec![id.to_string()],
                    ..SiteMutualAuthentication::default()
                }),
                origin: SiteOrigin {
                    url: "http://127.0.0.1:8080".to_owned(),
                    ..SiteOrigin::default()
                },
                ..SiteSettings::default()
            },
            ..SiteInput::default()
        }
    }
}

pub fn upload(credential: &Credential) -> CertificateUpload {
    CertificateUpload {
        certificate_pem: credential.chain_pem(),
        private_key_pem: SecretText::new(credential.key_pem()),
    }
}

/// Waits until something is true of the world, looked at after every offer and now and then.
pub async fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let looking = async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking)
        .await
        .unwrap_or_else(|_| panic!("it never came true: {what}"));
}

async fn open(
    directory: &Path,
    fleet: &Arc<Fleet>,
    sealing: &Arc<SealingKey>,
    signing: &Arc<SigningKey>,
    limits: &Limits,
) -> Controller {
    Controller::open(ControllerConfig {
        data_dir: directory.to_owned(),
        account: AccountId::new("A-CCT1234"),
        clock: Arc::new(FixedClock),
        distribution: Arc::clone(fleet) as Arc<dyn Distribution>,
        sealing_key: Arc::clone(sealing),
        signing_key: Arc::clone(signing),
        limits: limits.clone(),
    })
    .await
    .unwrap()
}
