//! gRPC between a client and an origin made by others: the `grpcio` package of Python.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use countersign_snapshot::{ClientAuthMode, HealthCheck, HealthCheckKind, OriginScheme, Snapshot};
use countersign_testkit::process::Program;
use countersign_testkit::{Ca, Credential, Pki, wait};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::forwarding::credential;
use crate::metrics::{admin, sample};
use crate::origins::until_down;
use crate::world::{CLIENTS, World, tls_to};

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/grpc");

/// Files of one test.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: String) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn credential(&self, name: &str, credential: &Credential) -> [PathBuf; 2] {
        [
            self.file(&format!("{name}.pem"), credential.chain_pem()),
            self.file(&format!("{name}.key"), credential.key_pem()),
        ]
    }
}

pub(crate) fn origin(arguments: &[PathBuf]) -> (Program, u16) {
    start("origin.py", arguments)
}

fn start(script: &str, arguments: &[PathBuf]) -> (Program, u16) {
    let mut origin = Program::start(
        Command::new("python3")
            .arg(format!("{PEERS}/{script}"))
            .args(arguments),
    );
    let line = origin.wait_for_line("port ");
    let port = line.trim_start_matches("port ").parse().unwrap();
    (origin, port)
}

/// What a client finds, call by call.
pub(crate) fn calls(world: &World, name: &str, own: Option<&Credential>) -> Vec<Value> {
    let files = Files::new();
    let mut command = Command::new("python3");
    command
        .arg(format!("{PEERS}/client.py"))
        .arg(world.edge.local_addr().port().to_string())
        .arg(name)
        .arg(files.file("ca.pem", world.server_root.pem()));
    if let Some(own) = own {
        command.args(files.credential("client", own));
    }
    let mut client = Program::start(&mut command);
    assert!(client.wait().success(), "{}", client.stderr());
    client
        .stdout()
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn call<'a>(calls: &'a [Value], name: &str) -> &'a Value {
    calls
        .iter()
        .find(|call| call["call"] == name)
        .unwrap_or_else(|| panic!("no {name} in {calls:?}"))
}

/// All kinds of calls as they are without an edge in between.
fn expect_everything(calls: &[Value]) {
    for (name, answer) in [
        ("unary", "echo hello"),
        ("large", "3000005"),
        ("server_stream", "499500"),
        ("client_stream", "1000000"),
        ("bidirectional", "echo a echo b echo c"),
        ("quiet", "done"),
    ] {
        let call = call(calls, name);
        assert_eq!(call["status"], "OK", "{call}");
        assert_eq!(call["answer"], answer, "{call}");
    }
    let trailers = &call(calls, "unary")["trailers"];
    assert_eq!(trailers["seen-bin"], "00ff");
    let fail = call(calls, "fail");
    assert_eq!(fail["status"], "FAILED_PRECONDITION", "{fail}");
    assert_eq!(fail["details"], "100% – no", "{fail}");
    assert_eq!(fail["metadata"]["why"], "test", "{fail}");
    assert_eq!(call(calls, "first")["answer"], "first");
    assert_eq!(call(calls, "fail_later")["status"], "DATA_LOSS");
    assert_eq!(call(calls, "deadline")["status"], "DEADLINE_EXCEEDED");
    assert_eq!(call(calls, "unknown")["status"], "UNIMPLEMENTED");
}

fn impatient(snapshot: &mut Snapshot) {
    // Shorter than the quiet call is.
    snapshot.origins[0].timeouts.idle = Duration::from_millis(600);
    snapshot.origins[0].timeouts.first_byte = Duration::from_millis(600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_calls_of_every_kind_pass_and_refusals_have_a_status_and_a_reason() {
    let (mut origin, port) = origin(&[]);
    let world = World::with(
        |limits| limits.request_body_idle = Duration::from_millis(600),
        countersign_testkit::Origin::start().await,
    )
    .await;
    let bindings = [world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS])];
    world
        .activate_with(&bindings, |snapshot| {
            snapshot.origins[0].endpoints[0].port = port;
            impatient(snapshot);
        })
        .await;
    let known = calls(&world, "a.test", Some(&world.alice()));
    expect_everything(&known);
    let trailers = &call(&known, "unary")["trailers"];
    assert_eq!(trailers["seen-verdict"], "valid");
    // Threat C4.1: the client says `:Zm9yZ2Vk:` about itself.
    let certificate = trailers["seen-certificate"].as_str().unwrap();
    assert!(certificate.starts_with(":MII"), "{certificate}");
    // The client gave up, and so did the origin's side.
    origin.wait_for_line("cancelled");
    let denied = call(&known, "denied");
    assert_eq!(denied["status"], "PERMISSION_DENIED", "{denied}");
    assert_eq!(denied["metadata"]["countersign-reason"], "denied_by_rule");

    let unknown = calls(&world, "a.test", None);
    let refused = call(&unknown, "unary");
    assert_eq!(refused["status"], "UNAUTHENTICATED", "{refused}");
    assert_eq!(refused["metadata"]["countersign-reason"], "missing");
    let details = refused["details"].as_str().unwrap();
    assert!(
        details.starts_with("missing: The client sent no certificate."),
        "{details}"
    );
    let stranger = Pki::new().root("Strangers").client("mallory").issue();
    let unknown = calls(&world, "a.test", Some(&stranger));
    let refused = call(&unknown, "bidirectional");
    assert_eq!(refused["status"], "UNAUTHENTICATED", "{refused}");
    assert_eq!(refused["metadata"]["countersign-reason"], "unknown_issuer");

    let record = world
        .record("the failed call", |record| record["grpc_status"] == 9)
        .await;
    assert_eq!(record["origin_protocol"], "h2");
    assert_eq!(record["status"], 200);
    world
        .record("the refused call", |record| {
            record["grpc_status"] == 16 && record["reason"] == "missing"
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_origin_of_grpc_knows_the_edge_by_its_certificate() {
    let files = Files::new();
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let own = root.server(["origin.test"]).issue();
    let mut arguments = files.credential("origin", &own).to_vec();
    arguments.push(files.file("edges.pem", edges.pem()));
    let (_origin, port) = origin(&arguments);
    let world = World::empty().await;
    let bindings = [world.open_binding("open", &["open.test"])];
    let enforce = async |shown: Option<&Credential>, id: &str, root: &Ca| {
        world
            .activate_with(&bindings, |snapshot| {
                let mut model = tls_to("main", port, root);
                if let (OriginScheme::Https(tls), Some(shown)) = (&mut model.scheme, shown) {
                    tls.client_credential = Some(id.parse().unwrap());
                    snapshot.client_credentials = vec![credential(&world, id, shown)];
                }
                snapshot.origins = vec![model];
                // The quiet call of these is not in a hurry.
            })
            .await;
    };
    enforce(Some(&edges.client("edge-1").issue()), "edge-1", &root).await;
    let found = calls(&world, "open.test", None);
    expect_everything(&found);
    assert_eq!(call(&found, "unary")["trailers"]["seen-peer"], "edge-1");
    // Rotated, and the connections with it.
    enforce(Some(&edges.client("edge-2").issue()), "edge-2", &root).await;
    let found = calls(&world, "open.test", None);
    assert_eq!(call(&found, "unary")["trailers"]["seen-peer"], "edge-2");
    enforce(None, "", &root).await;
    let found = calls(&world, "open.test", None);
    let refused = call(&found, "unary");
    assert_eq!(refused["status"], "UNAVAILABLE", "{refused}");
    assert_eq!(
        refused["metadata"]["countersign-reason"],
        "origin_refused_certificate"
    );
    enforce(None, "", &edges).await;
    let found = calls(&world, "open.test", None);
    assert_eq!(
        call(&found, "unary")["metadata"]["countersign-reason"],
        "origin_untrusted"
    );
}

/// `authClientCert`: a call does not reach an origin that does not ask who the edge is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_origin_of_grpc_that_does_not_ask_gets_no_call_where_the_rules_want_it_to() {
    let files = Files::new();
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let own = root.server(["origin.test"]).issue();
    let shown = edges.client("edge-1").issue();
    let silent = files.credential("origin", &own).to_vec();
    let mut asking = silent.clone();
    asking.push(files.file("edges.pem", edges.pem()));
    let world = World::empty().await;
    let mut binding = world.open_binding("open", &["open.test"]);
    binding.rules = json!({"rules": {"name": "default", "behaviors": [{"name": "mtlsOriginKeystore",
        "options": {"enable": true, "clientCertificateVersionGuid": "edge-1", "authClientCert": true}}]},
        "ruleFormat": "latest"})
    .to_string();
    for (arguments, asks) in [(asking, true), (silent, false)] {
        let (_origin, port) = origin(&arguments);
        world
            .activate_with(std::slice::from_ref(&binding), |snapshot| {
                snapshot.origins = vec![tls_to("main", port, &root)];
                snapshot.client_credentials = vec![credential(&world, "edge-1", &shown)];
            })
            .await;
        let found = calls(&world, "open.test", None);
        if asks {
            expect_everything(&found);
            assert_eq!(call(&found, "unary")["trailers"]["seen-peer"], "edge-1");
            continue;
        }
        for name in ["unary", "bidirectional"] {
            let refused = call(&found, name);
            assert_eq!(refused["status"], "UNAVAILABLE", "{refused}");
            let reason = &refused["metadata"]["countersign-reason"];
            assert_eq!(reason, "origin_did_not_ask", "{refused}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_health_server_is_asked_about_its_services() {
    let files = Files::new();
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let own = root.server(["origin.test"]).issue();
    let mut arguments = files.credential("origin", &own).to_vec();
    arguments.push(files.file("edges.pem", edges.pem()));
    let (_plain, plain) = start("health.py", &[]);
    let (_secure, secure) = start("health.py", &arguments);
    let (_without, without) = origin(&[]);
    let shown = edges.client("edge-1").issue();
    let world = World::empty().await;
    let admin = admin(&world);
    for (port, service, is_good) in [
        (plain, "", true),
        (plain, "good", true),
        (plain, "bad", false),
        (plain, "late", false),
        (plain, "nobody", false),
        // It has no service of that kind.
        (without, "", false),
        // The edge proves who it is.
        (secure, "good", true),
        (secure, "bad", false),
    ] {
        let bindings = [world.open_binding("open", &["open.test"])];
        world
            .activate_with(&bindings, |snapshot| {
                if port == secure {
                    let mut model = tls_to("main", port, &root);
                    if let OriginScheme::Https(tls) = &mut model.scheme {
                        tls.client_credential = Some("edge-1".parse().unwrap());
                    }
                    snapshot.client_credentials = vec![credential(&world, "edge-1", &shown)];
                    snapshot.origins = vec![model];
                }
                let model = &mut snapshot.origins[0];
                model.endpoints[0].port = port;
                model.policy.health_check = Some(HealthCheck {
                    kind: HealthCheckKind::Grpc {
                        service: service.to_owned(),
                    },
                    interval: Duration::from_millis(20),
                    unhealthy_after: 1,
                    ..HealthCheck::default()
                });
            })
            .await;
        until_down(&admin, if is_good { 0.0 } else { 1.0 }).await;
        let found = |outcome: &str| {
            format!(
                "countersign_edge_origin_health_checks_total{{network=\"staging\",origin=\"main\",outcome=\"{outcome}\"}}"
            )
        };
        let expected = found(if is_good { "passed" } else { "failed" });
        wait::until_async("a check", async || {
            let seen = sample(&admin, &expected).await;
            if seen > 0.0 { Ok(()) } else { Err(seen) }
        })
        .await;
    }
}
