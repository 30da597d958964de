//! Edge certificates and sites through the real binary, with curl and openssl: redirects to HTTPS, strict transport security, a certificate for
//! each kind of client, a site in one command, and sites without TLS.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use countersign_testkit::process::{Program, free_address};
use countersign_testkit::quickstart::Quickstart;
use tempfile::TempDir;

/// A quickstart in a directory of its own whose production edge listens for HTTP as well, and certificates for `*.example.test`.
struct World {
    dir: TempDir,
    production: SocketAddr,
    http: SocketAddr,
    origin: String,
    _instance: Program,
}

impl World {
    fn started() -> Self {
        let dir = TempDir::new().unwrap();
        let http = free_address();
        let at = Quickstart::at_free_addresses();
        let instance = at.start(env!("CARGO_BIN_EXE_countersign"), dir.path(), |command| {
            let https_port = at.production.port().to_string();
            command.env("COUNTERSIGN_EDGE_PRODUCTION_LISTEN_HTTP", http.to_string());
            command.env("COUNTERSIGN_EDGE_PRODUCTION_HTTPS_PORT", https_port);
        });
        let world = Self {
            dir,
            production: at.production,
            http,
            origin: format!("http://{}", at.origin),
            _instance: instance,
        };
        world.certificates();
        world
    }

    /// `ecdsa.pem` and `rsa.pem`, with their keys.
    fn certificates(&self) {
        let names = ["--server", "--san", "*.example.test", "--dir", "servers"];
        self.done(&["pki", "init", "Servers", "--dir", "servers"]);
        let issue = ["pki", "issue", "ecdsa", "--out", "ecdsa"];
        self.done(&[issue.as_slice(), &names].concat());
        let request = "req -new -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.csr -subj /CN=rsa";
        let made = self.run("openssl", &request.split(' ').collect::<Vec<_>>());
        assert!(made.status.success(), "{made:?}");
        let signed = self.done(&[["pki", "sign", "rsa.csr"].as_slice(), &names].concat());
        std::fs::write(self.dir.path().join("rsa.pem"), signed).unwrap();
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new(program)
            .current_dir(self.dir.path())
            .args(arguments)
            .stdin(Stdio::null())
            .env("NO_PROXY", "*")
            .output()
            .unwrap()
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(env!("CARGO_BIN_EXE_countersign"), arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(env!("CARGO_BIN_EXE_countersign"), arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// What curl gets, with the heads of all answers.
    #[track_caller]
    fn curl(&self, url: &str, more: &[&str]) -> String {
        let host = url.split("//").nth(1).unwrap();
        let host = host.split(['/', ':']).next().unwrap();
        let [plain, tls] = [self.http, self.production]
            .map(|address| format!("{host}:{}:127.0.0.1", address.port()));
        let mut arguments = vec!["-sSi", "--cacert", "servers/root.pem"];
        arguments.extend(["--resolve", &plain, "--resolve", &tls, url]);
        arguments.extend(more);
        let output = self.run("curl", &arguments);
        assert!(output.status.success(), "{url}: {output:?}");
        String::from_utf8(output.stdout).unwrap().to_lowercase()
    }

    fn http_url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.http.port())
    }

    fn https_url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.production.port())
    }
}

const ALICE: [&str; 2] = ["--cert", "countersign-data/demo/alice.pem"];
const HSTS: &str = "strict-transport-security: max-age=31536000; includesubdomains\r\n";

#[test]
fn a_certificate_says_how_clients_come_and_a_site_in_one_command_stands_on_it() {
    let world = World::started();
    let create = [
        "certificate",
        "create",
        "--name",
        "wildcard",
        "--certificate",
        "ecdsa.pem",
        "--key",
        "ecdsa.key",
        "--certificate",
        "rsa.pem",
        "--key",
        "rsa.key",
    ];
    world.done(&create);
    let settings = [
        "--hsts",
        "31536000",
        "--hsts-include-subdomains",
        "--https-redirect",
    ];
    let update = ["certificate", "update", "wildcard"];
    let page = world.done(&[update.as_slice(), &settings].concat());
    assert!(page.contains("redirected to HTTPS"), "{page}");
    let too_little = ["--hsts", "600", "--hsts-preload"];
    let refusal = world.refused(&[update.as_slice(), &too_little].concat());
    assert!(refusal.contains("at least 31536000"), "{refusal}");
    let deploy = [
        "certificate",
        "deploy",
        "wildcard",
        "--network",
        "production",
        "--wait",
    ];
    let deployed = world.done(&deploy);
    assert_eq!(deployed, "version 2 of `wildcard` is on production\n");

    // No certificate is named: there is one that covers the hostname.
    let site = [
        "site",
        "create",
        "www.example.test",
        "--origin",
        &world.origin,
    ];
    let clients = [
        "--client-ca",
        "countersign-data/demo/ca.pem",
        "--deploy",
        "production",
        "--wait",
    ];
    world.done(&[site.as_slice(), &clients].concat());
    let (plain, tls) = (
        world.http_url("www.example.test", "/a?b=c"),
        world.https_url("www.example.test", "/a?b=c"),
    );
    let redirect = world.curl(&plain, &[]);
    assert!(redirect.starts_with("http/1.1 308 "), "{redirect}");
    assert!(
        redirect.contains(&format!("\r\nlocation: {tls}\r\n")),
        "{redirect}"
    );
    assert!(!redirect.contains("strict-transport"), "{redirect}");
    let stranger = world.curl(&plain, &["-L"]);
    assert!(stranger.contains("http/2 403"), "{stranger}");
    assert!(stranger.contains(HSTS), "{stranger}");
    let alice = world.curl(&plain, &[["-L"].as_slice(), &ALICE].concat());
    assert!(alice.contains("http/2 200"), "{alice}");
    assert!(alice.contains(HSTS), "{alice}");

    for (algorithms, expected) in [
        ("ECDSA+SHA256", "id-ecPublicKey, 256 (bit)"),
        ("RSA-PSS+SHA256", "rsaEncryption, 2048 (bit)"),
    ] {
        let connect = world.production.to_string();
        let asked = [
            "s_client",
            "-connect",
            &connect,
            "-servername",
            "www.example.test",
        ];
        let seen = world.run(
            "openssl",
            &[asked.as_slice(), &["-sigalgs", algorithms]].concat(),
        );
        let seen = String::from_utf8_lossy(&seen.stdout).into_owned();
        assert!(seen.contains(expected), "{algorithms}: {seen}");
    }
    // What is presented is not taken away.
    let remove = [
        "certificate",
        "remove",
        "wildcard",
        "--network",
        "production",
    ];
    let refusal = world.refused(&remove);
    assert!(refusal.contains("www.example.test"), "{refusal}");
}

#[test]
fn a_site_without_tls_is_there_over_http_and_nowhere_else() {
    let world = World::started();
    let site = [
        "site",
        "create",
        "open.example.test",
        "--origin",
        &world.origin,
    ];
    world.done(
        &[
            site.as_slice(),
            &["--plain-http", "--deploy", "production", "--wait"],
        ]
        .concat(),
    );
    let answer = world.curl(&world.http_url("open.example.test", "/"), &[]);
    assert!(answer.starts_with("http/1.1 200 "), "{answer}");
    let url = world.https_url("open.example.test", "/");
    let over_tls = world.run(
        "curl",
        &[
            "-sSk",
            "--resolve",
            &format!("open.example.test:{}:127.0.0.1", world.production.port()),
            &url,
        ],
    );
    assert!(!over_tls.status.success(), "{over_tls:?}");
    // The demo's site says nothing about coming without TLS.
    let refusal = world.curl(&world.http_url("demo.localhost", "/"), &[]);
    assert!(refusal.starts_with("http/1.1 403 "), "{refusal}");
    assert!(refusal.contains("tls_required"), "{refusal}");
    let update = ["site", "update", "open.example.test", "--mode", "request"];
    let refusal = world.refused(&[update.as_slice(), &["--yes"]].concat());
    assert!(refusal.contains("has none"), "{refusal}");
}

#[test]
fn a_key_is_made_here_its_certificate_signed_elsewhere_installed_and_presented() {
    let world = World::started();
    let name = "shop.example.test";
    let request = [
        "certificate",
        "request",
        name,
        "--key-type",
        "p384",
        "--organization",
        "Example",
    ];
    std::fs::write(world.dir.path().join("shop.csr"), world.done(&request)).unwrap();
    let shown = world.run(
        "openssl",
        &["req", "-in", "shop.csr", "-verify", "-noout", "-text"],
    );
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains("DNS:shop.example.test"), "{text}");
    assert!(text.contains("NIST CURVE: P-384"), "{text}");
    let deploy = [
        "certificate",
        "deploy",
        name,
        "--network",
        "production",
        "--wait",
    ];
    let refusal = world.refused(&deploy);
    assert!(refusal.contains("has no certificate yet"), "{refusal}");
    let foreign = ["certificate", "install", name, "--certificate", "ecdsa.pem"];
    let refusal = world.refused(&foreign);
    assert!(refusal.contains("No key that is held"), "{refusal}");

    let sign = [
        "pki", "sign", "shop.csr", "--server", "--san", name, "--dir", "servers",
    ];
    std::fs::write(world.dir.path().join("shop.pem"), world.done(&sign)).unwrap();
    world.done(&["certificate", "install", name, "--certificate", "shop.pem"]);
    let shown = world.done(&["certificate", "show", name, "--output", "json"]);
    assert!(
        !shown.contains("PRIVATE") && !shown.contains("keyRequests"),
        "{shown}"
    );
    world.done(&deploy);
    let site = ["site", "create", name, "--origin", &world.origin];
    let there = [
        "--edge-certificate",
        "1",
        "--deploy",
        "production",
        "--wait",
    ];
    let id = shown.split("\"edgeCertificateId\": \"").nth(1).unwrap();
    let id = id.split('"').next().unwrap();
    let there = there.map(|text| if text == "1" { id } else { text });
    world.done(&[site.as_slice(), &there].concat());
    let answer = world.curl(&world.https_url(name, "/"), &[]);
    assert!(answer.starts_with("http/2 200"), "{answer}");

    // The next certificate for the same key needs no key either.
    std::fs::write(world.dir.path().join("next.pem"), world.done(&sign)).unwrap();
    world.done(&["certificate", "install", name, "--certificate", "next.pem"]);
    let deployed = world.done(&deploy);
    assert!(deployed.contains("version 3"), "{deployed}");
}
