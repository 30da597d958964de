//! `countersign explain` on certificates made with openssl, exactly as operators make them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

/// The certificates of the operators' guide: an encrypted RSA-4096 root, an intermediate, clients signed by either.
static PKI: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = TempDir::new().unwrap();
    let script = r#"
set -e
cat > root.conf <<'CONF'
[ req ]
prompt = no
distinguished_name = name
x509_extensions = v3_ca
[ name ]
C = US
ST = Massachusetts
O = Example Corp
CN = Example Root CA
[ v3_ca ]
basicConstraints = critical, CA:TRUE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always, issuer
keyUsage = critical, keyCertSign, cRLSign
CONF
cat > intermediate.conf <<'CONF'
basicConstraints = critical, CA:TRUE, pathlen:0
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical, keyCertSign, cRLSign
CONF
cat > client.conf <<'CONF'
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
CONF
openssl genrsa -des3 -passout pass:secret -out root.key 4096
openssl req -x509 -config root.conf -key root.key -passin pass:secret -sha256 -days 1024 -out root.pem
openssl genrsa -out intermediate.key 2048
openssl req -new -key intermediate.key -subj "/C=US/ST=Massachusetts/O=Example Corp/CN=Example Intermediate CA" -out intermediate.csr
openssl x509 -req -in intermediate.csr -CA root.pem -CAkey root.key -passin pass:secret -CAcreateserial -days 500 -sha256 -extfile intermediate.conf -out intermediate.pem
openssl genrsa -out client.key 2048
openssl req -new -key client.key -subj "/O=Example Corp/CN=device-17" -out client.csr
openssl x509 -req -in client.csr -CA intermediate.pem -CAkey intermediate.key -CAcreateserial -days 100 -sha256 -extfile client.conf -out client.pem
openssl x509 -req -in client.csr -CA root.pem -CAkey root.key -passin pass:secret -CAcreateserial -days 100 -sha256 -extfile client.conf -out direct.pem
openssl x509 -req -in client.csr -CA root.pem -CAkey root.key -passin pass:secret -CAcreateserial -days 100 -sha256 -out plain.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout stranger.key -subj "/O=Somebody Else/CN=Stranger" -days 30 -out stranger.pem
cat client.pem intermediate.pem > chain.pem
cat chain.pem client.key > with-key.pem
"#;
    let output = Command::new("bash")
        .current_dir(dir.path())
        .args(["-c", script])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    dir
});

fn path(name: &str) -> String {
    let path: &Path = PKI.path();
    path.join(name).display().to_string()
}

/// The exit code and what was printed.
fn explain(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("explain")
        .args(arguments)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[track_caller]
fn check(cert: &str, ca: &str, code: i32, expected: &[&str]) {
    let (actual, text) = explain(&["--cert", &path(cert), "--ca", &path(ca)]);
    assert_eq!(actual, Some(code), "{text}");
    for part in expected {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}

#[test]
fn clients_of_the_intermediate_and_of_the_root_are_accepted() {
    check(
        "chain.pem",
        "root.pem",
        0,
        &[
            "valid until",
            "1. CN=device-17",
            "3. CN=Example Root CA",
            "(in the CA set)",
        ],
    );
    check(
        "direct.pem",
        "root.pem",
        0,
        &["valid until", "2. CN=Example Root CA"],
    );
    check(
        "client.pem",
        "intermediate.pem",
        0,
        &["2. CN=Example Intermediate CA"],
    );
}

#[test]
fn a_file_with_certificate_and_key_as_curl_takes_it_is_explained() {
    check("with-key.pem", "root.pem", 0, &["valid until"]);
    let (_, text) = explain(&["--cert", &path("chain.pem"), "--ca", &path("with-key.pem")]);
    assert!(text.contains("private key"), "{text}");
}

#[test]
fn a_certificate_that_openssl_made_without_extensions_is_accepted() {
    check("plain.pem", "root.pem", 0, &["valid until"]);
}

#[test]
fn an_incomplete_chain_names_the_missing_issuer() {
    check(
        "client.pem",
        "root.pem",
        1,
        &[
            "invalid: incomplete_chain",
            "CN=Example Intermediate CA",
            "remedy",
        ],
    );
}

#[test]
fn a_stranger_is_an_unknown_issuer() {
    check(
        "stranger.pem",
        "root.pem",
        1,
        &["invalid: unknown_issuer", "CN=Stranger", "remedy"],
    );
}

#[test]
fn the_time_of_the_decision_can_be_chosen() {
    let cert = path("chain.pem");
    let root = path("root.pem");
    let at = |time: &str| explain(&["--cert", &cert, "--ca", &root, "--at", time]);
    let (code, text) = at("2099-01-01T00:00:00Z");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("expired"), "{text}");
    let (code, text) = at("2001-01-01T00:00:00Z");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("not_yet_valid"), "{text}");
    let (code, text) = at("yesterday");
    assert_eq!(code, Some(2), "{text}");
}

#[test]
fn programs_get_the_same_answer_as_json() {
    let (code, text) = explain(&[
        "--cert",
        &path("client.pem"),
        "--ca",
        &path("root.pem"),
        "--output",
        "json",
    ]);
    assert_eq!(code, Some(1));
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["verdict"], "invalid");
    assert_eq!(answer["reason"], "incomplete_chain");
    assert!(
        answer["cause"]
            .as_str()
            .unwrap()
            .contains("CN=Example Intermediate CA")
    );
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let (code, text) = explain(&["--cert", &path("root.conf"), "--ca", &path("root.pem")]);
    assert_eq!(code, Some(1));
    assert!(text.contains("root.conf"), "{text}");
    let (_, text) = explain(&["--cert", &path("chain.pem"), "--ca", &path("root.key")]);
    assert!(
        text.contains("root.key") && text.contains("private key"),
        "{text}"
    );
}
