//! Two accounts of one controller and one edge node: what one does concerns none of the other's clients.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_api::v1::Network as WireNetwork;
use countersign_api::v1::SecretText;
use countersign_api::v1::edge_certificates::CertificateUpload;
use countersign_api::v1::sites::{SiteInput, SiteMutualAuthentication, SiteOrigin, SiteSettings};
use countersign_controller::{
    AccountId, ActivationKind, ActivationStatus, BoxFuture, Caller, Controller, ControllerConfig,
    Distribution, NewCaSet, NewRevocation, NewVersion, Revocation, SubmittedCertificate,
};
use countersign_edge::{AccessLogSink, Edge, EdgeConfig, EdgeHandle, Listen};
use countersign_snapshot::{
    Acknowledgement, Network, NodeId, RevocationAcknowledgement, RevocationBodies, SealingKey,
    SignedRevocations, SignedSnapshot, SigningKey, VersionNumber,
};
use countersign_testkit::{Ca, Credential, HttpClient, NOW, Origin, Pki, TlsClient, wait};
use countersign_trust::{
    Certificate, Clock, ManualRevocation, RevocationReason, Sha1Signatures, UnixTime,
};
use tempfile::TempDir;

#[derive(Debug)]
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW)
    }
}

/// The node of the staging network.
#[derive(Debug, Default)]
struct Node(OnceLock<EdgeHandle>);

impl Node {
    fn of(&self, network: Network) -> Option<&EdgeHandle> {
        self.0.get().filter(|_| network == Network::Staging)
    }
}

impl Distribution for Node {
    fn offer(
        &self,
        network: Network,
        snapshot: Arc<SignedSnapshot>,
    ) -> BoxFuture<'_, Vec<Acknowledgement>> {
        Box::pin(async move {
            match self.of(network) {
                Some(edge) => vec![edge.offer(snapshot).await],
                None => Vec::new(),
            }
        })
    }

    fn offer_revocations(
        &self,
        network: Network,
        revocations: Arc<SignedRevocations>,
        bodies: Arc<dyn RevocationBodies>,
    ) -> BoxFuture<'_, Vec<RevocationAcknowledgement>> {
        Box::pin(async move {
            match self.of(network) {
                Some(edge) => vec![edge.offer_revocations(revocations, bodies).await],
                None => Vec::new(),
            }
        })
    }

    fn nodes(&self, network: Network) -> Vec<NodeId> {
        let node = || "node-1".parse().unwrap();
        self.of(network).map(|_| node()).into_iter().collect()
    }
}

struct World {
    controller: Controller,
    edge: EdgeHandle,
    servers: Ca,
    clients: Ca,
    origin: Origin,
    _directories: [TempDir; 2],
}

impl World {
    async fn started() -> Self {
        let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let signing = Arc::new(SigningKey::generate().unwrap().0);
        let sealing = Arc::new(SealingKey::generate().unwrap());
        let edge = Edge::start(EdgeConfig {
            network: Network::Staging,
            node_id: "node-1".parse().unwrap(),
            listen: vec![Listen::Address("127.0.0.1:0".parse().unwrap())],
            https_port: 443,
            proxy_protocol_from: Vec::new(),
            clock: Arc::new(FixedClock),
            verifying_key: signing.verifying_key(),
            sealing_key: Arc::clone(&sealing),
            state_dir: directories[0].path().to_owned(),
            limits: Default::default(),
            access_log: AccessLogSink::Writer(Box::new(std::io::sink())),
            otlp_logs: None,
        })
        .await
        .unwrap();
        let node = Node::default();
        node.0.set(edge.clone()).unwrap();
        let controller = Controller::open(ControllerConfig {
            data_dir: directories[1].path().to_owned(),
            account: AccountId::new("A"),
            clock: Arc::new(FixedClock),
            distribution: Arc::new(node),
            sealing_key: sealing,
            signing_key: signing,
            limits: Default::default(),
        })
        .await
        .unwrap();
        controller.start().await;
        Self {
            controller,
            edge,
            servers: Pki::new().root("Servers"),
            clients: Pki::new().root("Clients"),
            origin: Origin::start().await,
            _directories: directories,
        }
    }

    /// An account with a site whose clients are those of the CA that all accounts trust.
    async fn account(&self, name: &str, hostname: &str) -> Caller {
        let account = AccountId::new(name);
        let accounts = self.controller.accounts();
        accounts.ensure(&account, name).await.unwrap();
        let caller = Caller::internal(account, "test");
        let new = NewCaSet {
            name: "clients".to_owned(),
            description: None,
        };
        let sets = self.controller.ca_sets();
        let set = sets.create(&caller, new).await.unwrap().id;
        let new = NewVersion {
            description: None,
            sha1: Sha1Signatures::Refuse,
            certificates: vec![SubmittedCertificate {
                text: self.clients.pem(),
                description: None,
            }],
        };
        let versions = self.controller.versions();
        versions.create(&caller, set, new).await.unwrap();
        let (activations, first) = (self.controller.activations(), VersionNumber::new(1));
        let activate = ActivationKind::Activate;
        let activation = activations
            .request(&caller, set, first, Network::Staging, activate)
            .await
            .unwrap();
        let ended = activations.ended(&caller, &activation).await.unwrap();
        assert_eq!(ended.status, ActivationStatus::Complete);
        let server = self.servers.server([hostname]).issue();
        let input = SiteInput {
            certificate: Some(CertificateUpload {
                certificate_pem: server.chain_pem(),
                private_key_pem: SecretText::new(server.key_pem()),
            }),
            deploy_to: vec![WireNetwork::Staging],
            settings: SiteSettings {
                hostnames: vec![hostname.to_owned()],
                mutual_authentication: Some(SiteMutualAuthentication {
                    ca_set_ids: vec![set.to_string()],
                    ..SiteMutualAuthentication::default()
                }),
                origin: SiteOrigin {
                    url: format!("http://{}", self.origin.address()),
                    ..SiteOrigin::default()
                },
                ..SiteSettings::default()
            },
            ..SiteInput::default()
        };
        let sites = self.controller.sites();
        let (site, _) = sites.create(&caller, &input).await.unwrap();
        sites.settled(&caller, site.id).await.unwrap();
        caller
    }

    async fn connect(&self, hostname: &str, client: &Credential) -> Option<HttpClient> {
        let connection = TlsClient::new(hostname)
            .trusting(&self.servers)
            .at(NOW)
            .alpn(&["http/1.1"])
            .presenting(client)
            .connect(self.edge.local_addr())
            .await
            .ok()?;
        let mut http = connection.http().await.ok()?;
        is_served(&mut http).await.then_some(http)
    }

    async fn revoke(&self, caller: &Caller, what: ManualRevocation) -> Revocation {
        let new = NewRevocation {
            what,
            reason: RevocationReason::KeyCompromise,
            note: None,
            ends_at: None,
        };
        let revocations = self.controller.revocations();
        revocations.create(caller, new).await.unwrap()
    }

    async fn until(&self, hostname: &str, client: &Credential, is_in: bool) {
        wait::until_async("the edge to know of the revocation", async || {
            match self.connect(hostname, client).await.is_some() {
                found if found == is_in => Ok(()),
                found => Err(found),
            }
        })
        .await;
    }
}

async fn is_served(http: &mut HttpClient) -> bool {
    http.get("/").await.is_ok_and(|answer| answer.status == 200)
}

/// Both trust the same CA, and the same client comes to both.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_revokes_by_hand_ends_none_of_another_ones_clients() {
    let world = World::started().await;
    let (ours, theirs) = ("ours.test", "theirs.test");
    let us = world.account("A", ours).await;
    let they = world.account("B", theirs).await;
    let client = world.clients.client("alice").issue();
    let leaf = Certificate::from_der(client.der()).unwrap();
    let ca = Certificate::from_der(world.clients.der()).unwrap();
    for what in [
        ManualRevocation::Certificate(leaf.fingerprint()),
        ManualRevocation::Certificate(ca.fingerprint()),
        ManualRevocation::Key(leaf.spki_fingerprint()),
        ManualRevocation::Serial {
            issuer_key: ca.spki_fingerprint(),
            serial: leaf.serial().clone(),
        },
        ManualRevocation::IssuedBefore {
            issuer_key: ca.spki_fingerprint(),
            before: UnixTime::from_secs(NOW),
        },
    ] {
        let mut open = world.connect(ours, &client).await.expect("is let in");
        let mut open_there = world.connect(theirs, &client).await.expect("is let in");
        let made = world.revoke(&they, what.clone()).await;
        world.until(theirs, &client, false).await;
        let cut = tokio::time::timeout(Duration::from_secs(5), is_served(&mut open_there)).await;
        assert_eq!(cut, Ok(false), "{what:?}");
        assert!(is_served(&mut open).await, "{what:?}");
        assert!(world.connect(ours, &client).await.is_some(), "{what:?}");

        // The same mark of our own ends our own client, though the other account had it first.
        let own = world.revoke(&us, what.clone()).await;
        world.until(ours, &client, false).await;
        assert!(!is_served(&mut open).await, "{what:?}");

        let revocations = world.controller.revocations();
        revocations.end(&us, own.id).await.unwrap();
        world.until(ours, &client, true).await;
        assert!(world.connect(theirs, &client).await.is_none(), "{what:?}");
        revocations.end(&they, made.id).await.unwrap();
        world.until(theirs, &client, true).await;
    }
    world.controller.close().await;
    world.edge.drain(Duration::from_secs(1)).await;
}
