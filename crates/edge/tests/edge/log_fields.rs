//! Every field that is promised is in the record, whatever the protocol.

use countersign_snapshot::{
    Binding, ClientAuthMode, PropertyVersion, ProxyProtocol, Service, VersionNumber,
};
use countersign_testkit::Credential;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::grpc_peer;
use crate::tcp::{Peer, tcp, to};
use crate::websocket;
use crate::world::{CLIENTS, World};

/// A property with its own log field, for clients of [`CLIENTS`].
fn binding(world: &World, service: Service) -> Binding {
    let binding = world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS]);
    let mut rules: Value = serde_json::from_str(&binding.rules).unwrap();
    let log = json!({"name": "logCustom", "options": {"logCustomLogField": true, "customLogField": "at {{builtin.AK_PATH}}"}});
    let behaviors = &mut rules["rules"]["behaviors"];
    behaviors.as_array_mut().unwrap().push(log);
    Binding {
        rules: rules.to_string(),
        service,
        property: Some(PropertyVersion {
            name: "shop".to_owned(),
            version: VersionNumber::new(7),
        }),
        ..binding
    }
}

fn alice(world: &World) -> Credential {
    let alice = world.clients.client("alice").dns("alice.test");
    alice.uri("spiffe://test/alice").issue()
}

fn mallory(world: &World) -> Credential {
    world.others.client("mallory").dns("mallory.test").issue()
}

/// What every record says, and those of this protocol besides.
fn check(record: &Value, protocol: &str, path: &str, more: &[&str]) {
    for (field, expected) in [
        ("network", json!("staging")),
        ("node", json!("node-1")),
        ("time", json!("2026-06-01T00:00:00Z")),
        ("client_address", json!("127.0.0.1")),
        ("server_name", json!("a.test")),
        ("binding", json!("a")),
        ("property", json!("shop")),
        ("property_version", json!(7)),
        ("rule", json!("default")),
        ("protocol", json!(protocol)),
        ("tls_version", json!("1.3")),
        ("tls_resumed", json!(false)),
        ("ca_set", json!("clients")),
        ("ca_set_version", json!(1)),
        ("custom_log", json!(format!("at {path}"))),
    ] {
        assert_eq!(record[field], expected, "{protocol} {field}: {record}");
    }
    let always = [
        "generation",
        "request_id",
        "connection_id",
        "client_port",
        "tls_cipher",
        "tls_group",
        "serial",
        "client_certificate_sha256",
        "client_spki_sha256",
        "request_bytes",
        "response_bytes",
        "complete",
        "duration_ms",
    ];
    for field in always.iter().chain(more) {
        let value = &record[field];
        assert!(
            !value.is_null() && value != "",
            "{protocol} {field}: {record}"
        );
    }
}

fn check_alice(record: &Value, protocol: &str, path: &str, more: &[&str]) {
    check(record, protocol, path, more);
    let names = json!(["DNS:alice.test", "URI:spiffe://test/alice"]);
    for (field, expected) in [
        ("verdict", json!("valid")),
        ("reason", Value::Null),
        ("client_subject", json!("CN=alice")),
        ("client_issuer", json!("CN=Clients Root")),
        ("client_sans", names),
        ("origin", json!("main")),
    ] {
        assert_eq!(record[field], expected, "{protocol} {field}: {record}");
    }
    for field in ["revocation", "origin_address"] {
        assert!(record[field].is_string(), "{protocol} {field}: {record}");
    }
}

fn check_mallory(record: &Value, protocol: &str, path: &str, more: &[&str]) {
    check(record, protocol, path, more);
    for (field, expected) in [
        ("verdict", json!("invalid")),
        ("reason", json!("unknown_issuer")),
        ("client_subject", json!("CN=mallory")),
        ("client_issuer", json!("CN=Others Root")),
        ("client_sans", json!(["DNS:mallory.test"])),
    ] {
        assert_eq!(record[field], expected, "{protocol} {field}: {record}");
    }
    assert!(record["detail"].is_string(), "{protocol}: {record}");
}

/// The first record of this protocol and client, of a request for this path if it is one.
async fn told(world: &World, protocol: &str, path: &str, client: &str) -> Value {
    world
        .record(&format!("{protocol} of {client}"), |record| {
            record["protocol"] == protocol
                && record["client_subject"] == client
                && (record["event"] == "connection" || record["path"] == path)
        })
        .await
}

const REQUEST: [&str; 3] = ["method", "host", "status"];
const SERVED: [&str; 4] = ["method", "host", "status", "origin_first_byte_ms"];
const REFUSED: [&str; 4] = ["method", "host", "status", "client_chain"];

#[tokio::test]
async fn requests_over_every_version_of_http_are_recorded_whole() {
    let world = World::empty().await;
    world.activate(&[binding(&world, Service::Http)]).await;
    for (credential, status) in [
        (alice(&world), StatusCode::OK),
        (mallory(&world), StatusCode::FORBIDDEN),
    ] {
        for mut http in world.both("a.test", Some(&credential)).await {
            assert_eq!(http.get("/x?q=1").await.unwrap().status, status);
        }
        let mut http = world.http3("a.test", Some(&credential)).await;
        assert_eq!(http.get("/x?q=1").await.unwrap().status, status);
    }
    for protocol in ["http/1.1", "h2", "h3"] {
        let record = told(&world, protocol, "/x", "CN=alice").await;
        check_alice(&record, protocol, "/x", &SERVED);
        let record = told(&world, protocol, "/x", "CN=mallory").await;
        check_mallory(&record, protocol, "/x", &REFUSED);
    }
}

#[tokio::test]
async fn websockets_are_recorded_whole() {
    let world = World::empty().await;
    websocket::echo(&world, &[binding(&world, Service::Http)]).await;
    let (status, socket) = websocket::open(&world, "a.test", Some(&alice(&world))).await;
    assert_eq!(status, StatusCode::SWITCHING_PROTOCOLS);
    drop(socket);
    let record = told(&world, "http/1.1", "/ws", "CN=alice").await;
    assert_eq!(record["status"], 101);
    check_alice(&record, "http/1.1", "/ws", &SERVED);
    let (status, _) = websocket::open(&world, "a.test", Some(&mallory(&world))).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let record = told(&world, "http/1.1", "/ws", "CN=mallory").await;
    check_mallory(&record, "http/1.1", "/ws", &REFUSED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_grpc_are_recorded_whole() {
    let (_origin, port) = grpc_peer::origin(&[]);
    let world = World::empty().await;
    world
        .activate_with(&[binding(&world, Service::Http)], |snapshot| {
            snapshot.origins[0].endpoints[0].port = port;
        })
        .await;
    for credential in [alice(&world), mallory(&world)] {
        grpc_peer::calls(&world, "a.test", Some(&credential));
    }
    let call = async |client: &str| {
        world
            .record("the call", |record| {
                record["client_subject"] == client && record["grpc_status"].is_u64()
            })
            .await
    };
    let record = call("CN=alice").await;
    let path = record["path"].as_str().unwrap().to_owned();
    let served = [&SERVED[..], &["grpc_status", "origin_protocol"]].concat();
    check_alice(&record, "h2", &path, &served);
    let record = call("CN=mallory").await;
    let path = record["path"].as_str().unwrap().to_owned();
    let refused = [&REQUEST[..], &["grpc_status"]].concat();
    check_mallory(&record, "h2", &path, &refused);
}

#[tokio::test]
async fn connections_whose_bytes_pass_are_recorded_whole() {
    let (world, peer) = (World::empty().await, Peer::start().await);
    let bindings = [binding(&world, tcp(ProxyProtocol::Off))];
    world.activate_with(&bindings, to(peer.port())).await;
    let client = world.client("a.test").alpn(&[]);
    let known = client.clone().presenting(&alice(&world));
    let mut stream = world.connect(&known).await.stream;
    stream.write_all(b"hello").await.unwrap();
    let origin = peer.accept().await;
    drop((stream, origin));
    let record = told(&world, "tcp", "", "CN=alice").await;
    check_alice(&record, "tcp", "/", &["origin_connected_ms"]);
    let stranger = client.presenting(&mallory(&world));
    let mut connection = world.connect(&stranger).await;
    assert_eq!(connection.exchange(b"hello").await.unwrap(), b"");
    let record = told(&world, "tcp", "", "CN=mallory").await;
    check_mallory(&record, "tcp", "/", &["client_chain"]);
}
