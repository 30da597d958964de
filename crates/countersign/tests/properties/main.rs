//! Properties and edge certificates through the real binary with curl: the vendor guide's two examples, a certificate for one path only, what is
//! refused and why, and whom changes concern.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod edge_certificates;
mod upstream;
mod world;

use serde_json::{Value, json};

use world::{CLIENTS, World};

fn origin() -> Value {
    json!({"name": "origin", "options": {"originId": "main"}})
}

fn hostname(name: &str) -> Value {
    json!([{"name": "hostname", "options": {"matchOperator": "IS_ONE_OF", "values": [name]}}])
}

/// The guide's first example: where the hostname is this one, enforce and deny.
#[test]
fn a_rule_for_a_hostname_enforces_and_denies() {
    let world = World::started();
    world.edge_certificate("mtls.example.com", true);
    world.edge_certificate("www.example.com", false);
    let rules = json!({"ruleFormat": "v2025-10-16", "rules": {"name": "default", "behaviors": [origin()], "children": [
        {"name": "mTLS", "criteria": hostname("mtls.example.com"), "behaviors": [{"name": "enforceMtlsSettings", "options": {
            "enableAuthSet": true, "certificateAuthoritySet": [CLIENTS], "enableOcspStatus": false, "enableDenyRequest": true}}]}]}});
    world.property("guide", &["mtls.example.com", "www.example.com"], &rules);
    assert_eq!(world.as_client("mtls.example.com", "/", "alice").0, "200");
    assert_eq!(world.get("mtls.example.com", "/", &[]).0, "403");
    for refused in ["unknown", "expired"] {
        assert_eq!(world.as_client("mtls.example.com", "/", refused).0, "403");
    }
    // The other hostname of the same property is not concerned.
    assert_eq!(world.get("www.example.com", "/", &[]).0, "200");
    let record = world.record("the refusal", |record| record["reason"] == "missing");
    assert_eq!(record["rule"], "default / mTLS");
    assert_eq!(record["status"], 403);
}

/// The guide's second example, in both generations of the rule format: the parent does not deny; one child forwards who is valid, another
/// one writes into the log who is not.
#[test]
fn a_parent_that_does_not_deny_has_a_child_for_valid_clients_and_one_for_the_others() {
    let world = World::started();
    world.edge_certificate("first.example.com", true);
    world.edge_certificate("second.example.com", true);
    let log = json!({"name": "logCustom", "options": {"logCustomLogField": true, "customLogField": "mtls: {{builtin.CS_CLIENT_REASON}}"}});
    let forward = json!({"name": "clientCertificateAuth", "options": {"enable": true, "enableCompleteClientCertificate": true,
        "clientCertificateAttributes": ["SUBJECT", "COMMON_NAME", "SHA256_FINGERPRINT", "ISSUER"], "enableClientCertificateValidationStatus": true}});
    let enforce = json!({"enableAuthSet": true, "certificateAuthoritySet": [CLIENTS], "enableDenyRequest": false});
    let tree = |format: &str,
                host: &str,
                mut enforce: Value,
                valid: Value,
                failed: Value,
                forward: Option<Value>| {
        if forward.is_none() {
            enforce["enableCompleteClientCertificate"] = json!(true);
            enforce["clientCertificateAttributes"] = json!(["COMMON_NAME"]);
        }
        json!({"ruleFormat": format, "rules": {"name": "default", "behaviors": [origin()], "children": [
            {"name": "mTLS", "criteria": hostname(host), "behaviors": [{"name": "enforceMtlsSettings", "options": enforce}], "children": [
                {"name": "valid", "criteria": [{"name": "clientCertificate", "options": valid}],
                    "behaviors": forward.into_iter().collect::<Vec<_>>()},
                {"name": "failed", "criteria": [{"name": "clientCertificate", "options": failed}], "behaviors": [log.clone()]}]}]}})
    };
    let first = tree(
        "v2025-10-16",
        "first.example.com",
        enforce.clone(),
        json!({"isCertificatePresent": true, "isCertificateValid": "VALID"}),
        json!({"enforceMtls": true}),
        Some(forward),
    );
    world.property("first", &["first.example.com"], &first);
    let second = tree(
        "latest",
        "second.example.com",
        enforce,
        json!({"enforceMtls": "PASS"}),
        json!({"enforceMtls": "FAIL"}),
        None,
    );
    world.property("second", &["second.example.com"], &second);
    for host in ["first.example.com", "second.example.com"] {
        let (status, body) = world.as_client(host, "/", "alice");
        assert_eq!(status, "200");
        assert!(body.contains("akamai-cc-der: :MI"), "{body}");
        assert!(body.contains("akamai-cc-common-name: alice"), "{body}");
        for (client, reason) in [("unknown", "unknown_issuer"), ("expired", "expired")] {
            let (status, body) = world.as_client(host, "/", client);
            assert_eq!(status, "200");
            assert!(!body.contains("akamai-cc-der"), "{body}");
            let wanted = format!("mtls: {reason}");
            let record = world.record("the custom field", |record| {
                record["custom_log"] == wanted && record["server_name"] == host
            });
            assert_eq!(record["would_deny"], "default / mTLS");
            assert_eq!(record["status"], 200);
        }
        assert_eq!(world.get(host, "/", &[]).0, "200");
        world.record("the custom field without a certificate", |record| {
            record["custom_log"] == "mtls: missing" && record["server_name"] == host
        });
    }
    let (_, body) = world.as_client("first.example.com", "/", "alice");
    for header in [
        "akamai-cc-status: valid",
        "akamai-cc-subject: CN=alice",
        "client-to-edge-http-auth: :MI",
    ] {
        assert!(body.contains(header), "{header}: {body}");
    }
}

/// TLS 1.3 has no renegotiation: the certificate is asked for in the handshake, for every path, and a rule decides where it is needed.
#[test]
fn a_certificate_is_needed_for_one_path_only_on_tls_1_3() {
    let world = World::started();
    world.edge_certificate("www.example.com", true);
    let rules = json!({"ruleFormat": "latest", "rules": {"name": "default", "behaviors": [origin()], "children": [
        {"name": "admin", "criteria": [{"name": "path", "options": {"values": ["/admin", "/admin/*"]}}],
            "behaviors": [{"name": "enforceMtlsSettings", "options": {
                "enableAuthSet": true, "certificateAuthoritySet": [CLIENTS], "enableDenyRequest": true}}]}]}});
    world.property("one-path", &["www.example.com"], &rules);
    for version in ["--tlsv1.3", "--http1.1"] {
        let get = |path: &str, more: &[&str]| {
            let arguments = [&[version], more].concat();
            world.get("www.example.com", path, &arguments)
        };
        assert_eq!(get("/", &[]).0, "200");
        let (status, page) = get("/admin/users", &["-H", "accept: application/json"]);
        assert_eq!(status, "403");
        assert!(page.contains("\"missing\""), "{page}");
        let alice = ["--cert", "countersign-data/demo/alice.pem"];
        assert_eq!(get("/admin/users", &alice).0, "200");
        // Somebody else's certificate is no obstacle where none is needed.
        let unknown = ["--cert", "countersign-data/demo/unknown.pem"];
        assert_eq!(get("/", &unknown).0, "200");
        assert_eq!(get("/admin/users", &unknown).0, "403");
    }
    // On one connection: the open path before and after the closed one.
    let port = world.production.port();
    let one = format!("https://www.example.com:{port}/one");
    let output = world.get("www.example.com", "/admin", &[&one]);
    assert!(output.1.contains("GET /one"), "{}", output.1);
}

#[test]
fn mistakes_in_rules_are_told_with_place_and_remedy_and_stand_against_activation() {
    let world = World::started();
    world.edge_certificate("www.example.com", true);
    let rules = json!({"ruleFormat": "latest", "rules": {"name": "default", "behaviors": [origin(),
        {"name": "enforceMtlsSettings", "options": {"enableAuthSet": true, "certificateAuthoritySet": ["77"], "enableDenyRequest": true}},
        {"name": "denyAcess", "options": {"reason": "x"}}]}});
    std::fs::write(world.path("bad.json"), rules.to_string()).unwrap();
    let origin = format!("main=http://{}", world.origin);
    let create = [
        "property",
        "create",
        "shop",
        "--hostname",
        "www.example.com",
    ];
    world.countersign(
        &[
            create.as_slice(),
            &["--origin", &origin, "--rules", "bad.json"],
        ]
        .concat(),
    );
    let said = world.refused(&["property", "rules", "shop"]);
    assert!(
        said.contains("/rules/behaviors/2/name: There is no behavior `denyAcess`."),
        "{said}"
    );
    assert!(said.contains("Did you mean `denyAccess`?"), "{said}");
    assert!(said.contains("The account has no CA set 77."), "{said}");
    let refused = world.refused(&["property", "activate", "shop", "--network", "production"]);
    assert!(refused.contains("denyAcess"), "{refused}");
    let rolled = world.refused(&[
        "property",
        "rollback",
        "shop",
        "--network",
        "production",
        "--yes",
    ]);
    assert!(rolled.contains("was ever active on production"), "{rolled}");
}

const DECLARATION: &str = "
caSets:
  partners:
    certificatesFile: countersign-data/demo/ca.pem
    networks: [STAGING, PRODUCTION]
edgeCertificates:
  www:
    certificates:
      - certificateFile: www.example.com.pem
        privateKeyFile: www.example.com.key
    settings:
      mutualAuthentication: { caSetId: partners, mode: request }
    networks: [STAGING, PRODUCTION]
properties:
  www:
    hostnames:
      - hostname: www.example.com
        edgeCertificateIds: [www]
    origins:
      main: { url: ORIGIN }
    rulesFile: rules.yaml
    networks: [PRODUCTION]
";

const RULES: &str = "
ruleFormat: latest
rules:
  name: default
  behaviors:
    - { name: origin, options: { originId: main } }
    - name: enforceMtlsSettings
      options: { enableAuthSet: true, certificateAuthoritySet: [partners], enableDenyRequest: true }
";

/// One document: planned, applied, enforced, exported, and applied again without a change; a drift is seen by the exit code.
#[test]
fn one_document_says_what_is_enforced() {
    let world = World::started();
    world.countersign(&["pki", "init", "Servers", "--dir", "servers"]);
    let issue = [
        "pki",
        "issue",
        "www.example.com",
        "--server",
        "--dir",
        "servers",
    ];
    world.countersign(
        &[
            issue.as_slice(),
            &["--san", "www.example.com", "--out", "www.example.com"],
        ]
        .concat(),
    );
    let origin = format!("http://{}", world.origin);
    std::fs::write(
        world.path("all.yaml"),
        DECLARATION.replace("ORIGIN", &origin),
    )
    .unwrap();
    std::fs::write(world.path("rules.yaml"), RULES).unwrap();
    let plan = |file: &str| {
        let binary = env!("CARGO_BIN_EXE_countersign");
        let output = world.run(binary, &["apply", "-f", file, "--plan"]);
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, page) = plan("all.yaml");
    assert_eq!(code, Some(3), "{page}");
    assert!(
        page.contains("www.example.com  production  added"),
        "{page}"
    );
    world.countersign(&["apply", "-f", "all.yaml"]);
    assert_eq!(world.as_client("www.example.com", "/", "alice").0, "200");
    assert_eq!(world.get("www.example.com", "/", &[]).0, "403");
    assert_eq!(plan("all.yaml").0, Some(0));
    for form in ["yaml", "toml", "json"] {
        let exported = world.countersign(&["export", "--form", form]);
        assert!(!exported.contains("PRIVATE KEY"));
        let file = format!("exported.{form}");
        std::fs::write(world.path(&file), exported).unwrap();
        let (code, page) = plan(&file);
        assert_eq!(
            (code, page.as_str()),
            (Some(0), "nothing changes: everything is as declared\n")
        );
    }
    // Somebody takes the property away.
    world.countersign(&[
        "property",
        "deactivate",
        "www",
        "--network",
        "production",
        "--wait",
        "--yes",
    ]);
    let (code, page) = plan("all.yaml");
    assert_eq!(code, Some(3));
    assert!(page.contains("enforce  property"), "{page}");
    world.countersign(&["apply", "-f", "all.yaml"]);
    assert_eq!(world.as_client("www.example.com", "/", "alice").0, "200");
    // What takes access away wants consent, and a mistake changes nothing.
    let other = DECLARATION
        .replace("ORIGIN", &origin)
        .replace("demo/ca.pem", "demo/other-ca.pem");
    std::fs::write(world.path("other.yaml"), other).unwrap();
    let said = world.refused(&["apply", "-f", "other.yaml"]);
    assert!(said.contains("www.example.com"), "{said}");
    assert_eq!(world.as_client("www.example.com", "/", "alice").0, "200");
    world.countersign(&["apply", "-f", "other.yaml", "--yes"]);
    assert_eq!(world.as_client("www.example.com", "/", "alice").0, "403");
    std::fs::write(
        world.path("bad.yaml"),
        "caSets: { partners: { certificatesFile: rules.yaml } }\n",
    )
    .unwrap();
    let said = world.refused(&["apply", "-f", "bad.yaml"]);
    assert!(said.contains("/caSets/partners"), "{said}");
}
