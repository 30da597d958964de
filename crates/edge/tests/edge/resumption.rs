//! Sessions that come back, over real sockets (threats C1): only under the policy that they began under, on every node of the fleet, and
//! never with less than the full handshake knew.

use countersign_snapshot::{ClientAuthMode, VersionNumber};
use countersign_testkit::client::TlsClient;
use countersign_testkit::{Credential, NOW, OpenSsl};
use http::StatusCode;

use crate::world::{CLIENTS, OTHERS, World};

/// `a.test` requires a certificate of CLIENTS, `b.test` one of OTHERS, `c.test` asks for one of CLIENTS, `open.test` never asks.
async fn world() -> World {
    let world = World::empty().await;
    activate(&world).await;
    world
}

async fn activate(world: &World) {
    world
        .activate(&[
            world.binding("a", &["a.test"], ClientAuthMode::Require, &[CLIENTS]),
            world.binding("b", &["b.test"], ClientAuthMode::Require, &[OTHERS]),
            world.binding("c", &["c.test"], ClientAuthMode::Request, &[CLIENTS]),
            world.open_binding("open", &["open.test"]),
        ])
        .await;
}

/// A version of TLS.
type Version = fn(TlsClient) -> TlsClient;

/// Session tickets in TLS 1.2, and pre-shared keys in TLS 1.3. Sessions by id come from `openssl`, since rustls cannot leave its tickets out.
const VERSIONS: [(&str, Version); 2] = [("1.2", TlsClient::tls12), ("1.3", TlsClient::tls13)];

/// What became of one connection.
#[derive(Debug, Eq, PartialEq)]
enum Seen {
    /// Whether it was resumed, and what the origin was told about the client.
    Served(bool, Vec<String>),
    Refused,
}

/// Connects, asks once, and takes up the session that comes.
async fn visit(world: &World, address: std::net::SocketAddr, client: &TlsClient) -> Seen {
    let Ok(connection) = client.connect(address).await else {
        return Seen::Refused;
    };
    let resumed = connection.resumed();
    let mut http = connection.http().await.unwrap();
    match http.get("/open/x").await {
        Ok(response) if response.status == StatusCode::OK => Seen::Served(resumed, told(world)),
        _ => Seen::Refused,
    }
}

/// Everything that the origin is told about the client.
fn told(world: &World) -> Vec<String> {
    let received = world.origin.last();
    received
        .headers
        .iter()
        .filter(|(name, _)| {
            ["cert", "client", "akamai", "verdict"]
                .iter()
                .any(|part| name.contains(part))
        })
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

fn issued(world: &World) -> Credential {
    let issuing = world.clients.intermediate("Issuing");
    issuing.client("alice").dns("alice.test").issue()
}

/// Threat C1.7: the origin is told the same, byte for byte.
#[tokio::test]
async fn a_resumed_connection_tells_the_origin_what_the_first_one_did() {
    let world = world().await;
    let address = world.edge.local_addr();
    for name in ["a.test", "c.test"] {
        for (version, of_version) in VERSIONS {
            let client = of_version(world.client(name).presenting(&issued(&world)));
            let Seen::Served(false, first) = visit(&world, address, &client).await else {
                panic!("{name} {version}")
            };
            assert!(
                first
                    .iter()
                    .any(|line| line.starts_with("client-cert-chain"))
            );
            for _ in 0..3 {
                let again = visit(&world, address, &client).await;
                assert_eq!(again, Seen::Served(true, first.clone()), "{name} {version}");
            }
        }
    }
}

/// Threats C1.1, C1.2: a session of one name opens no other, whether it has a certificate or not.
#[tokio::test]
async fn a_session_of_one_name_opens_no_other_over_sockets() {
    let world = world().await;
    let address = world.edge.local_addr();
    let alice = world.alice();
    for (version, of_version) in VERSIONS {
        for (from, credential) in [
            ("open.test", None),
            ("c.test", None),
            ("a.test", Some(&alice)),
        ] {
            for to in ["a.test", "b.test"] {
                if from == to {
                    continue;
                }
                let mut client = world.client(from);
                if let Some(credential) = credential {
                    client = client.presenting(credential);
                }
                let client = of_version(client).offering_sessions_to_anyone();
                assert!(matches!(
                    visit(&world, address, &client).await,
                    Seen::Served(false, _)
                ));
                let offered = client.sessions().offered();
                let before = world.origin.received().len();
                let elsewhere = client.clone().for_server(to);
                assert_eq!(
                    visit(&world, address, &elsewhere).await,
                    Seen::Refused,
                    "{version}: {from} → {to}"
                );
                assert!(
                    client.sessions().offered() > offered,
                    "the session was offered"
                );
                assert_eq!(world.origin.received().len(), before);
            }
        }
    }
}

/// What `openssl s_client` has in its directory, and how it came in.
struct SClient<'w> {
    world: &'w World,
    openssl: OpenSsl,
}

impl SClient<'_> {
    /// One connection of TLS 1.2 without tickets to a name, as the client whose files begin with `who`, with the session that is given to it and
    /// keeping the one that it gets. The first line says whether the session was taken up, and the last whether it was served.
    async fn visit(&self, name: &str, who: Option<&str>, session: &str) -> Seen {
        let mut command = std::process::Command::new("openssl");
        let address = self.world.edge.local_addr().to_string();
        command
            .current_dir(self.openssl.path())
            .args(["s_client", "-connect", &address, "-servername", name])
            .args(["-tls1_2", "-no_ticket", "-ign_eof", "-sess_out", "kept"])
            .args(session.split_ascii_whitespace())
            .stdin(std::fs::File::open(self.openssl.path().join(name)).unwrap());
        if let Some(who) = who {
            command.args(["-cert", &format!("{who}.pem")]);
            command.args(["-key", &format!("{who}.key")]);
        }
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let said = String::from_utf8_lossy(&output.await.unwrap().stdout).into_owned();
        if !said.contains("HTTP/1.1 200") {
            return Seen::Refused;
        }
        assert!(!said.contains("TLS session ticket:"), "{said}");
        Seen::Served(said.contains("Reused, TLSv1.2"), told(self.world))
    }
}

/// Threats C1.1 to C1.6 with sessions that the node keeps and the client names by an id.
#[tokio::test]
async fn a_session_by_id_is_bound_to_its_name_its_policy_and_its_client_like_any_other() {
    let world = world().await;
    let alice = world.alice();
    let openssl = OpenSsl::new();
    openssl.write("alice.pem", &alice.pem());
    openssl.write("alice.key", &alice.key_pem());
    for name in ["a.test", "b.test", "c.test"] {
        let request = format!("GET /open/x HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
        openssl.write(name, &request);
    }
    let client = SClient {
        world: &world,
        openssl,
    };
    let alice_s = Some("alice");
    let Seen::Served(false, first) = client.visit("a.test", alice_s, "").await else {
        panic!("a new session")
    };
    assert!(first.iter().any(|line| line.contains("client-cert")));
    let keep = || {
        std::fs::copy(
            client.openssl.path().join("kept"),
            client.openssl.path().join("of-a"),
        )
    };
    keep().unwrap();
    // The client shows nothing: who it is comes out of the session alone.
    let again = client.visit("a.test", None, "-sess_in of-a").await;
    assert_eq!(again, Seen::Served(true, first.clone()));
    // It opens no other name, with or without a certificate of its own.
    for who in [None, alice_s] {
        let seen = client.visit("b.test", who, "-sess_in of-a").await;
        assert_eq!(seen, Seen::Refused);
    }
    let Seen::Served(false, nobody) = client.visit("c.test", None, "-sess_in of-a").await else {
        panic!("another name begins anew")
    };
    assert!(!nobody.iter().any(|line| line.starts_with("client-cert:")));
    // Nor does a session without a certificate open a name that requires one.
    let seen = client.visit("a.test", None, "-sess_in kept").await;
    assert_eq!(seen, Seen::Refused);
    // A new version of the CA set is another policy: the session is not taken up.
    world
        .activate_with(
            &[world.binding("a", &["a.test"], ClientAuthMode::Require, &[CLIENTS])],
            |snapshot| snapshot.ca_sets[0].version = VersionNumber::new(2),
        )
        .await;
    let seen = client.visit("a.test", None, "-sess_in of-a").await;
    assert_eq!(seen, Seen::Refused);
    let seen = client.visit("a.test", alice_s, "-sess_in of-a").await;
    assert_eq!(seen, Seen::Served(false, first));
    // Whoever is revoked does not come back with a session of this policy either.
    keep().unwrap();
    let certificate = countersign_trust::Fingerprint::of(alice.der());
    let revoked = countersign_trust::ManualRevocation::Certificate(certificate);
    world.revoke(vec![revoked], &[]).await;
    let seen = client.visit("a.test", alice_s, "-sess_in of-a").await;
    assert_eq!(seen, Seen::Refused);
}

/// Threat C1.1, across nodes: each takes the tickets of the others, and under the same rules.
#[tokio::test]
async fn a_ticket_of_one_process_works_at_another_and_opens_nothing_more_there() {
    let world = world().await;
    // The same keys and the same snapshot in another process's place.
    let sibling = world.restart().await;
    let (first, second) = (world.edge.local_addr(), sibling.local_addr());
    for (version, of_version) in VERSIONS {
        let client = of_version(world.client("a.test").presenting(&issued(&world)));
        let Seen::Served(false, told) = visit(&world, first, &client).await else {
            panic!("{version}")
        };
        assert_eq!(
            visit(&world, second, &client).await,
            Seen::Served(true, told.clone()),
            "{version}"
        );
        assert_eq!(
            visit(&world, first, &client).await,
            Seen::Served(true, told)
        );
        let stranger = of_version(world.client("open.test")).offering_sessions_to_anyone();
        visit(&world, first, &stranger).await;
        let elsewhere = stranger.for_server("a.test");
        assert_eq!(
            visit(&world, second, &elsewhere).await,
            Seen::Refused,
            "{version}"
        );
    }
}

/// Threat C1.1, across protocols: a ticket that came over TCP gets over QUIC what it would get over TCP, and nothing else.
#[tokio::test]
async fn a_ticket_from_tcp_opens_no_more_over_quic() {
    let world = world().await;
    let address = world.edge.local_addr();
    let alice = issued(&world);
    let client = world.client("a.test").presenting(&alice).tls13();
    let Seen::Served(false, told_first) = visit(&world, address, &client).await else {
        panic!("refused")
    };
    let over_quic = client.clone().alpn(&["h3"]);
    let mut http = over_quic
        .quic(world.quic_addr())
        .await
        .unwrap()
        .http3()
        .await
        .unwrap();
    assert_eq!(http.get("/open/x").await.unwrap().status, StatusCode::OK);
    assert_eq!(told(&world), told_first);
    // Without a certificate, from the name that never asks.
    let stranger = world
        .client("open.test")
        .tls13()
        .offering_sessions_to_anyone();
    assert!(matches!(
        visit(&world, address, &stranger).await,
        Seen::Served(..)
    ));
    let before = world.origin.received().len();
    let elsewhere = stranger.for_server("a.test").alpn(&["h3"]);
    if let Ok(connection) = elsewhere.quic(world.quic_addr()).await {
        assert!(connection.settled().await.is_err());
    }
    assert_eq!(world.origin.received().len(), before);
}

/// Threats C1.4, C1.5: a new version of the CA set, or a certificate that is required from now on, ends the sessions.
#[tokio::test]
async fn a_session_from_before_an_activation_is_not_resumed_after_it() {
    let world = world().await;
    let address = world.edge.local_addr();
    for (version, of_version) in VERSIONS {
        activate(&world).await;
        let client = of_version(world.client("a.test").presenting(&world.alice()));
        let stranger = of_version(world.client("c.test"));
        visit(&world, address, &client).await;
        visit(&world, address, &stranger).await;
        // Nothing about clients changes: they go on.
        activate(&world).await;
        assert!(matches!(
            visit(&world, address, &client).await,
            Seen::Served(true, _)
        ));
        assert!(matches!(
            visit(&world, address, &stranger).await,
            Seen::Served(true, _)
        ));
        world
            .activate_with(
                &[
                    world.binding("a", &["a.test"], ClientAuthMode::Require, &[CLIENTS]),
                    world.binding("c", &["c.test"], ClientAuthMode::Require, &[CLIENTS]),
                ],
                |snapshot| snapshot.ca_sets[0].version = VersionNumber::new(2),
            )
            .await;
        assert!(
            matches!(
                visit(&world, address, &client).await,
                Seen::Served(false, _)
            ),
            "{version}"
        );
        assert_eq!(
            visit(&world, address, &stranger).await,
            Seen::Refused,
            "{version}"
        );
    }
}

/// Threat C1.6: session after session, and yet the end of the certificate is the end.
#[tokio::test]
async fn a_chain_of_sessions_does_not_outlive_the_certificate() {
    let world = world().await;
    let address = world.edge.local_addr();
    for (version, of_version) in VERSIONS {
        world.clock.set(NOW);
        let short = world
            .clients
            .client("short")
            .valid(NOW - 10, NOW + 60)
            .issue();
        let client = of_version(world.client("a.test").presenting(&short));
        assert!(matches!(
            visit(&world, address, &client).await,
            Seen::Served(false, _)
        ));
        for seconds in (10..=180).step_by(10) {
            world.clock.set(NOW + seconds);
            let seen = visit(&world, address, &client).await;
            if seconds < 60 {
                assert!(
                    matches!(seen, Seen::Served(true, _)),
                    "{version} after {seconds} s: {seen:?}"
                );
            } else if seconds > 60 {
                assert_eq!(seen, Seen::Refused, "{version} after {seconds} s");
            }
        }
    }
}

/// One ticket per handshake: each holds the client's whole chain.
#[tokio::test]
async fn a_handshake_gives_one_session() {
    let world = world().await;
    for (version, of_version) in VERSIONS {
        let client = of_version(world.client("a.test").presenting(&world.alice()));
        for number in 1..=3 {
            visit(&world, world.edge.local_addr(), &client).await;
            assert!(client.sessions().received() <= number, "{version}");
        }
        assert!(client.sessions().received() > 0);
    }
}
