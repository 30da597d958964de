//! WebSockets between a client and an origin made by others: over HTTP/1.1 the `websockets` package of Python, over HTTP/2 `h2` and
//! `wsproto`.

use std::process::Command;
use std::time::Duration;

use countersign_snapshot::{Binding, ClientAuthMode};
use countersign_testkit::process::Program;
use countersign_testkit::{Credential, Pki};
use serde_json::json;
use tempfile::TempDir;

use crate::forwarding::credential;
use crate::websocket;
use crate::world::{CLIENTS, World, ca_set, tls_to};

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/websockets");
/// Over HTTP/1.1, and over HTTP/2.
const CLIENTS_OF_OTHERS: [&str; 2] = ["client.py", "client_h2.py"];

/// A site in front of the foreign origin, and the program that runs it.
async fn site() -> (World, [Binding; 1], Program, u16) {
    let mut origin = Program::start(Command::new("python3").arg(format!("{PEERS}/origin.py")));
    let line = origin.wait_for_line("port ");
    let port = line.trim_start_matches("port ").parse().unwrap();
    let world = World::empty().await;
    let bindings = [world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS])];
    world
        .activate_with(&bindings, |snapshot| {
            snapshot.origins[0].endpoints[0].port = port
        })
        .await;
    (world, bindings, origin, port)
}

/// `authClientCert`: no WebSocket begins at an origin that does not ask who the edge is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_origin_that_does_not_ask_gets_no_websocket_where_the_rules_want_it_to() {
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let own = root.server(["origin.test"]).issue();
    let shown = edges.client("edge-1").issue();
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let credentials = [
        file("chain.pem", own.chain_pem()),
        file("key.pem", own.key_pem()),
    ];
    let world = World::empty().await;
    let rules = json!({"rules": {"name": "default", "behaviors": [{"name": "mtlsOriginKeystore",
        "options": {"enable": true, "clientCertificateVersionGuid": "edge-1", "authClientCert": true}}]},
        "ruleFormat": "latest"});
    let binding = Binding {
        rules: rules.to_string(),
        ..world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS])
    };
    for asks in [true, false] {
        let authorities = asks.then(|| file("edges.pem", edges.pem()));
        let script = format!("{PEERS}/origin.py");
        let mut command = Command::new("python3");
        command.arg(script).args(&credentials).args(authorities);
        let mut origin = Program::start(&mut command);
        let line = origin.wait_for_line("port ");
        let port = line.trim_start_matches("port ").parse().unwrap();
        world
            .activate_with(std::slice::from_ref(&binding), |snapshot| {
                snapshot.origins = vec![tls_to("main", port, &root)];
                snapshot.client_credentials = vec![credential(&world, "edge-1", &shown)];
            })
            .await;
        let (over_http1, _) = websocket::open(&world, "a.test", Some(&world.alice())).await;
        let (over_http2, _) = websocket::open_stream(&world, "websocket", "/ws").await;
        let expected = if asks { [101, 200] } else { [502, 502] };
        assert_eq!([over_http1, over_http2].map(|it| it.as_u16()), expected);
    }
    for method in ["GET", "CONNECT"] {
        world
            .record("the refused WebSocket", |record| {
                record["path"] == "/ws"
                    && record["method"] == method
                    && record["reason"] == "origin_did_not_ask"
            })
            .await;
    }
}

fn client(world: &World, script: &str, credential: &Credential) -> (Program, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let mut command = Command::new("python3");
    command
        .arg(format!("{PEERS}/{script}"))
        .arg(world.edge.local_addr().port().to_string())
        .arg("a.test")
        .arg(file("chain.pem", credential.chain_pem()))
        .arg(file("key.pem", credential.key_pem()));
    (Program::start(&mut command), directory)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_websocket_is_closed_with_1008_and_the_reason_when_trust_is_lost() {
    for script in CLIENTS_OF_OTHERS {
        let (world, bindings, _origin, port) = site().await;
        let (mut client, _files) = client(&world, script, &world.alice());
        client.wait_for_line("verdict valid");
        client.wait_for_line("echoed");
        let successor = Pki::new().root("Successor");
        world
            .activate_with(&bindings, |snapshot| {
                snapshot.origins[0].endpoints[0].port = port;
                snapshot.ca_sets[0] = ca_set(CLIENTS, "clients", &successor);
            })
            .await;
        assert_eq!(
            client.wait_for_line("closed "),
            "closed 1008 unknown_issuer",
            "{script}"
        );
        let record = world
            .record("the WebSocket", |record| {
                record["path"] == "/ws" && record["request_bytes"].as_u64() > Some(200_000)
            })
            .await;
        assert_eq!(record["verdict"], "valid", "{record}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_websocket_is_told_at_the_deadline_of_a_drain_that_the_node_goes_away() {
    for script in CLIENTS_OF_OTHERS {
        let (world, _, _origin, _) = site().await;
        let (mut client, _files) = client(&world, script, &world.alice());
        client.wait_for_line("echoed");
        assert_eq!(world.edge.drain(Duration::ZERO).await, 1, "{script}");
        assert_eq!(
            client.wait_for_line("closed 1001").trim_end(),
            "closed 1001"
        );
    }
}
