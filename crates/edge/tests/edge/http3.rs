//! HTTP/3 gets the decisions and the requests of the other versions (invariant I2; threats C2.2 to C2.5).

use std::time::Duration;

use bytes::Bytes;
use countersign_snapshot::ClientAuthMode::{self, Request as Asks, Require};
use countersign_testkit::client::{
    AlertDescription, Http3Client, Response, body, body_with_trailers, quic_alert,
};
use countersign_testkit::origin::Reaction;
use countersign_testkit::{Credential, DAY, NOW, Origin, Pki, wait};
use http::{HeaderMap, HeaderValue, Request, StatusCode};

use crate::world::{CLIENTS, OTHERS, World, ca_set};

/// a.test and *.a.test ask for certificates of CLIENTS, c.test too in a binding of its own, b.test for those of OTHERS, open.test never asks.
async fn world() -> World {
    let world = World::empty().await;
    world
        .activate(&[
            world.binding("a", &["a.test", "*.a.test"], Asks, &[CLIENTS]),
            world.binding("c", &["c.test"], Asks, &[CLIENTS]),
            world.binding("b", &["b.test"], Asks, &[OTHERS]),
            world.open_binding("open", &["open.test", "*.wild.test"]),
        ])
        .await;
    world
}

fn get(authority: &str) -> Request<countersign_testkit::client::Body> {
    Request::get(format!("https://{authority}/x"))
        .body(body(Bytes::new()))
        .unwrap()
}

/// What a client sees of a refusal, except what is different every time.
fn seen(response: &Response) -> (StatusCode, Option<String>, Option<String>, Option<String>) {
    let reason = (!response.status.is_success())
        .then(|| response.json()["reason"].as_str().map(str::to_owned));
    (
        response.status,
        reason.flatten(),
        response.header("content-type"),
        response.header("cache-control"),
    )
}

#[tokio::test]
async fn every_client_gets_the_same_decision_over_every_version() {
    let world = world().await;
    let clients: [Option<Credential>; 5] = [
        None,
        Some(world.alice()),
        Some(world.clients.client("late").expired(NOW).issue()),
        Some(world.others.client("mallory").issue()),
        Some(Pki::new().self_signed("nobody").issue()),
    ];
    for (name, path) in [
        ("a.test", "/"),
        ("deep.a.test", "/open/x"),
        ("a.test", "/denied/x"),
        ("b.test", "/"),
        ("open.test", "/"),
        ("a.test", "/..;/admin"),
        ("a.test", "/%2e%2e/x"),
        ("a.test", "/x?a=%00"),
    ] {
        for credential in &clients {
            let mut over_h3 = world.http3(name, credential.as_ref()).await;
            let over_h3 = over_h3.get(path).await.unwrap();
            for mut http in world.both(name, credential.as_ref()).await {
                let response = http.get(path).await.unwrap();
                assert_eq!(seen(&response), seen(&over_h3), "{name}{path}");
            }
        }
    }
}

/// What the origin learns, byte for byte: identity, forwarding, path; and nothing that only the edge may say (invariants I3, I4).
#[tokio::test]
async fn the_origin_gets_the_same_request_over_every_version() {
    let world = world().await;
    let alice = world.alice();
    let request = || {
        Request::post("https://a.test/x/y?q=%41&r=1")
            .header("client-cert", ":forged:")
            .header("x-forwarded-client-cert", "Hash=forged")
            .header("x-forwarded-for", "192.0.2.66")
            .header("ssl-client-verify", "SUCCESS")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .header("x-kept", "kept")
            .body(body("content"))
            .unwrap()
    };
    let told = |mut headers: Vec<(String, String)>| {
        headers.retain(|(name, _)| {
            !matches!(
                name.as_str(),
                "via" | "transfer-encoding" | "content-length"
            )
        });
        headers.sort();
        headers
    };
    let [_, mut h2] = world.both("a.test", Some(&alice)).await;
    h2.send(request()).await.unwrap();
    let over_h2 = world.origin.last();
    let mut h3 = world.http3("a.test", Some(&alice)).await;
    assert_eq!(h3.send(request()).await.unwrap().status, StatusCode::OK);
    let over_h3 = world.origin.last();
    assert_eq!(over_h3.target, "/x/y?q=%41&r=1");
    assert_eq!(over_h3.body, "content");
    assert_eq!(told(over_h3.headers.clone()), told(over_h2.headers));
    let header = |name: &str| {
        let values: Vec<_> = over_h3
            .headers
            .iter()
            .filter(|(known, _)| known == name)
            .collect();
        assert_eq!(values.len(), 1, "{name}");
        values[0].1.clone()
    };
    assert_eq!(header("via"), "3 countersign");
    assert_eq!(header("cookie"), "a=1; b=2");
    assert_eq!(header("x-forwarded-for"), "127.0.0.1");
    assert!(header("client-cert").starts_with(":MI"));
}

/// Threats C2.2, C2.5: the policy is that of the name, however it is written; another policy's name is answered with 421.
#[tokio::test]
async fn the_policy_is_that_of_the_authority_whatever_its_spelling() {
    let world = world().await;
    let alice = world.alice();
    const OK: u16 = 200;
    const MISDIRECTED: u16 = 421;
    for (server_name, authority, expected) in [
        ("a.test", "a.test", OK),
        ("A.TEST", "a.test", OK),
        ("a.test", "A.TEST", OK),
        ("a.test", "a.test.", OK),
        ("a.test", "a.test:8443", OK),
        ("DEEP.a.test", "deep.a.test", OK),
        ("a.test", "Deep.A.test", OK),
        ("a.test", "c.test", OK),
        ("any.WILD.test", "any.wild.test", OK),
        ("a.test", "b.test", MISDIRECTED),
        ("a.test", "open.test", MISDIRECTED),
        ("open.test", "a.test", MISDIRECTED),
        ("open.test", "A.Test.:443", MISDIRECTED),
        ("any.wild.test", "x.a.test", MISDIRECTED),
        ("a.test", "unknown.test", MISDIRECTED),
    ] {
        let before = world.origin.received().len();
        let mut http = world.http3(server_name, Some(&alice)).await;
        let response = http.send(get(authority)).await.unwrap();
        assert_eq!(response.status, expected, "{server_name} then {authority}");
        let reached = world.origin.received().len() - before;
        assert_eq!(
            reached,
            usize::from(expected == OK),
            "{server_name} then {authority}"
        );
    }
}

/// Threat C2.3: what is required over TCP is required over QUIC, with the same alert and the same record.
#[tokio::test]
async fn a_required_certificate_is_required_over_quic() {
    let world = World::site(Require).await;
    let late = world.clients.client("late").expired(NOW).issue();
    let stranger = world.others.client("mallory").issue();
    for (credential, alert, reason) in [
        (None, AlertDescription::CertificateRequired, "missing"),
        (Some(&late), AlertDescription::CertificateExpired, "expired"),
        (
            Some(&stranger),
            AlertDescription::UnknownCA,
            "unknown_issuer",
        ),
    ] {
        for name in ["a.test", "A.TEST", "x.a.test"] {
            let mut client = world.client(name).alpn(&["h3"]);
            if let Some(credential) = credential {
                client = client.presenting(credential);
            }
            let error = match client.quic(world.quic_addr()).await {
                Ok(connection) => connection.settled().await.unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(quic_alert(&error), Some(alert), "{error:?}");
        }
        let record = world
            .record(reason, |record| record["reason"] == reason)
            .await;
        assert_eq!(record["event"], "handshake_refused");
        assert_eq!(record["binding"], "a");
    }
    assert_eq!(world.origin.connections(), 0);
    let mut http = world.http3("A.test", Some(&world.alice())).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn a_node_without_a_snapshot_serves_nobody_over_quic() {
    let world = World::empty().await;
    let error = world
        .client("a.test")
        .alpn(&["h3"])
        .quic(world.quic_addr())
        .await
        .unwrap_err();
    assert_eq!(quic_alert(&error), Some(AlertDescription::UnrecognisedName));
    world
        .record("the refusal", |record| {
            record["reason"] == "trust_unavailable"
        })
        .await;
}

#[tokio::test]
async fn requests_are_recorded_as_http3() {
    let world = world().await;
    let mut http = world.http3("a.test", Some(&world.alice())).await;
    http.get("/logged").await.unwrap();
    let record = world
        .record("the request", |record| record["path"] == "/logged")
        .await;
    assert_eq!(record["protocol"], "h3");
    assert_eq!(record["tls_version"], "1.3");
    assert_eq!(record["verdict"], "valid");
    assert_eq!(record["status"], 200);
    assert_eq!(record["complete"], true);
    assert_eq!(record["ca_set"], "clients");
}

#[tokio::test]
async fn large_bodies_and_trailers_go_both_ways() {
    let large = Bytes::from(vec![7; 3_000_000]);
    let origin = {
        let large = large.clone();
        Origin::builder()
            .answer(move |_| Reaction::Respond(http::Response::new(large.clone())))
            .start()
            .await
    };
    let world = World::with(|_| {}, origin).await;
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("1"));
    trailers.insert("client-cert", HeaderValue::from_static(":forged:"));
    let request = Request::post("/up")
        .header("trailer", "x-sum, client-cert")
        .body(body_with_trailers(large.clone(), trailers))
        .unwrap();
    let mut http = world.http3("open.test", None).await;
    let response = http.send(request).await.unwrap();
    assert_eq!(response.body, large);
    let received = world.origin.last();
    assert_eq!(received.body, large);
    assert_eq!(received.trailers, [("x-sum".to_owned(), "1".to_owned())]);
}

#[tokio::test]
async fn responses_have_what_the_other_engines_add() {
    let world = world().await;
    let mut http = world.http3("a.test", None).await;
    let refusal = http.get("/").await.unwrap();
    assert_eq!(
        refusal.header("content-length"),
        Some(refusal.body.len().to_string())
    );
    assert_eq!(
        refusal.header("date").as_deref(),
        Some("Mon, 01 Jun 2026 00:00:00 GMT")
    );
    let head = Request::head("/").body(body(Bytes::new())).unwrap();
    let head = http.send(head).await.unwrap();
    assert!(head.body.is_empty());
    assert_eq!(head.status, StatusCode::FORBIDDEN);
}

/// A GET without a body reaches the origin without one: neither a length nor chunks.
#[tokio::test]
async fn a_request_without_a_body_stays_one() {
    let world = World::open().await;
    let mut http = world.http3("open.test", None).await;
    http.get("/").await.unwrap();
    let received = world.origin.last();
    assert!(
        !received
            .headers
            .iter()
            .any(|(name, _)| name == "transfer-encoding" || name == "content-length"),
        "{received:?}"
    );
}

#[tokio::test]
async fn a_client_that_expects_to_be_told_to_continue_is_told_when_its_body_is_wanted() {
    let world = World::site(Asks).await;
    for (credential, status) in [(Some(world.alice()), 200), (None, 403)] {
        let mut http = world.http3("a.test", credential.as_ref()).await;
        let request = Request::post("https://a.test/x")
            .header("expect", "100-continue")
            .body(())
            .unwrap();
        let mut stream = http.begin(request).await.unwrap();
        let first = stream.recv_response().await.unwrap();
        if status == 403 {
            assert_eq!(first.status(), StatusCode::FORBIDDEN);
            continue;
        }
        assert_eq!(first.status(), StatusCode::CONTINUE);
        stream.send_data(Bytes::from_static(b"late")).await.unwrap();
        stream.finish().await.unwrap();
        assert_eq!(stream.recv_response().await.unwrap().status(), status);
        assert_eq!(world.origin.last().body, "late");
    }
}

async fn drop_authority(world: &World, mode: ClientAuthMode) {
    let successor = Pki::new().root("Successor Root");
    let bindings = [world.binding("a", &["a.test", "*.a.test"], mode, &[CLIENTS])];
    world
        .activate_with(&bindings, |snapshot| {
            snapshot.ca_sets[0] = ca_set(CLIENTS, "clients", &successor);
        })
        .await;
}

/// Threat B4: the connection is closed within a second, in the middle of a request that the origin never answers.
#[tokio::test]
async fn a_client_whose_authority_is_dropped_is_cut_off_over_quic() {
    let origin = Origin::builder()
        .answer(|received| {
            if received.target == "/silent" {
                Reaction::Silence
            } else {
                Reaction::Echo
            }
        })
        .start()
        .await;
    let world = World::with(|_| {}, origin).await;
    world
        .activate(&[world.binding("a", &["a.test"], Require, &[CLIENTS])])
        .await;
    let mut idle = world.http3("a.test", Some(&world.alice())).await;
    idle.get("/").await.unwrap();
    let mut busy = world.http3("a.test", Some(&world.alice())).await;
    let request = tokio::spawn(async move {
        let answer = busy.get("/silent").await;
        (answer, busy.closed().await)
    });
    world.origin.wait_for(2).await;
    let began = std::time::Instant::now();
    drop_authority(&world, Require).await;
    let (answer, _) = request.await.unwrap();
    idle.closed().await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert!(answer.is_err());
    wait::until_async("no connection", async || match world.edge.connections() {
        0 => Ok(()),
        open => Err(open),
    })
    .await;
}

#[tokio::test]
async fn where_rules_decide_the_next_request_is_explained() {
    let world = World::site(Asks).await;
    let mut http = world.http3("a.test", Some(&world.alice())).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    drop_authority(&world, Asks).await;
    let response = http.get("/").await.unwrap();
    assert_eq!(response.status, StatusCode::FORBIDDEN);
    assert_eq!(response.json()["reason"], "unknown_issuer");
}

#[tokio::test]
async fn a_certificate_that_ends_ends_its_connection_over_quic() {
    let world = World::site(Require).await;
    let short = world
        .clients
        .client("short")
        .valid(NOW - DAY, NOW + 10)
        .issue();
    let mut http = world.http3("a.test", Some(&short)).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    world.clock.set(NOW + 11);
    // Either the sweep was there first, or the request is told.
    if let Ok(response) = http.get("/").await {
        assert_eq!(response.json()["reason"], "expired");
    }
    http.closed().await;
}

#[tokio::test]
async fn a_connection_that_nothing_changed_for_serves_on_over_generations() {
    let world = World::site(Require).await;
    let mut http = world.http3("a.test", Some(&world.alice())).await;
    for _ in 0..5 {
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        world
            .activate(&[world.binding("a", &["a.test", "*.a.test"], Require, &[CLIENTS])])
            .await;
    }
    assert_eq!(world.edge.connections(), 1);
}

/// A binding that begins to ask gets no answer out of a handshake that did not.
#[tokio::test]
async fn a_connection_that_was_never_asked_does_not_serve_where_certificates_are_asked_for() {
    let world = World::empty().await;
    world
        .activate(&[world.open_binding("a", &["a.test"])])
        .await;
    let mut http = world.http3("a.test", None).await;
    http.get("/open/x").await.unwrap();
    world
        .activate(&[world.binding("a", &["a.test"], Asks, &[CLIENTS])])
        .await;
    let answered = http.get("/open/x").await;
    assert!(!answered.is_ok_and(|response| response.status.is_success()));
    assert_eq!(world.origin.received().len(), 1);
    http.closed().await;
}

/// RFC 9000 §9: the client moves to another address, and goes on.
#[tokio::test]
async fn a_connection_survives_a_change_of_address() {
    let world = World::site(Require).await;
    let mut http = world.http3("a.test", Some(&world.alice())).await;
    http.get("/before").await.unwrap();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    http.endpoint.rebind(socket).unwrap();
    for _ in 0..3 {
        assert_eq!(http.get("/after").await.unwrap().status, StatusCode::OK);
    }
    assert_eq!(world.edge.connections(), 1);
    world
        .record("the new port", |record| record["client_port"] == port)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_lets_requests_end_and_takes_no_new_connection() {
    let (answer, answers) = std::sync::mpsc::channel::<()>();
    let answers = std::sync::Mutex::new(answers);
    let origin = Origin::builder()
        .answer(move |received| {
            if received.target == "/slow" {
                let _ = tokio::task::block_in_place(|| answers.lock().unwrap().recv());
            }
            Reaction::Echo
        })
        .start()
        .await;
    let world = World::with(|_| {}, origin).await;
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    let mut http = world.http3("open.test", None).await;
    http.get("/").await.unwrap();
    let slow = tokio::spawn(async move {
        let answer = http.get("/slow").await;
        (answer, http)
    });
    world.origin.wait_for(2).await;
    let edge = world.edge.clone();
    let drain = tokio::spawn(async move { edge.drain(Duration::from_secs(20)).await });
    wait::until_async("no new connection", async || {
        match world
            .client("open.test")
            .alpn(&["h3"])
            .quic(world.quic_addr())
            .await
        {
            Ok(_) => Err("accepted"),
            Err(_) => Ok(()),
        }
    })
    .await;
    answer.send(()).unwrap();
    let (response, http): (_, Http3Client) = slow.await.unwrap();
    assert_eq!(response.unwrap().status, StatusCode::OK);
    assert_eq!(drain.await.unwrap(), 0);
    let ended = http.closed().await;
    assert!(ended.is_h3_no_error(), "{ended:?}");
}

/// RFC 7838: told where the binding says so, of the real port, and never by an origin.
#[tokio::test]
async fn clients_are_told_of_http3_by_the_bindings_that_choose_to() {
    use countersign_snapshot::HttpVersions;
    let origin = Origin::builder()
        .answer(|_| {
            let answer = http::Response::builder().header("alt-svc", "h3=\":1\"");
            Reaction::Respond(answer.body(Bytes::new()).unwrap())
        })
        .start()
        .await;
    let world = World::with(|_| {}, origin).await;
    let mut telling = world.open_binding("telling", &["open.test"]);
    telling.tls.http = HttpVersions::Http1ToHttp3;
    let mut denying = world.binding("denying", &["a.test"], Asks, &[CLIENTS]);
    denying.tls.http = HttpVersions::Http1ToHttp3;
    let silent = world.open_binding("silent", &["c.test"]);
    world.activate(&[telling, denying, silent]).await;
    let told = format!("h3=\":{}\"; ma=3600", world.quic_addr().port());
    for (name, status, expected) in [
        ("open.test", 200, Some(&told)),
        ("a.test", 403, Some(&told)),
        ("c.test", 200, None),
    ] {
        for mut http in world.both(name, None).await {
            let response = http.get("/").await.unwrap();
            assert_eq!(response.status, status);
            assert_eq!(response.header("alt-svc").as_ref(), expected, "{name}");
            let elsewhere = http.send(get("unknown.test")).await;
            if let Ok(response) = elsewhere {
                assert_eq!(response.header("alt-svc"), None);
            }
        }
        let mut http = world.http3(name, None).await;
        assert_eq!(http.get("/").await.unwrap().status, status);
    }
}
