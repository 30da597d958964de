//! What operators do to a running process: scrape it, rotate its log, make it say more.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use countersign_testkit::process::{Program, free_address};
use countersign_testkit::wait;

const DASHBOARD: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/grafana/countersign.json"
);

fn binary(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.current_dir(dir);
    command
}

/// With this address beside its own.
fn quickstart(dir: &Path, variable: &str, address: SocketAddr) -> Program {
    let mut command = binary(dir);
    command.env(variable, address.to_string()).arg("quickstart");
    for flag in ["--api", "--production", "--staging", "--origin"] {
        command.args([flag, &free_address().to_string()]);
    }
    let mut program = Program::start(&mut command);
    program.wait_for_line("# and back");
    program
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: admin\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn signal(program: &Program, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &program.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn a_running_process_is_scraped_its_log_moved_away_and_its_level_changed() {
    let dir = tempfile::tempdir().unwrap();
    let admin = free_address();
    let mut program = quickstart(dir.path(), "COUNTERSIGN_ADMIN_LISTEN", admin);

    let ready = get(admin, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    assert!(ready.contains("production: generation"), "{ready}");
    let metrics = get(admin, "/metrics");
    for network in ["production", "staging"] {
        let line = format!("countersign_edge_ready{{network=\"{network}\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
    let types = metrics.matches("# TYPE countersign_edge_ready ").count();
    assert_eq!(
        types, 1,
        "each metric once, whatever the number of networks"
    );

    let dashboard = std::fs::read_to_string(DASHBOARD).unwrap();
    let asked_for: BTreeSet<&str> = dashboard
        .match_indices("countersign_edge_")
        .map(|(at, _)| {
            dashboard[at..]
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .next()
                .unwrap()
        })
        .collect();
    assert!(asked_for.len() > 20, "{asked_for:?}");
    for name in asked_for {
        let family = ["_total", "_bucket"]
            .into_iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        assert!(metrics.contains(&format!("# TYPE {family} ")), "{name}");
    }

    let log = dir.path().join("countersign-data/access.log");
    std::fs::rename(&log, log.with_extension("moved")).unwrap();
    signal(&program, "HUP");
    wait::until("the new access log", || {
        log.exists().then_some(()).ok_or(())
    });

    signal(&program, "USR1");
    assert!(program.wait_for_line("log level changed").contains("debug"));
    signal(&program, "USR1");
    wait::until("the level of before", || {
        let changes = program.stderr().matches("log level changed").count();
        (changes == 2).then_some(()).ok_or(changes)
    });
}

/// `Alt-Svc` is chosen through the API, per site, and is off until then.
#[test]
fn clients_are_told_of_http3_by_the_sites_that_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let http3 = free_address();
    let variable = "COUNTERSIGN_EDGE_PRODUCTION_LISTEN_HTTP3";
    let mut program = quickstart(dir.path(), variable, http3);
    let line = program.wait_for_line("site=https://");
    let (_, site) = line.split_once("site=").unwrap();
    let told = || {
        let demo = "countersign-data/demo";
        let answer = Command::new("curl")
            .current_dir(dir.path())
            .args(["-sSf", "-o", "/dev/null", "-D", "-"])
            .args(["--cacert", &format!("{demo}/server-ca.pem")])
            .args(["--cert", &format!("{demo}/alice.pem"), site])
            .output()
            .unwrap();
        assert!(answer.status.success(), "{answer:?}");
        let head = String::from_utf8(answer.stdout).unwrap();
        let value = head.lines().find_map(|line| line.strip_prefix("alt-svc: "));
        value.map(str::to_owned)
    };
    assert_eq!(told(), None);
    for (versions, expected) in [
        (
            "http1-to-http3",
            Some(format!("h3=\":{}\"; ma=3600", http3.port())),
        ),
        ("http1-and-http2", None),
    ] {
        let updated = binary(dir.path())
            .args(["site", "update", "demo", "--yes", "--wait"])
            .args(["--http-versions", versions])
            .output()
            .unwrap();
        assert!(updated.status.success(), "{updated:?}");
        assert_eq!(told(), expected);
    }
}
