//! `mtlsOriginKeystore` with an nginx that wants a client certificate as the origin.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use countersign_testkit::process::{Program, free_address};
use serde_json::{Value, json};

use crate::world::{PATIENCE, World};

/// An nginx that says whose certificate it saw.
fn nginx(world: &World) -> (Program, SocketAddr) {
    let address = free_address();
    let prefix = world.path("nginx");
    std::fs::create_dir(&prefix).unwrap();
    let (root, prefix) = (world.dir.path().display(), prefix.display());
    let configuration = format!(
        "daemon off; master_process off; pid {prefix}/pid; error_log stderr; events {{}}
         http {{
           access_log off;
           client_body_temp_path {prefix}/body; proxy_temp_path {prefix}/proxy; fastcgi_temp_path {prefix}/fastcgi;
           uwsgi_temp_path {prefix}/uwsgi; scgi_temp_path {prefix}/scgi;
           server {{
             listen {address} ssl;
             ssl_certificate {root}/origin.pem; ssl_certificate_key {root}/origin.key;
             ssl_client_certificate {root}/edges/root.pem; ssl_verify_depth 2; ssl_verify_client on;
             location / {{ return 200 \"$ssl_client_verify $ssl_client_s_dn\"; }}
           }}
         }}"
    );
    std::fs::write(world.path("nginx/nginx.conf"), configuration).unwrap();
    let mut program = Program::start(Command::new("nginx").args([
        "-p",
        &prefix.to_string(),
        "-c",
        &format!("{prefix}/nginx.conf"),
    ]));
    program.wait_for_port(address);
    (program, address)
}

fn rules(reference: &str) -> Value {
    json!({"ruleFormat": "latest", "rules": {"name": "default", "behaviors": [
        {"name": "origin", "options": {"originId": "inner"}},
        {"name": "mtlsOriginKeystore", "options": {"enable": true, "clientCertificateVersionGuid": reference, "authClientCert": true}}]}})
}

/// Chosen by version and as the current one; rotated under load, and back.
#[test]
fn an_origin_is_shown_the_credential_that_the_rules_choose() {
    let world = World::started();
    world.edge_certificate("current.example.com", false);
    world.edge_certificate("pinned.example.com", false);
    let issue = |name: &str, dir: &str, kind: &[&str]| {
        let issue = ["pki", "issue", name, "--dir", dir, "--out", name];
        world.countersign(&[issue.as_slice(), kind].concat());
    };
    issue(
        "origin",
        "servers",
        &["--server", "--san", "origin.example.com"],
    );
    world.countersign(&["pki", "init", "Edges", "--dir", "edges"]);
    issue("one", "edges", &["--client"]);
    issue("two", "edges", &["--client"]);
    let (_nginx, address) = nginx(&world);
    let credential = |verb: &str, more: &[&str]| {
        let command = ["client-credential", verb, "to-origin"];
        world.countersign(&[command.as_slice(), more].concat())
    };
    let on_production = ["--network", "production", "--wait"];

    credential("create", &["--certificate", "one.pem", "--key", "one.key"]);
    let origin = format!("inner=https://{address}");
    let property = |name: &str, reference: &str| {
        std::fs::write(world.path("rules.json"), rules(reference).to_string()).unwrap();
        let host = format!("{name}.example.com");
        let create = [
            "property",
            "create",
            name,
            "--hostname",
            &host,
            "--origin",
            &origin,
        ];
        let origin = [
            "--origin-ca",
            "inner=servers/root.pem",
            "--origin-name",
            "inner=origin.example.com",
        ];
        world.countersign(&[create.as_slice(), &origin, &["--rules", "rules.json"]].concat());
    };
    let activate = |name: &str| {
        [
            "property",
            "activate",
            name,
            "--network",
            "production",
            "--wait",
            "--yes",
        ]
        .map(str::to_owned)
    };
    let activated = |name: &str| {
        let command = activate(name);
        world.countersign(&command.each_ref().map(String::as_str))
    };
    let sees = |name: &str| world.get(&format!("{name}.example.com"), "/", &[]);
    let seen = |client: &str| ("200".to_owned(), format!("SUCCESS CN={client}"));

    // What is not there is refused where it is named; what is there and on no network can be named by its version only.
    property("unknown", "client-credential-9");
    let said = world.refused(&["property", "rules", "unknown"]);
    assert!(
        said.contains("/rules/behaviors/1/options/clientCertificateVersionGuid"),
        "{said}"
    );
    property("current", "client-credential-1");
    let command = activate("current");
    let said = world.refused(&command.each_ref().map(String::as_str));
    assert!(
        said.contains("`to-origin` is not active on production"),
        "{said}"
    );
    property("pinned", "client-credential-1-1");
    activated("pinned");
    assert_eq!(sees("pinned"), seen("one"));
    credential("activate", &on_production);
    activated("current");
    assert_eq!(sees("current"), seen("one"));

    // Rotated, and back again, while requests come in: none fails, and what is pinned stays.
    credential("renew", &["--certificate", "two.pem", "--key", "two.key"]);
    assert_eq!(sees("current"), seen("one"), "nothing changes yet");
    let is_over = AtomicBool::new(false);
    let answers = Mutex::new(Vec::new());
    let seen_by_load = |client: &str| {
        let wanted = format!("CN={client}");
        world.until(&wanted, || {
            let answers: &Vec<String> = &answers.lock().unwrap();
            answers.last()?.contains(&wanted).then_some(())
        });
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Where the other side panics, it ends all the same.
            let begun = Instant::now();
            while !is_over.load(Ordering::Relaxed) && begun.elapsed() < PATIENCE * 3 {
                let (_, body) = world.get("current.example.com", "/[1-20]", &[]);
                answers.lock().unwrap().push(body);
            }
        });
        seen_by_load("one");
        credential("activate", &on_production);
        seen_by_load("two");
        assert_eq!(sees("pinned"), seen("one"));
        credential("rollback", &on_production);
        seen_by_load("one");
        is_over.store(true, Ordering::Relaxed);
    });
    let answers = answers.into_inner().unwrap();
    for body in &answers {
        assert_eq!(body.matches("SUCCESS CN=").count(), 20, "{body}");
    }

    // The next version by the rules, and back.
    std::fs::write(
        world.path("rules.json"),
        rules("client-credential-1-2").to_string(),
    )
    .unwrap();
    world.countersign(&["property", "update", "pinned", "--rules", "rules.json"]);
    activated("pinned");
    assert_eq!(sees("pinned"), seen("two"));
    let rollback = ["property", "rollback", "pinned", "--yes"];
    world.countersign(&[rollback.as_slice(), &on_production].concat());
    assert_eq!(sees("pinned"), seen("one"));

    let remove = [
        "client-credential",
        "remove",
        "to-origin",
        "--network",
        "production",
    ];
    let said = world.refused(&remove);
    assert!(
        said.contains("the property `current`, the property `pinned`"),
        "{said}"
    );
}
