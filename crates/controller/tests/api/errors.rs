//! Every error that a client may meet, with its status, type and evidence.

use axum::body::Body;
use countersign_controller::{Limits, RateLimit, Role};
use http::Request;
use serde_json::json;
use std::time::Duration;

use crate::support::{Answer, PREFIX, World, root_pem, version_of};

fn tight() -> Limits {
    Limits {
        ca_sets_per_account: 2,
        versions_per_ca_set: 2,
        certificates_per_version: 1,
        body_bytes: 16 * 1024,
        ..Limits::default()
    }
}

#[tokio::test]
async fn requests_whose_form_is_wrong() {
    let world = World::with(tight()).await;
    let link = world.ca_set("partners").await;
    let sets = format!("{PREFIX}/ca-sets");
    world.get("/nothing").await.problem(404, "not-found");
    let answer = world.call("PATCH", &link, None).await;
    answer.problem(405, "method-not-allowed");
    assert_eq!(answer.header("allow"), "GET, DELETE");
    let answer = world
        .get(&format!("{sets}?colour=red&size=1&caSetStatus=DELETED"))
        .await;
    answer.problem(400, "unknown-query-parameters");
    assert_eq!(
        answer.body["contextInfo"]["parameters"],
        json!(["colour", "size"])
    );
    assert_eq!(
        answer.body["contextInfo"]["allowedQueryParameters"],
        json!(["caSetNamePrefix", "activatedOn", "caSetStatus"])
    );
    world
        .delete(&format!("{link}?force=true"))
        .await
        .problem(400, "unknown-query-parameters");
    for query in [
        "caSetStatus=GONE",
        "activatedOn=MOON",
        "caSetStatus=",
        "caSetNamePrefix=a%20b",
    ] {
        world
            .get(&format!("{sets}?{query}"))
            .await
            .problem(400, "invalid-field");
    }
    for path in [
        format!("{link}/versions/one"),
        format!("{link}/versions/-1"),
        format!("{link}/versions/+1"),
        format!("{link}/versions?includeCertificates=yes"),
        format!("{link}/activities?start=yesterday"),
        format!("{sets}?caSetStatus=DELETED&caSetStatus=DELETED"),
        format!("{sets}?caSetNamePrefix=%zz"),
    ] {
        world
            .get(&path)
            .await
            .problem(400, "path-variable-query-param-type-mismatch");
    }
    for (path, pointer) in [
        ("clone?cloneFromVersion=0", ""),
        ("clone?cloneFromVersion=x", ""),
    ] {
        let _ = pointer;
        let body = json!({"caSetName": "copy"});
        let answer = world.post(&format!("{link}/{path}"), body).await;
        answer.problem(400, "path-variable-query-param-type-mismatch");
    }
}

async fn raw(world: &World, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder()
        .method("POST")
        .uri(format!("{PREFIX}/ca-sets"))
        .header(
            "authorization",
            format!("Bearer {}", world.token(Role::Admin)),
        );
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world
        .send(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

#[tokio::test]
async fn media_types_and_bodies() {
    let world = World::with(tight()).await;
    let answer = raw(&world, &[("content-type", "text/xml")], "{}").await;
    answer.problem(415, "media-type-not-supported");
    assert_eq!(
        answer.body["contextInfo"]["allowedMediaTypes"],
        json!(["application/json"])
    );
    assert_eq!(
        answer.body["contextInfo"]["unsupportedMediaType"],
        "text/xml"
    );
    raw(&world, &[("accept", "text/html")], "{}")
        .await
        .problem(406, "media-type-not-acceptable");
    raw(&world, &[], "{").await.problem(400, "invalid-json");
    raw(&world, &[], "").await.problem(400, "invalid-json");
    let large = format!("{{\"caSetName\": \"{}\"}}", "x".repeat(20_000));
    raw(&world, &[], &large)
        .await
        .problem(413, "request-too-large");
    let answer = raw(&world, &[], r#"{"description": "", "colour": 1}"#).await;
    answer.problem(400, "json-schema-validation-error");
    let pointers: Vec<_> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/colour", "/caSetName", "/description"]);
    raw(&world, &[], "[]")
        .await
        .problem(400, "json-schema-validation-error");
    for good in [
        &[
            ("content-type", "application/json; charset=utf-8"),
            ("accept", "*/*"),
        ][..],
        &[("accept", "text/html, application/json;q=0.5")],
    ] {
        let name = format!("set-{}", good.len());
        raw(&world, good, &json!({"caSetName": name}).to_string())
            .await
            .expect(201);
    }
}

#[tokio::test]
async fn names_that_cannot_be_used_and_things_that_are_not_there() {
    let world = World::with(tight()).await;
    let sets = format!("{PREFIX}/ca-sets");
    for name in ["ab", "a b c", "a...b", "x%y"] {
        let answer = world.post(&sets, json!({"caSetName": name})).await;
        answer.problem(400, "ca-set-name-validation-failure");
        assert_eq!(answer.body["pointer"], "/caSetName");
    }
    let link = world.ca_set("partners").await;
    let answer = world.post(&sets, json!({"caSetName": "PARTNERS"})).await;
    answer.problem(409, "ca-set-name-is-not-unique");
    assert_eq!(answer.body["contextInfo"]["caSetLink"], link);
    for id in ["999", "x", "0001", "18446744073709551615"] {
        world
            .get(&format!("{sets}/{id}"))
            .await
            .problem(404, "ca-set-not-found");
    }
    world
        .get(&format!("{link}/versions/1"))
        .await
        .problem(404, "ca-set-version-not-found");
    let answer = world
        .post(&format!("{link}/clone"), json!({"caSetName": "copy"}))
        .await;
    answer.problem(400, "missing-caset-version");
    world
        .get(&format!("{link}/status/delete"))
        .await
        .problem(400, "no-active-cert-deletions");
    let version = world.version(&link, "Root").await;
    let answer = world.get(&format!("{version}/activations/77")).await;
    answer.problem(404, "activation-or-deactivation-request-not-found");
    let answer = world
        .post(
            &format!("{version}/deactivate"),
            json!({"network": "STAGING"}),
        )
        .await;
    answer.problem(409, "ca-set-version-not-active-on-network");
    let answer = world
        .post(
            &format!("{version}/activate"),
            json!({"network": "staging"}),
        )
        .await;
    answer.problem(400, "json-schema-validation-error");
    world
        .delete("/v1/api-clients/none")
        .await
        .problem(404, "api-client-not-found");
    let rollback = format!("/v1{}/rollback", link.strip_prefix(PREFIX).unwrap());
    let answer = world.post(&rollback, json!({"network": "STAGING"})).await;
    answer.problem(409, "no-previous-ca-set-version");
    assert_eq!(
        answer.body["type"],
        "/v1/error-types/no-previous-ca-set-version"
    );
}

#[tokio::test]
async fn limits() {
    let world = World::with(tight()).await;
    let link = world.ca_set("one").await;
    world.ca_set("two").await;
    let answer = world
        .post(&format!("{PREFIX}/ca-sets"), json!({"caSetName": "three"}))
        .await;
    answer.problem(422, "ca-set-limit-reached");
    assert_eq!(
        answer.body["contextInfo"],
        json!({"accountId": "A-CCT1234", "currentSetCount": 2, "limit": 2})
    );
    let versions = format!("{link}/versions");
    let (first, second) = (root_pem("One"), root_pem("Two"));
    let answer = world.post(&versions, version_of(&[&first, &second])).await;
    answer.problem(422, "certificate-limit-reached");
    assert_eq!(answer.body["contextInfo"]["maxCertificatesPerVersion"], 1);
    assert_eq!(answer.body["contextInfo"]["submittedCertificatesCount"], 2);
    world
        .post(&versions, version_of(&[&first]))
        .await
        .expect(201);
    let answer = world.post(&versions, version_of(&[&first])).await;
    answer.problem(422, "duplicate-ca-set-version");
    assert_eq!(
        answer.body["contextInfo"]["versionLink"],
        format!("{link}/versions/1")
    );
    world
        .post(&versions, version_of(&[&second]))
        .await
        .expect(201);
    let answer = world
        .post(&versions, version_of(&[&root_pem("Three")]))
        .await;
    answer.problem(422, "ca-set-version-limit-reached");
    assert_eq!(answer.body["contextInfo"]["maxVersionsPerCaSet"], 2);
    let answer = world
        .call("POST", &format!("{versions}/1/clone"), None)
        .await;
    answer.problem(422, "ca-set-version-limit-reached");
    // A deleted version makes room.
    world.delete(&format!("{versions}/1")).await.expect(204);
    world
        .post(&versions, version_of(&[&first]))
        .await
        .expect(201);
}

#[tokio::test]
async fn certificates_that_cannot_be_used() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let versions = format!("{link}/versions");
    let bad = version_of(&["hello"]);
    world
        .post(&format!("{PREFIX}/certificates/validate"), bad.clone())
        .await
        .problem(400, "certificate-validation-failure");
    world
        .post(&versions, bad.clone())
        .await
        .problem(400, "certificate-validation-failure-create");
    let version = world.version(&link, "Root").await;
    world
        .put(&version, bad)
        .await
        .problem(400, "certificate-validation-failure-update");
    let empty = json!({"certificates": []});
    world
        .post(&versions, empty)
        .await
        .problem(400, "json-schema-validation-error");
}

#[tokio::test]
async fn filters_of_certificates_that_contradict_each_other() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let path = format!("{}/certificates", world.version(&link, "Root").await);
    for query in [
        "expiryThresholdInDays=3",
        "expiryThresholdTimestamp=2027-01-01T00:00:00Z",
    ] {
        let answer = world.get(&format!("{path}?{query}")).await;
        answer.problem(400, "missing-required-query-parameter");
    }
    for query in [
        "certificateStatus=ACTIVE,EXPIRING",
        "certificateStatus=EXPIRED&expiryThresholdTimestamp=2027-01-01T00:00:00Z",
        "certificateStatus=EXPIRING&expiryThresholdTimestamp=2025-01-01T00:00:00Z",
        "certificateStatus=ACTIVE&expiryThresholdTimestamp=2027-01-01T00:00:00Z",
        "certificateStatus=EXPIRED&expiryThresholdInDays=3&expiryThresholdTimestamp=2025-01-01T00:00:00Z",
    ] {
        world
            .get(&format!("{path}?{query}"))
            .await
            .problem(400, "invalid-field");
    }
}

#[tokio::test]
async fn an_account_that_sends_too_much_is_told_when_to_come_back() {
    let world = World::with(Limits {
        rate: RateLimit {
            requests: 2,
            window: Duration::from_secs(60),
        },
        ..Limits::default()
    })
    .await;
    let sets = format!("{PREFIX}/ca-sets");
    let first = world.get(&sets).await;
    assert_eq!(first.expect(200).header("x-ratelimit-limit"), "2");
    assert_eq!(first.header("x-ratelimit-remaining"), "1");
    world.get(&sets).await.expect(200);
    let refused = world.get(&sets).await;
    refused.problem(429, "account-rate-limit-exceeded");
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    assert_eq!(
        refused.header("x-ratelimit-next"),
        "2026-06-01T00:00:30.000000Z"
    );
    assert_eq!(refused.body["rateLimit"], 2);
    assert_eq!(refused.body["rateLimitNext"], "2026-06-01T00:00:30.000000Z");
    world.clock.advance_secs(30);
    world.get(&sets).await.expect(200);
}
