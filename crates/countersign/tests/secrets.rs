//! Private keys at the wrong place leave no trace: not in the log at its finest level, not in the store, not in an answer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_testkit::process::{Program, free_address};
use countersign_testkit::{OpenSsl, Pki};
use serde_json::{Value, json};

struct Instance {
    dir: tempfile::TempDir,
    program: Program,
}

impl Instance {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .current_dir(dir.path())
            .env("COUNTERSIGN_LOG_LEVEL", "trace")
            .arg("serve");
        for key in ["API", "EDGE_PRODUCTION", "EDGE_STAGING"] {
            let address = free_address().to_string();
            command.env(format!("COUNTERSIGN_{key}_LISTEN"), address);
        }
        let mut program = Program::start(&mut command);
        program.wait_for_line("control API ready");
        Self { dir, program }
    }

    /// The status and the text of the answer.
    fn post(&self, path: &str, body: &str) -> (String, String) {
        let api = self.dir.path().join("countersign-data/api");
        let local: Value =
            serde_json::from_slice(&std::fs::read(api.join("local.json")).unwrap()).unwrap();
        let token = std::fs::read_to_string(api.join("local.token")).unwrap();
        std::fs::write(self.dir.path().join("body"), body).unwrap();
        let output = Command::new("curl")
            .current_dir(self.dir.path())
            .args(["-s", "--data-binary", "@body", "-w", "\n%{http_code}"])
            .args(["--cacert", &api.join("ca.pem").display().to_string()])
            .args(["-H", &format!("authorization: bearer {token}")])
            .args(["-H", "content-type: application/json"])
            .arg(format!("{}{path}", local["url"].as_str().unwrap()))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }
}

#[test]
fn a_private_key_at_the_wrong_place_leaves_no_trace() {
    let mut instance = Instance::start();
    let client = Pki::new().root("Root").client("alice").issue();
    let plain = client.key_pem();
    let openssl = OpenSsl::new();
    std::fs::write(openssl.path().join("key"), &plain).unwrap();
    openssl
        .try_run("pkcs8 -topk8 -in key -passout pass:secret -out encrypted")
        .unwrap();
    let encrypted = std::fs::read_to_string(openssl.path().join("encrypted")).unwrap();
    let der = STANDARD.encode(client.key_der());
    let truststore = "/mtls-edge-truststore/v2";
    for key in [
        &plain,
        &encrypted,
        &der,
        &format!("{}{plain}", client.pem()),
    ] {
        let certificates = json!([{"certificatePem": key, "description": "mine"}]);
        for (path, body) in [
            (
                format!("{truststore}/certificates/validate"),
                json!({"certificates": certificates, "allowInsecureSha1": false}),
            ),
            (
                format!("{truststore}/ca-sets/1/versions"),
                json!({"certificates": certificates, "allowInsecureSha1": false}),
            ),
            (format!("{truststore}/ca-sets"), json!({"caSetName": key})),
            (
                format!("{truststore}/ca-sets"),
                json!({"caSetName": "x-y", "description": key}),
            ),
            (
                "/v1/api-clients".to_owned(),
                json!({"name": "x", "role": "viewer", "kind": "CERTIFICATE", "certificate": key}),
            ),
            (
                "/v1/api-clients".to_owned(),
                json!({"name": key, "role": "viewer", "kind": "BEARER"}),
            ),
            (
                "/v1/revocations".to_owned(),
                json!({"certificatePem": key, "reason": "keyCompromise"}),
            ),
            (
                "/v1/edge-certificates".to_owned(),
                json!({"name": "x", "settings": {}, "certificates": [{"certificatePem": key, "privateKeyPem": key}]}),
            ),
            (
                "/v1/sites".to_owned(),
                json!({"name": "x", "clientCaPem": key}),
            ),
        ] {
            // A certificate with its key beside it has a name of its own where the certificate alone is wanted.
            let (status, answer) = instance.post(&path, &body.to_string());
            assert!(status.starts_with('4'), "{path} {status}: {answer}");
            refuse_traces(answer.as_bytes(), key, &path);
        }
        // Not even JSON.
        let (status, answer) = instance.post(&format!("{truststore}/ca-sets"), key);
        assert_eq!(status, "400", "{answer}");
        refuse_traces(answer.as_bytes(), key, "a body that is no JSON");
    }
    instance.program.terminate();
    assert_eq!(instance.program.wait().code(), Some(0));
    let log = instance.program.stderr();
    assert!(
        log.contains("TRACE") && log.contains("request refused"),
        "{log}"
    );
    for key in [&plain, &encrypted, &der] {
        refuse_traces(log.as_bytes(), key, "the log");
        refuse_traces(instance.program.stdout().as_bytes(), key, "the output");
        search(&instance.dir.path().join("countersign-data"), key);
    }
}

fn search(directory: &Path, key: &str) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, key);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            refuse_traces(&bytes, key, &path.display().to_string());
        }
    }
}

/// Nothing of the key's inside, as text or as the octets that it stands for. What is common to all keys of a kind is at their beginning.
fn refuse_traces(bytes: &[u8], key: &str, place: &str) {
    let text: String = match key.rsplit_once("-----BEGIN") {
        None => key.to_owned(),
        Some((_, body)) => body
            .lines()
            .filter(|line| !line.contains("-----"))
            .collect(),
    };
    let middle = text.len() / 8 * 4;
    let text = &text[middle..middle + 24];
    let octets = STANDARD.decode(text).unwrap();
    for trace in [text.as_bytes(), &octets] {
        let found = bytes.windows(trace.len()).any(|window| window == trace);
        assert!(!found, "a part of the key is in {place}");
    }
}
