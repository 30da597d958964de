//! Access records of the real process at a collector, by the configuration file that operators write.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::process::Command;

use countersign_testkit::process::{Program, free_address};
use countersign_testkit::quickstart::Quickstart;
use countersign_testkit::{Pki, wait};
use serde_json::Value;

/// The protocol's own messages, in Python; the edge's tests compare every field with it.
const COLLECTOR: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../edge/tests/otlp/collector.py"
);

#[test]
fn a_collector_named_in_the_configuration_gets_the_records() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let root = Pki::new().root("Collector Root");
    let credential = root.server(["localhost"]).issue();
    write("otel-ca.pem", &root.pem());
    write("collector.pem", &credential.chain_pem());
    write("collector.key", &credential.key_pem());
    write("otel-headers", "X-Api-Key: opensesame\n");
    let mut collector = Program::start(Command::new("python3").current_dir(dir.path()).args([
        COLLECTOR,
        "collector.pem",
        "collector.key",
    ]));
    let port = collector.wait_for_line("port ");
    let port = port.trim_start_matches("port ");

    let production = free_address();
    let countersign = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.current_dir(dir.path());
        command
    };
    let mut quickstart = Quickstart::at_free_addresses().start(
        env!("CARGO_BIN_EXE_countersign"),
        dir.path(),
        |_| {},
    );
    quickstart.terminate();
    assert_eq!(quickstart.wait().code(), Some(0));

    let config = format!(
        "[api]\nlisten = '{}'\n[edge.production]\nlisten = ['{production}']\n[edge.staging]\nlisten = []\n[access_log]\noutput = 'off'\n\
         [access_log.otlp]\nendpoint = 'https://localhost:{port}/v1/logs'\nca_file = 'otel-ca.pem'\nheaders_file = 'otel-headers'\n",
        free_address()
    );
    write("countersign.toml", &config);
    let mut command = countersign();
    command.args(["serve", "--config", "countersign.toml"]);
    let mut serving = Program::start(&mut command);
    serving.wait_for_line("edge ready");
    let asked = Command::new("curl")
        .current_dir(dir.path())
        .args(["-sS", "--cacert", "countersign-data/demo/server-ca.pem"])
        .args(["--cert", "countersign-data/demo/unknown.pem"])
        .arg(format!("https://demo.localhost:{}/a", production.port()))
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!(told["reason"], "unknown_issuer");

    let request = wait::until("the record at the collector", || {
        let lines = collector.stdout();
        let request = lines.lines().find_map(|line| {
            let request = line.strip_prefix("request ")?;
            serde_json::from_str::<Value>(request).ok()
        });
        request.ok_or_else(|| format!("{lines}{}", collector.stderr()))
    });
    assert_eq!(request["headers"]["x-api-key"], "opensesame");
    let logs = &request["message"]["resourceLogs"][0];
    let resource = &logs["resource"]["attributes"];
    assert_eq!(attribute(resource, "service.name"), "countersign");
    assert_eq!(attribute(resource, "network"), "production");
    let record = &logs["scopeLogs"][0]["logRecords"][0];
    assert_eq!(record["eventName"], "request");
    assert_eq!(record["severityText"], "WARN");
    let fields = &record["attributes"];
    assert_eq!(attribute(fields, "reason"), "unknown_issuer");
    assert_eq!(attribute(fields, "verdict"), "invalid");
    assert_eq!(attribute(fields, "host"), "demo.localhost");
    assert_eq!(attribute(fields, "path"), "/a");
    assert_eq!(attribute(fields, "request_id"), told["request_id"]);
    serving.terminate();
    assert_eq!(serving.wait().code(), Some(0));
    let said = [serving.stdout(), serving.stderr()].concat();
    assert!(!said.contains("opensesame"));
    assert!(!said.contains("\"event\""), "{said}");
}

fn attribute(attributes: &Value, name: &str) -> Value {
    let attributes = attributes.as_array().unwrap();
    let found = attributes
        .iter()
        .find(|attribute| attribute["key"] == name)
        .unwrap_or_else(|| panic!("no {name} in {attributes:?}"));
    found["value"]["stringValue"].clone()
}
