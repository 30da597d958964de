//! Connections whose bytes are passed on: the same clients, judged by the same trust and rules, and ended when it ends.

use std::time::Duration;

use countersign_snapshot::{
    Binding, ClientAuthMode, OriginScheme, OriginTls, OriginTrust, ProxyProtocol, Service,
    Snapshot, TcpService, TlsVersion,
};
use countersign_testkit::client::{AlertDescription, Connection, TlsClient, alert, body};
use countersign_testkit::origin::accept_tls;
use countersign_testkit::{Credential, Pki, wait};
use http::{Request, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{CLIENTS, OTHERS, World, ca_set};

/// A service that bytes are passed on to: tests take its connections one by one.
pub(crate) struct Peer(TcpListener);

impl Peer {
    pub(crate) async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    pub(crate) async fn accept(&self) -> TcpStream {
        let accepted = tokio::time::timeout(wait::PATIENCE, self.0.accept()).await;
        accepted.expect("a connection to the origin").unwrap().0
    }

    pub(crate) async fn has_a_connection(&self) -> bool {
        let soon = Duration::from_millis(50);
        tokio::time::timeout(soon, self.0.accept()).await.is_ok()
    }
}

pub(crate) fn tcp(proxy_protocol: ProxyProtocol) -> Service {
    Service::Tcp(TcpService {
        proxy_protocol,
        idle: Duration::from_secs(60),
        alpn: Vec::new(),
    })
}

pub(crate) fn binding(world: &World, mode: ClientAuthMode, service: Service) -> Binding {
    Binding {
        service,
        ..world.binding("a", &["a.test"], mode, &[CLIENTS])
    }
}

/// Makes the origin of a snapshot the one at this port.
pub(crate) fn to(port: u16) -> impl Fn(&mut Snapshot) {
    move |snapshot| {
        snapshot.origins[0].scheme = OriginScheme::Tcp;
        snapshot.origins[0].endpoints[0].port = port;
    }
}

/// A site for clients of [`CLIENTS`].
async fn site(mode: ClientAuthMode) -> (World, Peer) {
    let (world, peer) = (World::empty().await, Peer::start().await);
    let bindings = [binding(&world, mode, tcp(ProxyProtocol::Off))];
    world.activate_with(&bindings, to(peer.port())).await;
    (world, peer)
}

fn client(world: &World, credential: Option<&Credential>) -> TlsClient {
    let client = world.client("a.test").alpn(&[]);
    match credential {
        Some(credential) => client.presenting(credential),
        None => client,
    }
}

async fn connected(world: &World) -> Connection<TcpStream> {
    world.connect(&client(world, Some(&world.alice()))).await
}

/// Waits for the end of a connection, whatever kind it is.
async fn ended(stream: &mut (impl tokio::io::AsyncRead + Unpin)) {
    let mut rest = Vec::new();
    let read = stream.read_to_end(&mut rest);
    let end = tokio::time::timeout(wait::PATIENCE, read).await;
    let _ = end.expect("the end of the connection");
}

#[tokio::test]
async fn bytes_pass_both_ways_and_either_side_may_end_first() {
    let (world, peer) = site(ClientAuthMode::Require).await;
    let mut client = connected(&world).await.stream;
    let mut origin = peer.accept().await;
    client.write_all(b"hello").await.unwrap();
    client.shutdown().await.unwrap();
    let mut whole = Vec::new();
    origin.read_to_end(&mut whole).await.unwrap();
    assert_eq!(whole, b"hello");
    // The client said all that it has to say, and still listens.
    let large = vec![7; 3_000_000];
    origin.write_all(&large).await.unwrap();
    origin.shutdown().await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer == large);
    let record = world
        .record("the connection", |record| record["event"] == "connection")
        .await;
    assert_eq!(record["protocol"], "tcp");
    assert_eq!(record["verdict"], "valid");
    assert_eq!(record["ca_set"], "clients");
    assert_eq!(record["server_name"], "a.test");
    assert_eq!(record["binding"], "a");
    assert_eq!(record["origin"], "main");
    assert_eq!(record["request_bytes"], 5);
    assert_eq!(record["response_bytes"], 3_000_000);
    assert_eq!(record["complete"], true);
    assert_eq!(record["reason"], Value::Null);
    let subject = record["client_subject"].as_str().unwrap();
    assert!(subject.contains("CN=alice"), "{subject}");
}

#[tokio::test]
async fn a_required_certificate_is_required_in_the_handshake() {
    let (world, peer) = site(ClientAuthMode::Require).await;
    let stranger = world.others.client("mallory").issue();
    for (credential, expected) in [
        (None, AlertDescription::CertificateRequired),
        (Some(&stranger), AlertDescription::UnknownCA),
    ] {
        let client = client(&world, credential);
        let refused = match client.connect(world.edge.local_addr()).await {
            Ok(mut connection) => connection.exchange(b"hello").await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(alert(&refused), Some(expected));
    }
    assert!(!peer.has_a_connection().await);
    world
        .record("the refusal", |record| {
            record["event"] == "handshake_refused" && record["reason"] == "missing"
        })
        .await;
}

#[tokio::test]
async fn what_the_rules_refuse_does_not_reach_the_origin() {
    let (world, peer) = site(ClientAuthMode::Request).await;
    let expired = world
        .clients
        .client("old")
        .expired(countersign_testkit::NOW)
        .issue();
    let stranger = world.others.client("mallory").issue();
    for (credential, reason) in [
        (None, "missing"),
        (Some(&stranger), "unknown_issuer"),
        (Some(&expired), "expired"),
    ] {
        let mut connection = world.connect(&client(&world, credential)).await;
        assert_eq!(connection.exchange(b"hello").await.unwrap(), b"");
        let record = world
            .record("the refusal", |record| {
                record["event"] == "connection" && record["reason"] == reason
            })
            .await;
        assert_eq!(record["origin_address"], Value::Null);
    }
    assert!(!peer.has_a_connection().await);
    // The rule about all paths is about connections too.
    let denied = r#"{"rules":{"name":"default","behaviors":[{"name":"origin","options":{"originId":"main"}}],"children":[{"name":"closed",
        "criteria":[{"name":"path","options":{"matchOperator":"MATCHES_ONE_OF","values":["/*"]}}],
        "behaviors":[{"name":"denyAccess","options":{"reason":"closed"}}]}]},"ruleFormat":"latest"}"#;
    let bindings = [Binding {
        rules: denied.to_owned(),
        ..binding(&world, ClientAuthMode::Request, tcp(ProxyProtocol::Off))
    }];
    world.activate_with(&bindings, to(peer.port())).await;
    let mut connection = connected(&world).await;
    assert_eq!(connection.exchange(b"hello").await.unwrap(), b"");
    let record = world
        .record("the refusal", |record| record["reason"] == "denied_by_rule")
        .await;
    assert_eq!(record["detail"], "closed");
    assert!(!peer.has_a_connection().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_ends_within_a_second_when_its_client_loses_trust() {
    for mode in [ClientAuthMode::Require, ClientAuthMode::Request] {
        let (world, peer) = site(mode).await;
        let mut client = connected(&world).await.stream;
        let mut origin = peer.accept().await;
        client.write_all(b"half of a").await.unwrap();
        let mut got = [0; 9];
        origin.read_exact(&mut got).await.unwrap();
        let successor = Pki::new().root("Successor");
        let bindings = [binding(&world, mode, tcp(ProxyProtocol::Off))];
        let began = std::time::Instant::now();
        world
            .activate_with(&bindings, |snapshot| {
                to(peer.port())(snapshot);
                snapshot.ca_sets[0] = ca_set(CLIENTS, "clients", &successor);
            })
            .await;
        ended(&mut client).await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
        // The origin does not take the half for the whole.
        let cut = origin.read(&mut got).await.unwrap_err();
        assert_eq!(cut.kind(), std::io::ErrorKind::ConnectionReset);
        let record = world
            .record("the connection", |record| record["event"] == "connection")
            .await;
        assert_eq!(record["reason"], "unknown_issuer");
        assert_eq!(record["complete"], false);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_ends_when_the_rules_or_the_service_of_its_name_change() {
    for change in [
        |binding: &mut Binding| {
            // Valid for one CA set, and the other is asked for now.
            binding.rules = binding.rules.replace("\"1\"", "\"2\"");
        },
        |binding: &mut Binding| binding.names = vec!["b.test".parse().unwrap()],
    ] {
        let (world, peer) = (World::empty().await, Peer::start().await);
        let mut bindings = [Binding {
            service: tcp(ProxyProtocol::Off),
            ..world.binding(
                "a",
                &["a.test"],
                ClientAuthMode::Request,
                &[CLIENTS, OTHERS],
            )
        }];
        bindings[0].rules = binding(&world, ClientAuthMode::Request, Service::Http).rules;
        world.activate_with(&bindings, to(peer.port())).await;
        let mut client = connected(&world).await.stream;
        let mut origin = peer.accept().await;
        // One that stays, although the snapshot is another.
        world.activate_with(&bindings, to(peer.port())).await;
        client.write_all(b"on").await.unwrap();
        origin.read_exact(&mut [0; 2]).await.unwrap();
        change(&mut bindings[0]);
        world.activate_with(&bindings, to(peer.port())).await;
        ended(&mut client).await;
    }
}

#[tokio::test]
async fn a_name_that_passes_bytes_on_has_no_requests() {
    let (world, peer) = (World::empty().await, Peer::start().await);
    let http = world.binding("b", &["b.test"], ClientAuthMode::Request, &[CLIENTS]);
    let mut http = Binding {
        origin: "web".parse().unwrap(),
        ..http
    };
    http.rules = http.rules.replace("\"main\"", "\"web\"");
    let bindings = [
        binding(&world, ClientAuthMode::Request, tcp(ProxyProtocol::Off)),
        http,
    ];
    world
        .activate_with(&bindings, |snapshot| {
            let web = countersign_snapshot::Origin {
                id: "web".parse().unwrap(),
                ..snapshot.origins[0].clone()
            };
            to(peer.port())(snapshot);
            snapshot.origins.push(web);
        })
        .await;
    // Same certificate, same client policy: a client of HTTP/2 could take the connection for both names.
    let alice = world.alice();
    let client = world.client("b.test").alpn(&["h2"]).presenting(&alice);
    let mut http = world.connect(&client).await.http().await.unwrap();
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    let request = Request::get("https://a.test/").body(body(""));
    let response = http.send(request.unwrap()).await.unwrap();
    assert_eq!(response.status, StatusCode::MISDIRECTED_REQUEST);
    assert!(!peer.has_a_connection().await);
    // And not over QUIC.
    let quic = world.client("a.test").alpn(&["h3"]).presenting(&alice);
    assert!(quic.quic(world.quic_addr()).await.is_err());
}

#[tokio::test]
async fn an_application_protocol_is_agreed_to_where_one_is_named() {
    let (world, peer) = (World::empty().await, Peer::start().await);
    let service = Service::Tcp(TcpService {
        proxy_protocol: ProxyProtocol::V2,
        idle: Duration::from_secs(60),
        alpn: vec!["postgresql".into()],
    });
    let bindings = [binding(&world, ClientAuthMode::Require, service)];
    world.activate_with(&bindings, to(peer.port())).await;
    let alice = world.alice();
    let with = |alpn: &[&str]| client(&world, Some(&alice)).alpn(alpn);
    let connection = world.connect(&with(&["postgresql"])).await;
    assert_eq!(connection.alpn().as_deref(), Some("postgresql"));
    let header = header(&mut peer.accept().await).await;
    assert_eq!(header.extension(0x01), Some(&b"postgresql"[..]));
    let refused = with(&["h2"]).connect(world.edge.local_addr()).await;
    assert_eq!(
        alert(&refused.unwrap_err()),
        Some(AlertDescription::NoApplicationProtocol)
    );
}

#[tokio::test]
async fn a_silent_connection_is_closed_and_a_drain_waits_until_its_deadline() {
    let (world, peer) = (World::empty().await, Peer::start().await);
    let service = |idle| {
        Service::Tcp(TcpService {
            proxy_protocol: ProxyProtocol::Off,
            idle,
            alpn: Vec::new(),
        })
    };
    let short = [binding(
        &world,
        ClientAuthMode::Require,
        service(Duration::from_millis(100)),
    )];
    world.activate_with(&short, to(peer.port())).await;
    let mut client = connected(&world).await.stream;
    ended(&mut client).await;
    world
        .record("the silence", |record| {
            record["detail"] == "no byte came for too long"
        })
        .await;
    let long = [binding(
        &world,
        ClientAuthMode::Require,
        service(Duration::from_secs(60)),
    )];
    world.activate_with(&long, to(peer.port())).await;
    peer.accept().await;
    let mut client = connected(&world).await.stream;
    let mut origin = peer.accept().await;
    let edge = world.edge.clone();
    let drain = tokio::spawn(async move { edge.drain(wait::PATIENCE).await });
    // New ones are refused, this one lives on, and its end is the end of the drain.
    wait::until_async("the end of listening", async || {
        match TcpStream::connect(world.edge.local_addr()).await {
            Ok(_) => Err("still listening"),
            Err(_) => Ok(()),
        }
    })
    .await;
    client.write_all(b"on").await.unwrap();
    origin.read_exact(&mut [0; 2]).await.unwrap();
    client.shutdown().await.unwrap();
    drop(origin);
    ended(&mut client).await;
    assert_eq!(drain.await.unwrap(), 0);
}

#[tokio::test]
async fn a_connection_is_cut_off_at_the_deadline_of_a_drain() {
    let (world, peer) = site(ClientAuthMode::Require).await;
    let mut client = connected(&world).await.stream;
    let mut origin = peer.accept().await;
    assert_eq!(world.edge.drain(Duration::ZERO).await, 1);
    ended(&mut client).await;
    ended(&mut origin).await;
}

#[tokio::test]
async fn an_origin_that_is_not_there_is_an_end_with_a_reason() {
    let (world, peer) = site(ClientAuthMode::Require).await;
    drop(peer);
    let mut connection = connected(&world).await;
    assert_eq!(connection.exchange(b"hello").await.unwrap(), b"");
    let record = world
        .record("the connection", |record| record["event"] == "connection")
        .await;
    assert_eq!(record["reason"], "origin_unreachable");
}

#[tokio::test]
async fn an_origin_with_tls_is_verified_and_gets_the_header_before_it() {
    let (world, peer) = (World::empty().await, Peer::start().await);
    let bindings = [binding(
        &world,
        ClientAuthMode::Require,
        tcp(ProxyProtocol::V1),
    )];
    let root = Pki::new().root("Origin Root");
    let credential = root.server(["db.test"]).issue();
    let trusting = |authority: Vec<u8>| {
        let port = peer.port();
        move |snapshot: &mut Snapshot| {
            to(port)(snapshot);
            snapshot.origins[0].scheme = OriginScheme::Tls(OriginTls {
                trust: OriginTrust::Bundle(vec![authority]),
                server_name: Some("db.test".into()),
                minimum_version: TlsVersion::Tls13,
                client_credential: None,
            });
        }
    };
    world
        .activate_with(&bindings, trusting(root.der().to_vec()))
        .await;
    let mut client = connected(&world).await.stream;
    let mut stream = peer.accept().await;
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.unwrap());
    }
    assert!(
        line.starts_with(b"PROXY TCP4 127.0.0.1 127.0.0.1 "),
        "{line:?}"
    );
    let mut origin = accept_tls(stream, &credential).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    let mut got = [0; 5];
    origin.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"hello");
    let stranger = Pki::new().root("Other Root");
    world
        .activate_with(&bindings, trusting(stranger.der().to_vec()))
        .await;
    let mut refused = connected(&world).await;
    let (answer, ()) = tokio::join!(refused.exchange(b"hello"), async {
        let mut stream = peer.accept().await;
        while stream.read_u8().await.unwrap() != b'\n' {}
        let _ = accept_tls(stream, &credential).await;
    });
    assert_eq!(answer.unwrap(), b"");
    world
        .record("the refusal", |record| {
            record["reason"] == "origin_untrusted"
        })
        .await;
}

/// A header of version 2, taken apart.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) addresses: String,
    extensions: Vec<(u8, Vec<u8>)>,
}

impl Header {
    pub(crate) fn extension(&self, kind: u8) -> Option<&[u8]> {
        let found = self.extensions.iter().find(|(known, _)| *known == kind);
        found.map(|(_, value)| value.as_slice())
    }

    pub(crate) fn text(&self, kind: u8) -> Option<String> {
        self.extension(kind)
            .map(|value| String::from_utf8(value.to_vec()).unwrap())
    }

    /// Flags, verification, and what there is below.
    pub(crate) fn ssl(&self) -> (u8, u32, Header) {
        let ssl = self.extension(0x20).unwrap();
        let below = Self {
            addresses: String::new(),
            extensions: extensions(&ssl[5..]),
        };
        (
            ssl[0],
            u32::from_be_bytes(ssl[1..5].try_into().unwrap()),
            below,
        )
    }
}

fn extensions(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let end = 3 + usize::from(u16::from_be_bytes([bytes[1], bytes[2]]));
        all.push((bytes[0], bytes[3..end].to_vec()));
        bytes = &bytes[end..];
    }
    all
}

/// Reads the header that a connection begins with (`proxy-protocol.txt` §2.2).
pub(crate) async fn header(stream: &mut TcpStream) -> Header {
    let mut start = [0; 16];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start[..12], b"\r\n\r\n\0\r\nQUIT\n");
    assert_eq!(start[12], 0x21);
    let mut rest = vec![0; usize::from(u16::from_be_bytes([start[14], start[15]]))];
    stream.read_exact(&mut rest).await.unwrap();
    assert_eq!(start[13], 0x11, "TCP over IPv4");
    let ip = |at: usize| {
        format!(
            "{}.{}.{}.{}",
            rest[at],
            rest[at + 1],
            rest[at + 2],
            rest[at + 3]
        )
    };
    let port = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
    Header {
        addresses: format!("{}:{} {}:{}", ip(0), port(8), ip(4), port(10)),
        extensions: extensions(&rest[12..]),
    }
}

#[tokio::test]
async fn the_origin_is_told_who_the_client_is_as_far_as_that_is_verified() {
    let (world, peer) = (World::empty().await, Peer::start().await);
    let mut bindings = [binding(
        &world,
        ClientAuthMode::Request,
        tcp(ProxyProtocol::V2),
    )];
    // Whoever comes is let in, and the log says who would not have been.
    bindings[0].rules = bindings[0]
        .rules
        .replace("\"enableDenyRequest\":true", "\"enableDenyRequest\":false");
    let alice = world.alice();
    let stranger = world.others.client("mallory").issue();
    for (proxy_protocol, shown, flags, verify, name) in [
        (ProxyProtocol::V2, Some(&alice), 0x07, 0, Some("alice")),
        (ProxyProtocol::V2, Some(&stranger), 0x07, 1, None),
        (ProxyProtocol::V2, None, 0x01, 1, None),
        (
            ProxyProtocol::V2WithCertificate,
            Some(&alice),
            0x07,
            0,
            Some("alice"),
        ),
        (
            ProxyProtocol::V2WithCertificate,
            Some(&stranger),
            0x07,
            1,
            None,
        ),
    ] {
        bindings[0].service = tcp(proxy_protocol);
        world.activate_with(&bindings, to(peer.port())).await;
        let client = &client(&world, shown);
        let connection = world.connect(client).await;
        let header = header(&mut peer.accept().await).await;
        let from = connection.stream.get_ref().0.local_addr().unwrap();
        let to = world.edge.local_addr();
        assert_eq!(header.addresses, format!("{from} {to}"));
        assert_eq!(header.text(0x02).as_deref(), Some("a.test"));
        let (client, verified, ssl) = header.ssl();
        assert_eq!((client, verified), (flags, verify));
        assert_eq!(ssl.text(0x21).as_deref(), Some("TLSv1.3"));
        assert_eq!(ssl.text(0x22).as_deref(), name);
        assert!(ssl.text(0x23).unwrap().starts_with("TLS_"), "{ssl:?}");
        assert_eq!(ssl.text(0x24).as_deref(), Some("ecdsa-with-SHA256"));
        assert_eq!(ssl.text(0x25).as_deref(), Some("EC256"));
        assert_eq!(ssl.text(0x26).as_deref(), Some("X25519MLKEM768"));
        let is_told = proxy_protocol == ProxyProtocol::V2WithCertificate && verify == 0;
        assert_eq!(ssl.extension(0x28), is_told.then(|| alice.der()));
        assert_eq!(header.extension(0x03).unwrap().len(), 4);
        drop(connection);
        let id = header.text(0x05).unwrap();
        let record = world
            .record("the connection of that id", |record| {
                record["request_id"] == id
            })
            .await;
        assert_eq!(record["would_deny"].is_null(), verify == 0, "{record}");
    }
}

#[tokio::test]
async fn a_resumed_session_is_told_as_one_and_has_the_same_identity() {
    let (world, peer) = (World::empty().await, Peer::start().await);
    let bindings = [binding(
        &world,
        ClientAuthMode::Require,
        tcp(ProxyProtocol::V2),
    )];
    world.activate_with(&bindings, to(peer.port())).await;
    let alice = client(&world, Some(&world.alice()));
    let mut first = world.connect(&alice).await;
    let mut origin = peer.accept().await;
    header(&mut origin).await;
    // The ticket comes with what the server writes.
    origin.write_all(b"x").await.unwrap();
    first.stream.read_exact(&mut [0]).await.unwrap();
    let second = world.connect(&alice).await;
    assert!(second.resumed());
    let (flags, verify, ssl) = header(&mut peer.accept().await).await.ssl();
    assert_eq!((flags, verify), (0x05, 0));
    assert_eq!(ssl.text(0x22).as_deref(), Some("alice"));
    assert_eq!(ssl.text(0x25).as_deref(), Some("EC256"));
}

#[tokio::test]
async fn a_header_is_believed_from_trusted_fronts_and_read_from_nobody_else() {
    let (world, peer) = (World::empty().await, Peer::start().await);
    let bindings = [
        binding(&world, ClientAuthMode::Require, tcp(ProxyProtocol::V1)),
        Binding {
            origin: "web".parse().unwrap(),
            ..world.open_binding("open", &["open.test"])
        },
    ];
    world
        .activate_with(&bindings, |snapshot| {
            let web = countersign_snapshot::Origin {
                id: "web".parse().unwrap(),
                ..snapshot.origins[0].clone()
            };
            to(peer.port())(snapshot);
            snapshot.origins.push(web);
        })
        .await;
    let behind = world.restart_behind("127.0.0.0/8").await;
    let told = b"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n";
    let alice = client(&world, Some(&world.alice()));
    let connect = async |address, header: &[u8]| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(header).await.unwrap();
        stream
    };
    // Bytes.
    let stream = connect(behind.local_addr(), told).await;
    let _client = alice.handshake(stream).await.unwrap();
    let mut line = [0; 44];
    peer.accept().await.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, told);
    // HTTP.
    let stream = connect(behind.local_addr(), told).await;
    let http = world.client("open.test").handshake(stream).await.unwrap();
    let response = http.http().await.unwrap().get("/").await.unwrap();
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(world.origin.last().header("x-forwarded-for"), ["192.0.2.7"]);
    // A front has to say for whom it speaks, and may say that it is for itself.
    let stream = connect(behind.local_addr(), b"").await;
    assert!(alice.handshake(stream).await.is_err());
    let stream = connect(behind.local_addr(), b"PROXY UNKNOWN\r\n").await;
    assert!(alice.handshake(stream).await.is_ok());
    // A client is not believed.
    let stream = connect(world.edge.local_addr(), told).await;
    assert!(alice.handshake(stream).await.is_err());
    behind.flush_access_log().await;
    let refusals: Vec<_> = world
        .log
        .records()
        .into_iter()
        .filter(|record| record["event"] == "handshake_refused")
        .collect();
    assert!(
        refusals.iter().any(|record| record["detail"]
            == "the connection of a trusted front does not begin with a PROXY header"),
        "{refusals:?}"
    );
}
