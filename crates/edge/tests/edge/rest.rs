//! HTTP/1.1 connections that wait without their engine.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_edge::Admin;
use countersign_snapshot::ClientAuthMode;
use countersign_testkit::{Origin, wait};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::metrics::{admin, sample};
use crate::world::World;

async fn rests(admin: &Admin) {
    wait::until_async("a connection that rests", async || {
        match sample(
            admin,
            r#"countersign_edge_connections_resting{network="staging"}"#,
        )
        .await
        {
            1.0 => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_rested_serves_on_with_the_same_identity() {
    let world = World::site(ClientAuthMode::Require).await;
    let admin = admin(&world);
    let mut http = world.http1_as("a.test", &world.alice()).await;
    for _ in 0..2 {
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        rests(&admin).await;
    }
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    let received = world.origin.received();
    assert_eq!(received.len(), 3);
    for request in &received {
        assert_eq!(request.headers, received[0].headers);
        assert_eq!(request.header("ssl-client-subject-dn"), ["CN=alice"]);
    }
    let records = world.records().await;
    let ids: Vec<_> = records
        .iter()
        .map(|record| &record["connection_id"])
        .collect();
    assert_eq!(ids, vec![ids[0]; 3]);
}

#[tokio::test]
async fn a_connection_rests_before_its_first_request_too() {
    let world = World::open().await;
    let mut http = world.http1("open.test").await;
    rests(&admin(&world)).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn a_resting_connection_ends_with_the_trust_in_its_client() {
    let world = World::site(ClientAuthMode::Require).await;
    let mut http = world.http1_as("a.test", &world.alice()).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    rests(&admin(&world)).await;
    world
        .activate(&[world.binding("a", &["a.test"], ClientAuthMode::Require, &[2])])
        .await;
    tokio::time::timeout(Duration::from_secs(1), http.closed())
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_resting_connection_ends_when_nothing_is_asked_for_long() {
    let world = World::with(
        |limits| limits.idle_connection = Duration::from_millis(600),
        Origin::start().await,
    )
    .await;
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    let mut http = world.http1("open.test").await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    tokio::time::timeout(wait::PATIENCE, http.closed())
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_head_that_comes_in_pieces_is_put_together_over_a_rest() {
    let world = World::open().await;
    let mut connection = world.connect(&world.client("open.test")).await;
    rests(&admin(&world)).await;
    connection
        .stream
        .write_all(b"GET /pieces HTTP/1.1\r\nHost: op")
        .await
        .unwrap();
    // Longer than it takes for a connection to rest.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let answer = connection
        .exchange(b"en.test\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{answer:?}");
    assert_eq!(world.origin.last().target, "/pieces");
}

/// Threats C5.2: what is left of the body would be a request to an engine that knows nothing of it.
#[tokio::test]
async fn a_body_that_outlives_its_answer_is_never_read_as_a_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = Arc::new(Mutex::new(Vec::new()));
    let keeps = Arc::clone(&received);
    let origin = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut answered = false;
        let mut part = [0; 4096];
        loop {
            let read = stream.read(&mut part).await.unwrap();
            let all = {
                let mut all = keeps.lock().unwrap();
                all.extend_from_slice(&part[..read]);
                all.clone()
            };
            if !answered && all.ends_with(b"first half ") {
                answered = true;
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                stream.write_all(answer).await.unwrap();
            }
        }
    });
    let world = World::with(
        |limits| limits.request_head = Duration::from_secs(2),
        Origin::start().await,
    )
    .await;
    world
        .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
            snapshot.origins[0].endpoints[0].port = address.port();
        })
        .await;
    let admin = admin(&world);
    let mut connection = world.connect(&world.client("open.test")).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: open.test\r\n\r\n";
    let head = format!(
        "POST /upload HTTP/1.1\r\nHost: open.test\r\nContent-Length: {}\r\n\r\nfirst half ",
        "first half ".len() + smuggled.len()
    );
    connection.stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = connection.stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200 "));
    // Longer than it takes for a connection to rest.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let resting = sample(
        &admin,
        r#"countersign_edge_connections_resting{network="staging"}"#,
    );
    assert_eq!(resting.await, 0.0);
    let rest = connection.exchange(smuggled.as_bytes()).await;
    let rest = rest.unwrap_or_default();
    assert!(
        !rest.windows(9).any(|bytes| bytes == b"HTTP/1.1 "),
        "{rest:?}"
    );
    origin.abort();
    let received = String::from_utf8(received.lock().unwrap().clone()).unwrap();
    let body = received.split_once("\r\n\r\n").unwrap().1;
    assert!(
        ["first half ".to_owned(), format!("first half {smuggled}")].contains(&body.to_owned()),
        "{received}"
    );
}
