//! The audit log: complete, per account, and unalterable without trace.

use countersign_controller::Role;
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::support::{World, bearer, root_pem, version_of};

#[tokio::test]
async fn every_change_is_there_with_who_what_before_and_after() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    world.version(&link, "One").await;
    world
        .put(
            &format!("{link}/versions/1"),
            version_of(&[&root_pem("Two")]),
        )
        .await
        .expect(200);
    let answer = world.get("/v1/audit?limit=3").await;
    let entries = answer.expect(200).body["entries"].as_array().unwrap();
    let actions: Vec<_> = entries
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "ca-set.version.replace",
            "ca-set.version.create",
            "ca-set.create"
        ]
    );
    let edit = &entries[0];
    assert_eq!(edit["actor"], "admin");
    assert_eq!(edit["role"], "admin");
    assert_eq!(edit["resource"], "ca-set/1/version/1");
    assert_eq!(edit["before"]["certificates"][0]["subject"], "CN=One");
    assert_eq!(edit["after"]["certificates"][0]["subject"], "CN=Two");
    assert_eq!(entries[2]["before"], Value::Null);
    let next = answer.body["nextBefore"].as_u64().unwrap();
    let rest = world.get(&format!("/v1/audit?before={next}")).await;
    assert_eq!(rest.body["entries"][0]["action"], "api-client.create");
    let check = world.get("/v1/audit/verify").await;
    assert_eq!(check.expect(200).body["intact"], true);
    assert_eq!(check.body["head"], entries[0]["hash"]);
    let other = bearer(&world.controller, "A-OTHER", Role::Admin).await;
    let seen = world.call_as(&other, "GET", "/v1/audit", None).await;
    let seen = seen.body["entries"].to_string();
    assert!(!seen.contains("partners"), "{seen}");
}

#[tokio::test]
async fn a_long_log_is_checked_part_by_part_and_each_part_begins_where_the_last_one_ended() {
    let world = World::new().await;
    for number in 0..9 {
        world.ca_set(&format!("set-{number}")).await;
    }
    let whole = world.get("/v1/audit/verify").await.expect(200).body.clone();
    let total = whole["entries"].as_u64().unwrap();
    assert!(total >= 10 && whole["nextAfter"].is_null(), "{whole}");
    for limit in [1, 3, total - 1, total, total + 1] {
        let (mut entries, mut parts, mut query) = (0, 0, format!("limit={limit}"));
        let last = loop {
            let part = world.get(&format!("/v1/audit/verify?{query}")).await;
            let part = part.expect(200).body.clone();
            assert_eq!(part["intact"], true);
            entries += part["entries"].as_u64().unwrap();
            parts += 1;
            let Some(after) = part["nextAfter"].as_u64() else {
                break part;
            };
            let head = part["head"].as_str().unwrap();
            query = format!("limit={limit}&after={after}&head={head}");
        };
        assert_eq!((entries, parts), (total, total.div_ceil(limit)));
        assert_eq!(last["head"], whole["head"]);
    }
    let head = whole["head"].as_str().unwrap();
    // What somebody noted is there no more: the log was cut off, or is another one.
    for (after, head) in [(total + 5, head), (total - 1, head), (1, &"0".repeat(64))] {
        let part = world
            .get(&format!("/v1/audit/verify?after={after}&head={head}"))
            .await;
        assert_eq!(part.expect(200).body["intact"], false);
        assert_eq!(part.body["brokenAt"], after);
    }
    for query in [
        "after=1".to_owned(),
        format!("head={head}"),
        "after=1&head=x".to_owned(),
    ] {
        let answer = world.get(&format!("/v1/audit/verify?{query}")).await;
        answer.problem(400, "invalid-field");
    }
}

#[tokio::test]
async fn a_page_ends_early_when_its_entries_are_long_and_says_where_the_next_one_begins() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let mut body = version_of(&[]);
    body["certificates"] = (0..40)
        .map(|number| json!({"certificatePem": root_pem(&number.to_string()), "description": "\u{1f512}".repeat(255)}))
        .collect();
    world
        .post(&format!("{link}/versions"), body.clone())
        .await
        .expect(201);
    for _ in 0..14 {
        let edited = world.put(&format!("{link}/versions/1"), body.clone()).await;
        edited.expect(200);
    }
    let mut sequences = Vec::new();
    let mut path = "/v1/audit".to_owned();
    for _ in 0..10 {
        let answer = world.get(&path).await;
        let body = &answer.expect(200).body;
        assert!(body.to_string().len() < 1_100_000);
        let entries = body["entries"].as_array().unwrap();
        sequences.extend(entries.iter().map(|it| it["sequence"].as_u64().unwrap()));
        let Some(next) = body["nextBefore"].as_u64() else {
            break;
        };
        path = format!("/v1/audit?before={next}");
    }
    let all: Vec<_> = (1..=sequences[0]).rev().collect();
    assert_eq!(sequences, all);
}

#[tokio::test]
async fn a_refused_request_leaves_no_trace() {
    let world = World::new().await;
    let before = world.get("/v1/audit/verify").await.body;
    world
        .post(
            "/mtls-edge-truststore/v2/ca-sets",
            json!({"caSetName": "no"}),
        )
        .await
        .expect(400);
    assert_eq!(world.get("/v1/audit/verify").await.body, before);
}

#[tokio::test]
async fn an_altered_entry_is_found_and_the_database_refuses_to_alter_it() {
    let world = World::new().await;
    world.ca_set("partners").await;
    world.controller.close().await;
    let file = world.path().join("data/controller.sqlite");
    let mut connection = sqlx::SqliteConnection::connect(file.to_str().unwrap())
        .await
        .unwrap();
    let alter = "UPDATE audit SET actor = 'somebody else' WHERE sequence = 3";
    let refused = sqlx::query(alter)
        .execute(&mut connection)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("append-only"));
    sqlx::query("DROP TRIGGER audit_keep")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query(alter).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let world = world.restart().await;
    let check = world.get("/v1/audit/verify").await;
    assert_eq!(check.expect(200).body["intact"], false);
    assert_eq!(check.body["brokenAt"], 3);
}
