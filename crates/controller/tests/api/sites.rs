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

#[tokio::test]
async fn an_account_without_the_feature_neither_sees_nor_changes_mutual_tls_of_its_sites() {
    let world = World::new().await;
    let feature = "/v1/features/site-config-mtls";
    let listed = world.get("/v1/features").await;
    assert_eq!(listed.expect(200).body["features"][0]["enabled"], true);
    let server = Pki::new().root("Servers").server(["www.a.test"]).issue();
    let body = json!({
        "hostnames": ["www.a.test"],
        "certificate": {"certificatePem": server.chain_pem(), "privateKeyPem": server.key_pem()},
        "origin": {"url": "http://127.0.0.1:8080"},
        "clientCaPem": Pki::new().root("Clients").pem(),
    });
    let made = world.post("/v1/sites", body.clone()).await;
    let made = made.expect(201);
    let link = made.header("location").to_owned();
    let clients = made.body["mutualAuthentication"].clone();
    assert!(clients.is_object());
    world
        .put(feature, json!({"enabled": false}))
        .await
        .expect(200);

    let shown = world.get(&link).await;
    assert!(shown.expect(200).body.get("mutualAuthentication").is_none());
    let mut other = body.clone();
    other["name"] = json!("other");
    let refused = world.post("/v1/sites", other).await;
    refused.problem(403, "feature-not-enabled");
    assert_eq!(refused.body["pointer"], "/clientCaPem");
    let told = |clients: serde_json::Value| json!({"hostnames": ["www.a.test"], "origin": {"url": "http://127.0.0.1:8081"}, "mutualAuthentication": clients});
    let mut open = clients.clone();
    open["openPaths"] = json!(["/"]);
    world
        .put(&link, told(open))
        .await
        .problem(403, "feature-not-enabled");
    let upstream = json!({"hostnames": ["www.a.test"], "origin": {"url": "https://127.0.0.1", "clientCredentialId": "1"}});
    world
        .put(&link, upstream)
        .await
        .problem(403, "feature-not-enabled");

    let exported = world.get("/v1/export").await;
    let mut declaration = exported.expect(200).body.clone();
    let declared = &mut declaration["sites"]["www.a.test"]["settings"];
    assert_eq!(declared["origin"]["url"], "http://127.0.0.1:8080");
    assert!(declared.get("mutualAuthentication").is_none());
    let mut open = declaration.clone();
    open["sites"]["www.a.test"]["settings"]["mutualAuthentication"] = json!({"mode": "request"});
    let apply = |declaration| json!({"declaration": declaration});
    let refused = world.post("/v1/apply", apply(open)).await;
    refused.problem(403, "feature-not-enabled");
    assert_eq!(
        refused.body["pointer"],
        "/sites/www.a.test/settings/mutualAuthentication"
    );
    let same = world.post("/v1/apply", apply(declaration)).await;
    assert_eq!(same.expect(200).body["changes"], json!([]));

    // What is not seen is not taken away by whoever changes the rest.
    let rest = json!({"hostnames": ["www.a.test"], "origin": {"url": "http://127.0.0.1:8081"}});
    world.put(&link, rest).await.expect(200);
    world
        .put(feature, json!({"enabled": true}))
        .await
        .expect(200);
    let shown = world.get(&link).await;
    let shown = shown.expect(200);
    assert_eq!(shown.body["mutualAuthentication"], clients);
    assert_eq!(shown.body["origin"]["url"], "http://127.0.0.1:8081");
    let unknown = world
        .put("/v1/features/none", json!({"enabled": true}))
        .await;
    unknown.problem(404, "feature-not-found");
}
