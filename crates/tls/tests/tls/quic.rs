//! The same over QUIC: one lookup, one policy, one decision (threats C2.2 to C2.4).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::{HttpVersions, TlsVersion};
use countersign_testkit::Credential;
use countersign_testkit::client::TlsClient;
use countersign_tls::quic::{AcceptedQuic, QuicEndpoint};
use countersign_tls::{Alpn, HandshakeFault, RefusedHandshake};
use countersign_trust::{Reason, Verdict};
use quinn::{ConnectionError, Endpoint, ServerConfig, TokioRuntime};
use quinn_proto::crypto::Session;
use quinn_proto::crypto::rustls::QuicClientConfig;
use quinn_proto::transport_parameters::TransportParameters;
use rustls::AlertDescription as Told;
use rustls::pki_types::ServerName;
use rustls::quic::{ClientConnection, Version};
use tokio::net::UdpSocket;

use crate::support::*;

/// A client of HTTP/3.
fn h3() -> TlsClient {
    client().tls13().alpn(&["h3"])
}

/// A node behind a UDP socket.
struct Listener {
    node: Arc<Node>,
    crypto: QuicEndpoint,
    endpoint: Endpoint,
    config: ServerConfig,
}

#[derive(Debug)]
struct Meeting {
    server: Result<AcceptedQuic, RefusedHandshake>,
    /// Ends with the greeting that the server said, or with what it was told.
    client: Result<Vec<u8>, ConnectionError>,
}

impl Listener {
    fn new(node: Node) -> Self {
        let crypto = QuicEndpoint::new(&node.context, "node-1").unwrap();
        let config = crypto.server_config();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::new(
            crypto.endpoint_config(),
            Some(config.clone()),
            socket,
            Arc::new(TokioRuntime),
        )
        .unwrap();
        Self {
            node: Arc::new(node),
            crypto,
            endpoint,
            config,
        }
    }

    fn address(&self) -> SocketAddr {
        self.endpoint.local_addr().unwrap()
    }

    async fn accept(&self, incoming: quinn::Incoming) -> Result<AcceptedQuic, RefusedHandshake> {
        let node = Arc::clone(&self.node);
        let (crypto, handshake) = self.crypto.begin(move |name| node.lookup(name));
        let mut config = self.config.clone();
        config.crypto = crypto;
        let connection = match incoming.accept_with(Arc::new(config)) {
            Ok(connecting) => connecting.await,
            Err(error) => Err(error),
        };
        let connection = match connection {
            Ok(connection) => connection,
            Err(error) => return Err(handshake.failed(&error)),
        };
        let accepted = handshake.accepted()?;
        let mut stream = connection.open_uni().await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.finish().unwrap();
        let _ = stream.stopped().await;
        Ok(accepted)
    }

    async fn meet(&self, name: &str, client: &TlsClient) -> Meeting {
        self.meet_with(name, client.config()).await
    }

    async fn meet_with(&self, name: &str, config: rustls::ClientConfig) -> Meeting {
        let server = async { self.accept(self.endpoint.accept().await.unwrap()).await };
        let (server, client) = tokio::join!(server, visit_quic(self.address(), name, config));
        Meeting { server, client }
    }
}

impl Meeting {
    #[track_caller]
    fn welcome(self) -> AcceptedQuic {
        assert_eq!(self.client.expect("the client failed"), b"hello");
        self.server.expect("the server refused")
    }

    #[track_caller]
    fn refused(self, reason: Reason, told: Told) -> RefusedHandshake {
        let refused = self.server.expect_err("the server accepted");
        assert_eq!(refused.reason, reason, "{refused:?}");
        let error = self.client.expect_err("the client was let in");
        assert_eq!(alert_of(&error), Some(told), "{error:?}");
        assert_eq!(
            refused.alert.map(|alert| alert.code()),
            Some(u8::from(told))
        );
        refused
    }
}

fn alert_of(error: &ConnectionError) -> Option<Told> {
    let ConnectionError::ConnectionClosed(close) = error else {
        return None;
    };
    let code = u64::from(close.error_code);
    (0x100..0x200)
        .contains(&code)
        .then(|| Told::from(u8::try_from(code & 0xff).unwrap()))
}

fn client_endpoint() -> Endpoint {
    Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap()
}

fn quic_config(config: rustls::ClientConfig) -> quinn::ClientConfig {
    quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).unwrap()))
}

async fn visit_quic(
    address: SocketAddr,
    name: &str,
    config: rustls::ClientConfig,
) -> Result<Vec<u8>, ConnectionError> {
    let endpoint = client_endpoint();
    let connection = endpoint
        .connect_with(quic_config(config), address, name)
        .unwrap()
        .await?;
    let mut stream = connection.accept_uni().await?;
    let greeting = stream.read_to_end(100).await.unwrap();
    connection.close(0_u32.into(), b"");
    endpoint.wait_idle().await;
    Ok(greeting)
}

/// Threat C2.2: an upper-case name is not another binding, and a wildcard is not the default.
#[tokio::test]
async fn every_spelling_of_a_name_gets_its_binding_over_quic() {
    let authorities = Authorities::new();
    let listener = Listener::new(Node::new(&authorities));
    for name in ["a.test", "A.TEST", "a.TeSt", "X.Wild.test"] {
        listener
            .meet(name, &h3())
            .await
            .refused(Reason::Missing, Told::CertificateRequired);
        let accepted = listener
            .meet(name, &h3().presenting(&authorities.alice()))
            .await
            .welcome();
        assert_eq!(accepted.server_name.as_str(), name.to_ascii_lowercase());
        assert_eq!(accepted.facts.alpn, Alpn::Http3);
        assert_eq!(accepted.facts.version, TlsVersion::Tls13);
        assert!(accepted.verdicts.overall().is_valid());
    }
}

#[tokio::test]
async fn there_is_no_binding_without_a_known_name_over_quic() {
    let listener = Listener::new(Node::new(&Authorities::new()));
    for name in [
        "unknown.test",
        "wild.test",
        "a.b.wild.test",
        "a.test.evil.test",
    ] {
        let refused = listener
            .meet(name, &h3())
            .await
            .refused(Reason::UnknownServerName, Told::UnrecognisedName);
        assert_eq!(refused.server_name.unwrap().as_str(), name);
    }
    listener
        .meet("127.0.0.1", &h3())
        .await
        .refused(Reason::NoServerName, Told::UnrecognisedName);
    listener
        .meet("open.test", &h3().without_sni())
        .await
        .refused(Reason::NoServerName, Told::UnrecognisedName);
}

/// Invariant I2, threat C2.3: for every name and every client, QUIC decides as TCP does.
#[tokio::test]
async fn quic_decides_as_tcp_does() {
    use countersign_testkit::{NOW, Tbs, pki::eku};
    let authorities = Authorities::new();
    let a = &authorities.a;
    let listener = Listener::new(Node::new(&authorities));
    let clients: [Option<Credential>; 8] = [
        None,
        Some(authorities.alice()),
        Some(authorities.bob()),
        Some(a.client("late").expired(NOW).issue()),
        Some(a.client("early").not_yet_valid(NOW).issue()),
        Some(
            a.client("purpose")
                .extended_key_usage(&[eku::SERVER_AUTH])
                .issue(),
        ),
        Some(a.client("v1").edit(Tbs::make_version_1).issue()),
        Some(
            authorities
                .alice()
                .with_key(countersign_testkit::Key::generate(
                    countersign_testkit::KeyKind::P256,
                )),
        ),
    ];
    for name in [
        "a.test",
        "B.test",
        "ask.test",
        "open.test",
        "x.WILD.test",
        "none.test",
    ] {
        for credential in &clients {
            let present = |client: TlsClient| match credential {
                Some(credential) => client.presenting(credential),
                None => client,
            };
            let tcp = listener.node.meet(name, &present(client().tls13())).await;
            let Meeting {
                server,
                client: quic_told,
            } = listener.meet(name, &present(h3())).await;
            match (tcp.server, server) {
                (Ok(tcp), Ok(quic)) => {
                    assert_eq!(tcp.server_name, quic.server_name);
                    assert_eq!(
                        tcp.binding.policy_identity(),
                        quic.binding.policy_identity()
                    );
                    assert_eq!(
                        format!("{:?}", tcp.verdicts),
                        format!("{:?}", quic.verdicts),
                        "{name}"
                    );
                }
                (Err(tcp), Err(quic)) => {
                    assert_eq!(
                        (tcp.reason, tcp.alert, tcp.server_name),
                        (quic.reason, quic.alert, quic.server_name)
                    );
                    assert_eq!(
                        tcp.peer.map(|chain| chain.digest()),
                        quic.peer.map(|chain| chain.digest())
                    );
                    let told = alert_of(&quic_told.expect_err("the client was let in"));
                    assert_eq!(
                        told.map(u8::from),
                        tcp.alert.map(|alert| alert.code()),
                        "{name}"
                    );
                }
                (tcp, quic) => panic!("{name}: {tcp:?} over TCP, {quic:?} over QUIC"),
            }
        }
    }
}

/// The session itself, to be given bytes as the network may give them.
struct RawSession {
    session: Box<dyn Session>,
    handshake: Option<countersign_tls::quic::QuicHandshake>,
}

impl RawSession {
    fn new(node: &Arc<Node>) -> Self {
        let crypto = QuicEndpoint::new(&node.context, "node-1").unwrap();
        let node = Arc::clone(node);
        let (config, handshake) = crypto.begin(move |name| node.lookup(name));
        Self {
            session: config.start_session(1, &no_parameters()),
            handshake: Some(handshake),
        }
    }

    /// What the server says to these pieces: its first flight, or the alert.
    fn read(&mut self, pieces: &[&[u8]]) -> Result<Vec<u8>, u64> {
        for piece in pieces {
            self.session
                .read_handshake(piece)
                .map_err(|error| u64::from(error.code))?;
        }
        let mut answer = Vec::new();
        while self.session.write_handshake(&mut answer).is_some() {}
        Ok(answer)
    }

    fn refused(mut self) -> RefusedHandshake {
        self.handshake
            .take()
            .unwrap()
            .failed(&ConnectionError::Reset)
    }
}

fn no_parameters() -> TransportParameters {
    TransportParameters::read(quinn_proto::Side::Server, &mut [].as_slice()).unwrap()
}

fn client_hello(name: &str) -> Vec<u8> {
    let mut parameters = Vec::new();
    no_parameters().write(&mut parameters);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client =
        ClientConnection::new(Arc::new(h3().config()), Version::V1, name, parameters).unwrap();
    let mut hello = Vec::new();
    assert!(client.write_hs(&mut hello).is_none());
    assert!(
        hello.len() > 1200,
        "the hybrid key share does not fit into one packet"
    );
    hello
}

/// Threat C2.4: wherever the frames end, the binding is the same.
#[tokio::test]
async fn a_client_hello_cut_at_any_byte_gets_the_same_binding_over_quic() {
    let node = Arc::new(Node::new(&Authorities::new()));
    let unrecognised = 0x100 + u64::from(u8::from(Told::UnrecognisedName));
    let (known, unknown) = (client_hello("a.TEST"), client_hello("unknown.test"));
    for cut in 0..=unknown.len() {
        let (first, second) = unknown.split_at(cut);
        let mut session = RawSession::new(&node);
        assert_eq!(
            session.read(&[first, second]),
            Err(unrecognised),
            "cut at {cut}"
        );
        assert_eq!(
            session.refused().server_name.unwrap().as_str(),
            "unknown.test"
        );
    }
    for cut in (0..=known.len()).step_by(97) {
        let (first, second) = known.split_at(cut);
        assert!(
            RawSession::new(&node).read(&[first, second]).unwrap().len() > 500,
            "cut at {cut}"
        );
    }
    let bytes: Vec<&[u8]> = known.chunks(1).collect();
    assert!(RawSession::new(&node).read(&bytes).unwrap().len() > 500);
}

/// What is not a ClientHello, or never becomes a whole one, reaches no binding (threat C5.4).
#[tokio::test]
async fn a_first_message_that_is_no_client_hello_is_refused() {
    let node = Arc::new(Node::new(&Authorities::new()));
    let alert = |told: Told| Err(0x100 + u64::from(u8::from(told)));
    let read = |pieces: &[&[u8]]| RawSession::new(&node).read(pieces);
    assert_eq!(read(&[&[20, 0, 0, 0]]), alert(Told::UnexpectedMessage));
    assert_eq!(read(&[&[1, 0, 0, 4, 1, 2, 3, 4]]), alert(Told::DecodeError));
    // By its declared length, before anything of it is kept.
    assert_eq!(read(&[&[1, 1, 0, 0]]), alert(Told::DecodeError));
    let mut session = RawSession::new(&node);
    assert_eq!(session.read(&[&[1, 1], &[0, 0]]), alert(Told::DecodeError));
    assert!(matches!(
        session.refused().fault,
        HandshakeFault::ClientHelloTooLarge { limit: 65_536 }
    ));
    // A refused session stays refused.
    let mut session = RawSession::new(&node);
    assert!(session.read(&[&[20, 0, 0, 0]]).is_err());
    assert!(session.read(&[&client_hello("open.test")]).is_err());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_session_panic(garbage in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), at in 0_usize..1500) {
        thread_local! {
            static NODE: Arc<Node> = Arc::new(Node::new(&Authorities::new()));
            static HELLO: Vec<u8> = client_hello("open.test");
        }
        let _ = NODE.with(RawSession::new).read(&[&garbage]);
        let mut damaged = HELLO.with(Clone::clone);
        for (to, from) in damaged.iter_mut().skip(at).zip(&garbage) {
            *to = *from;
        }
        let _ = NODE.with(RawSession::new).read(&[&damaged]);
    }
}

/// Threat C2.4: the packets of one ClientHello arrive the other way round.
#[tokio::test]
async fn a_client_hello_in_reordered_packets_gets_its_binding() {
    let authorities = Authorities::new();
    let listener = Listener::new(Node::new(&authorities));
    let relay = Relay::swapping_the_first_two(listener.address()).await;
    let alice = h3().presenting(&authorities.alice());
    for (client, valid) in [(alice, true), (h3(), false)] {
        let relay = Relay::swapping_the_first_two(listener.address()).await;
        let server = async {
            listener
                .accept(listener.endpoint.accept().await.unwrap())
                .await
        };
        let (server, visited) =
            tokio::join!(server, visit_quic(relay.address, "A.test", client.config()));
        assert_eq!(server.is_ok(), valid, "{server:?}");
        assert_eq!(visited.is_ok(), valid, "{visited:?}");
    }
    drop(relay);
}

/// Passes datagrams between one client and the server.
struct Relay {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Relay {
    async fn swapping_the_first_two(server: SocketAddr) -> Self {
        let near = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        far.connect(server).await.unwrap();
        let address = near.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
            let mut held = None;
            let mut client = None;
            let mut seen = 0;
            loop {
                tokio::select! {
                    received = near.recv_from(&mut up) => {
                        let (length, from) = received.unwrap();
                        client = Some(from);
                        seen += 1;
                        if seen == 1 {
                            held = Some(up[..length].to_vec());
                            continue;
                        }
                        far.send(&up[..length]).await.unwrap();
                        if let Some(first) = held.take() {
                            far.send(&first).await.unwrap();
                        }
                    }
                    received = far.recv(&mut down) => {
                        let length = received.unwrap();
                        near.send_to(&down[..length], client.unwrap()).await.unwrap();
                    }
                }
            }
        });
        Self { address, task }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Threats C1.7, C5.6: sessions come back with their identity, and never with early data.
#[tokio::test]
async fn a_session_resumes_over_quic_without_early_data() {
    let authorities = Authorities::new();
    let listener = Listener::new(Node::new(&authorities));
    let alice = authorities.alice();
    for name in ["a.test", "open.test"] {
        let mut config = h3().presenting(&alice).config();
        config.enable_early_data = true;
        let config = quic_config(config);
        let endpoint = client_endpoint();
        for visit in 0..3 {
            let client = async {
                let connecting = endpoint
                    .connect_with(config.clone(), listener.address(), name)
                    .unwrap();
                let connecting = connecting
                    .into_0rtt()
                    .map(|_| ())
                    .expect_err("early data was offered");
                let connection = connecting.await.unwrap();
                connection
                    .accept_uni()
                    .await
                    .unwrap()
                    .read_to_end(100)
                    .await
                    .unwrap();
                connection.close(0_u32.into(), b"");
            };
            let server = async {
                listener
                    .accept(listener.endpoint.accept().await.unwrap())
                    .await
                    .unwrap()
            };
            let (accepted, ()) = tokio::join!(server, client);
            assert_eq!(accepted.facts.resumed, visit > 0);
            let chain = accepted
                .peer
                .chain()
                .map(|chain| chain.leaf().der().to_vec());
            assert_eq!(chain, (name == "a.test").then(|| alice.der().to_vec()));
        }
    }
}

/// Threats C1.3 to C1.6: a policy that changed, and a certificate that ended, end the sessions.
#[tokio::test]
async fn a_session_does_not_outlive_its_policy_or_its_certificate_over_quic() {
    use countersign_snapshot::VersionNumber;
    use countersign_testkit::NOW;
    let authorities = Authorities::new();
    let short = authorities
        .a
        .client("short")
        .valid(NOW - 10, NOW + 20)
        .issue();
    let config = h3().presenting(&short).config();
    let mut listener = Listener::new(Node::new(&authorities));
    let resumed = async |listener: &Listener| {
        listener
            .meet_with("a.test", config.clone())
            .await
            .welcome()
            .facts
            .resumed
    };
    assert!(!resumed(&listener).await);
    assert!(resumed(&listener).await);
    Arc::get_mut(&mut listener.node)
        .unwrap()
        .change(|snapshot| snapshot.ca_sets[0].version = VersionNumber::new(2));
    assert!(!resumed(&listener).await);
    assert!(resumed(&listener).await);
    listener.node.clock.set(NOW + 21);
    listener
        .meet_with("a.test", config.clone())
        .await
        .refused(Reason::Expired, Told::CertificateExpired);
    Arc::get_mut(&mut listener.node)
        .unwrap()
        .change(|snapshot| {
            snapshot.ca_sets[0].certificates = snapshot.ca_sets[1].certificates.clone();
        });
    listener.node.clock.set(NOW);
    listener
        .meet_with("a.test", config)
        .await
        .refused(Reason::UnknownIssuer, Told::UnknownCA);
}

#[tokio::test]
async fn a_binding_without_room_for_http3_is_not_served_over_quic() {
    let mut listener = Listener::new(Node::new(&Authorities::new()));
    Arc::get_mut(&mut listener.node)
        .unwrap()
        .change(|snapshot| {
            snapshot.bindings[2].tls.maximum_version = TlsVersion::Tls12;
            snapshot.bindings[3].tls.http = HttpVersions::Http1;
        });
    for name in ["ask.test", "open.test"] {
        listener
            .meet(name, &h3())
            .await
            .refused(Reason::HandshakeFailed, Told::NoApplicationProtocol);
    }
    let other = client().tls13().alpn(&["hq-interop"]);
    listener
        .meet("a.test", &other)
        .await
        .refused(Reason::HandshakeFailed, Told::NoApplicationProtocol);
}

#[tokio::test]
async fn the_endpoint_itself_has_no_binding() {
    let listener = Listener::new(Node::new(&Authorities::new()));
    let server = async { listener.endpoint.accept().await.unwrap().await };
    let client = visit_quic(listener.address(), "open.test", h3().config());
    let (server, client) = tokio::join!(server, client);
    assert!(server.is_err());
    assert_eq!(alert_of(&client.unwrap_err()), Some(Told::UnrecognisedName));
}

/// RFC 9000 §8.1: under load, an address is proven before anything is computed for it.
#[tokio::test]
async fn a_client_can_be_asked_to_prove_its_address() {
    let authorities = Authorities::new();
    let listener = Listener::new(Node::new(&authorities));
    let client = h3().presenting(&authorities.alice());
    let server = async {
        let incoming = listener.endpoint.accept().await.unwrap();
        assert!(!incoming.remote_address_validated());
        incoming.retry().unwrap();
        let incoming = listener.endpoint.accept().await.unwrap();
        assert!(incoming.remote_address_validated());
        listener.accept(incoming).await
    };
    let (server, visited) = tokio::join!(
        server,
        visit_quic(listener.address(), "a.test", client.config())
    );
    assert!(matches!(
        server.unwrap().verdicts.overall(),
        Verdict::Valid(_)
    ));
    assert_eq!(visited.unwrap(), b"hello");
}

#[tokio::test]
async fn a_client_that_does_not_believe_the_server_says_so() {
    let authorities = Authorities::new();
    let listener = Listener::new(Node::new(&authorities));
    let meeting = listener
        .meet("a.test", &h3().trusting(&authorities.b))
        .await;
    let refused = meeting.server.unwrap_err();
    assert_eq!(refused.reason, Reason::HandshakeFailed);
    assert_eq!(refused.server_name.unwrap().as_str(), "a.test");
    let HandshakeFault::AlertReceived(alert) = refused.fault else {
        panic!("{:?}", refused.fault)
    };
    assert_eq!(alert.name(), "unknown_ca");
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_told_with_what_is_known() {
    let node = Arc::new(Node::new(&Authorities::new()));
    let mut session = RawSession::new(&node);
    session.read(&[&client_hello("a.test")]).unwrap();
    let refused = session
        .handshake
        .take()
        .unwrap()
        .timed_out(Duration::from_secs(10));
    assert_eq!(refused.reason, Reason::HandshakeTimeout);
    assert_eq!(refused.server_name.unwrap().as_str(), "a.test");
}
