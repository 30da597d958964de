//! Properties over HTTP.

use countersign_rules::json_schema;
use serde_json::{Value, json};

use crate::support::World;

async fn made(world: &World) -> String {
    let body = json!({"propertyName": "shop", "ruleFormat": "latest"});
    let made = world.post("/v1/properties", body).await;
    made.expect(201);
    let link = made.header("location").to_owned();
    assert_eq!(link, made.body["propertyLink"]);
    link
}

#[tokio::test]
async fn a_property_is_made_edited_judged_and_deleted() {
    let world = World::new().await;
    let link = made(&world).await;
    let version = format!("{link}/versions/1");
    let seen = world.get(&version).await;
    assert_eq!(seen.expect(200).body["isEditable"], true);
    let tag = seen.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", seen.body["etag"].as_str().unwrap()));
    let hostnames = json!({"hostnames": [{"hostname": "www.a.test"}]});
    let put = world
        .put(&format!("{version}/hostnames"), hostnames.clone())
        .await;
    assert_eq!(
        put.expect(200).body["hostnames"][0]["hostname"],
        "www.a.test"
    );
    let tree = json!({"ruleFormat": "latest", "rules": {"name": "default", "behaviors": [
        {"name": "origin", "options": {"originId": "main"}}, {"name": "denyAcces", "options": {}}]}});
    let saved = world.put(&format!("{version}/rules"), tree).await;
    let errors = saved.expect(200).body["errors"].as_array().unwrap().clone();
    let types: Vec<_> = errors
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["unknown_origin", "unknown_behavior"]);
    assert_eq!(errors[1]["errorLocation"], "/rules/behaviors/1/name");
    assert!(errors[1]["remedy"].as_str().unwrap().contains("denyAccess"));
    // What was read can be written again as it is.
    let read = world.get(&format!("{version}/rules")).await;
    world
        .put(&format!("{version}/rules"), read.expect(200).body.clone())
        .await
        .expect(200);
    let refused = world
        .post(
            &format!("{version}/activate"),
            json!({"network": "STAGING"}),
        )
        .await;
    refused.problem(400, "property-validation-failure");
    assert_eq!(
        refused.body["errors"][1]["pointer"],
        "/rules/behaviors/1/name"
    );
    world.delete(&link).await.expect(204);
    world.get(&link).await.problem(404, "property-not-found");
}

#[tokio::test]
async fn a_stale_edit_is_refused() {
    let world = World::new().await;
    let version = format!("{}/versions/1", made(&world).await);
    let tag = world.get(&version).await.header("etag").to_owned();
    let body = json!({"hostnames": [{"hostname": "www.a.test"}]});
    let path = format!("{version}/hostnames");
    world.put_if(&path, body.clone(), &tag).await.expect(200);
    world
        .put_if(&path, body, &tag)
        .await
        .problem(412, "precondition-failed");
}

#[tokio::test]
async fn the_schema_of_rules_is_served() {
    let world = World::new().await;
    let served = world.get("/v1/properties/rule-schema").await;
    assert_eq!(served.expect(200).body, json_schema());
}

#[tokio::test]
async fn names_are_unique_and_unknown_things_are_named() {
    let world = World::new().await;
    let link = made(&world).await;
    world
        .post("/v1/properties", json!({"propertyName": "SHOP"}))
        .await
        .problem(409, "property-name-is-not-unique");
    world
        .post(
            "/v1/properties",
            json!({"propertyName": "x", "ruleFormat": "v2031-01-01"}),
        )
        .await
        .problem(400, "invalid-field");
    world
        .get(&format!("{link}/versions/9"))
        .await
        .problem(404, "property-version-not-found");
    let rules: Value =
        json!({"ruleFormat": "latest", "rules": {"name": "default", "behaviours": []}});
    let refused = world.put(&format!("{link}/versions/1/rules"), rules).await;
    refused.problem(400, "json-schema-validation-error");
    assert_eq!(refused.body["errors"][0]["pointer"], "/rules/behaviours");
}
