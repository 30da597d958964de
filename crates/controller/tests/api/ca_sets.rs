//! CA sets: making, listing, cloning, deleting.

use countersign_controller::{Limits, Role};
use serde_json::{Value, json};

use crate::support::{PREFIX, World, bearer, join_all};

fn names(body: &Value) -> Vec<&str> {
    body["caSets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|set| set["caSetName"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_new_ca_set_has_every_field_with_explicit_nulls() {
    let world = World::new().await;
    let answer = world
        .post(
            &format!("{PREFIX}/ca-sets"),
            json!({"caSetName": "partners", "description": "who may come in"}),
        )
        .await;
    answer.expect(201);
    let id = answer.body["caSetId"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("{PREFIX}/ca-sets/{id}"));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.body,
        json!({
            "accountId": "A-CCT1234",
            "caSetId": id,
            "caSetLink": format!("{PREFIX}/ca-sets/{id}"),
            "caSetName": "partners",
            "caSetStatus": "NOT_DELETED",
            "createdBy": "admin",
            "createdDate": "2026-06-01T00:00:00.000000Z",
            "deletedBy": null,
            "deletedDate": null,
            "description": "who may come in",
            "latestVersion": null,
            "latestVersionLink": null,
            "productionVersion": null,
            "productionVersionLink": null,
            "removalDate": null,
            "stagingVersion": null,
            "stagingVersionLink": null,
            "versionsLink": format!("{PREFIX}/ca-sets/{id}/versions/"),
        })
    );
    let link = answer.body["caSetLink"].as_str().unwrap();
    assert_eq!(world.get(link).await.expect(200).body, answer.body);
}

#[tokio::test]
async fn lists_are_filtered_by_prefix_and_status() {
    let world = World::new().await;
    for name in ["alpha", "Alp-2", "beta"] {
        world.ca_set(name).await;
    }
    let list = |query: &str| format!("{PREFIX}/ca-sets?{query}");
    assert_eq!(
        names(&world.get(&list("")).await.body),
        ["alpha", "Alp-2", "beta"]
    );
    let found = world
        .get(&list("caSetNamePrefix=alp&accountSwitchKey=1-2ABC:1-2RBL"))
        .await;
    assert_eq!(names(&found.expect(200).body), ["alpha", "Alp-2"]);
    let beta =
        world.get(&list("caSetNamePrefix=beta")).await.body["caSets"][0]["caSetLink"].clone();
    world.delete(beta.as_str().unwrap()).await.expect(202);
    assert_eq!(names(&world.get(&list("")).await.body), ["alpha", "Alp-2"]);
    let ended = world.get(&list("caSetStatus=DELETING,DELETED")).await;
    assert_eq!(names(&ended.expect(200).body), ["beta"]);
}

#[tokio::test]
async fn a_deleted_set_can_be_read_and_its_name_is_free() {
    let world = World::idle(Limits::default()).await;
    let link = world.ca_set("partners").await;
    world.clock.advance_secs(60);
    let accepted = world.delete(&link).await;
    accepted.expect(202);
    let mut status = world.get(&format!("{link}/status/delete")).await;
    status.expect(202);
    {
        assert_eq!(status.body["status"], "IN_PROGRESS");
        assert_eq!(
            status.header("retry-after"),
            "Mon, 01 Jun 2026 00:01:03 GMT"
        );
        assert_eq!(
            status.body["estimatedEndTime"],
            "2026-06-01T00:16:00.000000Z"
        );
        world.controller.reconcile().await.unwrap();
        status = world.get(&format!("{link}/status/delete")).await;
    }
    status.expect(200);
    assert_eq!(status.header("retry-after"), "");
    assert_eq!(status.body["status"], "COMPLETE");
    assert_eq!(status.body["resourceMethod"], "delete");
    assert_eq!(status.body["startTime"], "2026-06-01T00:01:00.000000Z");
    for (position, network) in ["STAGING", "PRODUCTION"].iter().enumerate() {
        assert_eq!(
            status.body["deletions"][position],
            json!({"network": network, "percentComplete": 100, "status": "COMPLETE", "failureReason": null})
        );
    }
    let set = world.get(&link).await;
    assert_eq!(set.body["caSetStatus"], "DELETED");
    assert_eq!(set.body["deletedBy"], "admin");
    assert_eq!(set.body["removalDate"], "2026-06-27T00:01:00.000000Z");
    world.delete(&link).await.problem(404, "ca-set-not-found");
    let activities = world.get(&format!("{link}/activities")).await;
    assert_eq!(activities.expect(200).body["caSetStatus"], "DELETED");
    let kinds: Vec<_> = activities.body["activities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|activity| {
            (
                activity["type"].as_str().unwrap(),
                activity["network"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("DELETE_CA_SET", Some("PRODUCTION")),
            ("DELETE_CA_SET", Some("STAGING")),
            ("CREATE_CA_SET", None),
        ]
    );
    assert_ne!(world.ca_set("Partners").await, link);
}

#[tokio::test]
async fn what_was_deleted_long_ago_is_gone_but_for_the_audit_log() {
    let world = World::idle(Limits::default()).await;
    let (kept, gone) = (world.ca_set("kept").await, world.ca_set("gone").await);
    let version = world.version(&kept, "One").await;
    world.version(&kept, "Two").await;
    let other = world.version(&gone, "One").await;
    // Frozen ones too.
    for version in [&version, &other] {
        let activation = world
            .post(
                &format!("{version}/activate"),
                json!({"network": "STAGING"}),
            )
            .await;
        world.controller.start().await;
        world.ended(activation.expect(202).header("location")).await;
        world.change(version, "deactivate", "STAGING").await;
    }
    world.delete(&version).await.expect(204);
    world.delete(&gone).await.expect(202);
    world.controller.reconcile().await.unwrap();
    world.clock.advance_secs(26 * 86_400 - 1);
    world.controller.reconcile().await.unwrap();
    world.get(&version).await.expect(200);
    world.get(&gone).await.expect(200);
    world.clock.advance_secs(1);
    world.controller.reconcile().await.unwrap();
    world
        .get(&version)
        .await
        .problem(404, "ca-set-version-not-found");
    world.get(&gone).await.problem(404, "ca-set-not-found");
    let activities = world.get(&format!("{kept}/activities")).await.body;
    assert_eq!(activities["activities"][0]["type"], "REMOVE_CA_SET_VERSION");
    let audit = world.get("/v1/audit").await.body["entries"].clone();
    for action in ["ca-set.version.remove", "ca-set.remove"] {
        let entries = audit.as_array().unwrap().iter();
        assert_eq!(entries.filter(|entry| entry["action"] == action).count(), 1);
    }
    assert_eq!(world.get("/v1/audit/verify").await.body["intact"], true);
    assert_ne!(world.ca_set("gone").await, gone);
    assert_eq!(
        world
            .call("POST", &format!("{kept}/versions/2/clone"), None)
            .await
            .body["version"],
        3
    );
}

#[tokio::test]
async fn activities_are_bounded_by_both_ends_inclusively() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    world.clock.advance_secs(10);
    world.version(&link, "Root").await;
    let count = async |query: &str| {
        let answer = world.get(&format!("{link}/activities?{query}")).await;
        answer.expect(200).body["activities"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count("").await, 2);
    assert_eq!(count("start=2026-06-01T00:00:10Z").await, 1);
    assert_eq!(count("start=2026-06-01T00:00:10.000001Z").await, 0);
    assert_eq!(count("end=2026-06-01T02:00:00%2B02:00").await, 1);
    assert_eq!(
        count("start=2026-06-01T00:00:00Z&end=2026-06-01T00:00:10Z").await,
        2
    );
}

#[tokio::test]
async fn a_clone_is_a_new_set_with_one_version_of_the_old_one() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    world.version(&link, "One").await;
    world.version(&link, "Two").await;
    let clone = async |query: &str, name: &str| {
        let answer = world
            .post(
                &format!("{link}/clone{query}"),
                json!({"caSetName": name, "description": null}),
            )
            .await;
        assert_eq!(answer.expect(201).body["latestVersion"], 1);
        assert_eq!(
            answer.header("location"),
            answer.body["caSetLink"].as_str().unwrap()
        );
        let version = answer.body["latestVersionLink"]
            .as_str()
            .unwrap()
            .to_owned();
        world.get(&version).await.body["certificates"][0]["subject"].clone()
    };
    assert_eq!(clone("", "latest").await, "CN=Two");
    assert_eq!(clone("?cloneFromVersion=1", "first").await, "CN=One");
}

#[tokio::test]
async fn accounts_do_not_see_each_other() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let version = world.version(&link, "Root").await;
    let other = bearer(&world.controller, "A-OTHER", Role::Admin).await;
    for (method, path) in [
        ("GET", link.clone()),
        ("DELETE", link.clone()),
        ("GET", format!("{link}/versions")),
        ("GET", version.clone()),
        ("DELETE", version.clone()),
        ("GET", format!("{link}/activities")),
        ("GET", format!("{link}/associations")),
        ("GET", format!("{link}/activations")),
        ("GET", format!("{link}/status/delete")),
        ("POST", format!("{version}/clone")),
    ] {
        let answer = world.call_as(&other, method, &path, None).await;
        answer.problem(404, "ca-set-not-found");
    }
    let listed = world
        .call_as(&other, "GET", &format!("{PREFIX}/ca-sets"), None)
        .await;
    assert_eq!(names(&listed.body), Vec::<&str>::new());
    // Names are unique within an account only.
    let body = json!({"caSetName": "partners"});
    let made = world
        .call_as(&other, "POST", &format!("{PREFIX}/ca-sets"), Some(body))
        .await;
    made.expect(201);
}

#[tokio::test]
async fn what_was_confirmed_is_there_after_a_restart() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let version = world.version(&link, "Root").await;
    let before = (world.get(&link).await.body, world.get(&version).await.body);
    let world = world.restart().await;
    assert_eq!(
        (world.get(&link).await.body, world.get(&version).await.body),
        before
    );
    assert_ne!(world.ca_set("others").await, link);
}

#[tokio::test]
async fn many_operators_at_once_get_one_set_and_every_version_number_once() {
    let world = World::new().await;
    let bodies: Vec<_> = (0..8).map(|_| json!({"caSetName": "partners"})).collect();
    let path = format!("{PREFIX}/ca-sets");
    let answers = join_all(bodies.into_iter().map(|body| world.post(&path, body))).await;
    let made: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    assert_eq!(made.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.problem(409, "ca-set-name-is-not-unique");
    }
    let link = made[0].body["caSetLink"].as_str().unwrap();
    let roots: Vec<_> = (0..12).map(|number| format!("Root {number}")).collect();
    let mut versions = join_all(roots.iter().map(|root| world.version(link, root))).await;
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), 12);
    assert_eq!(world.get(link).await.body["latestVersion"], 12);
    assert_eq!(
        world.controller.audit().verify().await.unwrap().broken_at,
        None
    );
}
