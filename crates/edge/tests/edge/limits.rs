//! Invariant I7: nothing is held without a bound and a deadline.

use std::time::Duration;

use bytes::Bytes;
use countersign_edge::Limits;
use countersign_testkit::client::body;
use countersign_testkit::origin::Reaction;
use countersign_testkit::{Origin, wait};
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

async fn limited(limits: fn(&mut Limits)) -> World {
    with_origin(limits, Origin::start().await).await
}

async fn with_origin(limits: fn(&mut Limits), origin: Origin) -> World {
    let world = World::with(limits, origin).await;
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    world
}

#[tokio::test]
async fn a_head_that_does_not_end_is_given_up() {
    let world = limited(|limits| limits.request_head = Duration::from_millis(100)).await;
    let mut connection = world.connect(&world.client("open.test")).await;
    let answer = connection
        .exchange(b"GET / HTTP/1.1\r\nHost: open.test\r\nX-Slow: ")
        .await
        .unwrap();
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(world.origin.connections(), 0);
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_given_up() {
    let world = limited(|limits| limits.handshake = Duration::from_millis(100)).await;
    let mut stream = TcpStream::connect(world.edge.local_addr()).await.unwrap();
    stream.write_all(b"\x16\x03\x01").await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    world
        .record("the refusal", |record| {
            record["reason"] == "handshake_timeout"
        })
        .await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let world = limited(|limits| limits.idle_connection = Duration::from_millis(300)).await;
    for protocol in ["http/1.1", "h2"] {
        let client = world.client("open.test").alpn(&[protocol]);
        let mut http = world.connect(&client).await.http().await.unwrap();
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        tokio::time::timeout(wait::PATIENCE, http.closed())
            .await
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn a_body_that_stops_is_given_up() {
    let world = limited(|limits| limits.request_body_idle = Duration::from_millis(100)).await;
    let request = "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 10\r\n\r\nabc";
    let answer = world
        .connect(&world.client("open.test"))
        .await
        .exchange(request.as_bytes())
        .await
        .unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 408 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert!(world.origin.received().is_empty());
}

#[tokio::test]
async fn heads_are_bounded_in_bytes_and_in_number() {
    let world = limited(|limits| limits.request_head_bytes = 8 * 1024).await;
    let large = format!(
        "GET / HTTP/1.1\r\nHost: open.test\r\nX: {}\r\n\r\n",
        "x".repeat(9 * 1024)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: open.test\r\n{}\r\n",
        "X: y\r\n".repeat(120)
    );
    for request in [large, many] {
        let answer = world
            .connect(&world.client("open.test"))
            .await
            .exchange(request.as_bytes())
            .await
            .unwrap();
        assert!(
            answer.starts_with(b"HTTP/1.1 431 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    let mut http = world.http2("open.test").await;
    let large = Request::get("/").header("x", "x".repeat(9 * 1024));
    let mut many = Request::get("/");
    for number in 0..120 {
        many = many.header(format!("x-{number}"), "y");
    }
    for request in [large, many] {
        let request = request.body(body(Bytes::new())).unwrap();
        let answer = http.send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(answer.json()["reason"], "request_too_large");
    }
    // The engine's own bound.
    let larger = Request::get("/")
        .header("x", "x".repeat(20 * 1024))
        .body(body(Bytes::new()))
        .unwrap();
    let answer = http.send(larger).await;
    assert!(answer.map_or(true, |answer| answer.status
        == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
    assert_eq!(world.origin.connections(), 0);
}

#[tokio::test]
async fn one_address_has_a_budget_of_handshakes() {
    let world = limited(|limits| limits.handshakes_per_address = 2).await;
    let idle = [
        TcpStream::connect(world.edge.local_addr()).await.unwrap(),
        TcpStream::connect(world.edge.local_addr()).await.unwrap(),
    ];
    wait::until_async("a refusal for the third", async || {
        match world
            .client("open.test")
            .connect(world.edge.local_addr())
            .await
        {
            Err(_) => Ok(()),
            Ok(_) => Err(()),
        }
    })
    .await;
    drop(idle);
    wait::until_async("room again", async || {
        world
            .client("open.test")
            .connect(world.edge.local_addr())
            .await
            .map(|_| ())
            .map_err(|error| error.to_string())
    })
    .await;
}

#[tokio::test]
async fn connections_are_bounded() {
    let world = limited(|limits| limits.connections = 1).await;
    let mut first = world.http1("open.test").await;
    assert_eq!(first.get("/").await.unwrap().status, StatusCode::OK);
    assert!(
        world
            .client("open.test")
            .connect(world.edge.local_addr())
            .await
            .is_err()
    );
    drop(first);
    wait::until_async("room again", async || {
        world
            .client("open.test")
            .connect(world.edge.local_addr())
            .await
            .map(|_| ())
            .map_err(|error| error.to_string())
    })
    .await;
}

#[tokio::test]
async fn requests_in_flight_are_bounded() {
    let silent = |received: &countersign_testkit::origin::Received| {
        if received.target == "/silent" {
            Reaction::Silence
        } else {
            Reaction::Echo
        }
    };
    let world = with_origin(
        |limits| limits.requests = 1,
        Origin::builder().answer(silent).start().await,
    )
    .await;
    let mut first = world.http1("open.test").await;
    let waiting = tokio::spawn(async move { first.get("/silent").await });
    world.origin.wait_for(1).await;
    let mut second = world.http1("open.test").await;
    let response = second.get("/").await.unwrap();
    assert_eq!(
        (response.status, response.json()["reason"].clone()),
        (StatusCode::SERVICE_UNAVAILABLE, "overloaded".into())
    );
    waiting.abort();
    wait::until_async("room again", async || {
        match second.get("/").await.unwrap().status {
            StatusCode::OK => Ok(()),
            status => Err(status),
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_resets_streams_without_end_loses_its_connection() {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let world = with_origin(
        |limits| limits.resets_per_connection = 8,
        Origin::builder()
            .answer(|_| Reaction::Silence)
            .start()
            .await,
    )
    .await;
    let stream = world
        .connect(&world.client("open.test").alpn(&["h2"]))
        .await
        .stream;
    let (mut sender, connection) = hyper::client::conn::http2::handshake::<
        _,
        _,
        countersign_testkit::client::Body,
    >(TokioExecutor::new(), TokioIo::new(stream))
    .await
    .unwrap();
    let ended = tokio::spawn(connection);
    let mut broken = false;
    for _ in 0..20_000 {
        let request = Request::get("https://open.test/")
            .body(body(Bytes::new()))
            .unwrap();
        if sender.ready().await.is_err() {
            broken = true;
            break;
        }
        // Dropping the response's future resets the stream.
        let future = sender.send_request(request);
        drop(future);
    }
    assert!(broken || ended.is_finished() || world.edge.connections() <= 1);
    // Others are served.
    let mut other = world.http1("open.test").await;
    let response = tokio::time::timeout(wait::PATIENCE, other.get("//"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_client_that_does_not_take_its_response_is_given_up() {
    let large = |_: &_| Reaction::Respond(http::Response::new(Bytes::from(vec![7; 64 << 20])));
    for protocol in ["http/1.1", "h2"] {
        let limits = |limits: &mut Limits| {
            limits.idle_connection = Duration::from_millis(50);
            limits.stalled_client = Duration::from_millis(50);
        };
        let world = World::with(limits, Origin::builder().answer(large).start().await).await;
        world
            .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
                let timeouts = &mut snapshot.origins[0].timeouts;
                timeouts.connect = Duration::from_secs(1);
                timeouts.first_byte = Duration::from_secs(1);
                timeouts.idle = Duration::from_secs(1);
            })
            .await;
        let client = world.client("open.test").alpn(&[protocol]);
        let mut http = world.connect(&client).await.http().await.unwrap();
        let request = Request::get("/").body(body(Bytes::new())).unwrap();
        let response = http.begin(request).await.unwrap();
        let cut =
            |record: &serde_json::Value| record["status"] == 200 && record["complete"] == false;
        world.record("the response that was given up", cut).await;
        assert_eq!(world.edge.connections(), 0, "{protocol}");
        drop(response);
    }
}
