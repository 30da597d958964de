//! Revocations by hand.

use countersign_controller::Role;
use serde_json::json;

use crate::support::{World, bearer, root_pem};

const SHA256: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[tokio::test]
async fn a_revocation_is_made_found_and_ended_and_all_of_it_is_in_the_audit_log() {
    let world = World::new().await;
    let made = world
        .post(
            "/v1/revocations",
            json!({"certificateSha256": SHA256, "reason": "keyCompromise", "description": "laptop lost"}),
        )
        .await;
    made.expect(201);
    assert_eq!(made.header("location"), "/v1/revocations/1");
    assert_eq!(made.body["active"], true);
    assert_eq!(made.body["certificateSha256"], SHA256);
    assert_eq!(made.body["reason"], "keyCompromise");
    assert_eq!(made.body["createdBy"], "admin");
    let listed = world.get("/v1/revocations").await;
    assert_eq!(listed.expect(200).body["revocations"][0], made.body);
    let other = bearer(&world.controller, "A-OTHER", Role::Admin).await;
    let path = "/v1/revocations/1";
    world
        .call_as(&other, "DELETE", path, None)
        .await
        .problem(404, "revocation-not-found");
    let ended = world.delete(path).await;
    assert_eq!(ended.expect(200).body["active"], false);
    assert_eq!(ended.body["endedBy"], "admin");
    assert_eq!(world.delete(path).await.expect(200).body, ended.body);
    assert_eq!(world.get(path).await.expect(200).body, ended.body);
    let active = world.get("/v1/revocations").await;
    assert_eq!(active.body["revocations"], json!([]));
    let all = world.get("/v1/revocations?includeEnded=true").await;
    assert_eq!(all.body["revocations"][0], ended.body);
    let audit = world.get("/v1/audit?limit=2").await.body;
    assert_eq!(audit["entries"][0]["action"], "revocation.end");
    assert_eq!(audit["entries"][0]["before"]["endedDate"], json!(null));
    assert_eq!(audit["entries"][1]["action"], "revocation.create");
    assert_eq!(audit["entries"][1]["after"]["note"], "laptop lost");
}

#[tokio::test]
async fn every_way_to_name_certificates_is_understood() {
    let world = World::new().await;
    let issuer = root_pem("Root");
    for body in [
        json!({"spkiSha256": SHA256.to_uppercase()}),
        json!({"serialNumber": "0A:ff", "issuerSpkiSha256": SHA256}),
        json!({"serialNumber": "aff", "issuerCertificatePem": issuer}),
        json!({"issuedBefore": "2026-01-01T00:00:00Z", "issuerCertificatePem": issuer}),
    ] {
        world.post("/v1/revocations", body).await.expect(201);
    }
    let all = world.get("/v1/revocations").await.body;
    assert_eq!(all["revocations"][1]["serialNumber"], "0aff");
    assert_eq!(all["revocations"][2]["serialNumber"], "0aff");
    assert_eq!(all["revocations"][3]["spkiSha256"], SHA256);
    assert!(all["revocations"][0]["issuedBefore"].is_string());
}

#[tokio::test]
async fn an_end_in_time_ends_it_by_itself() {
    let world = World::new().await;
    let now: countersign_trust::UnixTime = world.controller.now();
    let end = now.saturating_add(std::time::Duration::from_secs(60));
    let body = json!({"certificateSha256": SHA256, "endDate": end.to_string()});
    world
        .post("/v1/revocations", body.clone())
        .await
        .expect(201);
    world.clock.advance_secs(61);
    let found = world.get("/v1/revocations/1").await;
    assert_eq!(found.expect(200).body["active"], false);
    let late = world.post("/v1/revocations", body).await;
    late.problem(400, "invalid-field");
    assert_eq!(late.body["pointer"], "/endDate");
}

#[tokio::test]
async fn errors_name_the_field() {
    let world = World::new().await;
    for (body, pointer) in [
        (json!({}), "/certificateSha256"),
        (json!({"certificateSha256": "beef"}), "/certificateSha256"),
        (json!({"certificateSha256": 1}), "/certificateSha256"),
        (
            json!({"certificateSha256": SHA256, "spkiSha256": SHA256}),
            "/spkiSha256",
        ),
        (json!({"serialNumber": "01"}), "/issuerCertificatePem"),
        (
            json!({"serialNumber": "xyz", "issuerSpkiSha256": SHA256}),
            "/serialNumber",
        ),
        (
            json!({"serialNumber": "01", "issuerCertificatePem": "no"}),
            "/issuerCertificatePem",
        ),
        (
            json!({"issuedBefore": "soon", "issuerSpkiSha256": SHA256}),
            "/issuedBefore",
        ),
        (
            json!({"certificateSha256": SHA256, "reason": "mood"}),
            "/reason",
        ),
        (
            json!({"certificateSha256": SHA256, "endDate": "never"}),
            "/endDate",
        ),
        (
            json!({"certificateSha256": SHA256, "color": "red"}),
            "/color",
        ),
    ] {
        let answer = world.post("/v1/revocations", body.clone()).await;
        answer.problem(400, "json-schema-validation-error");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{body}");
    }
}
