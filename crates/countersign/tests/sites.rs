//! Sites through the real binary with curl: the one command of the README, and every combination of the switches that is accepted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use countersign_testkit::process::{Program, free_address};
use countersign_testkit::quickstart::Quickstart;
use countersign_testkit::{Ca, Credential, Origin, Pki};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A quickstart in a directory of its own whose production edge listens for HTTP as well, with an edge certificate for `*.example.test`.
struct World {
    dir: TempDir,
    production: SocketAddr,
    http: SocketAddr,
    _instance: Program,
}

impl World {
    fn started() -> Self {
        let dir = TempDir::new().unwrap();
        let http = free_address();
        let at = Quickstart::at_free_addresses();
        let instance = at.start(env!("CARGO_BIN_EXE_countersign"), dir.path(), |command| {
            command.env("COUNTERSIGN_EDGE_PRODUCTION_LISTEN_HTTP", http.to_string());
        });
        let world = Self {
            dir,
            production: at.production,
            http,
            _instance: instance,
        };
        world.done("pki init Servers --dir servers");
        world.done("pki issue any --server --san *.example.test --dir servers --out any");
        world.done("certificate create --name any --certificate any.pem --key any.key");
        world.done("certificate deploy any --network production --wait");
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
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

    /// A command whose arguments have no blanks inside.
    fn countersign(&self, line: &str) -> Output {
        let arguments: Vec<_> = line.split_whitespace().collect();
        self.run(env!("CARGO_BIN_EXE_countersign"), &arguments)
    }

    #[track_caller]
    fn done(&self, line: &str) -> String {
        let output = self.countersign(line);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{line}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, line: &str) -> String {
        let output = self.countersign(line);
        assert_eq!(output.status.code(), Some(1), "{line}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The status that a client gets, if it gets any; `client` names its certificate.
    fn get(&self, host: &str, tls: bool, client: Option<&str>) -> Option<u16> {
        let (scheme, port) = if tls {
            ("https", self.production.port())
        } else {
            ("http", self.http.port())
        };
        let (url, resolve) = (
            format!("{scheme}://{host}:{port}/"),
            format!("{host}:{port}:127.0.0.1"),
        );
        let certificate = client.map(|name| format!("countersign-data/demo/{name}.pem"));
        let mut arguments = vec!["-sS", "-o", "/dev/null", "-w", "%{http_code}"];
        arguments.extend(["--cacert", "servers/root.pem", "--resolve", &resolve, &url]);
        if let Some(certificate) = &certificate {
            arguments.extend(["--cert", certificate]);
        }
        let output = self.run("curl", &arguments);
        let status = String::from_utf8(output.stdout).unwrap();
        output.status.success().then(|| status.parse().unwrap())
    }
}

/// Origins that say what they got: without TLS, with TLS, and with TLS that wants a certificate of `edge`'s issuer.
struct Origins {
    plain: Origin,
    tls: Origin,
    mutual: Origin,
    edge: Credential,
    servers: Ca,
    _runtime: Runtime,
}

impl Origins {
    fn started(world: &World) -> Self {
        let runtime = Runtime::new().unwrap();
        let pki = Pki::new();
        let (servers, clients) = (pki.root("Origins"), pki.root("Edges"));
        let certificate = servers.server(["origin.test"]).issue();
        let edge = clients.client("edge").issue();
        let tls = Origin::builder().tls(&certificate).start();
        let mutual = Origin::builder().mutual_tls(&certificate, &clients).start();
        let origins = Self {
            plain: runtime.block_on(Origin::start()),
            tls: runtime.block_on(tls),
            mutual: runtime.block_on(mutual),
            edge,
            servers,
            _runtime: runtime,
        };
        for (name, text) in [
            ("origins.pem", origins.servers.pem()),
            ("edge.pem", origins.edge.chain_pem()),
            ("edge.key", origins.edge.key_pem()),
        ] {
            std::fs::write(world.path(name), text).unwrap();
        }
        origins
    }
}

const CLIENT_CA: &str = "--client-ca countersign-data/demo/ca.pem";
const ORIGIN_TLS: &str = "--origin-ca origins.pem --origin-name origin.test";
const UPSTREAM: &str = "--upstream-certificate edge.pem --upstream-key edge.key";

/// Who comes in over what, and what the origin gets of it.
#[track_caller]
fn check(world: &World, host: &str, tls: bool, downstream: bool, origin: &Origin, shown: &[u8]) {
    let alone = if downstream { 403 } else { 200 };
    let before = origin.received().len();
    assert_eq!(world.get(host, tls, None), Some(alone), "{host}");
    assert_eq!(world.get(host, tls, Some("alice")), Some(200), "{host}");
    if tls {
        let stranger = world.get(host, true, Some("unknown"));
        assert_eq!(stranger, Some(alone), "{host}");
        assert_ne!(world.get(host, false, None), Some(200), "{host}");
    } else {
        assert_eq!(world.get(host, true, None), None, "{host}");
    }
    let received = origin.received();
    assert!(received.len() > before, "{host}");
    for request in &received[before..] {
        let certificate = request.client_chain.first();
        assert_eq!(certificate.map_or(&[][..], |it| it), shown, "{host}");
    }
}

#[test]
fn every_accepted_combination_of_switches_does_what_it_says() {
    let world = World::started();
    let origins = Origins::started(&world);
    let mut number = 0;
    let mut combination = |flags: &str, tls, downstream, origin: &Origin, shown: &[u8]| {
        number += 1;
        let host = format!("s{number}.example.test");
        let url = origin.url();
        world.done(&format!(
            "site create {host} --origin {url} {flags} --deploy production --wait"
        ));
        check(&world, &host, tls, downstream, origin, shown);
    };
    let (plain, secure) = (&origins.plain, &origins.tls);
    for downstream in [false, true] {
        let clients = if downstream { CLIENT_CA } else { "" };
        combination(clients, true, downstream, plain, &[]);
        let only = format!("{clients} --terminate-only");
        combination(&only, true, downstream, plain, &[]);
        let to_tls = format!("{clients} {ORIGIN_TLS}");
        combination(&to_tls, true, downstream, secure, &[]);
        let both = format!("{to_tls} {UPSTREAM}");
        let shown = origins.edge.der();
        combination(&both, true, downstream, &origins.mutual, shown);
    }
    combination("--plain-http", false, false, plain, &[]);
    let flags = format!("--plain-http {ORIGIN_TLS}");
    combination(&flags, false, false, secure, &[]);

    // What is there can be written down and applied again, in every form, and nothing changes.
    for form in ["yaml", "toml", "json"] {
        let exported = world.done(&format!("export --form {form}"));
        for word in ["terminateOnly", "plainHttp", "clientCredentials"] {
            assert!(exported.contains(word), "{form}: {word}");
        }
        let file = format!("all.{form}");
        std::fs::write(world.path(&file), exported).unwrap();
        world.done(&format!("apply -f {file} --plan"));
    }
}

#[test]
fn each_switch_is_switched_on_and_off_on_its_own() {
    let world = World::started();
    let origins = Origins::started(&world);
    let host = "www.example.test";
    let (plain, mutual) = (origins.plain.url(), origins.mutual.url());
    world.done(&format!(
        "site create {host} --origin {plain} --deploy production --wait"
    ));
    let update = |flags: &str| world.done(&format!("site update {host} {flags} --wait --yes"));
    check(&world, host, true, false, &origins.plain, &[]);

    update(CLIENT_CA);
    check(&world, host, true, true, &origins.plain, &[]);

    let page = update("--terminate-only");
    assert!(page.contains("ends at the edge"), "{page}");
    let said = world.refused(&format!(
        "site update {host} --origin {mutual} {ORIGIN_TLS} {UPSTREAM} --yes"
    ));
    for place in [
        "/origin/url terminate-only",
        "/clientCredential terminate-only",
    ] {
        assert!(said.contains(place), "{said}");
    }
    let said = world.refused(&format!(
        "site update {host} --terminate-only=false {UPSTREAM} --yes"
    ));
    assert!(
        said.contains("/clientCredential needs-https-origin"),
        "{said}"
    );
    check(&world, host, true, true, &origins.plain, &[]);

    update(&format!(
        "--terminate-only=false --origin {mutual} {ORIGIN_TLS} {UPSTREAM}"
    ));
    let shown = origins.edge.der();
    check(&world, host, true, true, &origins.mutual, shown);
    update("--mode off");
    check(&world, host, true, false, &origins.mutual, shown);
    let said = world.refused(&format!("site update {host} --plain-http --yes"));
    assert!(
        said.contains("/origin/clientCredentialId needs-tls"),
        "{said}"
    );

    update("--no-upstream-mtls");
    assert_eq!(world.get(host, true, None), Some(502));
    let tls = origins.tls.url();
    update(&format!("--plain-http --origin {tls}"));
    check(&world, host, false, false, &origins.tls, &[]);
    let said = world.refused(&format!(
        "site update {host} {CLIENT_CA} --mode request --yes"
    ));
    assert!(said.contains("/mutualAuthentication needs-tls"), "{said}");
    update(&format!("--plain-http=false {CLIENT_CA} --mode request"));
    check(&world, host, true, true, &origins.tls, &[]);
}

/// The time is that from the start of the command to the first request that is refused for want of a certificate; the machine that runs the
/// tests may be busy with others.
#[test]
fn one_command_with_a_ca_for_a_hostname_is_enforced_at_once() {
    const PATIENCE: Duration = Duration::from_secs(10);
    let world = World::started();
    let origins = Origins::started(&world);
    let (host, url) = ("www.example.test", origins.plain.url());
    let started = Instant::now();
    world.done(&format!(
        "site create {host} --origin {url} {CLIENT_CA} --deploy production"
    ));
    while world.get(host, true, None) != Some(403) {
        assert!(started.elapsed() < PATIENCE, "it is not enforced");
    }
    println!("enforced after {:?}", started.elapsed());
    check(&world, host, true, true, &origins.plain, &[]);
}
