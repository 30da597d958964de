//! Invariant I1: the last good snapshot keeps serving when there is no control plane, and what was altered is never served.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_testkit::process::{Program, free_address};
use countersign_testkit::quickstart::Quickstart;
use tempfile::TempDir;

/// A data directory that a quickstart filled and left.
struct World {
    dir: TempDir,
    production: SocketAddr,
}

impl World {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let at = Quickstart::at_free_addresses();
        let mut quickstart = at.start(env!("CARGO_BIN_EXE_countersign"), dir.path(), |_| {});
        quickstart.terminate();
        assert_eq!(quickstart.wait().code(), Some(0));
        Self {
            dir,
            production: at.production,
        }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join("countersign-data").join(relative)
    }

    fn serve(&self) -> Program {
        let config = format!(
            "[api]\nlisten = '{}'\n[edge.production]\nlisten = ['{}']\n[edge.staging]\nlisten = []\n[access_log]\noutput = 'off'\n",
            free_address(),
            self.production
        );
        let path = self.dir.path().join("countersign.toml");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .current_dir(self.dir.path())
            .args(["serve", "--config"])
            .arg(&path);
        Program::start(&mut command)
    }

    /// What a client gets: the reason in the answer, or curl's complaint.
    fn ask(&self, client: Option<&str>) -> String {
        let mut command = Command::new("curl");
        command
            .arg("-sS")
            .arg("--cacert")
            .arg(self.path("demo/server-ca.pem"))
            .arg(format!(
                "https://demo.localhost:{}/",
                self.production.port()
            ));
        if let Some(name) = client {
            command
                .arg("--cert")
                .arg(self.path(&format!("demo/{name}.pem")));
        }
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).into_owned()
    }
}

fn remove(path: &Path) {
    std::fs::remove_dir_all(path).unwrap();
}

#[test]
fn edges_serve_their_last_good_snapshot_when_the_store_is_gone() {
    let world = World::new();
    remove(&world.path("store"));
    let mut serving = world.serve();
    serving.wait_for_line("there is no control plane");
    serving.wait_for_line("controller.sqlite is missing although the edges have snapshots of it");
    serving.wait_for_line("edge ready");
    // The demo's origin went with the quickstart; that its absence is the reason shows that the client was let in.
    assert!(world.ask(Some("alice")).contains("origin_unreachable"));
    assert!(world.ask(None).contains("\"missing\""));
    assert!(world.ask(Some("unknown")).contains("unknown_issuer"));
    assert!(
        !world.path("store/controller.sqlite").exists(),
        "no empty truth was made"
    );
    serving.terminate();
    assert_eq!(serving.wait().code(), Some(0));
}

#[test]
fn edges_serve_their_last_good_snapshot_when_the_store_is_damaged() {
    let world = World::new();
    let store = world.path("store/controller.sqlite");
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(world.path(&format!("store/controller.sqlite{suffix}")));
    }
    std::fs::write(&store, b"this is no database, and it is long enough to have a header of one.......................").unwrap();
    let mut serving = world.serve();
    serving.wait_for_line("there is no control plane");
    serving.wait_for_line("edge ready");
    assert!(world.ask(Some("alice")).contains("origin_unreachable"));
}

#[test]
fn edges_serve_their_last_good_snapshot_when_a_newer_release_wrote_the_store() {
    let world = World::new();
    let newer = "import sqlite3, sys\n\
        store = sqlite3.connect(sys.argv[1])\n\
        store.execute(\"INSERT INTO _sqlx_migrations VALUES (9999, 'later', CURRENT_TIMESTAMP, TRUE, X'00', 1)\")\n\
        store.commit()";
    let status = Command::new("python3")
        .args(["-c", newer])
        .arg(world.path("store/controller.sqlite"))
        .status()
        .unwrap();
    assert!(status.success());
    let mut serving = world.serve();
    serving.wait_for_line("a newer release of this program wrote the store (schema 9999)");
    serving.wait_for_line("edge ready");
    assert!(world.ask(Some("alice")).contains("origin_unreachable"));
}

#[test]
fn an_altered_last_good_snapshot_is_never_served() {
    let world = World::new();
    remove(&world.path("store"));
    let dir = world.path("edge/production");
    let file = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.metadata().unwrap().len() > 200)
        .unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    // Without a store and without a snapshot of staging's there is nothing left to serve but refusals, so the store is made anew.
    let mut serving = world.serve();
    serving.wait_for_line("altered");
    serving.wait_for_line("edge ready");
    let answer = world.ask(Some("alice"));
    assert!(
        answer.contains("alert") || answer.contains("SSL"),
        "{answer}"
    );
}
