//! Sites and edge certificates over HTTP.

use countersign_testkit::Pki;
use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn a_site_is_made_shown_deployed_removed_and_deleted() {
    let world = World::new().await;
    world.controller.start().await;
    let server = Pki::new().root("Servers").server(["www.a.test"]).issue();
    let body = json!({
        "hostnames": ["www.a.test"],
        "certificate": {"certificatePem": server.chain_pem(), "privateKeyPem": server.key_pem()},
        "origin": {"url": "http://127.0.0.1:8080"},
        "clientCaPem": Pki::new().root("Clients").pem(),
        "mutualAuthentication": {"openPaths": ["/health"]},
        "forwardIdentity": ["RFC9440"],
        "deployTo": ["STAGING"],
    });
    let made = world.post("/v1/sites", body).await;
    let made = made.expect(201);
    let link = made.header("location").to_owned();
    assert_eq!(link, made.body["siteLink"]);
    assert!(!made.body.to_string().contains("PRIVATE"));
    let deployment = made.body["staging"]["deployment"]["deploymentLink"].clone();
    let id = link.rsplit('/').next().unwrap().parse().unwrap();
    let caller = countersign_controller::Caller::internal(
        countersign_controller::AccountId::new(crate::support::ACCOUNT),
        "test",
    );
    let sites = world.controller.sites();
    let id = countersign_controller::SiteId::new(id);
    sites.settled(&caller, id).await.unwrap();
    let seen = world.get(deployment.as_str().unwrap()).await;
    assert_eq!(seen.expect(200).body["status"], "COMPLETE");
    let shown = world.get(&link).await;
    assert_eq!(shown.expect(200).body["staging"]["version"], 1);
    world.delete(&link).await.problem(409, "still-deployed");
    let removal = world
        .post(&format!("{link}/remove"), json!({"network": "STAGING"}))
        .await;
    removal.expect(202);
    sites.settled(&caller, id).await.unwrap();
    world.delete(&link).await.expect(204);
    world.get(&link).await.problem(404, "site-not-found");
    let certificates = world.get("/v1/edge-certificates").await;
    assert_eq!(certificates.expect(200).body["edgeCertificates"], json!([]));
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_named_and_not_repeated() {
    let world = World::new().await;
    let key = Pki::new().root("Root").key().pem();
    let bad =
        json!({"hostnames": ["a.test"], "origin": {"url": "http://127.0.0.1"}, "certificate": key});
    let answer = world.post("/v1/sites", bad).await;
    answer.problem(400, "json-schema-validation-error");
    assert_eq!(answer.body["pointer"], "/certificate");
    assert!(!answer.body.to_string().contains("PRIVATE"));
    let bad = json!({"hostnames": ["a.test"], "origin": {"url": "http://127.0.0.1"}, "tls": {"minimumVersion": "1.1"}});
    let answer = world.post("/v1/sites", bad).await;
    answer.problem(400, "json-schema-validation-error");
    assert_eq!(answer.body["pointer"], "/tls/minimumVersion");
    let bad = json!({"hostnames": ["a.test"], "origin": {"url": "ftp://a"}});
    let answer = world.post("/v1/sites", bad).await;
    answer.problem(400, "invalid-field");
    assert_eq!(answer.body["errors"][1]["pointer"], "/origin/url");
}
