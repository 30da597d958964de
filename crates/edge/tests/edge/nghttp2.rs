//! HTTP/2 with a client made by others that knows it well: nghttp and h2load of nghttp2.

use std::path::PathBuf;
use std::process::Stdio;

use countersign_snapshot::ClientAuthMode::Request as Asks;
use countersign_testkit::Credential;
use tempfile::TempDir;
use tokio::process::Command;

use crate::world::World;

struct Files {
    directory: TempDir,
    own: Vec<PathBuf>,
}

impl Files {
    fn of(credential: &Credential) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: String| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let own = vec![
            file("chain.pem", credential.chain_pem()),
            file("key.pem", credential.key_pem()),
        ];
        Self { directory, own }
    }
}

async fn output(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nghttp_shows_its_certificate_and_uploads_with_trailers() {
    let world = World::site(Asks).await;
    let files = Files::of(&world.alice());
    let upload = files.directory.path().join("upload");
    let data = vec![b'u'; 1 << 20];
    std::fs::write(&upload, &data).unwrap();
    let url = format!(
        "https://127.0.0.1:{}/nghttp",
        world.edge.local_addr().port()
    );
    // The name is that of the header, for SNI too.
    let mut command = Command::new("nghttp");
    command
        .args(["--verbose", "--no-dep", "--header", ":authority: a.test"])
        // An origin of HTTP/1.1 gets trailers after chunks only, and when they are announced (RFC 9110 §6.6.2).
        .args(["--no-content-length", "--header", "trailer: x-sum"])
        .args(["--trailer", "x-sum: 1"])
        .arg(format!("--cert={}", files.own[0].display()))
        .arg(format!("--key={}", files.own[1].display()))
        .arg(format!("--data={}", upload.display()))
        .arg(&url);
    let told = output(&mut command).await;
    assert!(told.contains(":status: 200"), "{told}");
    let received = world.origin.last();
    assert_eq!(received.target, "/nghttp");
    assert!(received.body == data, "{} bytes", received.body.len());
    assert_eq!(received.trailers, [("x-sum".to_owned(), "1".to_owned())]);
    assert!(!received.header("client-cert").is_empty());
}

/// Many streams of many connections at once: every one of them ends well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_h2load_succeeds_over_both_versions() {
    let world = World::open().await;
    let address = world.edge.local_addr();
    for version in ["h2", "http/1.1"] {
        let streams = if version == "h2" { "20" } else { "1" };
        let mut command = Command::new("h2load");
        command
            .args(["--requests=2000", "--clients=10", "--threads=1"])
            .args(["--max-concurrent-streams", streams])
            .arg(format!("--npn-list={version}"))
            .args(["--connect-to", &address.to_string()])
            .arg("https://open.test/");
        let told = output(&mut command).await;
        assert!(
            told.contains("2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout"),
            "{told}"
        );
        assert!(
            told.contains("status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx"),
            "{told}"
        );
        let protocol = if version == "h2" { "h2" } else { "http/1.1" };
        assert!(
            told.contains(&format!("Application protocol: {protocol}")),
            "{told}"
        );
    }
}
