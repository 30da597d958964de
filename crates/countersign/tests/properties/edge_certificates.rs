//! Edge certificates: what is refused and why, and whom a deployment concerns.

use countersign_testkit::{DAY, Pki};
use serde_json::{Value, json};

use crate::world::{CLIENTS, World};

/// Says what a call is refused with.
#[track_caller]
fn refused(world: &World, method: &str, path: &str, body: &Value) -> String {
    let answer = world.call(method, path, body);
    assert!(answer["status"].as_u64() >= Some(400), "{answer}");
    answer.to_string()
}

#[track_caller]
fn assert_tells(said: &str, told: &[&str]) {
    for part in told {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
}

#[test]
fn what_cannot_work_is_refused_with_the_reason() {
    let world = World::started();
    world.edge_certificate("mtls.example.com", true);
    let edge_certificates = world.call("GET", "/v1/edge-certificates", &Value::Null);
    let known = edge_certificates["edgeCertificates"].as_array().unwrap();
    let mtls = known.iter().find(|it| it["name"] == "mtls.example.com");
    let link = mtls.unwrap()["edgeCertificateLink"].as_str().unwrap();

    // Versions of TLS in which clients prove who they are in the clear, or that are broken.
    for version in ["SSLv3", "1.0", "1.1"] {
        let settings = json!({"settings": {"tls": {"minimumVersion": version},
            "mutualAuthentication": {"caSetId": CLIENTS, "mode": "require"}}});
        let said = refused(&world, "PUT", link, &settings);
        assert_tells(
            &said,
            &[
                "/settings/tls/minimumVersion",
                "RFC 8996",
                "write `1.2` or `1.3`",
            ],
        );
    }

    // A CA set that the network does not have.
    let ca = "countersign-data/demo/other-ca.pem";
    world.countersign(&["ca-set", "create", "idle", "--ca", ca]);
    world.countersign(&[
        "certificate",
        "update",
        "mtls.example.com",
        "--ca-set",
        "idle",
    ]);
    let said = world.refused(&[
        "certificate",
        "deploy",
        "mtls.example.com",
        "--network",
        "production",
    ]);
    assert_tells(
        &said,
        &[
            "`idle` is not active on production",
            "activate a version of it there first",
        ],
    );
    world.countersign(&[
        "certificate",
        "update",
        "mtls.example.com",
        "--ca-set",
        CLIENTS,
    ]);

    // A hostname that the certificate is not for, and one that somebody else has.
    let rules = json!({"ruleFormat": "latest", "rules": {"name": "default",
        "behaviors": [{"name": "origin", "options": {"originId": "main"}}]}});
    world.property("mtls", &["mtls.example.com"], &rules);
    let origin = format!("main=http://{}", world.origin);
    let id = link.rsplit('/').next().unwrap();
    for (name, host, told) in [
        (
            "wrong",
            format!("www.example.org={id}"),
            "does not cover `www.example.org`",
        ),
        (
            "uncovered",
            "www.example.org".to_owned(),
            "No edge certificate that covers `www.example.org` is deployed on production",
        ),
        (
            "second",
            "mtls.example.com".to_owned(),
            "belongs to the property `mtls` on production",
        ),
    ] {
        let create = [
            "property",
            "create",
            name,
            "--hostname",
            &host,
            "--origin",
            &origin,
        ];
        world.countersign(&[create.as_slice(), &["--rules", "mtls.json"]].concat());
        let said = world.refused(&["property", "activate", name, "--network", "production"]);
        assert_tells(&said, &[told]);
    }

    // A CA set that is used goes nowhere, and everybody who uses it is named.
    let site = ["site", "create", "site.example.com", "--origin"];
    let origin = format!("http://{}", world.origin);
    let issue = [
        "pki",
        "issue",
        "site",
        "--server",
        "--san",
        "site.example.com",
        "--dir",
        "servers",
    ];
    world.countersign(&[issue.as_slice(), &["--out", "site"]].concat());
    let more = [
        "--certificate",
        "site.pem",
        "--key",
        "site.key",
        "--ca-set",
        CLIENTS,
        "--wait",
    ];
    world.countersign(&[site.as_slice(), &[&origin], &more].concat());
    let path = format!("/mtls-edge-truststore/v2/ca-sets/{CLIENTS}/versions/1/deactivate");
    let said = refused(&world, "POST", &path, &json!({"network": "PRODUCTION"}));
    assert_tells(
        &said,
        &[
            "ca-set-in-use-by-both-enrollments-and-hostnames",
            "the edge certificate `mtls.example.com` (production)",
            "the site `site.example.com` for `site.example.com` (production)",
        ],
    );
    // One that is only written down is kept as well: what names it could never be deployed.
    world.countersign(&[
        "certificate",
        "update",
        "mtls.example.com",
        "--ca-set",
        "idle",
    ]);
    let enforce = json!({"ruleFormat": "latest", "rules": {"name": "default", "behaviors": [
        {"name": "origin", "options": {"originId": "main"}},
        {"name": "enforceMtlsSettings", "options": {"enableAuthSet": true, "certificateAuthoritySet": ["2"], "enableDenyRequest": true}}]}});
    std::fs::write(world.path("idle.json"), enforce.to_string()).unwrap();
    world.countersign(&[
        "property",
        "create",
        "draft",
        "--hostname",
        "draft.example.com",
        "--rules",
        "idle.json",
    ]);
    let said = world.refused(&["ca-set", "delete", "idle", "--yes"]);
    assert_tells(
        &said,
        &[
            "the edge certificate `mtls.example.com`, which is not deployed",
            "the property `draft`, which is not deployed",
        ],
    );
}

/// SM2 is a family of its own: neither side of a handshake takes it, so that a server of one family cannot have clients of the other.
#[test]
fn certificates_of_another_family_are_refused_on_both_sides() {
    let world = World::started();
    let openssl = |arguments: &str| {
        let output = world.run("openssl", &arguments.split(' ').collect::<Vec<_>>());
        assert!(output.status.success(), "{arguments}: {output:?}");
    };
    openssl("ecparam -name SM2 -genkey -noout -out sm2.key");
    openssl(
        "req -x509 -new -key sm2.key -sm3 -subj /CN=sm2.example.com -days 90 -out sm2.pem -sigopt distid:1234567812345678 -addext subjectAltName=DNS:sm2.example.com -addext keyUsage=keyCertSign",
    );
    let said = world.refused(&["ca-set", "create", "sm2", "--ca", "sm2.pem"]);
    assert_tells(&said, &["SM2", "RSA (2048 to 8192 bits", "EC P-256"]);
    let said = world.refused(&[
        "certificate",
        "create",
        "--certificate",
        "sm2.pem",
        "--key",
        "sm2.key",
    ]);
    assert_tells(
        &said,
        &[
            "The certificate's key is SM2",
            "P-256, P-384 and Ed25519 can be used",
        ],
    );
}

#[test]
fn a_deployment_that_changes_who_may_come_in_wants_consent() {
    let world = World::started();
    world.edge_certificate("www.example.com", false);
    let rules = json!({"ruleFormat": "latest", "rules": {"name": "default",
        "behaviors": [{"name": "origin", "options": {"originId": "main"}}]}});
    world.property("shop", &["www.example.com"], &rules);
    assert_eq!(world.get("www.example.com", "/", &[]).0, "200");
    let deploy = [
        "certificate",
        "deploy",
        "www.example.com",
        "--network",
        "production",
    ];
    // As it is, nobody loses anything, and nobody is asked.
    world.countersign(&[deploy.as_slice(), &["--wait"]].concat());
    let update = ["certificate", "update", "www.example.com"];
    let stricter = [
        "--ca-set",
        CLIENTS,
        "--mode",
        "require",
        "--minimum-tls",
        "1.3",
    ];
    world.countersign(&[update.as_slice(), &stricter].concat());
    let said = world.refused(&deploy);
    assert_tells(
        &said,
        &[
            "changes who may come in on production",
            "www.example.com (`shop`)",
            "handshakes without a valid client certificate fail",
            "clients that do not speak TLS 1.3 get no connection",
            "nothing was changed",
            "--yes",
        ],
    );
    assert_eq!(world.get("www.example.com", "/", &[]).0, "200");
    // Staging does not present it, so nothing changes for anybody there.
    world.countersign(&[
        "certificate",
        "deploy",
        "www.example.com",
        "--network",
        "staging",
        "--wait",
    ]);
    world.countersign(&[deploy.as_slice(), &["--wait", "--yes"]].concat());
    assert_eq!(world.as_client("www.example.com", "/", "alice").0, "200");
    // Letting everybody in is a change as well.
    world.countersign(&[update.as_slice(), &["--mode", "off"]].concat());
    let said = world.refused(&deploy);
    assert_tells(&said, &["nobody is asked for a certificate"]);
    let known = world.call("GET", "/v1/edge-certificates", &Value::Null);
    let known = known["edgeCertificates"].as_array().unwrap();
    let www = known
        .iter()
        .find(|it| it["name"] == "www.example.com")
        .unwrap();
    let path = format!("{}/impact", www["edgeCertificateLink"].as_str().unwrap());
    let impact = world.call("GET", &format!("{path}?network=PRODUCTION"), &Value::Null);
    assert_eq!(
        impact["affected"][0]["changes"][0]["code"],
        "CERTIFICATE_NOT_REQUESTED"
    );
    assert_eq!(impact["affected"][0]["usedBy"], "shop");
    let said = refused(&world, "GET", &path, &Value::Null);
    assert_tells(&said, &["missing-required-query-parameter"]);
}

#[test]
fn a_certificate_near_its_end_is_told_to_the_log_and_to_who_asks() {
    let world = World::started();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    let late = Pki::new()
        .root("Servers")
        .server(["late.example.com"])
        .valid(now - 70 * DAY, now + 29 * DAY)
        .issue();
    std::fs::write(world.path("late.pem"), late.chain_pem()).unwrap();
    std::fs::write(world.path("late.key"), late.key_pem()).unwrap();
    world.countersign(&[
        "certificate",
        "create",
        "--certificate",
        "late.pem",
        "--key",
        "late.key",
    ]);
    let page = world.countersign(&["certificate", "show", "late.example.com"]);
    assert!(page.contains("(soon)"), "{page}");
    world.countersign(&[
        "certificate",
        "deploy",
        "late.example.com",
        "--network",
        "staging",
        "--wait",
    ]);
    let line = world.until("it is in the log", || {
        let log = format!("{}{}", world.instance.stdout(), world.instance.stderr());
        let line = log.lines().find(|line| line.contains("is to be renewed"));
        line.map(str::to_owned)
    });
    assert_tells(&line, &["edge certificate", "late.example.com", "staging"]);
}
