//! An edge node with very many connections.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use countersign_snapshot::{
    Binding, CaList, CaSet, CaSetId, ClientAuth, ClientAuthMode, Endpoint, Generation, HostHeader,
    Network, Origin as OriginModel, OriginPolicy, OriginScheme, OriginTimeouts, Peer, PlainHttp,
    SealingKey, Secret, ServerCertificate, ServerName, Service, SigningKey, Snapshot, TlsPolicy,
    TlsVersion, VersionNumber,
};
use countersign_testkit::pki::Key;
use countersign_testkit::{Ca, Credential, NOW, Origin, Pki, TlsClient, wait};
use countersign_tls::{Alpn, TlsFacts};
use countersign_trust::{
    Clock, PeerChain, Policy, RevocationIndex, RevocationMode, RevocationPolicy, Sha1Signatures,
    UnixTime,
};
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::asking::{Asking, Elsewhere};
use crate::connection::{Connection, Ending, Handshake, Protocol};
use crate::registry::Registered;
use crate::{AccessLogSink, Edge, EdgeConfig, EdgeHandle, Limits, Listen};

#[derive(Debug)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// An edge node, three CAs, and their clients. The node has its threads for itself.
pub(super) struct Scene {
    pub(super) edge: EdgeHandle,
    clock: Arc<TestClock>,
    signing: SigningKey,
    sealing: Arc<SealingKey>,
    server_root: Ca,
    server: Credential,
    origin: Origin,
    pub(super) cas: [Ca; 3],
    key: Key,
    generation: u64,
    _threads: Elsewhere,
    _state: tempfile::TempDir,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let (signing, _) = SigningKey::generate().unwrap();
        let sealing = Arc::new(SealingKey::generate().unwrap());
        let clock = Arc::new(TestClock(AtomicI64::new(NOW * 1_000_000)));
        let state = tempfile::tempdir().unwrap();
        let threads = Elsewhere::new(2);
        let config = EdgeConfig {
            network: Network::Staging,
            node_id: "node-1".parse().unwrap(),
            listen: vec![Listen::Address("127.0.0.1:0".parse().unwrap())],
            https_port: 443,
            proxy_protocol_from: Vec::new(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            verifying_key: signing.verifying_key(),
            sealing_key: Arc::clone(&sealing),
            state_dir: state.path().to_owned(),
            limits: Limits {
                connections: 200_000,
                idle_connection: Duration::from_secs(3600),
                request_head: Duration::from_secs(3600),
                ..Limits::default()
            },
            access_log: AccessLogSink::Off,
            otlp_logs: None,
        };
        let edge = threads.run(Edge::start(config)).await.unwrap();
        let server_root = Pki::new().root("Server Root");
        let mut scene = Self {
            edge,
            clock,
            server: server_root.server(["a.test"]).issue(),
            server_root,
            signing,
            sealing,
            origin: Origin::start().await,
            cas: ["A", "B", "C"].map(|name| Pki::new().root(name).intermediate(name)),
            key: Key::generate(countersign_testkit::pki::KeyKind::P256),
            generation: 0,
            _threads: threads,
            _state: state,
        };
        let cas = scene.cas.clone();
        scene.activate(&cas).await;
        scene
    }

    /// Puts these CAs, which are intermediates, in force.
    pub(super) async fn activate(&mut self, cas: &[Ca]) {
        self.generation += 1;
        let snapshot = Snapshot {
            network: Network::Staging,
            generation: Generation::new(self.generation),
            created: UnixTime::from_secs(NOW),
            ca_sets: vec![CaSet {
                id: CaSetId::new(1),
                owner: None,
                name: "clients".to_owned(),
                version: VersionNumber::new(1),
                sha1: Sha1Signatures::Refuse,
                policy: Policy {
                    revocation: RevocationPolicy {
                        mode: RevocationMode::Prefer,
                        ..RevocationPolicy::default()
                    },
                    ..Policy::default()
                },
                certificates: cas.iter().map(|ca| ca.der().to_vec()).collect(),
            }],
            server_certificates: vec![ServerCertificate {
                id: "server".parse().unwrap(),
                chain: self.server.chain_der(),
                key: self
                    .sealing
                    .seal(
                        ServerCertificate::SEAL_CONTEXT,
                        &Secret::new(self.server.key_der().to_vec()),
                    )
                    .unwrap(),
            }],
            forwarding_keys: Vec::new(),
            client_credentials: Vec::new(),
            origins: vec![OriginModel {
                id: "main".parse().unwrap(),
                endpoints: vec![Endpoint {
                    host: self.origin.address().ip().to_string(),
                    port: self.origin.address().port(),
                    weight: 1,
                }],
                scheme: OriginScheme::Http,
                host_header: HostHeader::Request,
                timeouts: OriginTimeouts::default(),
                policy: OriginPolicy::default(),
            }],
            bindings: vec![Binding {
                id: "a".parse().unwrap(),
                names: vec!["a.test".parse().unwrap()],
                server_certificates: vec!["server".parse().unwrap()],
                tls: TlsPolicy::default(),
                client_auth: ClientAuth {
                    mode: ClientAuthMode::Require,
                    ca_sets: vec![CaSetId::new(1)],
                    ca_list: CaList::Omit,
                    policy: Policy::default(),
                },
                rules: r#"{"rules":{"name":"default"},"ruleFormat":"latest"}"#.to_owned(),
                origin: "main".parse().unwrap(),
                service: Service::Http,
                property: None,
                plain_http: PlainHttp::Refuse,
                strict_transport: None,
            }],
        };
        let acknowledgement = self
            .edge
            .offer(Arc::new(self.signing.sign(&snapshot)))
            .await;
        assert!(acknowledgement.is_enforced(), "{acknowledgement:?}");
    }

    fn client(&self, ca: &Ca, name: &str) -> TlsClient {
        TlsClient::new("a.test")
            .trusting(&self.server_root)
            .at(NOW)
            .alpn(&["http/1.1"])
            .presenting(&ca.client(name).key(&self.key).issue())
    }

    /// Idle clients of the first CA; each task ends when its connection does.
    pub(super) async fn sockets(&self, count: usize) -> JoinSet<()> {
        let mut open = JoinSet::new();
        for number in 0..count {
            let client = self.client(&self.cas[0], &format!("a{number}"));
            let mut connection = client.connect(self.edge.local_addr()).await.unwrap();
            open.spawn(async move {
                let mut rest = Vec::new();
                let _ = connection.stream.read_to_end(&mut rest).await;
            });
        }
        open
    }

    /// Registers connections of a CA as they are after their handshake, so many of them with each certificate. When a certificate ends is
    /// told by the number of its first connection.
    pub(super) fn register(
        &self,
        ca: &Ca,
        count: usize,
        shared: usize,
        ends: impl Fn(usize) -> Option<i64>,
    ) -> Others {
        let mut others = Vec::new();
        let mut credential = ca.client("c").key(&self.key).issue();
        for number in 0..count {
            if number % shared == 0 {
                let request = ca.client("c").key(&self.key);
                credential = match ends(number) {
                    Some(end) => request.valid(NOW - 1000, end).issue(),
                    None => request.issue(),
                };
            }
            let handshake = Handshake {
                client: SocketAddr::from(([192, 0, 2, 1], 1)),
                server_name: Arc::new(ServerName::new("a.test").unwrap()),
                protocol: Protocol::Http1,
                tls: Some(TlsFacts {
                    presented: None,
                    version: TlsVersion::Tls13,
                    cipher: "TLS13_AES_256_GCM_SHA384",
                    group: None,
                    alpn: Alpn::Http11,
                    resumed: false,
                }),
                peer: Peer::Chain(PeerChain::from_der(&credential.chain_der()).unwrap()),
                asked: true,
            };
            let connection = Connection::new(Arc::clone(self.edge.node()), handshake).unwrap();
            assert!(connection.latest().verdicts().any_valid());
            others.push(Other {
                registered: Some(self.edge.node().registry.insert(Arc::clone(&connection))),
                connection,
                credential: credential.clone(),
            });
        }
        Others(others)
    }

    /// Clients of the second CA that ask without a pause.
    pub(super) async fn ask(&self, clients: usize) -> Asking {
        let clients =
            (0..clients).map(|number| self.client(&self.cas[1], &format!("asks{number}")));
        Asking::begin(self.edge.local_addr(), clients.collect()).await
    }

    pub(super) fn revoke(&self, index: RevocationIndex) {
        self.edge.replace_revocation(Arc::new(index));
    }

    /// Lets it become so many seconds after [`NOW`], and a bit.
    pub(super) fn later(&self, seconds: i64) {
        let now = (NOW + seconds) * 1_000_000 + 1;
        self.clock.0.store(now, Ordering::Relaxed);
    }

    /// Until all live connections were told what the last change means for them.
    pub(super) async fn swept(&self) {
        timeout(wait::PATIENCE, self.edge.swept())
            .await
            .expect("a sweep");
    }
}

/// A connection without a socket.
pub(super) struct Other {
    connection: Arc<Connection>,
    pub(super) credential: Credential,
    /// None when it has ended, as it was to.
    registered: Option<Registered>,
}

/// Connections of one CA.
pub(super) struct Others(pub(super) Vec<Other>);

impl Others {
    /// Waits until these have ended.
    pub(super) async fn end(&mut self, expected: Range<usize>) {
        let all = async {
            for other in &mut self.0[expected] {
                let mut ending = other.connection.ending();
                let ends = ending.wait_for(|ending| *ending == Ending::CutOff);
                ends.await.unwrap();
                other.registered = None;
            }
        };
        timeout(wait::PATIENCE, all)
            .await
            .expect("all that the change concerns to end");
    }

    /// How many have ended that nothing concerned.
    pub(super) fn wrongly_ended(&self) -> usize {
        let ended = |other: &&Other| *other.connection.ending().borrow() == Ending::CutOff;
        let live = |other: &&Other| other.registered.is_some();
        self.0
            .iter()
            .filter(|other| live(other) && ended(other))
            .count()
    }
}
