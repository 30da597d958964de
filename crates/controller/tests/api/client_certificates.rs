//! Operators who prove who they are by a client certificate.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_controller::{Connection, Role, Scheme};
use countersign_testkit::{Ca, Credential, DAY, NOW, Pki};
use countersign_trust::{PeerChain, to_pem};
use http::Request;
use serde_json::{Value, json};

use crate::support::{ACCOUNT, Answer, PREFIX, World, bearer, version_of};

/// A request over a connection on which the client proved to hold its key.
fn request(client: &Credential, method: &str, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "control.test:8440")
        .extension(Connection {
            peer: "192.0.2.1:1".parse().unwrap(),
            scheme: Scheme::Https,
            certificates: Some(PeerChain::from_der(&client.chain_der()).unwrap()),
        })
}

async fn get(world: &World, client: &Credential) -> Answer {
    let request = request(client, "GET", &format!("{PREFIX}/ca-sets"));
    world.send(request.body(Body::empty()).unwrap()).await
}

async fn register(world: &World, role: &str, certificate: Value) -> Answer {
    let mut body = json!({"name": "alice", "role": role, "kind": "CERTIFICATE"});
    for (field, value) in certificate.as_object().unwrap() {
        body[field] = value.clone();
    }
    world.post("/v1/api-clients", body).await
}

fn refused(answer: &Answer, reason: &str) {
    answer.problem(401, "unauthorized");
    assert_eq!(answer.body["contextInfo"]["reason"], reason, "{answer:#?}");
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
}

#[tokio::test]
async fn a_registered_certificate_proves_who_asks_until_it_ends_or_is_revoked() {
    let world = World::new().await;
    let root = Pki::new().root("Operators");
    let alice = root
        .client("alice")
        .valid(NOW - DAY, NOW + 10 * DAY)
        .issue();
    let answer = get(&world, &alice).await;
    answer.problem(401, "unauthorized");
    assert!(answer.body["detail"].as_str().unwrap().contains("CN=alice"));
    assert_eq!(answer.body["contextInfo"]["reason"], Value::Null);

    let made = register(
        &world,
        "operator",
        json!({"certificate": alice.chain_pem()}),
    )
    .await;
    let made = &made.expect(201).body;
    assert_eq!(made["token"], Value::Null);
    let shown = &made["apiClient"]["certificate"];
    assert_eq!(shown["subject"], "CN=alice");
    assert_eq!(shown["fingerprint"].as_str().unwrap().len(), 64);
    assert_eq!(shown["authorities"], json!([]));
    get(&world, &alice).await.expect(200);

    let body = json!({"caSetName": "by-alice"}).to_string();
    let create = request(&alice, "POST", &format!("{PREFIX}/ca-sets"))
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    let set = world.send(create).await;
    assert_eq!(set.expect(201).body["createdBy"], "alice");
    let audit = request(&alice, "GET", "/v1/audit").body(Body::empty());
    world.send(audit.unwrap()).await.problem(403, "forbidden");

    // Another certificate of the same person is another certificate.
    let other = root.client("alice").issue();
    get(&world, &other).await.problem(401, "unauthorized");
    register(&world, "viewer", json!({"certificate": alice.pem()}))
        .await
        .problem(409, "certificate-already-registered");

    world.clock.advance_secs(11 * DAY);
    refused(&get(&world, &alice).await, "expired");
    world.clock.advance_secs(-11 * DAY);
    get(&world, &alice).await.expect(200);
    let id = made["apiClient"]["id"].as_str().unwrap();
    world
        .delete(&format!("/v1/api-clients/{id}"))
        .await
        .expect(204);
    get(&world, &alice).await.problem(401, "unauthorized");
    register(&world, "viewer", json!({"certificate": alice.pem()}))
        .await
        .expect(201);
    get(&world, &alice).await.expect(200);
}

#[tokio::test]
async fn a_ca_and_a_subject_prove_who_asks_across_renewals() {
    let world = World::new().await;
    let root = Pki::new().root("Operators");
    let issuing = root.intermediate("Operators Issuing");
    let proof = json!({"authorities": root.pem(), "subject": " cn = alice "});
    register(&world, "approver", proof).await.expect(201);
    let (first, second) = (
        issuing.client("alice").issue(),
        issuing.client("alice").issue(),
    );
    get(&world, &first).await.expect(200);
    get(&world, &second).await.expect(200);
    get(&world, &issuing.client("bob").issue())
        .await
        .problem(401, "unauthorized");
    // The same name from another CA of the same name.
    let twin = Pki::new().root("Operators");
    refused(
        &get(&world, &twin.client("alice").issue()).await,
        "unknown_issuer",
    );
    refused(
        &get(&world, &first.clone().without_intermediates()).await,
        "unknown_issuer",
    );
    let server = issuing
        .server(["alice"])
        .subject(&[("CN", "alice")])
        .issue();
    refused(&get(&world, &server).await, "eku_missing");
    // What is revoked by hand for the account's clients is so for its operators.
    let revocation = json!({
        "certificateSha256": PeerChain::from_der(&first.chain_der()).unwrap().leaf().fingerprint().to_string(),
        "reason": "keyCompromise",
    });
    world.post("/v1/revocations", revocation).await.expect(201);
    refused(&get(&world, &first).await, "revoked");
    get(&world, &second).await.expect(200);
}

#[tokio::test]
async fn a_certificate_speaks_for_its_account_alone_and_a_header_goes_before_it() {
    let world = World::new().await;
    let root = Pki::new().root("Operators");
    let alice = root.client("alice").issue();
    register(&world, "admin", json!({"certificate": alice.pem()}))
        .await
        .expect(201);
    let stranger = bearer(&world.controller, "A-CCT9999", Role::Viewer).await;
    world.ca_set("of-the-first").await;
    let sets = |answer: &Answer| answer.body["caSets"].as_array().unwrap().len();
    assert_eq!(sets(get(&world, &alice).await.expect(200)), 1);
    let path = format!("{PREFIX}/ca-sets");
    for (header, status) in [
        (format!("Bearer {stranger}"), 200),
        ("Bearer x".to_owned(), 401),
    ] {
        let request = request(&alice, "GET", &path).header("authorization", header);
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        answer.expect(status);
        if status == 200 {
            assert_eq!(sets(&answer), 0);
        }
    }
    // Another account's revocation is no matter of this one.
    let revocation = json!({
        "certificateSha256": PeerChain::from_der(&alice.chain_der()).unwrap().leaf().fingerprint().to_string(),
        "reason": "keyCompromise",
    });
    let token = bearer(&world.controller, "A-CCT9999", Role::Admin).await;
    world
        .call_as(&token, "POST", "/v1/revocations", Some(revocation))
        .await
        .expect(201);
    get(&world, &alice).await.expect(200);
    assert_eq!(ACCOUNT, "A-CCT1234");
}

#[tokio::test]
async fn an_account_neither_notices_nor_changes_whose_certificate_another_one_has() {
    let world = World::new().await;
    let alice = Pki::new().root("Operators").client("alice").issue();
    let other = bearer(&world.controller, "A-CCT9999", Role::Admin).await;
    let proof = json!({"certificate": alice.pem()});
    register(&world, "operator", proof.clone())
        .await
        .expect(201);
    world.ca_set("of-the-first").await;
    world.clock.advance_secs(1);
    let body = json!({"name": "mallory", "role": "admin", "kind": "CERTIFICATE", "certificate": alice.pem()});
    let path = "/v1/api-clients";
    let call = || world.call_as(&other, "POST", path, Some(body.clone()));
    call().await.expect(201);
    call().await.problem(409, "certificate-already-registered");
    register(&world, "viewer", proof)
        .await
        .problem(409, "certificate-already-registered");

    let names = |answer: Answer| -> Vec<String> {
        let sets = answer.expect(200).body["caSets"].as_array().unwrap();
        let name = |set: &Value| set["caSetName"].as_str().unwrap().to_owned();
        sets.iter().map(name).collect()
    };
    // What was registered first stays what is meant; the holder, and nobody else, can say which account is meant.
    assert_eq!(names(get(&world, &alice).await), ["of-the-first"]);
    let sets = format!("{PREFIX}/ca-sets");
    for (account, seen) in [(ACCOUNT, 1), ("A-CCT9999", 0)] {
        let request = request(&alice, "GET", &sets).header("countersign-account", account);
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(names(answer).len(), seen);
    }
    for accounts in [&["A-CCT0000"][..], &[ACCOUNT, ACCOUNT], &["\u{e9}"], &[""]] {
        let mut request = request(&alice, "GET", &sets);
        for account in accounts {
            request = request.header("countersign-account", *account);
        }
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        answer.problem(401, "unauthorized");
    }
}

/// A CA set of an authority with a revocation policy; its path under `/v1`.
async fn set_of(world: &World, name: &str, authority: &Ca, mode: &str) -> String {
    let link = world.ca_set(name).await;
    let pem = to_pem(authority.der());
    let versions = format!("{link}/versions");
    world.post(&versions, version_of(&[&pem])).await.expect(201);
    let set = format!("/v1/ca-sets/{}", link.rsplit('/').next().unwrap());
    let policy = json!({"mode": mode, "scope": "path", "staleGraceSeconds": 60});
    let path = format!("{set}/revocation-policy");
    world.put(&path, policy).await.expect(200);
    set
}

#[tokio::test]
async fn what_a_crl_of_the_accounts_ca_sets_says_holds_for_its_operators_too() {
    let world = World::new().await;
    let root = Pki::new().root("Operators");
    let issuing = root.intermediate("Operators Issuing");
    let (alice, bob) = (
        issuing.client("alice").issue(),
        issuing.client("bob").issue(),
    );
    register(&world, "operator", json!({"certificate": alice.pem()}))
        .await
        .expect(201);
    let proof = json!({"authorities": root.pem(), "subject": "CN=bob"});
    register(&world, "operator", proof).await.expect(201);
    let set = set_of(&world, "operators", &root, "require").await;
    // Of another CA: no client of it is concerned.
    set_of(&world, "others", &Pki::new().root("Others"), "require").await;

    // Nothing is known about anybody, and that is not enough here.
    for operator in [&alice, &bob] {
        refused(&get(&world, operator).await, "revocation_unknown");
    }
    let mode = async |mode: &str| {
        let policy = json!({"mode": mode, "scope": "path", "staleGraceSeconds": 60});
        let path = format!("{set}/revocation-policy");
        world.put(&path, policy).await.expect(200);
    };
    mode("prefer").await;
    for operator in [&alice, &bob] {
        get(&world, operator).await.expect(200);
    }

    // The CRL of the CA between is signed by a certificate that no CA set holds yet.
    let version = version_of(&[&to_pem(root.der()), &to_pem(issuing.der())]);
    let truststore = set.replace("/v1", PREFIX);
    world
        .post(&format!("{truststore}/versions"), version)
        .await
        .expect(201);
    for crl in [root.crl().issue(), issuing.crl().revoke(&alice).issue()] {
        let body = json!({"crl": STANDARD.encode(crl)});
        world.post(&format!("{set}/crls"), body).await.expect(201);
    }
    for policy in ["prefer", "require"] {
        mode(policy).await;
        refused(&get(&world, &alice).await, "revoked");
        let alone = alice.clone().without_intermediates();
        refused(&get(&world, &alone).await, "revoked");
        get(&world, &bob).await.expect(200);
    }
    mode("off").await;
    get(&world, &alice).await.expect(200);

    // Too old a CRL says nothing any more.
    mode("require").await;
    world.clock.advance_secs(30 * DAY);
    refused(&get(&world, &bob).await, "revocation_stale");
}

#[tokio::test]
async fn other_sites_pages_cannot_use_a_browsers_certificate() {
    let world = World::new().await;
    let alice = Pki::new().root("Operators").client("alice").issue();
    register(&world, "admin", json!({"certificate": alice.pem()}))
        .await
        .expect(201);
    for (name, value, status) in [
        ("sec-fetch-site", "same-origin", 200),
        ("sec-fetch-site", "none", 200),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("origin", "https://control.test:8440", 200),
        ("origin", "https://evil.test", 403),
        ("origin", "http://control.test:8440", 403),
        ("origin", "null", 403),
    ] {
        let request = request(&alice, "GET", &format!("{PREFIX}/ca-sets")).header(name, value);
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        answer.expect(status);
    }
}

#[tokio::test]
async fn what_cannot_be_registered_is_refused_with_the_field_and_changes_nothing() {
    let world = World::new().await;
    let root = Pki::new().root("Operators");
    let alice = root.client("alice").issue();
    let late = root.client("late").expired(NOW).issue();
    let server = root.server(["a.test"]).issue();
    let before = world.get("/v1/api-clients").await.body;
    for (proof, status, pointer) in [
        (json!({}), 400, "/certificate"),
        (json!({"subject": "CN=alice"}), 400, "/certificate"),
        (json!({"authorities": root.pem()}), 400, "/certificate"),
        (
            json!({"certificate": alice.pem(), "subject": "CN=alice"}),
            400,
            "/certificate",
        ),
        (json!({"certificate": "x"}), 400, "/certificate"),
        (json!({"certificate": late.pem()}), 400, "/certificate"),
        (json!({"certificate": server.pem()}), 400, "/certificate"),
        (json!({"certificate": alice.key_pem()}), 400, "/certificate"),
        (
            json!({"authorities": alice.pem(), "subject": "CN=alice"}),
            400,
            "/authorities",
        ),
        (
            json!({"authorities": root.pem(), "subject": "alice"}),
            400,
            "/subject",
        ),
    ] {
        let answer = register(&world, "viewer", proof.clone()).await;
        answer.expect(status);
        assert_eq!(answer.body["pointer"], pointer, "{proof}: {answer:#?}");
        let secret = alice.key_pem();
        let line = secret.lines().nth(1).unwrap();
        assert!(!answer.body.to_string().contains(line));
    }
    let bearer =
        json!({"name": "x", "role": "viewer", "kind": "BEARER", "certificate": alice.pem()});
    let answer = world.post("/v1/api-clients", bearer).await;
    assert_eq!(answer.expect(400).body["pointer"], "/certificate");
    assert_eq!(world.get("/v1/api-clients").await.body, before);
}
