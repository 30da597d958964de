//! Clients that others wrote, unmodified, over HTTPS against a real instance: the vendor's, each going through the life of a CA set as
//! Terraform does, and a fuzzer that makes its requests up out of the OpenAPI document.
//!
//! `scripts/install-test-data` installs them; without them these tests fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign_testkit::process::{Program, free_address};
use tempfile::TempDir;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");
const NODE_MODULES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../target/test-data/node/node_modules"
);
/// The CA of the control API's certificate.
const API_CA: &str = "countersign-data/api/ca.pem";
const FIRST_CA: &str = "countersign-data/demo/ca.pem";
const SECOND_CA: &str = "countersign-data/demo/other-ca.pem";

/// A quickstart in a directory of its own, on ports of its own.
struct World {
    dir: TempDir,
    api: String,
    _instance: Program,
}

impl World {
    fn started() -> Self {
        let dir = TempDir::new().unwrap();
        let api = free_address();
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.current_dir(dir.path()).arg("quickstart");
        command.args(["--api", &api.to_string()]);
        for flag in ["--production", "--staging", "--origin"] {
            command.args([flag, &free_address().to_string()]);
        }
        let mut instance = Program::start(&mut command);
        instance.wait_for_line("# and back");
        Self {
            dir,
            api: format!("localhost:{}", api.port()),
            _instance: instance,
        }
    }

    /// A program in the directory of the instance, that no proxy comes between.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path())
            .env("NO_PROXY", "localhost")
            .env("no_proxy", "localhost")
            .stdin(Stdio::null());
        command
    }

    /// Makes an API client, whose credentials go into the file `edgerc` or `token`.
    fn create_api_client(&self, role: &str, credentials: &str) -> PathBuf {
        let mut command = self.command(env!("CARGO_BIN_EXE_countersign"));
        command
            .args(["api-client", "create", credentials, "--role", role])
            .args([&format!("--write-{credentials}"), credentials]);
        succeed(command);
        self.dir.path().join(credentials)
    }
}

/// Runs to the end, and returns standard output.
fn succeed(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "cannot start {}: {error}",
            command.get_program().to_string_lossy()
        )
    });
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}: {}\n{said}\n{errors}",
        command.get_program().to_string_lossy(),
        output.status
    );
    said
}

fn wants_python_module(name: &str) {
    let found = Command::new("python3")
        .args(["-c", &format!("import {name}")])
        .output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "python3 has no module {name}: run scripts/install-test-data"
    );
}

#[test]
fn edgegrid_python_goes_through_the_life_of_a_ca_set() {
    wants_python_module("akamai.edgegrid");
    let world = World::started();
    let mut client = world.command("python3");
    client
        .arg(Path::new(SOURCES).join("lifecycle.py"))
        .arg(world.create_api_client("approver", "edgerc"))
        .args([API_CA, FIRST_CA, SECOND_CA]);
    assert_eq!(succeed(client), "done\n");
}

#[test]
fn akamai_edgegrid_for_node_goes_through_the_life_of_a_ca_set() {
    assert!(
        Path::new(NODE_MODULES).join("akamai-edgegrid").is_dir(),
        "{NODE_MODULES} has no akamai-edgegrid: run scripts/install-test-data"
    );
    let world = World::started();
    let mut client = world.command("node");
    client
        .env("NODE_PATH", NODE_MODULES)
        .env("NODE_EXTRA_CA_CERTS", API_CA)
        .arg(Path::new(SOURCES).join("lifecycle.js"))
        .arg(world.create_api_client("approver", "edgerc"))
        .args([FIRST_CA, SECOND_CA]);
    assert_eq!(succeed(client), "done\n");
}

/// Every operation of the document gets requests that it allows and requests that it forbids, and answers as the document says.
///
/// Not looked for is what the document cannot promise: that every request that fits the schemas is accepted (a certificate may be none),
/// or that every one that does not is refused (additional fields are ignored).
#[test]
fn schemathesis_finds_no_server_error_and_no_answer_outside_the_document() {
    wants_python_module("schemathesis.cli");
    let world = World::started();
    let token = std::fs::read_to_string(world.create_api_client("admin", "token")).unwrap();
    let fuzz = |selection: &[&str]| {
        let mut client = world.command("python3");
        client
            .args(["-m", "schemathesis.cli", "run"])
            .arg(format!("https://{}/openapi.json", world.api))
            .args(["--tls-verify", API_CA])
            .args(["--header", &format!("Authorization: Bearer {}", token.trim())])
            .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"])
            .args(["--phases", "examples,fuzzing", "--max-examples", "10"])
            // The same requests in every run.
            .arg("--generation-deterministic")
            .args(["--no-shrink", "--continue-on-failure", "--no-color", "--warnings", "off"])
            .args(selection);
        succeed(client)
    };
    // Ids that it saw are used again: it would revoke the credentials that it works with.
    let said = fuzz(&["--exclude-operation-id", "revokeApiClient"]);
    assert!(said.contains("No issues found"), "{said}");
    let mut still_known = world.command(env!("CARGO_BIN_EXE_countersign"));
    still_known.args(["api-client", "list", "--token-file", "token"]);
    succeed(still_known);
    // So that comes last.
    let said = fuzz(&["--include-operation-id", "revokeApiClient"]);
    assert!(said.contains("No issues found"), "{said}");
}
