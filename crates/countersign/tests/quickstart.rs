//! The path of a new user: start the quickstart, copy what it prints, see what it promises.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output};

use countersign_testkit::process::{Program, free_address};
use tempfile::TempDir;

/// A quickstart in a directory of its own, on ports of its own.
struct Quickstart {
    program: Program,
    story: String,
}

struct Ports {
    api: SocketAddr,
    production: SocketAddr,
    staging: SocketAddr,
    origin: SocketAddr,
}

impl Ports {
    fn free() -> Self {
        Self {
            api: free_address(),
            production: free_address(),
            staging: free_address(),
            origin: free_address(),
        }
    }
}

fn command(dir: &Path, ports: &Ports) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .current_dir(dir)
        .arg("quickstart")
        .args(["--api", &ports.api.to_string()])
        .args(["--production", &ports.production.to_string()])
        .args(["--staging", &ports.staging.to_string()])
        .args(["--origin", &ports.origin.to_string()]);
    command
}

impl Quickstart {
    fn start(dir: &Path, ports: &Ports) -> Self {
        let mut program = Program::start(&mut command(dir, ports));
        program.wait_for_line("# and back");
        let story = program.stdout();
        Self { program, story }
    }

    /// The commands of the story, as a reader would paste them.
    fn commands(&self) -> Vec<&str> {
        self.story
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .collect()
    }

    fn command_with(&self, text: &str) -> &str {
        let found: Vec<&str> = self
            .commands()
            .into_iter()
            .filter(|line| line.contains(text))
            .collect();
        assert_eq!(found.len(), 1, "lines with `{text}` in\n{}", self.story);
        found[0]
    }

    /// Runs a command of the story in bash with the variables that the story sets before.
    fn run(&self, dir: &Path, command: &str) -> Output {
        let variables: Vec<&str> = ["D=", "set=", "api="]
            .iter()
            .flat_map(|start| {
                self.commands()
                    .into_iter()
                    .filter(move |line| line.starts_with(start))
            })
            .collect();
        let script = format!("{}\n{command}", variables.join("\n"));
        Command::new("bash")
            .current_dir(dir)
            .args(["-c", &script])
            .output()
            .unwrap()
    }

    /// Runs a curl command of the story and returns status code and body.
    fn curl(&self, dir: &Path, command: &str) -> (String, String) {
        let (command, _) = command.split_once('#').unwrap_or((command, ""));
        let output = self.run(dir, &format!("{command} -sS -w '\\n%{{http_code}}'"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, code) = text.rsplit_once('\n').unwrap_or_else(|| {
            panic!("{command}: {}", String::from_utf8_lossy(&output.stderr));
        });
        (code.to_owned(), body.to_owned())
    }
}

#[test]
fn every_command_that_the_quickstart_prints_does_what_it_says() {
    let dir = TempDir::new().unwrap();
    let mut quickstart = Quickstart::start(dir.path(), &Ports::free());
    assert!(
        quickstart.story.lines().count() <= 40,
        "the story fits on a screen"
    );

    let (code, body) = quickstart.curl(dir.path(), quickstart.command_with("alice.pem $site/  "));
    assert_eq!(code, "200", "{body}");
    assert!(
        body.to_lowercase().contains("client-cert: :mii"),
        "the origin sees who called: {body}"
    );
    assert!(
        body.to_lowercase().contains("client-cert-chain: :mii"),
        "{body}"
    );

    for (command, expected) in [
        ("root-signed.pem", "200"),
        ("$edge $site/  ", "403"),
        ("unknown.pem", "403"),
        ("expired.pem", "403"),
        ("$site/open/", "200"),
    ] {
        let line = quickstart.command_with(command);
        let (_, promise) = line.split_once("# ").unwrap();
        assert!(promise.starts_with(expected), "{line}");
        let (code, body) = quickstart.curl(dir.path(), line);
        assert_eq!(code, expected, "{line}: {body}");
        if let Some(reason) = promise.strip_prefix("403 ") {
            let reason = reason.split(':').next().unwrap();
            assert!(body.contains(reason), "{line}: {body}");
        }
    }

    // One keep-alive connection, watched while trust changes.
    // To standard error, which curl does not buffer.
    let watch = quickstart
        .command_with("--rate")
        .replace("%{http_code}", "%{stderr}%{http_code} %{num_connects}");
    let variables = quickstart.command_with("D=").to_owned();
    let mut watcher = Program::start(Command::new("bash").current_dir(dir.path()).args([
        "-c",
        &format!("{variables}\n{}", watch.replace("2/s", "10/s")),
    ]));
    watcher.wait_for_line("200 0");
    let (code, body) = quickstart.curl(dir.path(), quickstart.command_with("version-2.json"));
    assert_eq!(code, "201", "{body}");
    let (code, body) = quickstart.curl(dir.path(), quickstart.command_with("versions/2/activate"));
    assert_eq!(code, "202", "{body}");
    watcher.wait_for_line("403 0");
    watcher.kill();
    let seen: Vec<String> = watcher.stderr().lines().map(str::to_owned).collect();
    assert_eq!(seen[0], "200 1");
    assert!(
        seen[1..].iter().all(|line| line.ends_with(" 0")),
        "one connection: {seen:?}"
    );
    let turned = seen
        .iter()
        .position(|line| line.starts_with("403"))
        .unwrap();
    assert!(
        seen[turned..].iter().all(|line| line.starts_with("403")),
        "{seen:?}"
    );

    let (code, body) = quickstart.curl(dir.path(), quickstart.command_with("versions/1/activate"));
    assert_eq!(code, "202", "{body}");
    let alice = quickstart.command_with("alice.pem $site/  ").to_owned();
    countersign_testkit::wait::until("alice to be let in again", || {
        let (code, body) = quickstart.curl(dir.path(), &alice);
        if code == "200" { Ok(()) } else { Err(body) }
    });

    quickstart.program.terminate();
    assert_eq!(quickstart.program.wait().code(), Some(0));
}

#[test]
fn a_second_start_finds_and_reuses_its_data() {
    let dir = TempDir::new().unwrap();
    let ports = Ports::free();
    let mut first = Quickstart::start(dir.path(), &ports);
    let certificate = std::fs::read(dir.path().join("countersign-data/demo/alice.pem")).unwrap();
    first.program.kill();

    let second = Quickstart::start(dir.path(), &ports);
    assert!(second.story.contains("as you left it"), "{}", second.story);
    assert_eq!(
        std::fs::read(dir.path().join("countersign-data/demo/alice.pem")).unwrap(),
        certificate
    );
    let (code, body) = second.curl(dir.path(), second.command_with("alice.pem $site/  "));
    assert_eq!(code, "200", "{body}");
    assert_eq!(first.command_with("set="), second.command_with("set="));
}

#[test]
fn a_taken_port_is_named() {
    let dir = TempDir::new().unwrap();
    for flag in ["--api", "--production", "--staging", "--origin"] {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let mut ports = Ports::free();
        match flag {
            "--api" => ports.api = address,
            "--production" => ports.production = address,
            "--staging" => ports.staging = address,
            _ => ports.origin = address,
        }
        let output = command(dir.path(), &ports).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{flag}: {error}");
        assert!(error.contains(&address.to_string()), "{flag}: {error}");
        assert!(
            error.contains("in use") || error.contains("listens at"),
            "{flag}: {error}"
        );
    }
}
