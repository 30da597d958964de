//! What the edge presents and says about TLS: strict transport security, a certificate for each kind of client, renewal.

use std::process::{Command, Stdio};

use bytes::Bytes;
use countersign_snapshot::{
    Binding, ClientAuthMode, ClientCredential, ServerCertificate, StrictTransport,
};
use countersign_testkit::client::body;
use countersign_testkit::origin::Reaction;
use countersign_testkit::pki::KeyKind;
use countersign_testkit::{Credential, NOW, Origin};
use http::{Request, Response, StatusCode};

use crate::metrics::{admin, sample};
use crate::world::{CLIENTS, World};

const HSTS: Option<StrictTransport> = Some(StrictTransport {
    max_age_seconds: 31_536_000,
    include_subdomains: true,
    preload: true,
});

#[tokio::test]
async fn every_answer_over_tls_speaks_of_strict_transport_whoever_gives_it() {
    let says_otherwise = Origin::builder().answer(|_| {
        let response = Response::builder().header("strict-transport-security", "max-age=0");
        Reaction::Respond(response.body(Bytes::from("x")).unwrap())
    });
    let world = World::with(|_| {}, says_otherwise.start().await).await;
    world
        .activate(&[
            Binding {
                strict_transport: HSTS,
                ..world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS])
            },
            world.open_binding("b", &["b.test"]),
        ])
        .await;
    let expected = Some("max-age=31536000; includeSubDomains; preload".to_owned());
    let alice = world.alice();
    let [one, two] = world.both("a.test", Some(&alice)).await;
    for mut http in [one, two] {
        for (path, status) in [
            ("/", StatusCode::OK),
            ("/denied/x", StatusCode::FORBIDDEN),
            ("/a%2f..%2fb", StatusCode::BAD_REQUEST),
        ] {
            let response = http.get(path).await.unwrap();
            assert_eq!(response.status, status, "{path}");
            let values: Vec<_> = response
                .headers
                .get_all("strict-transport-security")
                .iter()
                .map(|value| value.to_str().unwrap().to_owned())
                .collect();
            assert_eq!(values.first(), expected.as_ref(), "{path}");
            assert_eq!(values.len(), 1, "{path}");
        }
    }
    let mut stranger = world.http2("a.test").await;
    let refused = stranger.get("/").await.unwrap();
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.header("strict-transport-security"), expected);
    let mut over_quic = world.http3("a.test", None).await;
    let refused = over_quic.get("/").await.unwrap();
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.header("strict-transport-security"), expected);
    // Another name on the connection is told what that name has to say: nothing, where the origin is free to.
    let mut other = world.http1("b.test").await;
    let answer = other.get("/").await.unwrap();
    assert_eq!(
        answer.header("strict-transport-security").as_deref(),
        Some("max-age=0")
    );
    let request = Request::get("/")
        .header("host", "a.test")
        .body(body(""))
        .unwrap();
    let misdirected = other.send(request).await.unwrap();
    assert_eq!(misdirected.status, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(misdirected.header("strict-transport-security"), expected);
}

/// The world's `open.test`, presenting these.
async fn presenting(world: &World, credentials: &[(&str, &Credential)]) {
    let binding = Binding {
        server_certificates: credentials
            .iter()
            .map(|(id, _)| id.parse().unwrap())
            .collect(),
        ..world.open_binding("open", &["open.test"])
    };
    let sealed: Vec<_> = credentials
        .iter()
        .map(|(id, credential)| ServerCertificate {
            id: id.parse().unwrap(),
            chain: credential.chain_der(),
            key: world.seal(ServerCertificate::SEAL_CONTEXT, credential.key_der()),
        })
        .collect();
    world
        .activate_with(&[binding], |snapshot| snapshot.server_certificates = sealed)
        .await;
}

/// What OpenSSL says that it was presented, asked like this.
async fn openssl_sees(world: &World, options: &str) -> String {
    let options = format!(
        "s_client -connect {} -servername open.test {options}",
        world.edge.local_addr()
    );
    let run = move || {
        Command::new("openssl")
            .args(options.split(' '))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |start: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(start))
            .unwrap_or("none")
            .to_owned()
    };
    let key = text.split("a:PKEY: ").nth(1).unwrap_or("none");
    let key = key.split(';').next().unwrap_or_default();
    format!("{key}, {}", line("Peer signature type: "))
}

#[tokio::test]
async fn each_client_gets_the_certificate_that_it_can_verify() {
    let world = World::empty().await;
    let issue = |kind| {
        let request = world.server_root.server(["open.test"]);
        request.key_kind(kind).issue()
    };
    let [ed25519, p384, p256, rsa] = [
        KeyKind::Ed25519,
        KeyKind::P384,
        KeyKind::P256,
        KeyKind::Rsa2048,
    ]
    .map(issue);
    presenting(
        &world,
        &[
            ("p256", &p256),
            ("p384", &p384),
            ("ed25519", &ed25519),
            ("rsa", &rsa),
        ],
    )
    .await;
    for (options, expected) in [
        ("-tls1_3", "id-ecPublicKey, 256 (bit), ECDSA"),
        (
            "-tls1_3 -sigalgs ECDSA+SHA256",
            "id-ecPublicKey, 256 (bit), ECDSA",
        ),
        (
            "-tls1_3 -sigalgs ECDSA+SHA384",
            "id-ecPublicKey, 384 (bit), ECDSA",
        ),
        ("-tls1_3 -sigalgs ed25519", "ED25519, 256 (bit), ed25519"),
        (
            "-tls1_3 -sigalgs RSA-PSS+SHA256",
            "rsaEncryption, 2048 (bit), RSA-PSS",
        ),
        (
            "-tls1_3 -sigalgs RSA-PSS+SHA512:ed25519",
            "ED25519, 256 (bit), ed25519",
        ),
        ("-tls1_2", "id-ecPublicKey, 256 (bit), ECDSA"),
        (
            "-tls1_2 -sigalgs RSA+SHA256",
            "rsaEncryption, 2048 (bit), RSA",
        ),
        (
            "-tls1_2 -sigalgs RSA-PSS+SHA384",
            "rsaEncryption, 2048 (bit), RSA-PSS",
        ),
        (
            "-tls1_2 -sigalgs ECDSA+SHA384",
            "id-ecPublicKey, 384 (bit), ECDSA",
        ),
        (
            "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256",
            "rsaEncryption, 2048 (bit), RSA-PSS",
        ),
        (
            "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256",
            "id-ecPublicKey, 256 (bit), ECDSA",
        ),
        ("-tls1_2 -sigalgs RSA+SHA1", "none, none"),
    ] {
        assert_eq!(openssl_sees(&world, options).await, expected, "{options}");
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_there_from_the_next_handshake_on_and_no_connection_notices() {
    let (release, held) = tokio::sync::watch::channel(false);
    let origin = Origin::builder().answer(move |received| {
        if received.target == "/held" {
            let response = Response::new(Bytes::from("after the renewal"));
            Reaction::RespondWhen(held.clone(), response)
        } else {
            Reaction::Respond(Response::new(Bytes::from("at once")))
        }
    });
    let world = World::with(|_| {}, origin.start().await).await;
    let issue = |days| {
        let request = world.server_root.server(["open.test"]);
        request
            .valid(NOW - 1, NOW + days * countersign_testkit::DAY)
            .issue()
    };
    let (old, new) = (issue(1), issue(90));
    presenting(&world, &[("first", &old)]).await;
    let one = world.connect(&world.client("open.test")).await;
    assert_eq!(one.server_chain()[0], old.der());
    let mut one = one.http().await.unwrap();
    assert_eq!(one.get("/").await.unwrap().status, StatusCode::OK);
    let mut two = world.http2("open.test").await;
    let stream = two.begin(Request::get("/held").body(body("")).unwrap());
    let held = async {
        world.origin.wait_for(2).await;
        presenting(&world, &[("second", &new)]).await;
        let fresh = world.client("open.test").with_fresh_sessions();
        let fresh = world.connect(&fresh).await;
        assert_eq!(fresh.server_chain()[0], new.der());
        assert_eq!(one.get("/again").await.unwrap().status, StatusCode::OK);
        release.send_replace(true);
    };
    let (answer, ()) = tokio::join!(stream, held);
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
    assert_eq!(two.get("/on").await.unwrap().text(), "at once");
    assert_eq!(one.get("/on").await.unwrap().text(), "at once");
}

#[tokio::test]
async fn a_certificate_raises_an_alarm_when_less_than_a_third_of_its_life_is_left() {
    const LIFE: i64 = 100 * countersign_testkit::DAY;
    let world = World::empty().await;
    let admin = admin(&world);
    let issue = |request: countersign_testkit::Request| request.valid(NOW, NOW + LIFE).issue();
    let server = issue(world.server_root.server(["open.test"]));
    let client = issue(world.clients.client("edge"));
    let binding = Binding {
        server_certificates: vec!["one".parse().unwrap()],
        ..world.open_binding("open", &["open.test"])
    };
    world
        .activate_with(&[binding], |snapshot| {
            snapshot.server_certificates = vec![ServerCertificate {
                id: "one".parse().unwrap(),
                chain: server.chain_der(),
                key: world.seal(ServerCertificate::SEAL_CONTEXT, server.key_der()),
            }];
            // Under both of the names that a credential has.
            snapshot.client_credentials = ["credential-1", "credential-1-1"]
                .map(|id| ClientCredential {
                    id: id.parse().unwrap(),
                    chain: client.chain_der(),
                    key: world.seal(ClientCredential::SEAL_CONTEXT, client.key_der()),
                })
                .to_vec();
        })
        .await;
    for (passed, expected) in [(0, 0.0), (69, 0.0), (71, 1.0), (101, 1.0)] {
        world.clock.set(NOW + passed * countersign_testkit::DAY);
        for party in ["clients", "origins"] {
            let series = format!(
                "countersign_edge_certificates_ending_soon{{network=\"staging\",presented_to=\"{party}\"}}"
            );
            assert_eq!(sample(&admin, &series).await, expected, "{party} {passed}");
        }
    }
}
