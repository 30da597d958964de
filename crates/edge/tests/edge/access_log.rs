//! One record per request and one per refused handshake, with the words of the vocabulary.

use std::num::NonZeroU32;

use countersign_edge::AccessLogSink;
use countersign_snapshot::{Binding, ClientAuthMode, PropertyVersion, VersionNumber};
use http::StatusCode;

use crate::world::{CLIENTS, Log, World};

#[tokio::test]
async fn a_request_is_recorded_with_who_asked_and_what_decided() {
    let world = World::empty().await;
    let binding = Binding {
        property: Some(PropertyVersion {
            name: "shop".to_owned(),
            version: VersionNumber::new(7),
        }),
        ..world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS])
    };
    world.activate(&[binding]).await;
    let alice = world.clients.client("alice").dns("alice.test");
    let alice = alice.uri("spiffe://test/alice").issue();
    let mut http = world
        .connect(&world.client("a.test").alpn(&["h2"]).presenting(&alice))
        .await
        .http()
        .await
        .unwrap();
    assert_eq!(
        http.get("/x?secret=1").await.unwrap().status,
        StatusCode::OK
    );
    let record = world
        .record("the request", |record| record["event"] == "request")
        .await;
    for (field, expected) in [
        ("network", "staging"),
        ("node", "node-1"),
        ("client_address", "127.0.0.1"),
        ("server_name", "a.test"),
        ("binding", "a"),
        ("property", "shop"),
        ("rule", "default"),
        ("protocol", "h2"),
        ("tls_version", "1.3"),
        ("method", "GET"),
        ("host", "a.test"),
        ("path", "/x"),
        ("verdict", "valid"),
        ("ca_set", "clients"),
        ("client_subject", "CN=alice"),
        ("client_issuer", "CN=Clients Root"),
        ("origin", "main"),
    ] {
        assert_eq!(record[field], expected, "{field}: {record}");
    }
    assert_eq!(record["generation"], 1);
    assert_eq!(record["property_version"], 7);
    let names = serde_json::json!(["DNS:alice.test", "URI:spiffe://test/alice"]);
    assert_eq!(record["client_sans"], names);
    assert_eq!(record["status"], 200);
    assert_eq!(record["ca_set_version"], 1);
    assert_eq!(record["complete"], true);
    assert_eq!(record["time"], "2026-06-01T00:00:00Z");
    for field in [
        "tls_cipher",
        "tls_group",
        "request_id",
        "serial",
        "client_certificate_sha256",
        "client_spki_sha256",
        "origin_address",
    ] {
        assert!(
            record[field].as_str().is_some_and(|text| !text.is_empty()),
            "{field}: {record}"
        );
    }
    assert!(record["duration_ms"].as_f64().unwrap() > 0.0);
    assert!(
        !record.to_string().contains("secret"),
        "queries hold secrets and stay out of the log"
    );
}

#[tokio::test]
async fn a_refused_client_is_recorded_with_the_reason_and_the_rule() {
    let world = World::site(ClientAuthMode::Request).await;
    let mallory = world.others.client("mallory").issue();
    assert_eq!(
        world
            .http1_as("a.test", &mallory)
            .await
            .get("/")
            .await
            .unwrap()
            .status,
        StatusCode::FORBIDDEN
    );
    let record = world
        .record("the request", |record| record["event"] == "request")
        .await;
    assert_eq!(record["verdict"], "invalid");
    assert_eq!(record["reason"], "unknown_issuer");
    assert_eq!(record["client_subject"], "CN=mallory");
    assert_eq!(record["ca_set"], "clients", "whose verdict it is");
    assert_eq!(record["ca_set_version"], 1);
    let chain = record["client_chain"].as_array().unwrap();
    assert_eq!(chain.len(), 1, "what the client sent, for whoever explains");
    assert!(
        record["rule"]
            .as_str()
            .is_some_and(|rule| rule.contains("default")),
        "{record}"
    );
    assert!(
        record["detail"]
            .as_str()
            .is_some_and(|detail| !detail.is_empty()),
        "{record}"
    );
}

#[tokio::test]
async fn a_refused_handshake_is_recorded_with_what_the_client_showed() {
    let world = World::site(ClientAuthMode::Require).await;
    let mallory = world.others.client("mallory").issue();
    let client = world.client("a.test").presenting(&mallory);
    if let Ok(mut connection) = client.connect(world.edge.local_addr()).await {
        assert!(
            connection
                .exchange(b"GET / HTTP/1.1\r\n\r\n")
                .await
                .is_err()
        );
    }
    let record = world
        .record("the refusal", |record| {
            record["event"] == "handshake_refused"
        })
        .await;
    assert_eq!(record["reason"], "unknown_issuer");
    assert_eq!(record["server_name"], "a.test");
    assert_eq!(record["binding"], "a");
    assert_eq!(record["client_subject"], "CN=mallory");
}

#[tokio::test]
async fn what_cannot_be_read_as_a_request_is_recorded() {
    let world = World::open().await;
    for (request, reason) in [
        ("nonsense\r\n\r\n".to_owned(), "malformed_request"),
        (
            format!(
                "GET / HTTP/1.1\r\nHost: open.test\r\nX: {}\r\n\r\n",
                "x".repeat(80_000)
            ),
            "request_too_large",
        ),
    ] {
        let mut connection = world.connect(&world.client("open.test")).await;
        let _ = connection.exchange(request.as_bytes()).await;
        let fits = |record: &serde_json::Value| {
            record["event"] == "request_unreadable" && record["reason"] == reason
        };
        let record = world.record(reason, fits).await;
        assert_eq!(record["binding"], "open");
    }
}

#[tokio::test]
async fn what_went_well_is_sampled_and_refusals_never_are() {
    const REQUESTS: usize = 300;
    let world = World::site(ClientAuthMode::Request).await;
    let log = Log::default();
    let edge = world
        .restart_logging_to(AccessLogSink::Sampled {
            one_in: NonZeroU32::new(10).unwrap(),
            sink: Box::new(log.sink()),
        })
        .await;
    let alice = world.client("a.test").presenting(&world.alice());
    let mut alice = alice
        .connect(edge.local_addr())
        .await
        .unwrap()
        .http()
        .await
        .unwrap();
    let nobody = world.client("a.test").connect(edge.local_addr()).await;
    let mut nobody = nobody.unwrap().http().await.unwrap();
    for _ in 0..REQUESTS {
        assert_eq!(alice.get("/").await.unwrap().status, StatusCode::OK);
        assert_eq!(nobody.get("/").await.unwrap().status, StatusCode::FORBIDDEN);
    }
    drop((alice, nobody));
    edge.drain(std::time::Duration::from_secs(10)).await;
    let records = log.records();
    let (refused, served): (Vec<_>, Vec<_>) = records
        .iter()
        .filter(|record| record["event"] == "request")
        .partition(|record| record["status"] == 403);
    assert_eq!(refused.len(), REQUESTS);
    assert!(
        refused
            .iter()
            .all(|record| record.get("sampled_one_in").is_none())
    );
    // The chance of fewer or more is below one in a million.
    assert!((5..=70).contains(&served.len()), "{}", served.len());
    assert!(served.iter().all(|record| record["sampled_one_in"] == 10));
}
