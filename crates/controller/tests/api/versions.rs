//! Versions: making, editing, cloning, deleting, filtering.

use countersign_testkit::{DAY, NOW, Pki};
use serde_json::{Value, json};

use crate::support::{PREFIX, World, join_all, root_pem, version_of};
use countersign_controller::Role;

#[tokio::test]
async fn a_new_version_shows_its_certificates_and_its_warnings() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let pem = root_pem("Root");
    let body = json!({
        "allowInsecureSha1": false,
        "description": "first",
        "certificates": [
            {"certificatePem": pem, "description": "the root"},
            {"certificatePem": pem.replace('\n', "\r\n")},
        ],
    });
    let answer = world.post(&format!("{link}/versions"), body).await;
    answer.expect(201);
    assert_eq!(answer.header("location"), format!("{link}/versions/1"));
    let mut version = answer.body.clone();
    let certificate = version["certificates"][0].take();
    assert_eq!(certificate["subject"], "CN=Root");
    assert_eq!(certificate["issuer"], "CN=Root");
    assert_eq!(certificate["startDate"], "2020-01-01T00:00:00Z");
    assert_eq!(certificate["signatureAlgorithm"], "SHA256WITHECDSA");
    assert_eq!(certificate["certificatePem"], pem);
    assert_eq!(certificate["description"], "the root");
    assert_eq!(certificate["createdBy"], "admin");
    assert_eq!(certificate["fingerprint"].as_str().unwrap().len(), 64);
    let warning = version["validation"]["warnings"][0].take();
    assert_eq!(
        warning["type"],
        "/mtls-edge-truststore/error-types/duplicate-certificate"
    );
    assert_eq!(warning["pointer"], "/certificates/1");
    assert_eq!(
        warning["contextInfo"]["fingerprint"],
        certificate["fingerprint"]
    );
    assert_eq!(version["certificates"].as_array().unwrap().len(), 1);
    for (field, value) in [
        ("allowInsecureSha1", json!(false)),
        ("caSetVersionStatus", json!("NOT_DELETED")),
        ("description", json!("first")),
        ("modifiedBy", Value::Null),
        ("modifiedDate", Value::Null),
        ("productionStatus", json!("INACTIVE")),
        ("removalDate", Value::Null),
        ("stagingStatus", json!("INACTIVE")),
        ("version", json!(1)),
        ("versionLink", json!(format!("{link}/versions/1"))),
    ] {
        assert_eq!(version[field], value, "{field}");
        assert!(version.as_object().unwrap().contains_key(field));
    }
    let shown = world.get(&format!("{link}/versions/1")).await;
    assert_eq!(shown.expect(200).body["validation"], Value::Null);
    let set = world.get(&link).await;
    assert_eq!(set.body["latestVersionLink"], format!("{link}/versions/1"));
}

#[tokio::test]
async fn an_edited_version_keeps_who_brought_its_old_certificates() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let (old, new) = (root_pem("Old"), root_pem("New"));
    world
        .post(&format!("{link}/versions"), version_of(&[&old]))
        .await
        .expect(201);
    world.clock.advance_secs(60);
    let answer = world
        .put(&format!("{link}/versions/1"), version_of(&[&new, &old]))
        .await;
    answer.expect(200);
    assert_eq!(answer.body["modifiedBy"], "admin");
    assert_eq!(answer.body["modifiedDate"], "2026-06-01T00:01:00.000000Z");
    assert_eq!(
        answer.body["certificates"][0]["createdDate"],
        "2026-06-01T00:01:00.000000Z"
    );
    assert_eq!(
        answer.body["certificates"][1]["createdDate"],
        "2026-06-01T00:00:00.000000Z"
    );
    let mut shown = world.get(&format!("{link}/versions/1")).await.body;
    shown["validation"] = answer.body["validation"].clone();
    assert_eq!(shown, answer.body);
    // What an answer says can be sent back as it is.
    world
        .put(&format!("{link}/versions/1"), shown)
        .await
        .expect(200);
}

#[tokio::test]
async fn nobody_overwrites_what_they_did_not_see() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let version = world.version(&link, "One").await;
    let seen = world.get(&version).await.header("etag").to_owned();
    let pems: Vec<_> = (0..5)
        .map(|number| root_pem(&format!("Root {number}")))
        .collect();
    let put = async |pem: &String| {
        let request = http::Request::builder()
            .method("PUT")
            .uri(&version)
            .header(
                "authorization",
                format!("Bearer {}", world.token(Role::Operator)),
            )
            .header("if-match", &seen)
            .body(axum::body::Body::from(version_of(&[pem]).to_string()));
        world.send(request.unwrap()).await
    };
    let answers = join_all(pems.iter().map(put)).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(done.len(), 1);
    for answer in refused {
        answer.problem(412, "precondition-failed");
        assert_eq!(
            format!(
                "\"{}\"",
                answer.body["contextInfo"]["etag"].as_str().unwrap()
            ),
            done[0].header("etag")
        );
    }
    let now = world.get(&version).await;
    assert_eq!(now.header("etag"), done[0].header("etag"));
    assert_eq!(now.body["certificates"], done[0].body["certificates"]);
    // The link to the list ends with a slash, and leads there.
    let list = world.get(&link).await.body["versionsLink"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(list.ends_with('/'));
    assert_eq!(
        world.get(&list).await.expect(200).body["versions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn version_numbers_are_never_reused() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    world.version(&link, "One").await;
    let two = world.version(&link, "Two").await;
    let answer = world.delete(&two).await;
    assert_eq!((answer.status, &answer.body), (204, &Value::Null));
    assert_eq!(world.get(&link).await.body["latestVersion"], 1);
    world
        .delete(&two)
        .await
        .problem(404, "ca-set-version-not-found");
    assert_eq!(
        world.get(&two).await.expect(200).body["caSetVersionStatus"],
        "DELETED"
    );
    let three = world
        .call("POST", &format!("{link}/versions/1/clone"), None)
        .await;
    assert_eq!(three.expect(201).body["version"], 3);
    let numbers = async |query: &str| {
        let answer = world.get(&format!("{link}/versions{query}")).await;
        let versions = answer.expect(200).body["versions"]
            .as_array()
            .unwrap()
            .clone();
        versions
            .iter()
            .map(|version| {
                (
                    version["version"].as_u64().unwrap(),
                    version["certificates"].is_array(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers("").await, [(3, false), (1, false)]);
    assert_eq!(
        numbers("?includeCertificates=true").await,
        [(3, true), (1, true)]
    );
    assert_eq!(numbers("?activeVersionsOnly=true").await, []);
    assert_eq!(
        numbers("?activeVersionsOnly=true&includeCertificates=true").await,
        []
    );
    assert_eq!(numbers("?caSetVersionStatus=DELETED").await, [(2, false)]);
    assert_eq!(
        numbers("?caSetVersionStatus=DELETED,NOT_DELETED")
            .await
            .len(),
        3
    );
}

#[tokio::test]
async fn cloning_a_version_with_an_expired_certificate_warns() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let soon = Pki::new().valid(NOW - DAY, NOW + DAY).root("Soon");
    world
        .post(&format!("{link}/versions"), version_of(&[&soon.pem()]))
        .await
        .expect(201);
    world.clock.advance_secs(2 * DAY);
    let answer = world
        .call("POST", &format!("{link}/versions/1/clone"), None)
        .await;
    let warnings = answer.expect(201).body["validation"]["warnings"]
        .as_array()
        .unwrap();
    let kinds: Vec<_> = warnings
        .iter()
        .map(|warning| warning["type"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"/mtls-edge-truststore/error-types/expired-certificate"),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn certificates_are_filtered_by_expiry() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let root = |name: &str, until: i64| Pki::new().valid(NOW - DAY, until).root(name).pem();
    let pems = [
        root("week", NOW + 7 * DAY),
        root("months", NOW + 60 * DAY),
        root("years", NOW + 1_000 * DAY),
    ];
    let pems: Vec<_> = pems.iter().map(String::as_str).collect();
    world
        .post(&format!("{link}/versions"), version_of(&pems))
        .await
        .expect(201);
    let subjects = async |query: &str| {
        let path = format!("{link}/versions/1/certificates{query}");
        // The vendor's client sends a body with this GET.
        let body = json!({"caSetId": "1", "version": 1, "CertificateStatus": "EXPIRED"});
        let answer = world.call("GET", &path, Some(body)).await;
        assert_eq!(answer.expect(200).body["version"], 1);
        let certificates = answer.body["certificates"].as_array().unwrap().clone();
        certificates
            .iter()
            .map(|certificate| certificate["subject"].as_str().unwrap()[3..].to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(subjects("").await, "week months years");
    assert_eq!(
        subjects("?certificateStatus=ACTIVE").await,
        "week months years"
    );
    assert_eq!(subjects("?certificateStatus=EXPIRING").await, "week");
    assert_eq!(
        subjects("?certificateStatus=EXPIRING&expiryThresholdInDays=90").await,
        "week months"
    );
    assert_eq!(
        subjects("?certificateStatus=EXPIRING&expiryThresholdTimestamp=2026-07-31T00:00:00Z").await,
        "week months"
    );
    world.clock.advance_secs(61 * DAY);
    assert_eq!(subjects("?certificateStatus=EXPIRED").await, "months");
    assert_eq!(
        subjects("?certificateStatus=EXPIRED&expiryThresholdInDays=90").await,
        "week months"
    );
    assert_eq!(
        subjects("?certificateStatus=EXPIRED&expiryThresholdTimestamp=2026-06-30T00:00:00Z").await,
        "months"
    );
    assert_eq!(
        subjects("?certificateStatus=ACTIVE,EXPIRED").await,
        "months years"
    );
    assert_eq!(
        subjects("?certificateStatus=EXPIRING,EXPIRED").await,
        "months"
    );
}

#[tokio::test]
async fn validation_lists_duplicates_twice_and_keeps_nothing() {
    let world = World::new().await;
    let pem = root_pem("Root");
    let answer = world
        .post(
            &format!("{PREFIX}/certificates/validate"),
            version_of(&[&pem, &pem]),
        )
        .await;
    answer.expect(200);
    assert_eq!(answer.body["allowInsecureSha1"], false);
    let certificates = answer.body["certificates"].as_array().unwrap();
    assert_eq!(certificates.len(), 2);
    assert!(certificates[0].get("createdBy").is_none());
    assert_eq!(certificates[0]["description"], Value::Null);
    let kinds: Vec<_> = answer.body["validation"]["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|warning| {
            warning["type"]
                .as_str()
                .unwrap()
                .ends_with("/duplicate-certificate")
        })
        .collect();
    assert_eq!(kinds.len(), 1);
}
