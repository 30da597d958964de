//! Activations: one at a time, whole or not at all, and never forgotten.

use countersign_controller::Limits;
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::support::{Answer, PREFIX, World, join_all, root_pem, version_of};

fn staging() -> Value {
    json!({"network": "STAGING"})
}

async fn active(world: &World, ca_set: &str) -> (Value, Value) {
    let set = world.get(ca_set).await.body;
    (
        set["stagingVersion"].clone(),
        set["productionVersion"].clone(),
    )
}

#[tokio::test]
async fn an_activation_is_followed_from_its_request_to_its_end() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let version = world.version(&link, "Root").await;
    world.close_gate();
    let asked = world.post(&format!("{version}/activate"), staging()).await;
    asked.expect(202);
    let activation = asked.header("location").to_owned();
    assert_eq!(asked.body["activationLink"], activation);
    assert_eq!(asked.header("retry-after"), "Mon, 01 Jun 2026 00:00:03 GMT");
    for (field, value) in [
        ("activationStatus", json!("IN_PROGRESS")),
        ("activationType", json!("ACTIVATE")),
        ("caSetLink", json!(link)),
        ("caSetName", json!("partners")),
        ("createdBy", json!("admin")),
        ("failureReason", Value::Null),
        ("network", json!("STAGING")),
        ("percentComplete", json!(0)),
        ("version", json!(1)),
        ("versionLink", json!(version)),
    ] {
        assert_eq!(asked.body[field], value, "{field}");
    }
    let running = world.get(&activation).await;
    assert_eq!(
        running.expect(202).header("retry-after"),
        asked.header("retry-after")
    );
    assert_eq!(active(&world, &link).await, (Value::Null, Value::Null));
    world.open_gate();
    let ended = world.ended(&activation).await;
    assert_eq!(ended.header("retry-after"), "");
    assert_eq!(ended.body["activationStatus"], "COMPLETE");
    assert_eq!(ended.body["percentComplete"], 100);
    assert_eq!(active(&world, &link).await, (json!(1), Value::Null));
    let shown = world.get(&version).await.body;
    assert_eq!(
        (&shown["stagingStatus"], &shown["productionStatus"]),
        (&json!("ACTIVE"), &json!("INACTIVE"))
    );
    let history = world.get(&format!("{link}/activations")).await.body;
    assert_eq!(history["activations"], json!([ended.body]));
    assert_eq!(
        world.get(&format!("{version}/activations")).await.body,
        history
    );
    let activities = world.get(&format!("{link}/activities")).await.body;
    assert_eq!(
        activities["activities"][0]["type"],
        "ACTIVATE_CA_SET_VERSION"
    );
    assert_eq!(activities["activities"][0]["network"], "STAGING");
}

#[tokio::test]
async fn a_version_that_was_activated_never_changes_again() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let version = world.version(&link, "Root").await;
    let other = version_of(&[&root_pem("Other")]);
    world.close_gate();
    let asked = world.post(&format!("{version}/activate"), staging()).await;
    let conflict = world.put(&version, other.clone()).await;
    conflict.problem(409, "another-activation-request-in-progress-in-the-ca-set");
    world
        .delete(&version)
        .await
        .problem(409, "another-activation-request-in-progress-in-the-ca-set");
    world.open_gate();
    world.ended(asked.header("location")).await;
    world
        .put(&version, other.clone())
        .await
        .problem(422, "ca-set-version-is-active");
    world
        .delete(&version)
        .await
        .problem(422, "ca-set-version-is-active");
    let again = world.post(&format!("{version}/activate"), staging()).await;
    again.problem(409, "ca-set-version-already-active-on-network");
    let ended = world.change(&version, "deactivate", "STAGING").await;
    assert_eq!(ended.body["activationType"], "DEACTIVATE");
    assert_eq!(active(&world, &link).await, (Value::Null, Value::Null));
    world
        .put(&version, other)
        .await
        .problem(422, "ca-set-version-was-previously-active");
    let listed = world
        .get(&format!("{PREFIX}/ca-sets?activatedOn=INACTIVE"))
        .await;
    assert_eq!(listed.body["caSets"].as_array().unwrap().len(), 1);
    world.delete(&version).await.expect(204);
    world
        .post(&format!("{version}/activate"), staging())
        .await
        .problem(404, "ca-set-version-not-found");
}

#[tokio::test]
async fn sets_are_found_by_where_they_are_active() {
    let world = World::new().await;
    let mut versions = Vec::new();
    for name in ["none", "staging", "production", "both"] {
        let link = world.ca_set(name).await;
        versions.push(world.version(&link, name).await);
    }
    for (version, network) in [
        (1, "STAGING"),
        (2, "PRODUCTION"),
        (3, "STAGING"),
        (3, "PRODUCTION"),
    ] {
        world.change(&versions[version], "activate", network).await;
    }
    for (filter, expected) in [
        ("STAGING", vec!["staging", "both"]),
        ("PRODUCTION", vec!["production", "both"]),
        ("STAGING%2BPRODUCTION", vec!["both"]),
        ("PRODUCTION+STAGING", vec!["both"]),
        ("STAGING,PRODUCTION", vec!["staging", "production", "both"]),
        (
            "PRODUCTION%2CSTAGING",
            vec!["staging", "production", "both"],
        ),
        ("INACTIVE", vec![]),
    ] {
        let answer = world
            .get(&format!("{PREFIX}/ca-sets?activatedOn={filter}"))
            .await;
        let names: Vec<_> = answer.expect(200).body["caSets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|set| set["caSetName"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, expected, "{filter}");
    }
}

#[tokio::test]
async fn production_without_staging_is_done_with_a_warning() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let (tried, untried) = (
        world.version(&link, "One").await,
        world.version(&link, "Two").await,
    );
    world.change(&tried, "activate", "STAGING").await;
    let warnings = async |version: &str| {
        let ended = world.change(version, "activate", "PRODUCTION").await;
        ended.body["validation"]["warnings"].to_string()
    };
    let slug = "activate-version-on-production-without-activating-on-staging";
    assert!(!warnings(&tried).await.contains(slug));
    assert!(warnings(&untried).await.contains(slug));
}

#[tokio::test]
async fn of_many_operators_one_activates_and_the_others_are_told_what_runs() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let mut versions = Vec::new();
    for number in 0..6 {
        versions.push(world.version(&link, &format!("Root {number}")).await);
    }
    world.close_gate();
    let paths: Vec<_> = versions
        .iter()
        .map(|version| format!("{version}/activate"))
        .collect();
    let answers: Vec<Answer> = join_all(paths.iter().map(|path| world.post(path, staging()))).await;
    let accepted: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 202)
        .collect();
    assert_eq!(accepted.len(), 1);
    let running = &accepted[0].body;
    for answer in answers.iter().filter(|answer| answer.status != 202) {
        answer.problem(409, "another-activation-request-in-progress-in-the-ca-set");
        let context = &answer.body["contextInfo"];
        for field in [
            "activationLink",
            "activationType",
            "caSetId",
            "caSetName",
            "network",
            "version",
        ] {
            assert_eq!(context[field], running[field], "{field}");
        }
    }
    world.open_gate();
    let ended = world.ended(accepted[0].header("location")).await;
    assert_eq!(active(&world, &link).await.0, ended.body["version"]);
}

#[tokio::test]
async fn readers_never_see_two_active_versions_nor_half_of_one() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let versions = [
        world.version(&link, "One").await,
        world.version(&link, "Two").await,
    ];
    let listing = format!("{link}/versions?activeVersionsOnly=true&includeCertificates=true");
    for round in 0..6 {
        let path = format!("{}/activate", versions[round % 2]);
        let asked = world.post(&path, staging()).await;
        let activation = asked.expect(202).header("location").to_owned();
        let (_, seen) = futures_pair(world.ended(&activation), async {
            let mut seen = Vec::new();
            for _ in 0..10 {
                seen.push(world.get(&listing).await);
            }
            seen
        })
        .await;
        for answer in seen {
            let active = answer.expect(200).body["versions"].as_array().unwrap();
            assert!(active.len() <= 1, "{}", answer.body);
            for version in active {
                assert_eq!(version["certificates"].as_array().unwrap().len(), 1);
            }
        }
    }
}

async fn futures_pair<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    tokio::join!(a, b)
}

#[tokio::test]
async fn what_a_node_refuses_fails_with_its_reason_and_changes_nothing() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let (one, two) = (
        world.version(&link, "One").await,
        world.version(&link, "Two").await,
    );
    world.change(&one, "activate", "STAGING").await;
    *world.fleet.refuse.lock().unwrap() = Some("It does not fit".to_owned());
    let ended = world.change(&two, "activate", "STAGING").await;
    assert_eq!(ended.body["activationStatus"], "FAILED");
    assert!(
        ended.body["failureReason"]
            .as_str()
            .unwrap()
            .contains("It does not fit")
    );
    assert_eq!(active(&world, &link).await.0, 1);
    *world.fleet.refuse.lock().unwrap() = None;
    world.change(&two, "activate", "STAGING").await;
    assert_eq!(active(&world, &link).await.0, 2);
}

#[tokio::test]
async fn an_activation_goes_on_after_a_restart() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let version = world.version(&link, "Root").await;
    world.close_gate();
    let asked = world.post(&format!("{version}/activate"), staging()).await;
    let world = world.restart().await;
    world.get(asked.header("location")).await.expect(202);
    world.open_gate();
    world.ended(asked.header("location")).await;
    assert_eq!(active(&world, &link).await.0, 1);
}

#[tokio::test]
async fn a_rollback_activates_what_was_active_before() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let (one, two) = (
        world.version(&link, "One").await,
        world.version(&link, "Two").await,
    );
    world.change(&one, "activate", "STAGING").await;
    world.change(&two, "activate", "STAGING").await;
    let path = format!("/v1{}/rollback", link.strip_prefix(PREFIX).unwrap());
    let asked = world.post(&path, staging()).await;
    assert_eq!(asked.expect(202).body["version"], 1);
    world.ended(asked.header("location")).await;
    assert_eq!(active(&world, &link).await.0, 1);
}

#[tokio::test]
async fn a_set_is_not_deleted_from_under_anybody() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let version = world.version(&link, "Root").await;
    world.close_gate();
    let asked = world.post(&format!("{version}/activate"), staging()).await;
    let refused = world.delete(&link).await;
    refused.problem(
        409,
        "ca-set-cannot-be-deleted-in-progress-version-activations",
    );
    assert_eq!(
        refused.body["contextInfo"]["stagingLink"],
        asked.body["activationLink"]
    );
    assert_eq!(refused.body["contextInfo"]["stagingStatus"], "IN_PROGRESS");
    world.open_gate();
    world.ended(asked.header("location")).await;
    world
        .delete(&link)
        .await
        .problem(400, "ca-set-cannot-be-deleted-active-versions");
    world.close_gate();
    let asked = world
        .post(&format!("{version}/deactivate"), staging())
        .await;
    let other = world.post(&format!("{version}/activate"), staging()).await;
    other.problem(
        409,
        "another-deactivation-request-in-progress-in-the-ca-set",
    );
    world.open_gate();
    world.ended(asked.header("location")).await;
    world.delete(&link).await.expect(202);
}

/// Notes a use of a CA set as whatever binds one does.
async fn bind(world: &World, ca_set: &str, kind: &str, user: i64, network: &str) {
    let file = world.path().join("data/controller.sqlite");
    let mut connection = sqlx::SqliteConnection::connect(file.to_str().unwrap())
        .await
        .unwrap();
    let id: i64 = ca_set.rsplit('/').next().unwrap().parse().unwrap();
    sqlx::query(
        "INSERT INTO ca_set_associations (ca_set_id, kind, user_id, user_name, hostname, network, status)
         VALUES (?, ?, ?, 'shop', 'shop.test', ?, 'ATTACHED')",
    )
    .bind(id)
    .bind(kind)
    .bind(user)
    .bind(network)
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn what_is_in_use_is_neither_deactivated_nor_deleted() {
    let world = World::new().await;
    for (name, kinds, slug) in [
        ("hosts", &["PROPERTY"][..], "ca-set-in-use-by-hostnames"),
        (
            "certificates",
            &["ENROLLMENT"],
            "ca-set-in-use-by-enrollments",
        ),
        (
            "everything",
            &["ENROLLMENT", "PROPERTY"],
            "ca-set-in-use-by-both-enrollments-and-hostnames",
        ),
    ] {
        let link = world.ca_set(name).await;
        let version = world.version(&link, name).await;
        world.change(&version, "activate", "STAGING").await;
        for kind in kinds {
            bind(&world, &link, kind, 7, "STAGING").await;
        }
        let refused = world
            .post(&format!("{version}/deactivate"), staging())
            .await;
        refused.problem(409, slug);
        let uses = &refused.body["contextInfo"]["associations"];
        assert_eq!(
            uses.get("properties").is_some(),
            kinds.contains(&"PROPERTY")
        );
        assert_eq!(
            uses.get("enrollments").is_some(),
            kinds.contains(&"ENROLLMENT")
        );
        let listed = world.get(&format!("{link}/associations")).await.body;
        if kinds.contains(&"PROPERTY") {
            assert_eq!(
                uses["properties"][0]["hostnames"][0]["hostname"],
                "shop.test"
            );
            let hostname = &listed["associations"]["properties"][0]["hostnames"][0];
            assert_eq!(
                hostname,
                &json!({"hostName": "shop.test", "network": "STAGING", "status": "ATTACHED"})
            );
        }
        if kinds.contains(&"ENROLLMENT") {
            assert_eq!(
                uses["enrollments"][0]["enrollmentLink"],
                "/cps/v2/enrollments/7"
            );
            assert_eq!(
                listed["associations"]["enrollments"][0]["stagingSlots"],
                json!([7])
            );
            assert_eq!(
                listed["associations"]["enrollments"][0]["productionSlots"],
                json!([])
            );
        }
        let only = world
            .get(&format!("{link}/associations?associationType=enrollments"))
            .await;
        assert_eq!(only.body["associations"]["properties"], Value::Null);
    }
    // Not active anywhere, and bound all the same.
    let link = world.ca_set("bound").await;
    bind(&world, &link, "PROPERTY", 9, "PRODUCTION").await;
    world
        .delete(&link)
        .await
        .problem(409, "ca-set-in-use-by-hostnames");
}

#[tokio::test]
async fn while_a_set_is_being_deleted_it_can_only_be_read() {
    let world = World::idle(Limits::default()).await;
    let link = world.ca_set("partners").await;
    let version = world.version(&link, "Root").await;
    world.delete(&link).await.expect(202);
    let body = version_of(&[&root_pem("Other")]);
    for answer in [
        world.delete(&link).await,
        world.post(&format!("{link}/versions"), body.clone()).await,
        world.put(&version, body).await,
        world.delete(&version).await,
        world.call("POST", &format!("{version}/clone"), None).await,
        world
            .post(&format!("{link}/clone"), json!({"caSetName": "copy"}))
            .await,
        world.post(&format!("{version}/activate"), staging()).await,
    ] {
        answer.problem(409, "delete-ca-set-request-in-progress");
        let context = &answer.body["contextInfo"];
        assert_eq!(context["deletionLink"], format!("{link}/status/delete"));
        assert_eq!(context["stagingStatus"], "IN_PROGRESS");
        assert_eq!(context["productionStatus"], "IN_PROGRESS");
    }
    world.get(&link).await.expect(200);
    world.get(&version).await.expect(200);
}

#[tokio::test]
async fn what_expired_since_it_was_made_is_not_activated() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let soon = countersign_testkit::Pki::new()
        .valid(countersign_testkit::NOW - 60, countersign_testkit::NOW + 60)
        .root("Soon");
    world
        .post(&format!("{link}/versions"), version_of(&[&soon.pem()]))
        .await
        .expect(201);
    world.clock.advance_secs(120);
    let refused = world
        .post(&format!("{link}/versions/1/activate"), staging())
        .await;
    refused.problem(400, "certificate-validation-failure-activate");
    assert!(
        refused.body["errors"][0]["type"]
            .as_str()
            .unwrap()
            .ends_with("/expired-certificate")
    );
}
