//! What operators do to a running process: scrape it, rotate its log, make it say more.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use countersign_testkit::process::{Program, free_address};
use countersign_testkit::wait;

fn quickstart(dir: &Path, admin: SocketAddr) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .current_dir(dir)
        .env("COUNTERSIGN_ADMIN_LISTEN", admin.to_string())
        .arg("quickstart");
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
    let mut program = quickstart(dir.path(), admin);

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
