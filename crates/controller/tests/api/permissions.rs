//! Who may call what: a table for people to review.

use std::fmt::Write as _;

use countersign_controller::{Role, operations};
use serde_json::json;

use crate::support::World;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/permissions.txt");

#[tokio::test]
async fn the_permissions_are_those_of_the_reviewed_table() {
    let world = World::new().await;
    let mut table = String::new();
    for operation in operations() {
        let path = operation
            .path
            .replace("{caSetId}", "999")
            .replace("{version}", "1")
            .replace("{activationId}", "1")
            .replace("{apiClientId}", "x")
            .replace("{changeSetId}", "999")
            .replace("{clientCredentialId}", "999")
            .replace("{crlId}", "999")
            .replace("{edgeCertificateId}", "999")
            .replace("{siteId}", "999")
            .replace("{deploymentId}", "1")
            .replace("{propertyId}", "999")
            .replace("{revocationId}", "999");
        write!(table, "{:36}", operation.id).unwrap();
        for role in Role::ALL {
            let token = world.token(*role).to_owned();
            let method = operation.method.http();
            let answer = world
                .call_as(&token, method.as_str(), &path, Some(json!({})))
                .await;
            assert_ne!(answer.status, 500, "{answer:?}");
            let mark = if answer.status == 403 { '✗' } else { '✓' };
            write!(table, " {role} {mark}").unwrap();
        }
        table.push('\n');
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &table).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    assert_eq!(
        table, golden,
        "run with UPDATE_GOLDEN=1 and review the difference"
    );
}

#[tokio::test]
async fn production_wants_an_approver() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let version = world.version(&link, "Root").await;
    let token = world.token(Role::Operator).to_owned();
    for path in [
        format!("{version}/activate"),
        format!("{version}/deactivate"),
    ] {
        let body = Some(json!({"network": "PRODUCTION"}));
        let answer = world.call_as(&token, "POST", &path, body).await;
        answer.problem(403, "forbidden");
        assert_eq!(answer.body["contextInfo"]["requiredRole"], "approver");
    }
}

#[tokio::test]
async fn nobody_makes_a_client_that_may_more_than_its_maker_and_a_revoked_one_may_nothing() {
    let world = World::new().await;
    let body = json!({"name": "pipeline", "role": "operator", "kind": "BEARER"});
    let made = world.post("/v1/api-clients", body).await;
    let token = made.expect(201).body["token"].as_str().unwrap().to_owned();
    assert_eq!(made.body["clientSecret"], serde_json::Value::Null);
    world
        .call_as(&token, "GET", "/mtls-edge-truststore/v2/ca-sets", None)
        .await
        .expect(200);
    let listed = world.get("/v1/api-clients").await.body.to_string();
    assert!(listed.contains("pipeline") && !listed.contains(&token));
    world.delete(made.header("location")).await.expect(204);
    world.delete(made.header("location")).await.expect(204);
    world
        .call_as(&token, "GET", "/mtls-edge-truststore/v2/ca-sets", None)
        .await
        .problem(401, "unauthorized");
}
