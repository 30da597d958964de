//! WebSockets between a client and an origin made by others: over HTTP/1.1 the `websockets` package of Python, over HTTP/2 `h2` and
//! `wsproto`.

use std::process::Command;
use std::time::Duration;

use countersign_snapshot::{Binding, ClientAuthMode};
use countersign_testkit::process::Program;
use countersign_testkit::{Credential, Pki};
use tempfile::TempDir;

use crate::world::{CLIENTS, World, ca_set};

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
