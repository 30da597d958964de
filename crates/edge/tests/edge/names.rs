//! Threats C2.1, C2.5, C2.6: the policy enforced is that of the name asked for.

use bytes::Bytes;
use countersign_snapshot::ClientAuthMode::{Off, Request as Asks, Require};
use countersign_testkit::client::{alert, body};
use http::{Request, StatusCode};

use crate::world::{CLIENTS, OTHERS, World};

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

fn get(host: &str) -> Request<countersign_testkit::client::Body> {
    Request::get("/x")
        .header("host", host)
        .body(body(Bytes::new()))
        .unwrap()
}

fn get_h2(authority: &str) -> Request<countersign_testkit::client::Body> {
    Request::get(format!("https://{authority}/x"))
        .body(body(Bytes::new()))
        .unwrap()
}

#[tokio::test]
async fn the_policy_is_that_of_the_host_whatever_its_spelling() {
    let world = world().await;
    let alice = world.alice();
    const OK: u16 = 200;
    const MISDIRECTED: u16 = 421;
    let cases: &[(&str, &str, u16)] = &[
        ("a.test", "a.test", OK),
        ("a.test", "A.TEST", OK),
        ("a.test", "a.test.", OK),
        ("a.test", "a.test:8443", OK),
        ("A.Test", "a.test", OK),
        ("a.test", "deep.a.test", OK),
        ("x.a.test", "Y.A.TEST.:443", OK),
        ("a.test", "c.test", OK),
        ("a.test", "b.test", MISDIRECTED),
        ("a.test", "B.TEST.", MISDIRECTED),
        ("a.test", "open.test", MISDIRECTED),
        ("open.test", "a.test", MISDIRECTED),
        ("open.test", "A.Test.:443", MISDIRECTED),
        ("open.test", "x.a.test", MISDIRECTED),
        ("open.test", "any.wild.test", OK),
        ("any.wild.test", "b.test", MISDIRECTED),
        ("a.test", "unknown.test", MISDIRECTED),
        ("a.test", "x.y.a.test", MISDIRECTED),
        ("open.test", "wild.test", MISDIRECTED),
        ("open.test", "bücher.test", MISDIRECTED),
        ("open.test", "xn--bcher-kva.test", MISDIRECTED),
    ];
    for (server_name, host, expected) in cases {
        let before = world.origin.received().len();
        for protocol in ["http/1.1", "h2"] {
            // A URI of the client's library cannot hold anything else.
            let request = if protocol == "h2" && host.is_ascii() {
                get_h2(host)
            } else {
                get(host)
            };
            let client = world
                .client(server_name)
                .alpn(&[protocol])
                .presenting(&alice);
            let mut http = world.connect(&client).await.http().await.unwrap();
            let response = http.send(request).await.unwrap();
            let expected = if host.is_ascii() { *expected } else { 400 };
            assert_eq!(
                response.status.as_u16(),
                expected,
                "{protocol} {server_name} → {host}: {}",
                response.text()
            );
        }
        let reached = world.origin.received().len() - before;
        assert_eq!(
            reached,
            if *expected == OK { 2 } else { 0 },
            "requests at the origin for {server_name} → {host}"
        );
    }
}

#[tokio::test]
async fn a_request_for_another_policy_sends_no_byte_to_the_origin() {
    let world = world().await;
    for mut http in world.both("open.test", None).await {
        let response = http
            .send(
                Request::get("https://a.test/")
                    .header("host", "a.test")
                    .body(body(Bytes::new()))
                    .unwrap(),
            )
            .await
            .unwrap();
        assert_eq!(response.status, StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(response.json()["reason"], "misdirected_request");
    }
    assert_eq!(world.origin.connections(), 0);
}

#[tokio::test]
async fn one_connection_serves_names_of_the_same_policy_with_their_own_rules() {
    let world = World::empty().await;
    let mut denied = world.open_binding("two", &["b.test"]);
    denied.rules = r#"{"rules":{"name":"default","behaviors":[{"name":"denyAccess","options":{"enabled":true,"reason":"closed"}}]},"ruleFormat":"latest"}"#.to_owned();
    world
        .activate(&[world.open_binding("one", &["open.test"]), denied])
        .await;
    let mut http = world.http2("open.test").await;
    assert_eq!(
        http.send(get_h2("open.test")).await.unwrap().status,
        StatusCode::OK
    );
    let response = http.send(get_h2("b.test")).await.unwrap();
    assert_eq!(response.status, StatusCode::FORBIDDEN);
    assert_eq!(response.json()["reason"], "denied_by_rule");
}

#[tokio::test]
async fn handshakes_without_a_known_name_are_refused() {
    let world = world().await;
    for client in [
        world.client("unknown.test"),
        world.client("a.test").without_sni(),
    ] {
        let error = client.connect(world.edge.local_addr()).await.unwrap_err();
        assert_eq!(alert(&error).map(u8::from), Some(112), "{error}");
    }
    let reasons: Vec<_> = {
        world
            .record("both refusals", |record| {
                record["reason"] == "no_server_name"
            })
            .await;
        world
            .records()
            .await
            .iter()
            .map(|record| record["reason"].clone())
            .collect()
    };
    assert_eq!(reasons, ["unknown_server_name", "no_server_name"]);
}

#[tokio::test]
async fn requests_that_name_no_server_or_several_are_malformed() {
    let world = world().await;
    for request in [
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: open.test\r\nHost: open.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: open.test\r\nhost: a.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: open.test, a.test\r\n\r\n",
        "GET https://a.test/ HTTP/1.1\r\nHost: open.test\r\n\r\n",
        "GET https://open.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user@open.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: open.test:port\r\n\r\n",
    ] {
        let answer = world
            .connect(&world.client("open.test"))
            .await
            .exchange(request.as_bytes())
            .await
            .unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.0 400 "),
            "{request:?}: {answer}"
        );
        assert!(
            answer.contains("malformed_request"),
            "{request:?}: {answer}"
        );
    }
    assert_eq!(world.origin.connections(), 0);
}

#[tokio::test]
async fn the_absolute_form_is_the_same_request() {
    let world = world().await;
    let request =
        "GET https://open.test/x?y HTTP/1.1\r\nHost: OPEN.test.\r\nConnection: close\r\n\r\n";
    let answer = world
        .connect(&world.client("open.test"))
        .await
        .exchange(request.as_bytes())
        .await
        .unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 200 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(world.origin.last().target, "/x?y");
    assert_eq!(world.origin.last().header("host"), ["open.test"]);
}

#[tokio::test]
async fn a_name_that_requires_certificates_is_not_served_on_a_connection_of_one_that_asks() {
    let world = World::empty().await;
    world
        .activate(&[
            world.binding("asks", &["a.test"], Asks, &[CLIENTS]),
            world.binding("requires", &["b.test"], Require, &[CLIENTS]),
            {
                let mut off = world.binding("off", &["c.test"], Off, &[]);
                off.rules = world.open_binding("x", &["x.test"]).rules;
                off
            },
        ])
        .await;
    for mut http in world.both("a.test", None).await {
        let response = http
            .send(
                Request::get("https://b.test/open/x")
                    .header("host", "b.test")
                    .body(body(Bytes::new()))
                    .unwrap(),
            )
            .await
            .unwrap();
        assert_eq!(response.status, StatusCode::MISDIRECTED_REQUEST);
    }
}
