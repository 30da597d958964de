//! The same over HTTP/3 with a client made by others, which can present client certificates: aioquic.

use std::process::Stdio;

use countersign_snapshot::ClientAuthMode::{Request as Asks, Require};
use countersign_testkit::Credential;
use countersign_testkit::client::AlertDescription;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::world::{CLIENTS, OTHERS, World};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aioquic/client.py");

/// Sends the requests on one connection, and gives what the client saw.
async fn visit(
    world: &World,
    server_name: &str,
    credential: Option<&Credential>,
    requests: Value,
) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let mut command = Command::new("python3");
    command
        .arg(CLIENT)
        .arg(world.quic_addr().port().to_string())
        .arg(server_name)
        .arg(file("authorities.pem", world.server_root.pem()));
    if let Some(credential) = credential {
        command
            .arg(file("chain.pem", credential.chain_pem()))
            .arg(file("key.pem", credential.key_pem()));
    }
    let mut client = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    input
        .write_all(requests.to_string().as_bytes())
        .await
        .unwrap();
    drop(input);
    let output = client.wait_with_output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{errors}\n(`scripts/install-test-data` installs aioquic)"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn get(authority: &str, path: &str) -> Value {
    json!({ "authority": authority, "path": path })
}

#[tokio::test]
async fn a_foreign_client_with_a_certificate_is_served_and_known() {
    let world = World::site(Require).await;
    let alice = world
        .clients
        .intermediate("Issuing")
        .client("alice")
        .issue();
    let requests = json!([
        get("a.test", "/first"),
        { "method": "POST", "authority": "a.test", "path": "/second", "body": "content", "headers": [["client-cert", ":forged:"]] },
    ]);
    let seen = visit(&world, "A.test", Some(&alice), requests).await;
    assert_eq!(seen["responses"][0]["status"], 200, "{seen}");
    assert_eq!(seen["responses"][1]["status"], 200, "{seen}");
    let received = world.origin.last();
    assert_eq!(received.body, "content");
    let identities: Vec<_> = received
        .headers
        .iter()
        .filter(|(name, _)| name == "client-cert")
        .collect();
    assert_eq!(identities.len(), 1);
    assert!(identities[0].1.starts_with(":MI"), "{identities:?}");
    // Threat C5.6.
    assert_eq!(seen["tickets"], json!([false]), "{seen}");
    let record = world
        .record("the request", |record| record["path"] == "/second")
        .await;
    assert_eq!(record["protocol"], "h3");
    assert_eq!(record["verdict"], "valid");
    assert_eq!(record["client_subject"], "CN=alice");
}

#[tokio::test]
async fn a_foreign_client_without_the_required_certificate_is_told_so() {
    let world = World::site(Require).await;
    let stranger = world.others.client("mallory").issue();
    for (credential, alert) in [
        (None, AlertDescription::CertificateRequired),
        (Some(&stranger), AlertDescription::UnknownCA),
    ] {
        let seen = visit(&world, "a.test", credential, json!([])).await;
        // RFC 9001 §4.8: 0x0100 and the alert.
        assert_eq!(
            seen["closed"]["code"],
            0x100 + u64::from(u8::from(alert)),
            "{seen}"
        );
    }
    assert_eq!(world.origin.connections(), 0);
}

#[tokio::test]
async fn a_foreign_client_gets_the_reason_where_rules_decide() {
    let world = World::site(Asks).await;
    let stranger = world.others.client("mallory").issue();
    for (credential, reason) in [(None, "missing"), (Some(&stranger), "unknown_issuer")] {
        let requests = json!([get("a.test", "/"), get("a.test", "/open/x")]);
        let seen = visit(&world, "a.test", credential, requests).await;
        assert_eq!(seen["responses"][0]["status"], 403, "{seen}");
        let page: Value =
            serde_json::from_str(seen["responses"][0]["body"].as_str().unwrap()).unwrap();
        assert_eq!(page["reason"], reason);
        assert_eq!(seen["responses"][1]["status"], 200, "{seen}");
    }
}

/// Threat C2.5: browsers reuse the connection of one name for another that the certificate covers.
#[tokio::test]
async fn a_foreign_client_that_reuses_its_connection_for_another_policy_is_misdirected() {
    let world = World::empty().await;
    world
        .activate(&[
            world.binding("a", &["a.test"], Asks, &[CLIENTS]),
            world.binding("b", &["b.test"], Asks, &[OTHERS]),
            world.binding("c", &["c.test"], Asks, &[CLIENTS]),
        ])
        .await;
    let requests = json!([
        get("a.test", "/"),
        get("b.test", "/"),
        get("c.test", "/"),
        get("B.TEST", "/open/x")
    ]);
    let seen = visit(&world, "a.test", Some(&world.alice()), requests).await;
    let statuses: Vec<_> = (0..4)
        .map(|index| seen["responses"][index]["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 421, 200, 421], "{seen}");
    assert_eq!(world.origin.received().len(), 2);
}

#[tokio::test]
async fn a_foreign_client_without_a_known_name_is_refused() {
    let world = World::open().await;
    let seen = visit(&world, "unknown.test", None, json!([get("open.test", "/")])).await;
    assert_eq!(seen["closed"]["reason"], "handshake", "{seen}");
    assert_eq!(world.origin.connections(), 0);
}
