//! One network in miniature: a PKI, a controller's keys, an edge node, an origin.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use countersign_edge::{AccessLogSink, Edge, EdgeConfig, EdgeHandle, Limits, Listen, OtlpLogs};
use countersign_rules::{Enforcement, IdentityPresets, SiteOrigin, SiteRules, site_rules};
use countersign_snapshot::{
    Binding, BodyDigest, CaList, CaSet, CaSetId, ClientAuth, ClientAuthMode, CrlReference,
    Endpoint, Generation, HostHeader, Network, Origin as OriginModel, OriginPolicy, OriginScheme,
    OriginTimeouts, OriginTls, OriginTrust, OwnedRevocation, RevocationAcknowledgement,
    RevocationBodies, RevocationManifest, RevocationSequence, SealingKey, Secret,
    ServerCertificate, SignedRevocations, SignedSnapshot, SigningKey, Snapshot, TlsPolicy,
    TlsVersion, VersionNumber,
};
use countersign_testkit::client::{Connection, Http3Client};
use countersign_testkit::{Ca, Credential, HttpClient, NOW, Origin, Pki, TlsClient};
use countersign_trust::{Clock, ManualRevocation, Policy, Sha1Signatures, UnixTime};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// A clock that tests set.
#[derive(Debug)]
pub(crate) struct TestClock {
    now: AtomicI64,
    /// How many more looks at it go well; below 0 all do.
    fuse: AtomicI64,
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        let burn = |left: i64| (left >= 0).then(|| left - 1);
        if self
            .fuse
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, burn)
            == Ok(0)
        {
            panic!("the clock was set to panic");
        }
        UnixTime::from_secs(self.now.load(Ordering::Relaxed))
    }
}

impl TestClock {
    fn new(secs: i64) -> Self {
        Self {
            now: AtomicI64::new(secs),
            fuse: AtomicI64::new(-1),
        }
    }

    pub(crate) fn set(&self, secs: i64) {
        self.now.store(secs, Ordering::Relaxed);
    }

    /// Whoever looks at it after so many more looks panics.
    pub(crate) fn panic_after(&self, looks: i64) {
        self.fuse.store(looks, Ordering::Relaxed);
    }

    /// Nobody panics any more. Whether somebody did.
    pub(crate) fn calm(&self) -> bool {
        self.fuse.swap(-1, Ordering::Relaxed) == -1
    }
}

/// Where the access log ends up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn sink(&self) -> AccessLogSink {
        AccessLogSink::Writer(Box::new(self.clone()))
    }

    pub(crate) fn records(&self) -> Vec<serde_json::Value> {
        let bytes = self.0.lock().unwrap().clone();
        bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) const CLIENTS: u64 = 1;
pub(crate) const OTHERS: u64 = 2;

pub(crate) struct World {
    pub(crate) server_root: Ca,
    pub(crate) clients: Ca,
    pub(crate) others: Ca,
    pub(crate) origin: Origin,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) log: Log,
    pub(crate) state: TempDir,
    pub(crate) limits: fn(&mut Limits),
    pub(crate) edge: EdgeHandle,
    signing: SigningKey,
    sealing: Arc<SealingKey>,
    server: Credential,
    generation: AtomicU64,
    revocation_sequence: AtomicU64,
}

impl World {
    /// An edge node without a snapshot.
    pub(crate) async fn empty() -> Self {
        Self::with(|_| {}, Origin::start().await).await
    }

    /// With these limits and this origin, and without a snapshot.
    pub(crate) async fn with(limits: fn(&mut Limits), origin: Origin) -> Self {
        let server_root = Pki::new().root("Server Root");
        let server = server_root
            .server([
                "a.test",
                "*.a.test",
                "b.test",
                "c.test",
                "open.test",
                "*.wild.test",
            ])
            .issue();
        let (signing, _) = SigningKey::generate().unwrap();
        let sealing = Arc::new(SealingKey::generate().unwrap());
        let clock = Arc::new(TestClock::new(NOW));
        let log = Log::default();
        let state = tempfile::tempdir().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let edge = start(&clock, log.sink(), &state, &signing, &sealing, limits, any).await;
        Self {
            server_root,
            clients: Pki::new().root("Clients Root"),
            others: Pki::new().root("Others Root"),
            origin,
            clock,
            log,
            state,
            limits,
            edge,
            signing,
            sealing,
            server,
            generation: AtomicU64::new(0),
            revocation_sequence: AtomicU64::new(0),
        }
    }

    /// With one binding: `a.test` and `*.a.test` under `mode`, clients of [`CLIENTS`], and rules that refuse everyone else.
    pub(crate) async fn site(mode: ClientAuthMode) -> Self {
        let world = Self::empty().await;
        world
            .activate(&[world.binding("a", &["a.test", "*.a.test"], mode, &[CLIENTS])])
            .await;
        world
    }

    /// With `open.test`, where no certificate is asked for, and nothing is refused.
    pub(crate) async fn open() -> Self {
        let world = Self::empty().await;
        world
            .activate(&[world.open_binding("open", &["open.test"])])
            .await;
        world
    }

    /// What the node presents.
    pub(crate) fn server_credential(&self) -> &Credential {
        &self.server
    }

    /// The same state directory and keys, another process.
    pub(crate) async fn restart(&self) -> EdgeHandle {
        self.restart_at("127.0.0.1:0".parse().unwrap()).await
    }

    /// As [`World::restart`], with HTTP/3 at this address.
    pub(crate) async fn restart_at(&self, quic: SocketAddr) -> EdgeHandle {
        self.restart_with(self.log.sink(), quic).await
    }

    /// As [`World::restart`], logging elsewhere.
    pub(crate) async fn restart_logging_to(&self, sink: AccessLogSink) -> EdgeHandle {
        self.restart_with(sink, "127.0.0.1:0".parse().unwrap())
            .await
    }

    /// As [`World::restart`], behind fronts that send PROXY headers.
    pub(crate) async fn restart_behind(&self, front: &str) -> EdgeHandle {
        let config = config(
            &self.clock,
            self.log.sink(),
            &self.state,
            &self.signing,
            &self.sealing,
            self.limits,
            "127.0.0.1:0".parse().unwrap(),
        );
        let proxy_protocol_from = vec![front.parse().unwrap()];
        Edge::start(EdgeConfig {
            proxy_protocol_from,
            ..config
        })
        .await
        .unwrap()
    }

    /// As [`World::restart`], delivering access records over OTLP, and to the log.
    pub(crate) async fn restart_delivering(&self, otlp_logs: OtlpLogs) -> EdgeHandle {
        let config = config(
            &self.clock,
            self.log.sink(),
            &self.state,
            &self.signing,
            &self.sealing,
            self.limits,
            "127.0.0.1:0".parse().unwrap(),
        );
        Edge::start(EdgeConfig {
            otlp_logs: Some(otlp_logs),
            ..config
        })
        .await
        .unwrap()
    }

    async fn restart_with(&self, sink: AccessLogSink, quic: SocketAddr) -> EdgeHandle {
        start(
            &self.clock,
            sink,
            &self.state,
            &self.signing,
            &self.sealing,
            self.limits,
            quic,
        )
        .await
    }

    pub(crate) async fn activate(&self, bindings: &[Binding]) -> SignedSnapshot {
        let signed = self.signed(bindings, |_| {});
        self.enforce(&signed).await;
        signed
    }

    pub(crate) async fn activate_with(
        &self,
        bindings: &[Binding],
        edit: impl FnOnce(&mut Snapshot),
    ) {
        let signed = self.signed(bindings, edit);
        self.enforce(&signed).await;
    }

    /// Makes the node know of these revocations; the bodies are those of the CRLs. Sequences count up from 1.
    pub(crate) async fn revoke(
        &self,
        manual: Vec<ManualRevocation>,
        crls: &[(&Ca, Vec<u8>)],
    ) -> RevocationAcknowledgement {
        let (signed, bodies) = self.revocations(manual, crls);
        self.edge.offer_revocations(signed, bodies).await
    }

    pub(crate) fn revocations(
        &self,
        manual: Vec<ManualRevocation>,
        crls: &[(&Ca, Vec<u8>)],
    ) -> (Arc<SignedRevocations>, Arc<Bodies>) {
        self.revocations_with(manual, crls, Sha1Signatures::Refuse)
    }

    pub(crate) fn revocations_with(
        &self,
        manual: Vec<ManualRevocation>,
        crls: &[(&Ca, Vec<u8>)],
        sha1: Sha1Signatures,
    ) -> (Arc<SignedRevocations>, Arc<Bodies>) {
        let sequence = self.revocation_sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let manifest = RevocationManifest {
            sequence: RevocationSequence::new(sequence),
            created: UnixTime::from_secs(NOW),
            manual: manual
                .into_iter()
                .map(|what| OwnedRevocation { owner: None, what })
                .collect(),
            crls: crls
                .iter()
                .map(|(signer, crl)| CrlReference {
                    body: BodyDigest::of(crl),
                    signer: signer.der().to_vec(),
                    sha1,
                })
                .collect(),
            answers: Vec::new(),
            certificates: Vec::new(),
        };
        let bodies = crls.iter().map(|(_, crl)| crl.clone()).collect();
        (
            Arc::new(self.signing.sign_revocations(&manifest)),
            Arc::new(Bodies(bodies)),
        )
    }

    pub(crate) async fn enforce(&self, signed: &SignedSnapshot) {
        let acknowledgement = self.edge.offer(Arc::new(signed.clone())).await;
        assert!(acknowledgement.is_enforced(), "{acknowledgement:?}");
    }

    pub(crate) fn signed(
        &self,
        bindings: &[Binding],
        edit: impl FnOnce(&mut Snapshot),
    ) -> SignedSnapshot {
        let mut snapshot = self.snapshot(bindings);
        edit(&mut snapshot);
        self.signing.sign(&snapshot)
    }

    pub(crate) fn snapshot(&self, bindings: &[Binding]) -> Snapshot {
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        Snapshot {
            network: Network::Staging,
            generation: Generation::new(generation),
            created: UnixTime::from_secs(NOW),
            ca_sets: vec![
                ca_set(CLIENTS, "clients", &self.clients),
                ca_set(OTHERS, "others", &self.others),
            ],
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
            origins: vec![plain_origin("main", &self.origin)],
            bindings: bindings.to_vec(),
        }
    }

    pub(crate) fn seal(&self, context: &str, secret: &[u8]) -> countersign_snapshot::SealedSecret {
        self.sealing
            .seal(context, &Secret::new(secret.to_vec()))
            .unwrap()
    }

    pub(crate) fn binding(
        &self,
        id: &str,
        names: &[&str],
        mode: ClientAuthMode,
        ca_sets: &[u64],
    ) -> Binding {
        let rules = SiteRules {
            ca_sets: ca_sets.iter().map(u64::to_string).collect(),
            enforcement: Enforcement::Deny,
            open_paths: vec!["/open/*".to_owned()],
            denied_paths: vec!["/denied/*".to_owned()],
            certificate_paths: Vec::new(),
            forward: IdentityPresets::RFC9440
                | IdentityPresets::AKAMAI_CC_DER
                | IdentityPresets::XFCC
                | IdentityPresets::ALB
                | IdentityPresets::NGINX,
            sign: false,
            origin: SiteOrigin::Id("main".to_owned()),
        };
        Binding {
            client_auth: ClientAuth {
                mode,
                ca_sets: ca_sets.iter().map(|id| CaSetId::new(*id)).collect(),
                ca_list: CaList::Advertise,
                policy: Policy::default(),
            },
            ..bare(id, names, site_rules(rules).to_json())
        }
    }

    pub(crate) fn open_binding(&self, id: &str, names: &[&str]) -> Binding {
        bare(
            id,
            names,
            r#"{"rules":{"name":"default"},"ruleFormat":"latest"}"#.to_owned(),
        )
    }

    /// A client that trusts the server and offers HTTP/1.1.
    pub(crate) fn client(&self, name: &str) -> TlsClient {
        TlsClient::new(name)
            .trusting(&self.server_root)
            .at(NOW)
            .alpn(&["http/1.1"])
    }

    pub(crate) fn alice(&self) -> Credential {
        self.clients.client("alice").issue()
    }

    pub(crate) async fn connect(&self, client: &TlsClient) -> Connection<TcpStream> {
        client.connect(self.edge.local_addr()).await.unwrap()
    }

    pub(crate) async fn http1(&self, name: &str) -> HttpClient {
        self.connect(&self.client(name)).await.http().await.unwrap()
    }

    pub(crate) async fn http2(&self, name: &str) -> HttpClient {
        self.connect(&self.client(name).alpn(&["h2"]))
            .await
            .http()
            .await
            .unwrap()
    }

    /// An HTTP/1.1 connection that presents a certificate.
    pub(crate) async fn http1_as(&self, name: &str, credential: &Credential) -> HttpClient {
        self.connect(&self.client(name).presenting(credential))
            .await
            .http()
            .await
            .unwrap()
    }

    /// Both protocols, with or without a certificate.
    pub(crate) async fn both(
        &self,
        name: &str,
        credential: Option<&Credential>,
    ) -> [HttpClient; 2] {
        let mut client = self.client(name);
        if let Some(credential) = credential {
            client = client.presenting(credential);
        }
        [
            self.connect(&client).await.http().await.unwrap(),
            self.connect(&client.clone().alpn(&["h2"]))
                .await
                .http()
                .await
                .unwrap(),
        ]
    }

    /// Where HTTP/3 is listened for.
    pub(crate) fn quic_addr(&self) -> SocketAddr {
        self.edge.local_addrs()[1]
    }

    /// Where HTTP without TLS is listened for.
    pub(crate) fn plain_addr(&self) -> SocketAddr {
        self.edge.local_addrs()[2]
    }

    pub(crate) async fn http3(&self, name: &str, credential: Option<&Credential>) -> Http3Client {
        let mut client = self.client(name).alpn(&["h3"]);
        if let Some(credential) = credential {
            client = client.presenting(credential);
        }
        let connection = client.quic(self.quic_addr()).await.unwrap();
        connection.http3().await.unwrap()
    }

    /// All records so far.
    pub(crate) async fn records(&self) -> Vec<serde_json::Value> {
        self.edge.flush_access_log().await;
        self.log.records()
    }

    /// Waits for the first record that fits.
    pub(crate) async fn record(
        &self,
        what: &str,
        fits: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        countersign_testkit::wait::until_async(what, async || {
            let records = self.records().await;
            records
                .iter()
                .find(|record| fits(record))
                .cloned()
                .ok_or(records)
        })
        .await
    }
}

/// Bodies of revocations in memory.
#[derive(Debug)]
pub(crate) struct Bodies(Vec<Vec<u8>>);

impl RevocationBodies for Bodies {
    fn read(&self, body: &BodyDigest) -> io::Result<Vec<u8>> {
        let found = self.0.iter().find(|bytes| BodyDigest::of(bytes) == *body);
        found.cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

async fn start(
    clock: &Arc<TestClock>,
    access_log: AccessLogSink,
    state: &TempDir,
    signing: &SigningKey,
    sealing: &Arc<SealingKey>,
    limits: fn(&mut Limits),
    quic: SocketAddr,
) -> EdgeHandle {
    let config = config(clock, access_log, state, signing, sealing, limits, quic);
    Edge::start(config).await.unwrap()
}

fn config(
    clock: &Arc<TestClock>,
    access_log: AccessLogSink,
    state: &TempDir,
    signing: &SigningKey,
    sealing: &Arc<SealingKey>,
    limits: fn(&mut Limits),
    quic: SocketAddr,
) -> EdgeConfig {
    let mut chosen = Limits::default();
    limits(&mut chosen);
    EdgeConfig {
        network: Network::Staging,
        node_id: "node-1".parse().unwrap(),
        listen: vec![
            Listen::Address("127.0.0.1:0".parse().unwrap()),
            Listen::Quic(quic),
            Listen::Plain("127.0.0.1:0".parse().unwrap()),
        ],
        https_port: 8443,
        proxy_protocol_from: Vec::new(),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        verifying_key: signing.verifying_key(),
        sealing_key: Arc::clone(sealing),
        state_dir: state.path().to_owned(),
        limits: chosen,
        access_log,
        otlp_logs: None,
    }
}

pub(crate) fn ca_set(id: u64, name: &str, ca: &Ca) -> CaSet {
    CaSet {
        id: CaSetId::new(id),
        owner: None,
        name: name.to_owned(),
        version: VersionNumber::new(1),
        sha1: Sha1Signatures::Refuse,
        policy: countersign_trust::Policy::default(),
        certificates: vec![ca.der().to_vec()],
    }
}

pub(crate) fn plain_origin(id: &str, origin: &Origin) -> OriginModel {
    plain_to(id, origin.address().port())
}

/// An origin without TLS at this port.
pub(crate) fn plain_to(id: &str, port: u16) -> OriginModel {
    OriginModel {
        id: id.parse().unwrap(),
        endpoints: vec![local(port)],
        scheme: OriginScheme::Http,
        host_header: HostHeader::Request,
        timeouts: OriginTimeouts::default(),
        policy: OriginPolicy::default(),
    }
}

/// A TLS origin called `origin.test` at this port.
pub(crate) fn tls_to(id: &str, port: u16, root: &Ca) -> OriginModel {
    OriginModel {
        endpoints: vec![local(port)],
        scheme: OriginScheme::Https(OriginTls {
            trust: OriginTrust::Bundle(vec![root.der().to_vec()]),
            server_name: Some("origin.test".to_owned()),
            minimum_version: TlsVersion::Tls12,
            client_credential: None,
        }),
        ..plain_to(id, port)
    }
}

pub(crate) fn tls_origin(id: &str, origin: &Origin, root: &Ca) -> OriginModel {
    tls_to(id, origin.address().port(), root)
}

/// One of several addresses.
pub(crate) fn local(port: u16) -> Endpoint {
    Endpoint {
        host: "127.0.0.1".to_owned(),
        port,
        weight: 1,
    }
}

fn bare(id: &str, names: &[&str], rules: String) -> Binding {
    Binding {
        id: id.parse().unwrap(),
        names: names.iter().map(|name| name.parse().unwrap()).collect(),
        server_certificates: vec!["server".parse().unwrap()],
        tls: TlsPolicy::default(),
        client_auth: ClientAuth::off(),
        rules,
        origin: "main".parse().unwrap(),
        service: countersign_snapshot::Service::Http,
        property: None,
        plain_http: countersign_snapshot::PlainHttp::Refuse,
        strict_transport: None,
    }
}
