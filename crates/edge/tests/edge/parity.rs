//! The same attacks over every protocol that can carry them (invariants I2 to I4).

use bytes::Bytes;
use countersign_snapshot::ClientAuthMode;
use countersign_testkit::client::{Split, alert, body, body_with_trailers};
use countersign_testkit::{DAY, NOW};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use tokio::net::TcpStream;

use crate::identity::{assert_nothing_forged, forged_request};
use crate::world::World;

/// Threats C4.1 over HTTP/3.
#[tokio::test]
async fn forged_identity_is_removed_over_quic() {
    let world = World::site(ClientAuthMode::Request).await;
    let (alice, stranger) = (world.alice(), world.others.client("mallory").issue());
    for credential in [None, Some(&alice), Some(&stranger)] {
        let mut http = world.http3("a.test", credential).await;
        let (mut head, content) = forged_request().into_parts();
        head.uri = "https://a.test/open/x".parse().unwrap();
        let response = http.send(Request::from_parts(head, content)).await.unwrap();
        assert_eq!(response.status, StatusCode::OK);
        assert_nothing_forged(&world);
        let mut trailers = HeaderMap::new();
        for name in [
            "client-cert",
            "x_ssl_client_verify",
            "x-forwarded-client-cert",
        ] {
            trailers.insert(name, HeaderValue::from_static("forged"));
        }
        let request = Request::post("https://a.test/open/x")
            .body(body_with_trailers("data", trailers))
            .unwrap();
        assert_eq!(http.send(request).await.unwrap().status, StatusCode::OK);
        assert_nothing_forged(&world);
        assert!(world.origin.last().trailers.is_empty());
    }
}

/// Threats C4.1: the certificate is there and is no good: nothing of what the client says about itself is believed instead.
#[tokio::test]
async fn a_refused_client_cannot_introduce_itself() {
    let world = World::site(ClientAuthMode::Request).await;
    let late = world
        .clients
        .client("late")
        .valid(NOW - 2 * DAY, NOW - DAY)
        .issue();
    for mut http in world.both("a.test", Some(&late)).await {
        assert_eq!(
            http.send(forged_request()).await.unwrap().status,
            StatusCode::OK
        );
        assert_nothing_forged(&world);
        let verdict = world.origin.last();
        assert_eq!(
            verdict.header("countersign-client-verdict"),
            ["invalid; reason=expired"]
        );
    }
}

const AMBIGUOUS: &[&str] = &[
    "/public/../admin",
    "/public/./admin",
    "/public/..;/admin",
    "/public/.;/admin",
    "/public/%2e%2e/admin",
    "/public/%2E%2e%2fadmin",
    "/%61dmin",
    "//admin",
    "/a//admin",
    "/a%2fb",
    "/a%5cb",
    "/;x/admin",
    "/admin%00",
    "/admin%0d%0aX:1",
    "/admin%",
    "/admin%zz",
    "/admin%c0%ae",
    "/admin%ff",
    "/%252e%252e/admin",
];

/// Threats C5.1 over HTTP/2 and HTTP/3, in the same words as over HTTP/1.1.
#[tokio::test]
async fn ambiguous_paths_never_reach_the_origin_over_any_protocol() {
    let world = World::open().await;
    let [_, mut http2] = world.both("open.test", None).await;
    let mut http3 = world.http3("open.test", None).await;
    for path in AMBIGUOUS {
        let request = || {
            Request::get(format!("https://open.test{path}"))
                .body(body(Bytes::new()))
                .unwrap()
        };
        for response in [
            http2.send(request()).await.unwrap(),
            http3.send(request()).await.unwrap(),
        ] {
            assert_eq!(response.status, StatusCode::BAD_REQUEST, "{path}");
            assert_eq!(response.json()["reason"], "ambiguous_path", "{path}");
        }
    }
    assert_eq!(world.origin.connections(), 0);
}

/// Threats C5.2: what one parser takes for a part of a request and another for the beginning of the next.
#[tokio::test]
async fn lines_that_two_parsers_would_read_differently_are_malformed() {
    let world = World::open().await;
    for (what, request) in [
        (
            "obs-fold",
            "GET / HTTP/1.1\r\nHost: open.test\r\nX: a\r\n b\r\n\r\n",
        ),
        (
            "obs-fold of the host",
            "GET / HTTP/1.1\r\nHost: open.test\r\n .evil.test\r\n\r\n",
        ),
        (
            "a bare CR in a value",
            "GET / HTTP/1.1\r\nHost: open.test\r\nX: a\rb\r\n\r\n",
        ),
        ("a bare CR as an end", "GET / HTTP/1.1\rHost: open.test\r\r"),
        (
            "a NUL in a value",
            "GET / HTTP/1.1\r\nHost: open.test\r\nX: a\0b\r\n\r\n",
        ),
        (
            "a space before the colon",
            "GET / HTTP/1.1\r\nHost : open.test\r\n\r\n",
        ),
        (
            "a field without a name",
            "GET / HTTP/1.1\r\nHost: open.test\r\n: x\r\n\r\n",
        ),
        (
            "a field without a colon",
            "GET / HTTP/1.1\r\nHost: open.test\r\nx\r\n\r\n",
        ),
        (
            "a space in the target",
            "GET /a b HTTP/1.1\r\nHost: open.test\r\n\r\n",
        ),
        (
            "another version",
            "GET / HTTP/1.2\r\nHost: open.test\r\n\r\n",
        ),
        ("no version", "GET /\r\nHost: open.test\r\n\r\n"),
        ("HTTP/2 in words", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (
            "a PROXY line",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: open.test\r\n\r\n",
        ),
        (
            "a chunk extension with a line break",
            "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n",
        ),
        (
            "a chunk longer than said",
            "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
        ),
        (
            "a negative chunk",
            "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
        ),
        (
            "an endless chunk size",
            "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n",
        ),
    ] {
        let smuggled = format!("{request}GET /smuggled HTTP/1.1\r\nHost: open.test\r\n\r\n");
        let answer = world
            .connect(&world.client("open.test"))
            .await
            .exchange(smuggled.as_bytes())
            .await;
        let answer = answer.map_or_else(
            |error| error.to_string(),
            |answer| String::from_utf8_lossy(&answer).into_owned(),
        );
        assert!(!answer.contains(" 200 "), "{what}: {answer}");
        for received in world.origin.received() {
            assert_ne!(received.target, "/smuggled", "{what}");
            assert!(received.body.is_empty(), "{what}: {received:?}");
        }
    }
}

/// Threat C2.4 over sockets: wherever the ClientHello is cut, in segments and in records, the certificate is required.
#[tokio::test]
async fn a_cut_client_hello_gets_no_other_policy_over_sockets() {
    let world = World::site(ClientAuthMode::Require).await;
    let cuts = (1..400).step_by(13).chain((400..1_600).step_by(97));
    let mut ways: Vec<_> = cuts.map(|cut| (vec![cut], None)).collect();
    ways.extend([1, 2, 7, 64, 500].map(|record| (Vec::new(), Some(record))));
    ways.push(((1..300).collect(), Some(3)));
    for (cuts, record) in ways {
        for credential in [None, Some(world.alice())] {
            let stream = TcpStream::connect(world.edge.local_addr()).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut split = Split::new(stream).cut_at(cuts.clone());
            if let Some(record) = record {
                split = split.first_record_in_records_of(record);
            }
            let mut client = world.client("a.test");
            if let Some(credential) = &credential {
                client = client.presenting(credential);
            }
            let request = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
            let answer = match client.handshake(split).await {
                Ok(mut connection) => connection.exchange(request).await,
                Err(error) => Err(error),
            };
            let what = format!("cut at {cuts:?}, records of {record:?}");
            match (credential, answer) {
                (Some(_), answer) => {
                    let answer = answer.unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{what}");
                }
                (None, Ok(answer)) => panic!("{what}: {}", String::from_utf8_lossy(&answer)),
                (None, Err(error)) => {
                    assert_eq!(alert(&error).map(u8::from), Some(116), "{what}: {error}");
                }
            }
        }
    }
}

/// Threat C5.5: an RSA key of 16,384 bits among what the client sends costs nothing: it is never verified with.
#[tokio::test]
async fn a_chain_with_a_huge_key_is_refused_at_once() {
    use countersign_testkit::Pki;
    use countersign_testkit::der;
    use countersign_testkit::pki::{Key, KeyKind};
    let world = World::site(ClientAuthMode::Request).await;
    let modulus = vec![0xff; 16_384 / 8];
    let key = der::sequence([der::unsigned(&modulus), der::unsigned(&[1, 0, 1])]);
    let algorithm = der::sequence([der::oid("1.2.840.113549.1.1.1"), vec![5, 0]]);
    let spki = der::sequence([algorithm, der::bit_string(&key)]);
    let huge = world
        .clients
        .request_intermediate("Huge")
        .key(&Key::opaque(Vec::new(), spki))
        .issue_ca();
    let twin = Pki::new().keys(KeyKind::Rsa2048).root("Huge");
    let client = twin
        .client("mallory")
        .no_key_identifiers()
        .key_kind(KeyKind::P256)
        .issue()
        .sending_also(&huge);
    let mut http = world.http1_as("a.test", &client).await;
    let response = http.get("/").await.unwrap();
    assert_eq!(response.status, StatusCode::FORBIDDEN);
    let reason = response.json()["reason"].clone();
    assert!(
        ["unsupported_algorithm", "unknown_issuer", "bad_signature"]
            .contains(&reason.as_str().unwrap()),
        "{reason}"
    );
    assert!(world.origin.received().is_empty());
}
