//! Who is let in, and what becomes of open connections when that changes.

use bytes::Bytes;
use countersign_snapshot::ClientAuthMode;
use countersign_testkit::client::{alert, body};
use countersign_testkit::origin::Reaction;
use countersign_testkit::pki::eku;
use countersign_testkit::{DAY, HttpClient, NOW, Origin, Pki, wait};
use countersign_trust::{ExtendedKeyUsageRule, UnixTime};
use http::{Request, StatusCode};
use http_body_util::BodyExt;

use crate::world::{CLIENTS, World, ca_set};

async fn sites(world: &World, mode: ClientAuthMode) -> Vec<countersign_snapshot::Binding> {
    vec![world.binding("a", &["a.test", "*.a.test"], mode, &[CLIENTS])]
}

/// The same sites, with another authority in the place of the clients' one.
async fn drop_authority(world: &World, mode: ClientAuthMode) {
    let successor = Pki::new().root("Successor Root");
    let bindings = sites(world, mode).await;
    world
        .activate_with(&bindings, |snapshot| {
            snapshot.ca_sets = vec![
                ca_set(CLIENTS, "clients", &successor),
                snapshot.ca_sets[1].clone(),
            ]
        })
        .await;
}

async fn no_connection(world: &World) {
    wait::until_async("no connection", async || match world.edge.connections() {
        0 => Ok(()),
        open => Err(open),
    })
    .await;
}

async fn reason(http: &mut HttpClient) -> (StatusCode, String) {
    let response = http.get("/").await.unwrap();
    let reason = if response.status.is_success() {
        String::new()
    } else {
        response.json()["reason"].as_str().unwrap().to_owned()
    };
    (response.status, reason)
}

#[tokio::test]
async fn a_valid_client_is_served_and_a_stranger_is_told_why_not() {
    let world = World::site(ClientAuthMode::Request).await;
    let expired = world.clients.client("late").expired(NOW).issue();
    let stranger = world.others.client("mallory").issue();
    let orphan = world
        .clients
        .intermediate("Issuing")
        .client("orphan")
        .issue()
        .without_intermediates();
    let forbidden = |reason: &str| (StatusCode::FORBIDDEN, reason.to_owned());
    for (credential, expected) in [
        (Some(&world.alice()), (StatusCode::OK, String::new())),
        (None, forbidden("missing")),
        (Some(&expired), forbidden("expired")),
        (Some(&stranger), forbidden("unknown_issuer")),
        (Some(&orphan), forbidden("unknown_issuer")),
    ] {
        for mut http in world.both("a.test", credential).await {
            let actual = reason(&mut http).await;
            if credential.is_some_and(|credential| credential.der() == orphan.der()) {
                assert_eq!(actual.0, expected.0);
            } else {
                assert_eq!(actual, expected);
            }
        }
    }
}

#[tokio::test]
async fn the_key_usage_rule_of_a_ca_set_decides_for_new_and_for_open_connections() {
    let world = World::site(ClientAuthMode::Request).await;
    let web_server = world
        .clients
        .client("web")
        .extended_key_usage(&[eku::SERVER_AUTH])
        .issue();
    let plain = world
        .clients
        .client("plain")
        .extended_key_usage(&[])
        .issue();
    let mut open = world.http1_as("a.test", &plain).await;
    let refused = (StatusCode::FORBIDDEN, "eku_missing".to_owned());
    let served = (StatusCode::OK, String::new());
    assert_eq!(reason(&mut open).await, served);
    let until = ExtendedKeyUsageRule::AcceptServerAuthUntil(UnixTime::from_secs(NOW + DAY));
    for (rule, web_server_gets, plain_gets) in [
        (ExtendedKeyUsageRule::AcceptAbsent, &refused, &served),
        (until, &served, &served),
        (ExtendedKeyUsageRule::RequireClientAuth, &refused, &refused),
    ] {
        let bindings = sites(&world, ClientAuthMode::Request).await;
        world
            .activate_with(&bindings, |snapshot| {
                snapshot.ca_sets[0].policy.extended_key_usage = rule;
            })
            .await;
        for (credential, expected) in [(&web_server, web_server_gets), (&plain, plain_gets)] {
            for mut http in world.both("a.test", Some(credential)).await {
                assert_eq!(&reason(&mut http).await, expected, "{rule:?}");
            }
        }
    }
    assert_eq!(reason(&mut open).await, refused);
}

#[tokio::test]
async fn a_required_certificate_is_required_in_the_handshake() {
    let world = World::site(ClientAuthMode::Require).await;
    let mut http = world.http1_as("a.test", &world.alice()).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    for (client, expected) in [
        (world.client("a.test"), 116),
        (
            world
                .client("a.test")
                .presenting(&world.others.client("mallory").issue()),
            48,
        ),
    ] {
        let error = match client.connect(world.edge.local_addr()).await {
            Ok(mut connection) => connection
                .exchange(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
                .await
                .unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(alert(&error).map(u8::from), Some(expected), "{error}");
    }
    assert_eq!(world.origin.received().len(), 1);
}

#[tokio::test]
async fn an_open_connection_of_a_client_whose_authority_was_dropped_is_refused_with_its_next_request()
 {
    let world = World::site(ClientAuthMode::Request).await;
    let mut connections = world.both("a.test", Some(&world.alice())).await;
    for http in &mut connections {
        assert_eq!(reason(http).await, (StatusCode::OK, String::new()));
    }
    drop_authority(&world, ClientAuthMode::Request).await;
    for http in &mut connections {
        assert_eq!(
            reason(http).await,
            (StatusCode::FORBIDDEN, "unknown_issuer".to_owned())
        );
    }
    assert_eq!(world.origin.received().len(), 2);
    // Back again, on the same connections.
    world
        .activate(&sites(&world, ClientAuthMode::Request).await)
        .await;
    for http in &mut connections {
        assert_eq!(reason(http).await, (StatusCode::OK, String::new()));
    }
}

#[tokio::test]
async fn connections_that_require_a_certificate_end_when_its_authority_is_dropped() {
    let world = World::site(ClientAuthMode::Require).await;
    let mut connections = world.both("a.test", Some(&world.alice())).await;
    for http in &mut connections {
        assert_eq!(reason(http).await.0, StatusCode::OK);
    }
    drop_authority(&world, ClientAuthMode::Require).await;
    for http in connections {
        tokio::time::timeout(wait::PATIENCE, http.closed())
            .await
            .expect("the connection to end")
            .unwrap();
    }
    no_connection(&world).await;
}

#[tokio::test]
async fn an_unaffected_connection_does_not_notice_an_activation() {
    let world = World::site(ClientAuthMode::Require).await;
    let mut connections = world.both("a.test", Some(&world.alice())).await;
    for _ in 0..3 {
        for http in &mut connections {
            assert_eq!(reason(http).await.0, StatusCode::OK);
        }
        world
            .activate(&sites(&world, ClientAuthMode::Require).await)
            .await;
    }
    assert_eq!(
        world.origin.connections(),
        1,
        "origin connections survive an activation"
    );
}

#[tokio::test]
async fn a_certificate_that_expires_ends_its_connections() {
    let world = World::site(ClientAuthMode::Require).await;
    let short = world
        .clients
        .client("short")
        .valid(NOW - DAY, NOW + 60)
        .issue();
    let mut connections = world.both("a.test", Some(&short)).await;
    for http in &mut connections {
        assert_eq!(reason(http).await.0, StatusCode::OK);
    }
    world.clock.set(NOW + 61);
    for http in connections {
        tokio::time::timeout(wait::PATIENCE, http.closed())
            .await
            .expect("the connection to end")
            .unwrap();
    }
}

#[tokio::test]
async fn a_certificate_that_expired_is_refused_with_the_next_request() {
    let world = World::site(ClientAuthMode::Request).await;
    let short = world
        .clients
        .client("short")
        .valid(NOW - DAY, NOW + 60)
        .issue();
    let mut connections = world.both("a.test", Some(&short)).await;
    for http in &mut connections {
        assert_eq!(reason(http).await.0, StatusCode::OK);
    }
    world.clock.set(NOW + 61);
    for http in &mut connections {
        assert_eq!(
            reason(http).await,
            (StatusCode::FORBIDDEN, "expired".to_owned())
        );
    }
}

#[tokio::test]
async fn a_connection_that_was_never_asked_is_closed_when_certificates_are_asked_for() {
    let world = World::empty().await;
    world
        .activate(&[world.open_binding("a", &["a.test"])])
        .await;
    let mut http = world.http1("a.test").await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    world
        .activate(&sites(&world, ClientAuthMode::Request).await)
        .await;
    tokio::time::timeout(wait::PATIENCE, http.closed())
        .await
        .expect("the connection to end")
        .unwrap();
    assert_eq!(world.origin.received().len(), 1);
}

#[tokio::test]
async fn a_connection_whose_name_is_gone_is_closed() {
    let world = World::site(ClientAuthMode::Request).await;
    let mut http = world.http1_as("a.test", &world.alice()).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    tokio::time::timeout(wait::PATIENCE, http.closed())
        .await
        .expect("the connection to end")
        .unwrap();
}

#[tokio::test]
async fn a_download_of_a_client_that_lost_trust_is_cut_off() {
    for protocol in ["http/1.1", "h2"] {
        // More than all buffers on the way hold, so that it is not done when trust is lost.
        let endless =
            |_: &_| Reaction::Respond(http::Response::new(Bytes::from(vec![7; 64 << 20])));
        let origin = Origin::builder().answer(endless).start().await;
        let world = World::with(|_| {}, origin).await;
        world
            .activate(&sites(&world, ClientAuthMode::Request).await)
            .await;
        let client = world
            .client("a.test")
            .alpn(&[protocol])
            .presenting(&world.alice());
        let mut http = world.connect(&client).await.http().await.unwrap();
        let request = Request::get("/").body(body(Bytes::new())).unwrap();
        let mut response = http.begin(request).await.unwrap();
        assert!(response.body_mut().frame().await.unwrap().is_ok());
        drop_authority(&world, ClientAuthMode::Request).await;
        // Nothing is read until the edge has let go.
        no_connection(&world).await;
        let cut =
            |record: &serde_json::Value| record["status"] == 200 && record["complete"] == false;
        world.record("the download", cut).await;
        let rest = response
            .into_body()
            .collect()
            .await
            .map(|rest| rest.to_bytes().len());
        assert!(rest.is_err(), "{protocol}: {rest:?}");
    }
}

#[tokio::test]
async fn refusals_are_pages_for_browsers_and_problems_for_programs() {
    let world = World::site(ClientAuthMode::Request).await;
    for mut http in world.both("a.test", None).await {
        let ask = |accept: &str| {
            Request::get("/")
                .header("accept", accept)
                .body(body(Bytes::new()))
                .unwrap()
        };
        let page = http
            .send(ask("text/html,application/xhtml+xml,*/*;q=0.8"))
            .await
            .unwrap();
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert_eq!(
            page.header("content-type").as_deref(),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(page.header("cache-control").as_deref(), Some("no-store"));
        assert!(
            page.text().contains("No client certificate") && page.text().contains("missing"),
            "{}",
            page.text()
        );
        let problem = http.send(ask("application/json")).await.unwrap();
        assert_eq!(
            problem.header("content-type").as_deref(),
            Some("application/problem+json")
        );
        let json = problem.json();
        assert_eq!(json["reason"], "missing");
        assert_eq!(json["status"], 403);
        for field in ["title", "detail", "remedy", "request_id"] {
            assert!(
                json[field].as_str().is_some_and(|text| !text.is_empty()),
                "{field}"
            );
        }
        let id = json["request_id"].clone();
        let record = world
            .record("the refused request", |record| record["request_id"] == id)
            .await;
        assert_eq!(record["reason"], "missing");
    }
}

#[tokio::test]
async fn a_denying_rule_wins_over_a_valid_certificate() {
    let world = World::site(ClientAuthMode::Request).await;
    for mut http in world.both("a.test", Some(&world.alice())).await {
        let response = http.get("/denied/x").await.unwrap();
        assert_eq!(
            (response.status, response.json()["reason"].clone()),
            (StatusCode::FORBIDDEN, "denied_by_rule".into())
        );
    }
    assert_eq!(world.origin.connections(), 0);
}
