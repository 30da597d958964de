//! What the extended key usage of a CA set's clients must say.

use serde_json::{Value, json};

use crate::support::World;

const UNTIL: &str = "2027-03-15T00:00:00.000000Z";

async fn path_of_a_set(world: &World) -> String {
    let link = world.ca_set("partners").await;
    let id = link.rsplit('/').next().unwrap();
    format!("/v1/ca-sets/{id}/extended-key-usage")
}

#[tokio::test]
async fn the_rule_of_a_set_is_shown_changed_and_audited() {
    let world = World::new().await;
    let path = path_of_a_set(&world).await;
    let default = json!({"rule": "acceptAbsent", "until": null});
    assert_eq!(world.get(&path).await.expect(200).body, default);
    for rule in [
        json!({"rule": "requireClientAuth", "until": null}),
        json!({"rule": "any", "until": null}),
        json!({"rule": "acceptServerAuthUntil", "until": UNTIL}),
    ] {
        assert_eq!(world.put(&path, rule.clone()).await.expect(200).body, rule);
        assert_eq!(world.get(&path).await.body, rule);
    }
    let audit = world.get("/v1/audit?limit=1").await.body;
    let entry = &audit["entries"][0];
    assert_eq!(entry["action"], "extended-key-usage-rule.replace");
    assert_eq!(entry["before"]["rule"], "any");
    assert_eq!(entry["after"]["rule"], "acceptServerAuthUntil");
}

#[tokio::test]
async fn a_rule_that_is_none_is_refused_with_the_field_and_changes_nothing() {
    let world = World::new().await;
    let path = path_of_a_set(&world).await;
    let bad: [(Value, &str); 5] = [
        (json!({"rule": "whatever"}), "/rule"),
        (json!({}), "/rule"),
        (json!({"rule": "acceptServerAuthUntil"}), "/until"),
        (json!({"rule": "any", "until": UNTIL}), "/until"),
        (
            json!({"rule": "acceptServerAuthUntil", "until": "soon"}),
            "/until",
        ),
    ];
    for (body, pointer) in bad {
        let answer = world.put(&path, body).await;
        answer.problem(400, "json-schema-validation-error");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    }
    assert_eq!(world.get(&path).await.body["rule"], "acceptAbsent");
    world
        .get("/v1/ca-sets/999/extended-key-usage")
        .await
        .problem(404, "ca-set-not-found");
}
