//! CRLs of CA sets: uploaded, fetched, and what is done about them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_testkit::{Ca, DAY, NOW, Pki, wait};
use countersign_trust::to_pem;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{World, version_of};

/// A CA set whose version 1 holds this authority; its path under `/v1`.
async fn set_of(world: &World, ca: &Ca) -> String {
    let link = world.ca_set("partners").await;
    let pem = to_pem(ca.der());
    world
        .post(&format!("{link}/versions"), version_of(&[&pem]))
        .await
        .expect(201);
    format!("/v1/ca-sets/{}", link.rsplit('/').next().unwrap())
}

fn upload(crl: &[u8]) -> Value {
    json!({"crl": STANDARD.encode(crl)})
}

#[tokio::test]
async fn an_uploaded_crl_is_listed_with_its_state_and_age() {
    let world = World::new().await;
    let root = Pki::new().root("Root");
    let set = set_of(&world, &root).await;
    let crls = format!("{set}/crls");
    let alice = root.client("alice").issue();
    let crl = root.crl().revoke(&alice).issue();
    let added = world.post(&crls, upload(&crl)).await;
    assert_eq!(added.expect(201).body["state"], "good");
    assert_eq!(added.body["entries"], 1);
    assert_eq!(added.body["ageSeconds"], DAY);
    assert_eq!(world.post(&crls, upload(&crl)).await.body, added.body);
    for (seconds, state) in [
        (DAY / 2 + 3_600, "expiring"),
        (DAY, "stale"),
        (DAY, "expired"),
    ] {
        world.clock.advance_secs(seconds);
        let listed = world.get(&crls).await;
        assert_eq!(listed.expect(200).body["crls"][0]["state"], state);
    }
    let link = added.body["crlLink"].as_str().unwrap();
    world.delete(link).await.expect(204);
    world.delete(link).await.problem(404, "crl-not-found");
    assert_eq!(world.get(&crls).await.body["crls"], json!([]));
}

#[tokio::test]
async fn what_the_set_did_not_sign_and_what_is_no_crl_is_refused_with_the_field() {
    let world = World::new().await;
    let root = Pki::new().root("Root");
    let crls = format!("{}/crls", set_of(&world, &root).await);
    let stranger = Pki::new().root("Stranger").crl().issue();
    let namesake = Pki::new().root("Root").crl().issue();
    for crl in [stranger, namesake, b"nothing".to_vec()] {
        let answer = world.post(&crls, upload(&crl)).await;
        answer.problem(400, "crl-validation-failure");
        assert_eq!(answer.body["pointer"], "/crl");
    }
    for (body, pointer) in [
        (json!({"url": "https://crl.test/a"}), "/url"),
        (json!({"url": "file:///etc/passwd"}), "/url"),
        (json!({"url": "http://user:pass@crl.test/"}), "/url"),
        (json!({"url": "nowhere"}), "/url"),
    ] {
        let answer = world.post(&crls, body).await;
        answer.problem(400, "invalid-field");
        assert_eq!(answer.body["pointer"], pointer);
    }
    let none = world.post(&crls, json!({})).await;
    none.problem(400, "json-schema-validation-error");
    assert_eq!(none.body["errors"][0]["pointer"], "/crl");
    world
        .get("/v1/ca-sets/999/crls")
        .await
        .problem(404, "ca-set-not-found");
}

#[tokio::test]
async fn the_policy_of_a_set_is_shown_changed_and_audited() {
    let world = World::new().await;
    let set = set_of(&world, &Pki::new().root("Root")).await;
    let path = format!("{set}/revocation-policy");
    assert_eq!(world.get(&path).await.expect(200).body["mode"], "off");
    let policy = json!({"mode": "require", "scope": "leaf", "staleGraceSeconds": 60});
    let put = world.put(&path, policy.clone()).await;
    assert_eq!(put.expect(200).body, policy);
    assert_eq!(world.get(&path).await.body, policy);
    let audit = world.get("/v1/audit?limit=1").await.body;
    assert_eq!(audit["entries"][0]["action"], "revocation-policy.replace");
    assert_eq!(audit["entries"][0]["before"]["mode"], "off");
    for (field, value) in [
        ("mode", json!("maybe")),
        ("scope", json!(1)),
        ("staleGraceSeconds", json!(-1)),
    ] {
        let mut bad = policy.clone();
        bad[field] = value;
        let answer = world.put(&path, bad).await;
        answer.problem(400, "json-schema-validation-error");
        assert_eq!(answer.body["errors"][0]["pointer"], format!("/{field}"));
    }
}

/// Answers every request with this, and counts them.
async fn serve(answer: Vec<u8>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(answer_on(listener, answer, counted));
    (port, count)
}

pub async fn serve_on(listener: TcpListener, answer: Vec<u8>) {
    answer_on(listener, answer, Arc::default()).await;
}

async fn answer_on(listener: TcpListener, answer: Vec<u8>, counted: Arc<AtomicUsize>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        counted.fetch_add(1, Ordering::Relaxed);
        let answer = answer.clone();
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read_exact(&mut byte).await.is_err() {
                    return;
                }
                head.push(byte[0]);
            }
            let _ = stream.write_all(&answer).await;
        });
    }
}

pub fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn checked(world: &World, crls: &str) -> Value {
    wait::until_async("the CRL to be asked for", async || {
        let listed = world.get(crls).await.body;
        let crl = listed["crls"][0].clone();
        if crl["checkedDate"].is_null() {
            Err(crl)
        } else {
            Ok(crl)
        }
    })
    .await
}

#[tokio::test]
async fn a_crl_is_fetched_and_its_next_check_is_at_half_of_its_time() {
    let world = World::new().await;
    world.controller.start().await;
    let root = Pki::new().root("Root");
    let crls = format!("{}/crls", set_of(&world, &root).await);
    let (port, count) = serve(ok(&root.crl().issue())).await;
    let url = format!("http://127.0.0.1:{port}/root.crl");
    let body = json!({"url": url, "privateNetwork": true});
    let added = world.post(&crls, body).await;
    assert_eq!(added.expect(201).body["state"], "missing");
    let crl = checked(&world, &crls).await;
    assert_eq!(crl["state"], "good", "{crl:#}");
    assert_eq!(count.load(Ordering::Relaxed), 1);
    let next: countersign_trust::UnixTime = crl["nextCheckDate"].as_str().unwrap().parse().unwrap();
    let after = next.as_secs() - NOW;
    assert!((DAY * 2 / 5..=DAY / 2).contains(&after), "{after}");
}

#[tokio::test]
async fn private_networks_redirects_into_them_and_forged_crls_are_refused_and_said_so() {
    let root = Pki::new().root("Root");
    let redirect = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n";
    let forged = ok(&Pki::new().root("Root").crl().issue());
    for (answer, private_network, asked, why) in [
        (ok(&root.crl().issue()), false, 0, "not asked"),
        (redirect.to_vec(), true, 1, "not asked"),
        (forged, true, 1, "signature"),
        (
            b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec(),
            true,
            1,
            "500",
        ),
    ] {
        let world = World::new().await;
        world.controller.start().await;
        let crls = format!("{}/crls", set_of(&world, &root).await);
        let (port, count) = serve(answer).await;
        let url = format!("http://localhost:{port}/root.crl");
        let body = json!({"url": url, "privateNetwork": private_network});
        world.post(&crls, body).await.expect(201);
        let crl = checked(&world, &crls).await;
        assert_eq!(crl["state"], "missing", "{crl:#}");
        assert!(crl["error"].as_str().unwrap().contains(why), "{crl:#}");
        assert_eq!(crl["failures"], 1);
        assert_eq!(count.load(Ordering::Relaxed), asked);
        world.controller.close().await;
    }
}
