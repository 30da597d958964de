//! A node with a few bindings, a clock that a test moves, and clients in memory.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use countersign_snapshot::*;
use countersign_testkit::client::{TlsClient, alert};
use countersign_testkit::{Ca, Credential, NOW, Pki};
use countersign_tls::*;
use countersign_trust::{Clock, Policy, Reason, Sha1Signatures, UnixTime};
use rustls::client::{
    ClientConfig, ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls12Resumption,
    Tls13ClientSessionValue,
};
use rustls::{AlertDescription, HandshakeKind, NamedGroup, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};

pub const SECRET: [u8; 32] = [7; 32];

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn set(&self, secs: i64) {
        self.0.store(secs, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// The certificates of a test: who vouches for servers, for clients of `a.test`, and for clients of `b.test`.
pub struct Authorities {
    pub servers: Ca,
    pub a: Ca,
    pub b: Ca,
}

impl Authorities {
    pub fn new() -> Self {
        Self {
            servers: Pki::new().root("Servers"),
            a: Pki::new().root("A"),
            b: Pki::new().root("B"),
        }
    }

    /// A client that `a.test` lets in.
    pub fn alice(&self) -> Credential {
        self.a
            .intermediate("A Issuing")
            .client("alice")
            .email("alice@a.test")
            .issue()
    }

    /// A client that `b.test` lets in.
    pub fn bob(&self) -> Credential {
        self.b.client("bob").issue()
    }
}

pub const SET_A: CaSetId = CaSetId::new(1);
pub const SET_B: CaSetId = CaSetId::new(2);

/// An edge node without sockets: a snapshot, what was built from it, and what all generations share.
pub struct Node {
    pub clock: Arc<TestClock>,
    pub context: Arc<TlsContext>,
    pub snapshot: Snapshot,
    sealing: SealingKey,
    checked: CheckedSnapshot,
    bindings: Vec<Arc<BindingTls>>,
}

impl Node {
    /// `a.test` and `b.test` require clients of their own CA set, `ask.test` asks for those of A, `open.test` never asks.
    pub fn new(authorities: &Authorities) -> Self {
        let sealing = SealingKey::from_bytes(&[1; 32]).unwrap();
        let names = ["a.test", "b.test", "ask.test", "open.test", "*.wild.test"];
        let server = authorities.servers.server(names).issue();
        let snapshot = Snapshot {
            network: Network::Production,
            generation: Generation::new(1),
            created: UnixTime::from_secs(NOW),
            ca_sets: vec![
                ca_set(SET_A, &[&authorities.a]),
                ca_set(SET_B, &[&authorities.b]),
            ],
            server_certificates: vec![server_certificate(&sealing, "server", &server)],
            forwarding_keys: Vec::new(),
            client_credentials: Vec::new(),
            origins: vec![Origin {
                id: "origin".parse().unwrap(),
                endpoints: vec![Endpoint {
                    host: "127.0.0.1".into(),
                    port: 80,
                    weight: 1,
                }],
                scheme: OriginScheme::Http,
                host_header: HostHeader::Request,
                timeouts: OriginTimeouts::default(),
                policy: OriginPolicy::default(),
            }],
            bindings: vec![
                binding("a.test", ClientAuthMode::Require, &[SET_A]),
                binding("b.test", ClientAuthMode::Require, &[SET_B]),
                binding("ask.test", ClientAuthMode::Request, &[SET_A]),
                binding("open.test", ClientAuthMode::Off, &[]),
                binding("*.wild.test", ClientAuthMode::Require, &[SET_A, SET_B]),
            ],
        };
        Self::with(snapshot, sealing, &SECRET)
    }

    pub fn with(snapshot: Snapshot, sealing: SealingKey, secret: &[u8]) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(NOW)));
        let context = TlsContext::new(
            Arc::clone(&clock) as Arc<dyn Clock>,
            TicketSecret::from_bytes(secret).unwrap(),
            MemoryLimits::default(),
        );
        let (checked, bindings) = enforce(&snapshot, &sealing, &context);
        Self {
            clock,
            context,
            snapshot,
            sealing,
            checked,
            bindings,
        }
    }

    /// Another node with the same snapshot.
    pub fn sibling(&self, secret: &[u8]) -> Self {
        let sealing = SealingKey::from_bytes(&[1; 32]).unwrap();
        Self::with(self.snapshot.clone(), sealing, secret)
    }

    /// Enforces a changed snapshot, as a new generation does.
    pub fn change(&mut self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.snapshot);
        (self.checked, self.bindings) = enforce(&self.snapshot, &self.sealing, &self.context);
    }

    pub fn seal(&self, id: &str, credential: &Credential) -> ServerCertificate {
        server_certificate(&self.sealing, id, credential)
    }

    pub fn binding(&self, name: &str) -> &Arc<BindingTls> {
        let name = ServerName::new(name).unwrap();
        &self.bindings[self.checked.resolve(&name).unwrap()]
    }

    pub fn lookup(&self, name: Option<ServerName>) -> Lookup {
        match name.and_then(|name| self.checked.resolve(&name)) {
            Some(index) => Lookup::Serve(Arc::clone(&self.bindings[index])),
            None => Lookup::Refuse(Reason::UnknownServerName),
        }
    }

    pub async fn accept<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: IO,
    ) -> Result<Accepted<IO>, RefusedHandshake> {
        accept(io, |name| self.lookup(name), &HandshakeLimits::default()).await
    }

    /// A client meets the node; when it is let in, the node says hello and hangs up.
    pub async fn meet(&self, name: &str, client: &TlsClient) -> Meeting {
        self.meet_with(name, &client.config()).await
    }

    pub async fn meet_with(&self, name: &str, config: &ClientConfig) -> Meeting {
        let (near, far) = tokio::io::duplex(1 << 16);
        let server = async {
            let mut accepted = self.accept(near).await?;
            accepted.stream.write_all(b"hello").await.unwrap();
            accepted.stream.shutdown().await.unwrap();
            Ok(accepted)
        };
        let (server, client) = tokio::join!(server, visit(config.clone(), name, far));
        Meeting { server, client }
    }
}

/// What both sides saw.
#[derive(Debug)]
pub struct Meeting {
    pub server: Result<Accepted<DuplexStream>, RefusedHandshake>,
    pub client: io::Result<Visit>,
}

impl Meeting {
    /// The client was let in, and got its greeting.
    #[track_caller]
    pub fn welcome(self) -> (Accepted<DuplexStream>, Visit) {
        let accepted = self.server.expect("the server refused");
        let visit = self.client.expect("the client failed");
        assert_eq!(visit.greeting, b"hello");
        assert_eq!(accepted.facts.resumed, visit.resumed);
        (accepted, visit)
    }

    /// The client was refused for this reason and was told this alert.
    #[track_caller]
    pub fn refused(self, reason: Reason, told: AlertDescription) -> RefusedHandshake {
        let refused = self.server.expect_err("the server accepted");
        assert_eq!(refused.reason, reason, "{refused:?}");
        let error = self.client.expect_err("the client was let in");
        assert_eq!(alert(&error), Some(told), "{error:?}");
        assert_eq!(refused.alert.map(Alert::code), Some(u8::from(told)));
        refused
    }
}

/// What a client saw.
#[derive(Debug)]
pub struct Visit {
    pub greeting: Vec<u8>,
    pub resumed: bool,
    pub version: ProtocolVersion,
    pub group: Option<NamedGroup>,
    pub server_leaf: Vec<u8>,
}

/// Connects, and reads to the end: in TLS 1.3 a refusal shows itself on the first read only.
pub async fn visit<IO: AsyncRead + AsyncWrite + Unpin>(
    config: ClientConfig,
    name: &str,
    io: IO,
) -> io::Result<Visit> {
    let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, io)
        .await?;
    let mut greeting = Vec::new();
    stream.read_to_end(&mut greeting).await?;
    let connection = stream.get_ref().1;
    Ok(Visit {
        greeting,
        resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        version: connection.protocol_version().unwrap(),
        group: connection
            .negotiated_key_exchange_group()
            .map(|group| group.name()),
        server_leaf: connection.peer_certificates().unwrap()[0].to_vec(),
    })
}

/// A client without a certificate. The name that it asks for is given when it connects.
pub fn client() -> TlsClient {
    TlsClient::new("given.later").at(NOW)
}

pub fn ca_set(id: CaSetId, authorities: &[&Ca]) -> CaSet {
    CaSet {
        id,
        owner: None,
        name: format!("set {id}"),
        version: VersionNumber::new(1),
        sha1: Sha1Signatures::Refuse,
        policy: countersign_trust::Policy::default(),
        certificates: authorities.iter().map(|ca| ca.der().to_vec()).collect(),
    }
}

pub fn server_certificate(
    sealing: &SealingKey,
    id: &str,
    credential: &Credential,
) -> ServerCertificate {
    let key = Secret::new(credential.key_der().to_vec());
    ServerCertificate {
        id: id.parse().unwrap(),
        chain: credential.chain_der(),
        key: sealing.seal(ServerCertificate::SEAL_CONTEXT, &key).unwrap(),
    }
}

pub fn binding(name: &str, mode: ClientAuthMode, ca_sets: &[CaSetId]) -> Binding {
    Binding {
        id: format!("binding-{}", name.replace('*', "any")).parse().unwrap(),
        names: vec![name.parse().unwrap()],
        server_certificates: vec!["server".parse().unwrap()],
        tls: TlsPolicy::default(),
        client_auth: ClientAuth {
            mode,
            ca_sets: ca_sets.to_vec(),
            ca_list: CaList::Advertise,
            policy: Policy::default(),
        },
        rules: r#"{"rules":{"name":"default","criteria":[],"behaviors":[],"children":[]},"ruleFormat":"latest"}"#.to_owned(),
        origin: "origin".parse().unwrap(),
        service: countersign_snapshot::Service::Http,
        property: None,
        plain_http: countersign_snapshot::PlainHttp::Refuse,
        strict_transport: None,
    }
}

fn enforce(
    snapshot: &Snapshot,
    sealing: &SealingKey,
    context: &Arc<TlsContext>,
) -> (CheckedSnapshot, Vec<Arc<BindingTls>>) {
    let checked = CheckedSnapshot::check(snapshot.clone()).unwrap();
    let bindings = checked
        .bindings()
        .iter()
        .map(|binding| {
            let credentials: Vec<ServerCredential> = binding
                .binding
                .server_certificates
                .iter()
                .map(|id| {
                    let certificate = checked
                        .server_certificates()
                        .iter()
                        .find(|it| it.id == *id)
                        .unwrap();
                    ServerCredential::open(certificate, sealing).unwrap()
                })
                .collect();
            BindingTls::build(binding, &credentials, context).unwrap()
        })
        .collect();
    (checked, bindings)
}

/// How a session comes back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    Tls12Id,
    Tls12Ticket,
    Tls13,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Tls12Id, Self::Tls12Ticket, Self::Tls13];
}

/// Keeps the last session and offers it to whomever it is sent to, under whatever name.
#[derive(Debug, Default)]
pub struct Wallet {
    tls12: Mutex<Option<Tls12ClientSessionValue>>,
    tls13: Mutex<VecDeque<Tls13ClientSessionValue>>,
}

impl Wallet {
    /// The configuration to use for every connection: rustls offers a session only under the one that it comes from.
    pub fn config(self: &Arc<Self>, client: &TlsClient, way: Way) -> ClientConfig {
        let client = match way {
            Way::Tls13 => client.clone().tls13(),
            Way::Tls12Id | Way::Tls12Ticket => client.clone().tls12(),
        };
        let mut config = client.config();
        config.resumption = Resumption::store(Arc::clone(self) as _).tls12_resumption(match way {
            Way::Tls12Id => Tls12Resumption::SessionIdOnly,
            _ => Tls12Resumption::SessionIdOrTickets,
        });
        config
    }

    pub fn has_session(&self) -> bool {
        self.tls12.lock().unwrap().is_some() || !self.tls13.lock().unwrap().is_empty()
    }
}

impl ClientSessionStore for Wallet {
    fn set_kx_hint(&self, _: rustls::pki_types::ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &rustls::pki_types::ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(
        &self,
        _: rustls::pki_types::ServerName<'static>,
        value: Tls12ClientSessionValue,
    ) {
        *self.tls12.lock().unwrap() = Some(value);
    }

    fn tls12_session(
        &self,
        _: &rustls::pki_types::ServerName<'_>,
    ) -> Option<Tls12ClientSessionValue> {
        self.tls12.lock().unwrap().clone()
    }

    fn remove_tls12_session(&self, _: &rustls::pki_types::ServerName<'static>) {}

    fn insert_tls13_ticket(
        &self,
        _: rustls::pki_types::ServerName<'static>,
        value: Tls13ClientSessionValue,
    ) {
        self.tls13.lock().unwrap().push_back(value);
    }

    fn take_tls13_ticket(
        &self,
        _: &rustls::pki_types::ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        self.tls13.lock().unwrap().pop_back()
    }
}
