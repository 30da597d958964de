//! Ending some of very many connections: real sockets for those that end and for those whose latency is measured, the rest registered as
//! they are after their handshake. The large size is a benchmark; `docs/performance.md` says how to run it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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
    Certificate, Clock, Crl, ManualRevocation, PeerChain, Policy, RevocationIndexBuilder,
    RevocationMode, RevocationPolicy, Sha1Signatures, UnixTime,
};
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

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

/// How many connections there are.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// With sockets; these are ended by the activation.
    sockets: usize,
    /// Without, for each of two CAs.
    others: usize,
    /// Of the others, how many each of the later changes ends.
    ended: usize,
    /// How many connections have the same certificate.
    shared: usize,
    /// For how long latency is looked at between two changes.
    pause: Duration,
}

impl Size {
    fn all(self) -> usize {
        self.sockets + 2 * self.others
    }
}

/// An edge node, three CAs, and their clients.
struct Scene {
    edge: EdgeHandle,
    clock: Arc<TestClock>,
    signing: SigningKey,
    sealing: Arc<SealingKey>,
    server_root: Ca,
    server: Credential,
    origin: Origin,
    cas: [Ca; 3],
    key: Key,
    generation: u64,
    _state: tempfile::TempDir,
}

/// Connections of one CA with their clients' certificates.
type Others = Vec<(Arc<Connection>, Registered, Credential)>;

impl Scene {
    async fn new() -> Self {
        let (signing, _) = SigningKey::generate().unwrap();
        let sealing = Arc::new(SealingKey::generate().unwrap());
        let clock = Arc::new(TestClock(AtomicI64::new(NOW * 1_000_000)));
        let state = tempfile::tempdir().unwrap();
        let edge = Edge::start(EdgeConfig {
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
        })
        .await
        .unwrap();
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
            _state: state,
        };
        let cas = scene.cas.clone();
        scene.activate(&cas).await;
        scene
    }

    /// Puts these CAs, which are intermediates, in force.
    async fn activate(&mut self, cas: &[Ca]) {
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
    async fn sockets(&self, count: usize) -> JoinSet<()> {
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

    /// Registers connections of a CA as they are after their handshake. The first `short` end 10 seconds from now.
    fn register(&self, ca: &Ca, count: usize, shared: usize, short: usize) -> Others {
        let mut others = Vec::new();
        let mut credential = ca.client("c").key(&self.key).issue();
        for number in 0..count {
            if number % shared == 0 {
                let request = ca.client("c").key(&self.key);
                credential = if number < short {
                    request.valid(NOW - 1000, NOW + 10).issue()
                } else {
                    request.issue()
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
            let registered = self.edge.node().registry.insert(Arc::clone(&connection));
            others.push((connection, registered, credential.clone()));
        }
        others
    }

    /// Clients of the second CA that ask without a pause; gives the times of their requests, in the order of their ends.
    async fn ask(&self, clients: usize) -> Asking {
        let asking = Asking::default();
        for number in 0..clients {
            let client = self.client(&self.cas[1], &format!("asks{number}"));
            let connection = client.connect(self.edge.local_addr()).await.unwrap();
            let mut http = connection.http().await.unwrap();
            let asking = asking.clone();
            tokio::spawn(async move {
                while !asking.stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let status = http.get("/").await.unwrap().status;
                    assert_eq!(status, 200);
                    let ended = Instant::now();
                    asking.times.lock().unwrap().push((ended, ended - began));
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            });
        }
        asking
    }
}

#[derive(Clone, Default)]
struct Asking {
    times: Arc<Mutex<Vec<(Instant, Duration)>>>,
    stop: Arc<AtomicBool>,
}

impl Asking {
    /// The 99th percentile of the requests that ended in a span of time, and their number.
    fn p99(&self, from: Instant, to: Instant) -> (Duration, usize) {
        let mut times: Vec<_> = self
            .times
            .lock()
            .unwrap()
            .iter()
            .filter(|(ended, _)| (from..to).contains(ended))
            .map(|(_, took)| *took)
            .collect();
        times.sort_unstable();
        let p99 = times.get(times.len().saturating_sub(1) * 99 / 100);
        (p99.copied().unwrap_or_default(), times.len())
    }
}

fn is_ended((connection, ..): &(Arc<Connection>, Registered, Credential)) -> bool {
    *connection.ending().borrow() == Ending::CutOff
}

/// Waits until exactly these are ended; gives how long that took.
async fn ended(others: &Others, expected: std::ops::Range<usize>, began: Instant) -> Duration {
    let part = &others[expected.clone()];
    while !part.iter().all(is_ended) {
        assert!(began.elapsed() < wait::PATIENCE, "not all have ended");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = began.elapsed();
    // Until the others were told that nothing is to be done about them.
    let node = others[0].0.node();
    wait::until_async("the sweep", async || {
        let behind = others.iter().filter(|other| !is_ended(other));
        match behind
            .filter(|(connection, ..)| connection.swept() < node.epoch())
            .count()
        {
            0 => Ok(()),
            behind => Err(behind),
        }
    })
    .await;
    let others_ended = others
        .iter()
        .enumerate()
        .filter(|(number, other)| !expected.contains(number) && is_ended(other))
        .count();
    assert_eq!(others_ended, 0, "connections that nothing concerned");
    took
}

async fn run(size: Size) {
    let mut scene = Scene::new().await;
    let [_, b, c] = scene.cas.clone();
    let mut sockets = scene.sockets(size.sockets).await;
    let of_b = scene.register(&b, size.others, size.shared, 0);
    let of_c = scene.register(&c, size.others, size.shared, size.ended);
    let node = Arc::clone(scene.edge.node());
    assert_eq!(node.registry.len(), size.all());
    let asking = scene.ask(4).await;
    tokio::time::sleep(size.pause).await;
    let mut report = Vec::new();
    let mut note = |what: &str, began: Instant, took: Duration| {
        let before = asking.p99(began - size.pause, began);
        report.push((what.to_owned(), took, began, before));
    };

    // Every client of A has a socket, and sees its end.
    let began = Instant::now();
    scene.activate(&[b.clone(), c.clone()]).await;
    while sockets.join_next().await.is_some() {}
    let took = began.elapsed();
    note("activation", began, took);
    ended(&of_b, 0..0, began).await;
    ended(&of_c, 0..0, began).await;
    tokio::time::sleep(size.pause).await;

    let authorities = [&b, &c].map(|ca| Certificate::from_der(ca.der()).unwrap());
    let list = of_b[..size.ended]
        .iter()
        .fold(b.crl(), |crl, (.., credential)| crl.revoke(credential))
        .issue();
    let crl = Arc::new(Crl::load(&list, &authorities, Sha1Signatures::Refuse).unwrap());
    let mut index = RevocationIndexBuilder::new(1);
    index.crl(Arc::clone(&crl));
    let began = Instant::now();
    scene.edge.replace_revocation(Arc::new(index.build()));
    let took = ended(&of_b, 0..size.ended, began).await;
    note("CRL of the CA of half of them", began, took);
    ended(&of_c, 0..0, began).await;
    tokio::time::sleep(size.pause).await;

    let by_hand = of_c[size.others - size.ended..].iter();
    let mut index = RevocationIndexBuilder::new(2);
    index.crl(crl);
    for (.., credential) in by_hand {
        let certificate = Certificate::from_der(credential.der()).unwrap();
        index.manual(
            None,
            ManualRevocation::Certificate(certificate.fingerprint()),
        );
    }
    let began = Instant::now();
    scene.edge.replace_revocation(Arc::new(index.build()));
    let took = ended(&of_c, size.others - size.ended..size.others, began).await;
    note("revocation by hand", began, took);
    tokio::time::sleep(size.pause).await;

    let began = Instant::now();
    scene
        .clock
        .0
        .store((NOW + 10) * 1_000_000 + 1, Ordering::Relaxed);
    let part = &of_c[..size.ended];
    while !part.iter().all(is_ended) {
        assert!(began.elapsed() < wait::PATIENCE, "not all have ended");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = began.elapsed();
    note("end of validity", began, took);
    tokio::time::sleep(size.pause).await;
    asking.stop.store(true, Ordering::Relaxed);

    for (what, took, began, (before, of)) in report {
        let (during, requests) = asking.p99(began, began + took.max(Duration::from_millis(100)));
        println!(
            "{what}: all ended after {:.1} ms; p99 of others {:.2} ms before ({of} requests), {:.2} ms meanwhile ({requests})",
            took.as_secs_f64() * 1e3,
            before.as_secs_f64() * 1e3,
            during.as_secs_f64() * 1e3,
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_connections_exactly_those_that_a_change_concerns_end() {
    run(Size {
        sockets: 50,
        others: 2_000,
        ended: 200,
        shared: 20,
        pause: Duration::from_millis(200),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a benchmark, for a release build: docs/performance.md"]
async fn of_a_hundred_thousand_connections_the_thousand_that_a_change_concerns_end() {
    run(Size {
        sockets: 1_000,
        others: 49_500,
        ended: 1_000,
        shared: 1,
        pause: Duration::from_secs(3),
    })
    .await;
}

/// Whoever is idle must not keep every snapshot that ever was.
#[tokio::test]
async fn idle_connections_keep_no_snapshot_that_is_not_in_force_any_more() {
    let mut scene = Scene::new().await;
    let [a, b, c] = scene.cas.clone();
    let others = scene.register(&b, 10, 1, 0);
    let before = Arc::downgrade(&scene.edge.node().enforced().unwrap());
    // The first changes the policy, the second nothing.
    for cas in [[a, b.clone()], [b.clone(), c]] {
        let earlier = Arc::downgrade(&scene.edge.node().enforced().unwrap());
        scene.activate(&cas).await;
        wait::until_async("the earlier snapshot to be gone", async || {
            match earlier.strong_count() {
                0 => Ok(()),
                count => Err(count),
            }
        })
        .await;
    }
    assert_eq!(before.strong_count(), 0);
    assert!(!others.iter().any(is_ended));
}
