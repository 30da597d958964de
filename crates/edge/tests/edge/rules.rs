//! What rules decide, beside letting in and refusing.

use countersign_snapshot::{Binding, ClientAuthMode, ClientCredential, HostHeader, OriginScheme};
use countersign_testkit::{Origin, Pki};
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{CLIENTS, World, plain_origin, tls_origin};

fn with_rules(world: &World, behaviors: Value) -> Binding {
    let rules =
        json!({"rules": {"name": "default", "behaviors": behaviors}, "ruleFormat": "latest"});
    Binding {
        rules: rules.to_string(),
        ..world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS])
    }
}

#[tokio::test]
async fn the_edge_answers_by_itself_when_a_rule_says_so() {
    let world = World::empty().await;
    let respond = json!([{"name": "constructResponse", "options": {"enabled": true, "body": "<b>closed</b>", "responseCode": 503}}]);
    world.activate(&[with_rules(&world, respond)]).await;
    for mut http in world.both("a.test", None).await {
        let response = http.get("/").await.unwrap();
        assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.text(), "<b>closed</b>");
    }
    assert_eq!(world.origin.connections(), 0);
}

#[tokio::test]
async fn headers_change_on_their_way_and_the_log_has_its_own_field() {
    let world = World::empty().await;
    let behaviors = json!([
        {"name": "modifyIncomingRequestHeader", "options": {"action": "ADD", "standardAddHeaderName": "OTHER", "customHeaderName": "X-Edge", "headerValue": "yes"}},
        {"name": "modifyIncomingRequestHeader", "options": {"action": "DELETE", "standardDeleteHeaderName": "OTHER", "customHeaderName": "Cookie"}},
        {"name": "modifyOutgoingResponseHeader", "options": {"action": "ADD", "standardAddHeaderName": "OTHER", "customHeaderName": "X-Served-By", "headerValue": "edge"}},
        {"name": "logCustom", "options": {"logCustomLogField": true, "customLogField": "a \"field\""}},
    ]);
    world.activate(&[with_rules(&world, behaviors)]).await;
    for mut http in world.both("a.test", Some(&world.alice())).await {
        let request = http::Request::get("/")
            .header("cookie", "a=1")
            .body(countersign_testkit::client::body(""))
            .unwrap();
        let response = http.send(request).await.unwrap();
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(response.header("x-served-by").as_deref(), Some("edge"));
        let received = world.origin.last();
        assert_eq!(received.header("x-edge"), ["yes"]);
        assert!(received.header("cookie").is_empty());
    }
    let record = world
        .record("the request", |record| record["status"] == 200)
        .await;
    assert_eq!(record["custom_log"], "a \"field\"");
}

#[tokio::test]
async fn a_client_that_sends_too_much_is_told_to_wait() {
    let world = World::empty().await;
    let limit = json!([{"name": "rateLimitPerIdentity", "options": {"enabled": true, "name": "per-device", "requests": 2, "seconds": 60, "key": "SPKI"}}]);
    world.activate(&[with_rules(&world, limit)]).await;
    let mut alice = world.http1_as("a.test", &world.alice()).await;
    for _ in 0..2 {
        assert_eq!(alice.get("/").await.unwrap().status, StatusCode::OK);
    }
    let response = alice.get("/").await.unwrap();
    assert_eq!(response.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.json()["reason"], "rate_limited");
    assert!(response.header("retry-after").is_some());
    let mut bob = world
        .http1_as("a.test", &world.clients.client("bob").issue())
        .await;
    assert_eq!(bob.get("/").await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn a_rule_chooses_the_origin_and_the_credential_for_it() {
    let world = World::empty().await;
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let credential = edges.client("edge").issue();
    let origin = Origin::builder()
        .mutual_tls(&root.server(["origin.test"]).issue(), &edges)
        .start()
        .await;
    let behaviors = |guid: &str| {
        json!([
            {"name": "origin", "options": {"originId": "inner"}},
            {"name": "mtlsOriginKeystore", "options": {"enable": true, "clientCertificateVersionGuid": guid, "authClientCert": false}},
        ])
    };
    let activate = async |guid: &str| {
        let model = ClientCredential {
            id: "credential-1".parse().unwrap(),
            chain: credential.chain_der(),
            key: world.seal(ClientCredential::SEAL_CONTEXT, credential.key_der()),
        };
        world
            .activate_with(&[with_rules(&world, behaviors(guid))], |snapshot| {
                let inner = tls_origin("inner", &origin, &root);
                assert!(matches!(inner.scheme, OriginScheme::Https(_)));
                snapshot.origins = vec![plain_origin("main", &world.origin), inner];
                snapshot.client_credentials = vec![model];
            })
            .await;
    };
    activate("credential-1").await;
    assert_eq!(
        world.http1("a.test").await.get("/").await.unwrap().status,
        StatusCode::OK
    );
    assert_eq!(origin.last().client_chain, credential.chain_der());
    assert_eq!(world.origin.connections(), 0);
}

#[tokio::test]
async fn a_rule_that_chooses_an_origin_leaves_its_host_header_as_it_is_set_there() {
    let world = World::empty().await;
    let port = world.origin.address().port();
    let custom = || HostHeader::Custom("inner.test".to_owned());
    let endpoint = format!("127.0.0.1:{port}");
    for (setting, written, expected) in [
        (custom(), None, "inner.test"),
        (HostHeader::Origin, None, endpoint.as_str()),
        (HostHeader::Request, None, "a.test"),
        (custom(), Some("REQUEST_HOST_HEADER"), "a.test"),
        (custom(), Some("ORIGIN_HOSTNAME"), endpoint.as_str()),
        (custom(), Some("CUSTOM"), "ruled.test"),
    ] {
        let mut options = json!({"originId": "main"});
        if let Some(written) = written {
            options["forwardHostHeader"] = json!(written);
        }
        if written == Some("CUSTOM") {
            options["customForwardHostHeader"] = json!("ruled.test");
        }
        let behaviors = json!([{"name": "origin", "options": options}]);
        world
            .activate_with(&[with_rules(&world, behaviors)], |snapshot| {
                snapshot.origins[0].host_header = setting.clone();
            })
            .await;
        for mut http in world.both("a.test", None).await {
            assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
            let received = world.origin.last();
            assert_eq!(
                received.header("host"),
                [expected],
                "{setting:?} {written:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_client_is_sent_elsewhere() {
    let world = World::empty().await;
    let elsewhere = json!([{"name": "redirect", "options": {
        "destinationHostname": "OTHER", "destinationHostnameOther": "new.test", "responseCode": 308}}]);
    world.activate(&[with_rules(&world, elsewhere)]).await;
    for mut http in world.both("a.test", None).await {
        let response = http.get("/x?y=1").await.unwrap();
        assert_eq!(response.status, StatusCode::PERMANENT_REDIRECT);
        let location = response.header("location").unwrap();
        assert!(location.starts_with("https://new.test/x"), "{location}");
    }
    assert_eq!(world.origin.connections(), 0);
}
