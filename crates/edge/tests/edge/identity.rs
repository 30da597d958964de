//! Threats C4.1, invariant I3: nobody but the edge tells an origin who the client is.

use base64::Engine;
use bytes::Bytes;
use countersign_snapshot::ClientAuthMode;
use countersign_testkit::client::{body, body_with_trailers};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};

use crate::world::World;

const FORGED: &[&str] = &[
    "Client-Cert",
    "client_cert",
    "CLIENT-CERT-CHAIN",
    "client.cert",
    "Akamai-CC-DER",
    "akamai_cc_der",
    "Akamai-CC-Subject",
    "Akamai-CC-Status",
    "Client-to-Edge-HTTP-Auth",
    "X-Forwarded-Client-Cert",
    "x_forwarded_client_cert",
    "X-Amzn-Mtls-Clientcert-Leaf",
    "X-Amzn-Mtls-Clientcert",
    "X-SSL-Client-Verify",
    "X_SSL_CLIENT_CERT",
    "ssl-client-subject-dn",
    "ssl_client_verify",
    "X-Forwarded-Tls-Client-Cert",
    "X-Forwarded-Tls-Client-Cert-Info",
    "Cf-Client-Cert-Der-Base64",
    "X-Client-Cert",
    "X-Client-Verify",
    "Countersign-Client-Verdict",
    "countersign_client_verdict",
];

pub(crate) fn forged_request() -> Request<countersign_testkit::client::Body> {
    let mut request = Request::get("/open/x").body(body(Bytes::new())).unwrap();
    for name in FORGED {
        for value in ["forged", "forged, twice"] {
            request.headers_mut().append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_static(value),
            );
        }
    }
    request
}

pub(crate) fn assert_nothing_forged(world: &World) {
    let received = world.origin.last();
    for (name, value) in received.headers.iter().chain(&received.trailers) {
        assert!(!value.contains("forged"), "{name}: {value}");
    }
}

#[tokio::test]
async fn forged_identity_is_removed_where_no_certificate_is_asked_for() {
    let world = World::open().await;
    for mut http in world.both("open.test", None).await {
        assert_eq!(
            http.send(forged_request()).await.unwrap().status,
            StatusCode::OK
        );
        assert_nothing_forged(&world);
    }
}

#[tokio::test]
async fn forged_identity_is_removed_with_a_missing_a_valid_and_an_invalid_certificate() {
    let world = World::site(ClientAuthMode::Request).await;
    let stranger = world.others.client("mallory").issue();
    let alice = world.alice();
    for credential in [None, Some(&alice), Some(&stranger)] {
        for mut http in world.both("a.test", credential).await {
            assert_eq!(
                http.send(forged_request()).await.unwrap().status,
                StatusCode::OK
            );
            assert_nothing_forged(&world);
        }
    }
}

#[tokio::test]
async fn forged_identity_in_trailers_is_removed() {
    let world = World::open().await;
    for mut http in world.both("open.test", None).await {
        let mut trailers = HeaderMap::new();
        trailers.insert("client-cert", HeaderValue::from_static("forged"));
        trailers.insert("x_ssl_client_verify", HeaderValue::from_static("forged"));
        trailers.insert("x-checksum", HeaderValue::from_static("kept"));
        let request = Request::post("/")
            .header("trailer", "client-cert, x_ssl_client_verify, x-checksum")
            .body(body_with_trailers("data", trailers))
            .unwrap();
        assert_eq!(http.send(request).await.unwrap().status, StatusCode::OK);
        assert_nothing_forged(&world);
        assert_eq!(
            world.origin.last().trailers,
            [("x-checksum".to_owned(), "kept".to_owned())]
        );
    }
}

#[tokio::test]
async fn the_connection_header_cannot_remove_what_the_edge_sets() {
    let world = World::site(ClientAuthMode::Request).await;
    let mut http = world.http1_as("a.test", &world.alice()).await;
    let request = Request::get("/")
        .header(
            "connection",
            "Client-Cert, Client-Cert-Chain, X-Forwarded-For, Countersign-Client-Verdict, Host",
        )
        .header("client-cert", "forged")
        .body(body(Bytes::new()))
        .unwrap();
    assert_eq!(http.send(request).await.unwrap().status, StatusCode::OK);
    assert_nothing_forged(&world);
    let received = world.origin.last();
    assert_eq!(received.header("client-cert").len(), 1);
    assert_eq!(received.header("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(received.header("countersign-client-verdict"), ["valid"]);
    assert_eq!(received.header("host"), ["a.test"]);
}

#[tokio::test]
async fn the_origin_is_told_who_came() {
    let world = World::site(ClientAuthMode::Request).await;
    let issuing = world.clients.intermediate("Issuing");
    let alice = issuing
        .client("alice")
        .dns("alice.test")
        .uri("spiffe://test/alice")
        .issue();
    let encoded = |der: &[u8]| {
        format!(
            ":{}:",
            base64::engine::general_purpose::STANDARD.encode(der)
        )
    };
    for mut http in world.both("a.test", Some(&alice)).await {
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        let first = world.origin.last();
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        let received = world.origin.last();
        assert_eq!(received.headers, first.headers);
        assert_eq!(received.header("client-cert"), [encoded(alice.der())]);
        assert_eq!(
            received.header("client-cert-chain"),
            [encoded(issuing.der())]
        );
        assert_eq!(received.header("akamai-cc-der"), [encoded(alice.der())]);
        assert_eq!(received.header("countersign-client-verdict"), ["valid"]);
        assert_eq!(received.header("ssl-client-verify"), ["SUCCESS"]);
        assert_eq!(received.header("ssl-client-subject-dn"), ["CN=alice"]);
        assert_eq!(
            received.header("x-amzn-mtls-clientcert-subject"),
            ["CN=alice"]
        );
        let xfcc = received.header("x-forwarded-client-cert").join("");
        assert!(xfcc.contains(";Subject=\"CN=alice\";"), "{xfcc}");
        assert!(xfcc.contains(";DNS=alice.test"), "{xfcc}");
        assert!(xfcc.contains(";URI=spiffe://test/alice;"), "{xfcc}");
    }
}

#[tokio::test]
async fn an_unverified_identity_is_not_forwarded() {
    let world = World::site(ClientAuthMode::Request).await;
    let stranger = world.others.client("mallory").issue();
    for (credential, verdict) in [
        (Some(&stranger), "invalid; reason=unknown_issuer"),
        (None, "missing; reason=missing"),
    ] {
        for mut http in world.both("a.test", credential).await {
            assert_eq!(http.get("/open/x").await.unwrap().status, StatusCode::OK);
            let received = world.origin.last();
            assert_eq!(received.header("countersign-client-verdict"), [verdict]);
            for name in [
                "client-cert",
                "client-cert-chain",
                "akamai-cc-der",
                "x-forwarded-client-cert",
                "ssl-client-cert",
                "x-amzn-mtls-clientcert-leaf",
            ] {
                assert!(received.header(name).is_empty(), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn extra_certificates_are_no_identity() {
    let world = World::site(ClientAuthMode::Request).await;
    let admin = world.clients.intermediate("admin");
    let alice = world.alice().sending_also(&admin);
    let mut http = world.http1_as("a.test", &alice).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    let received = world.origin.last();
    assert_eq!(received.header("ssl-client-subject-dn"), ["CN=alice"]);
    assert!(received.header("client-cert-chain").is_empty());
}
