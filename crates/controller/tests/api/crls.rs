//! CRLs of CA sets: uploaded, and what is done about them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_testkit::{Ca, DAY, Pki};
use countersign_trust::to_pem;
use serde_json::{Value, json};

use crate::support::{World, version_of};

/// A CA set whose version 1 holds this authority; its path under `/v1`.
pub async fn set_of(world: &World, ca: &Ca) -> String {
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
