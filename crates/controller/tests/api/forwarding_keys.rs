//! What edges sign requests with.

use countersign_controller::Role;
use serde_json::{Value, json};

use crate::support::World;

const PATH: &str = "/v1/forwarding-keys/staging";

fn keys(body: &Value) -> Vec<Value> {
    body["keys"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_network_has_a_key_of_its_own_from_the_start_and_shows_its_public_half() {
    let world = World::new().await;
    let [staging, production] =
        ["staging", "production"].map(|it| format!("/v1/forwarding-keys/{it}"));
    let staging = keys(&world.get(&staging).await.expect(200).body);
    let production = keys(&world.get(&production).await.expect(200).body);
    assert_eq!((staging.len(), production.len()), (1, 1));
    assert_ne!(staging[0]["kid"], production[0]["kid"]);
    let key = &staging[0];
    for (member, value) in [
        ("kty", "OKP"),
        ("crv", "Ed25519"),
        ("use", "sig"),
        ("alg", "EdDSA"),
    ] {
        assert_eq!(key[member], value);
    }
    assert_eq!(key["x"].as_str().unwrap().len(), 43);
    assert!(key.get("d").is_none() && key.get("usedUntil").is_none());
    world
        .get("/v1/forwarding-keys/moon")
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn the_next_key_is_told_before_it_is_used_and_the_last_one_for_a_while_after() {
    let world = World::new().await;
    let first = keys(&world.get(PATH).await.body)[0]["kid"].clone();
    let announced = world.post(PATH, json!({"useAfterSeconds": 3600})).await;
    let announced = keys(&announced.expect(201).body);
    let kids = |keys: &[Value]| {
        keys.iter()
            .map(|key| key["kid"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(announced.len(), 2);
    assert_eq!(announced[0]["kid"], first);
    assert_eq!(announced[0]["usedUntil"], announced[1]["usedFrom"]);
    // One that nobody signed with is forgotten.
    let again = keys(&world.post(PATH, json!({})).await.expect(201).body);
    assert_eq!(again.len(), 2);
    assert_eq!(again[0]["kid"], first);
    assert_ne!(again[1]["kid"], announced[1]["kid"]);

    const DAY: i64 = 24 * 3600;
    world.clock.advance_secs(DAY);
    assert_eq!(kids(&keys(&world.get(PATH).await.body)), kids(&again));
    world.clock.advance_secs(DAY);
    assert_eq!(kids(&keys(&world.get(PATH).await.body)), kids(&again[1..]));
    let audit = world.get("/v1/audit?limit=1").await.body;
    assert_eq!(audit["entries"][0]["action"], "forwarding-key.create");
}

#[tokio::test]
async fn a_key_of_production_wants_an_approver_and_none_is_announced_for_years() {
    let world = World::new().await;
    let body = json!({"useAfterSeconds": 100 * 24 * 3600});
    world.post(PATH, body).await.problem(400, "invalid-field");
    let (_, operator) = world
        .tokens
        .iter()
        .find(|(role, _)| *role == Role::Operator)
        .unwrap();
    world
        .call_as(
            operator,
            "POST",
            "/v1/forwarding-keys/production",
            Some(json!({})),
        )
        .await
        .problem(403, "forbidden");
}
