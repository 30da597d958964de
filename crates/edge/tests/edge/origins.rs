//! Several addresses of an origin: which one gets a request, and what happens when one fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign_edge::Admin;
use countersign_snapshot::{
    ConnectionSharing, Endpoint, ForwardedForm, HealthCheck, HealthCheckKind,
    Origin as OriginModel, OriginProtocol, OriginScheme,
};
use countersign_testkit::client::body;
use countersign_testkit::origin::Reaction;
use countersign_testkit::{HttpClient, Origin, Pki, wait};
use http::{Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::forwarding::credential;
use crate::metrics::{admin, sample};
use crate::world::{World, local, plain_origin, plain_to, tls_origin};

async fn enforce(world: &World, model: OriginModel) {
    world
        .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
            snapshot.origins = vec![model]
        })
        .await;
}

/// A port that nobody listens at.
fn nobody() -> u16 {
    countersign_testkit::process::free_address().port()
}

fn spread(ports: &[u16]) -> OriginModel {
    OriginModel {
        endpoints: ports.iter().map(|port| local(*port)).collect(),
        ..plain_to("main", 0)
    }
}

async fn post(http: &mut HttpClient) -> countersign_testkit::client::Response {
    let request = Request::post("/").body(body("data")).unwrap();
    http.send(request).await.unwrap()
}

/// An origin that reads requests and closes without an answer.
async fn closing() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
        }
    });
    (port, count)
}

#[tokio::test]
async fn requests_are_spread_by_weight() {
    let (one, other) = (Origin::start().await, Origin::start().await);
    let world = World::empty().await;
    let mut model = spread(&[one.address().port(), other.address().port()]);
    model.endpoints[0].weight = 3;
    enforce(&world, model).await;
    let mut http = world.http1("open.test").await;
    for _ in 0..40 {
        assert_eq!(http.get("/").await.unwrap().status, 200);
    }
    let share = one.received().len();
    assert!((29..=31).contains(&share), "{share}");
    assert_eq!(other.received().len(), 40 - share);
}

#[tokio::test]
async fn nobody_notices_an_address_that_is_gone_and_it_is_left_out() {
    let origin = Origin::start().await;
    let world = World::empty().await;
    let admin = admin(&world);
    enforce(&world, spread(&[nobody(), origin.address().port()])).await;
    let mut http = world.http1("open.test").await;
    // Nothing was sent to the other one, so that any method may go elsewhere.
    for _ in 0..20 {
        assert_eq!(post(&mut http).await.status, 200);
    }
    let series = |name: &str, more: &str| {
        format!("countersign_edge_origin_{name}{{network=\"staging\",origin=\"main\"{more}}}")
    };
    assert_eq!(
        sample(&admin, &series("addresses", ",state=\"ejected\"")).await,
        1.0
    );
    assert_eq!(
        sample(&admin, &series("addresses", ",state=\"used\"")).await,
        1.0
    );
    assert_eq!(sample(&admin, &series("ejections_total", "")).await, 1.0);
    assert_eq!(sample(&admin, &series("requests_in_flight", "")).await, 0.0);
    assert_eq!(sample(&admin, &series("connections", "")).await, 1.0);
}

#[tokio::test]
async fn a_half_of_the_addresses_stays_whatever_fails() {
    let world = World::empty().await;
    let admin = admin(&world);
    enforce(&world, spread(&[nobody(), nobody(), nobody()])).await;
    let mut http = world.http1("open.test").await;
    for _ in 0..20 {
        let response = post(&mut http).await;
        assert_eq!(response.json()["reason"], "origin_unreachable");
    }
    let state =
        "countersign_edge_origin_addresses{network=\"staging\",origin=\"main\",state=\"ejected\"}";
    assert_eq!(sample(&admin, state).await, 1.0);
}

#[tokio::test]
async fn an_address_that_fails_answers_is_left_out_and_comes_back() {
    let sick = Arc::new(AtomicBool::new(true));
    let is_sick = Arc::clone(&sick);
    let one = Origin::builder()
        .answer(move |_| {
            if is_sick.load(Ordering::Relaxed) {
                let mut response = Response::new(Bytes::from_static(b"down"));
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                Reaction::Respond(response)
            } else {
                Reaction::Echo
            }
        })
        .start()
        .await;
    let other = Origin::start().await;
    let world = World::empty().await;
    let mut model = spread(&[one.address().port(), other.address().port()]);
    model.policy.outliers.consecutive_failures = 2;
    model.policy.outliers.ejection = Duration::from_millis(300);
    enforce(&world, model).await;
    let mut http = world.http1("open.test").await;
    for _ in 0..10 {
        http.get("/").await.unwrap();
    }
    assert_eq!(one.received().len(), 2);
    sick.store(false, Ordering::Relaxed);
    let mut asking = world.http1("open.test").await;
    wait::until_async("a request at the address that was left out", async || {
        asking.get("/").await.unwrap();
        let seen = one.received().len();
        if seen > 2 { Ok(()) } else { Err(seen) }
    })
    .await;
}

/// An origin whose `/health` fails while it is sick.
async fn with_health(sick: &Arc<AtomicBool>) -> Origin {
    let sick = Arc::clone(sick);
    Origin::builder()
        .answer(move |received| {
            if received.target == "/health" && sick.load(Ordering::Relaxed) {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                Reaction::Respond(response)
            } else {
                Reaction::Echo
            }
        })
        .start()
        .await
}

fn health_checked(origins: &[Origin; 2]) -> OriginModel {
    let mut model = spread(&[origins[0].address().port(), origins[1].address().port()]);
    model.policy.health_check = Some(HealthCheck {
        path: "/health".to_owned(),
        interval: Duration::from_millis(50),
        healthy_after: 2,
        unhealthy_after: 2,
        ..HealthCheck::default()
    });
    model
}

pub(crate) async fn until_down(admin: &Admin, count: f64) {
    let series =
        "countersign_edge_origin_addresses{network=\"staging\",origin=\"main\",state=\"down\"}";
    wait::until_async("addresses that are down", async || {
        let seen = sample(admin, series).await;
        if (seen - count).abs() < 0.5 {
            Ok(())
        } else {
            Err(seen)
        }
    })
    .await;
}

/// Requests of clients that got there.
fn requests(origin: &Origin) -> usize {
    let received = origin.received();
    received.iter().filter(|it| it.target == "/").count()
}

#[tokio::test]
async fn a_health_check_takes_addresses_out_and_brings_them_back() {
    let sick: [_; 2] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let origins = [with_health(&sick[0]).await, with_health(&sick[1]).await];
    let world = World::empty().await;
    enforce(&world, health_checked(&origins)).await;
    let admin = admin(&world);
    let down = async |count: f64| until_down(&admin, count).await;
    let mut http = world.http1("open.test").await;
    down(0.0).await;
    sick[0].store(true, Ordering::Relaxed);
    down(1.0).await;
    let before = requests(&origins[0]);
    for _ in 0..10 {
        assert_eq!(http.get("/").await.unwrap().status, 200);
    }
    assert_eq!(requests(&origins[0]), before);
    sick[1].store(true, Ordering::Relaxed);
    down(2.0).await;
    let response = http.get("/").await.unwrap();
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.json()["reason"], "origin_unhealthy");
    sick[0].store(false, Ordering::Relaxed);
    down(1.0).await;
    assert_eq!(http.get("/").await.unwrap().status, 200);
    let check = origins[0].received();
    let check = check.iter().find(|it| it.target == "/health").unwrap();
    assert_eq!(check.header("user-agent"), ["countersign-health-check"]);
    assert_eq!(check.header("host"), [origins[0].address().to_string()]);
}

#[tokio::test]
async fn an_address_that_came_back_gets_little_at_first() {
    let sick = Arc::new(AtomicBool::new(false));
    let origins = [with_health(&sick).await, with_health(&Arc::default()).await];
    let world = World::empty().await;
    let mut model = health_checked(&origins);
    // So long that it is still at its beginning when the test ends.
    model.policy.slow_start = Duration::from_secs(3600);
    enforce(&world, model).await;
    let admin = admin(&world);
    sick.store(true, Ordering::Relaxed);
    until_down(&admin, 1.0).await;
    sick.store(false, Ordering::Relaxed);
    until_down(&admin, 0.0).await;
    let before = requests(&origins[0]);
    let mut http = world.http1("open.test").await;
    for _ in 0..110 {
        assert_eq!(http.get("/").await.unwrap().status, 200);
    }
    // A tenth of its share: 1 of 11 requests.
    let share = requests(&origins[0]) - before;
    assert!((5..=15).contains(&share), "{share}");
}

#[tokio::test]
async fn only_what_may_be_repeated_is_sent_again() {
    let (port, reached) = closing().await;
    let origin = Origin::start().await;
    let world = World::empty().await;
    let mut model = spread(&[port, origin.address().port()]);
    // It is not to be left out here.
    model.policy.outliers.consecutive_failures = 0;
    enforce(&world, model).await;
    let mut http = world.http1("open.test").await;
    for _ in 0..6 {
        assert_eq!(http.get("/").await.unwrap().status, 200);
    }
    assert_eq!(origin.received().len(), 6);
    let tried = reached.load(Ordering::Relaxed);
    assert!((2..=6).contains(&tried), "{tried}");
    let record = world
        .record("a request that was sent twice", |record| {
            record["origin_attempts"] == 2
        })
        .await;
    assert_eq!(record["status"], 200);
    // Whether the origin acted on a POST cannot be known.
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let mut http = world.http1("open.test").await;
        statuses.push(post(&mut http).await.status);
    }
    assert!(statuses.contains(&StatusCode::BAD_GATEWAY), "{statuses:?}");
    let done = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(origin.received().len(), 6 + done);
}

#[tokio::test]
async fn an_origin_that_fails_everything_gets_no_storm() {
    let (port, reached) = closing().await;
    let world = World::empty().await;
    let admin = admin(&world);
    enforce(&world, plain_to("main", port)).await;
    for _ in 0..50 {
        let mut http = world.http1("open.test").await;
        assert_eq!(
            http.get("/").await.unwrap().json()["reason"],
            "origin_unreachable"
        );
    }
    let reached = reached.load(Ordering::Relaxed);
    // 10 that are saved, and a fifth of 50.
    assert!((65..=71).contains(&reached), "{reached}");
    let denied = "countersign_edge_origin_retries_total{network=\"staging\",origin=\"main\",outcome=\"over_budget\"}";
    assert!(sample(&admin, denied).await >= 29.0);
}

#[tokio::test]
async fn a_connection_is_not_shared_where_identity_is_bound_to_it() {
    let world = World::empty().await;
    for (protocol, sharing, expected) in [
        (OriginProtocol::Http1, ConnectionSharing::Shared, [0, 0, 0]),
        (OriginProtocol::Http2, ConnectionSharing::Shared, [0, 0, 0]),
        (
            OriginProtocol::Http1,
            ConnectionSharing::PerClientConnection,
            [0, 1, 0],
        ),
        (
            OriginProtocol::Http2,
            ConnectionSharing::PerClientConnection,
            [0, 1, 0],
        ),
    ] {
        let origin = Origin::start().await;
        let mut model = plain_origin("main", &origin);
        model.policy.protocol = protocol;
        model.policy.sharing = sharing;
        enforce(&world, model).await;
        let mut one = world.http1("open.test").await;
        let mut other = world.http2("open.test").await;
        let mut seen = Vec::new();
        for http in [&mut one, &mut other] {
            assert_eq!(http.get("/").await.unwrap().status, 200);
            seen.push(origin.last().connection);
        }
        assert_eq!(one.get("/").await.unwrap().status, 200);
        seen.push(origin.last().connection);
        assert_eq!(seen, expected, "{protocol:?} {sharing:?}");
    }
}

#[tokio::test]
async fn what_is_beyond_the_limits_of_an_origin_is_refused_at_once() {
    let silent = Origin::builder()
        .answer(|_| Reaction::Silence)
        .start()
        .await;
    let world = World::empty().await;
    let mut model = plain_origin("main", &silent);
    model.policy.limits.requests = 1;
    enforce(&world, model).await;
    let mut waiting = world.http1("open.test").await;
    let waiting = tokio::spawn(async move { waiting.get("/").await.map(|it| it.status) });
    silent.wait_for(1).await;
    for mut http in world.both("open.test", None).await {
        let response = http.get("/").await.unwrap();
        assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.json()["reason"], "origin_overloaded");
    }
    // The place is free again as soon as its client goes away.
    waiting.abort();
    let mut http = world.http1("open.test").await;
    wait::until_async("a free place", async || {
        let waiting = tokio::time::timeout(Duration::from_millis(100), http.get("/")).await;
        match waiting {
            Err(_) => Ok(()),
            Ok(answer) => Err(answer.unwrap().status),
        }
    })
    .await;
}

#[tokio::test]
async fn names_are_looked_up_and_the_last_known_addresses_stay() {
    let origin = Origin::start().await;
    let world = World::empty().await;
    let mut model = plain_origin("main", &origin);
    model.endpoints[0].host = "localhost".to_owned();
    model.policy.resolve_every = Duration::from_millis(1);
    enforce(&world, model.clone()).await;
    let mut http = world.http1("open.test").await;
    for _ in 0..5 {
        assert_eq!(post(&mut http).await.status, 200);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // RFC 6761 §6.4: it never exists.
    model.endpoints[0].host = "origin.invalid".to_owned();
    enforce(&world, model.clone()).await;
    let response = http.get("/").await.unwrap();
    assert_eq!(response.status, StatusCode::BAD_GATEWAY);
    assert_eq!(response.json()["reason"], "origin_unreachable");
    let record = world
        .record("the failed look-up", |record| {
            record["reason"] == "origin_unreachable"
        })
        .await;
    let detail = record["detail"].as_str().unwrap();
    assert!(detail.contains("origin.invalid"), "{detail}");
    // Beside one that works it hurts nobody.
    model.endpoints.push(Endpoint {
        host: "127.0.0.1".to_owned(),
        port: origin.address().port(),
        weight: 1,
    });
    enforce(&world, model).await;
    for _ in 0..5 {
        assert_eq!(post(&mut http).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_is_rotated_without_losing_a_request() {
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let origin = Origin::builder()
        .mutual_tls(&root.server(["origin.test"]).issue(), &edges)
        .start()
        .await;
    let world = World::empty().await;
    let rotate = async |name: &str| {
        let shown = edges.client(name).issue();
        world
            .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
                let mut model = tls_origin("main", &origin, &root);
                if let OriginScheme::Https(tls) = &mut model.scheme {
                    tls.client_credential = Some(name.parse().unwrap());
                }
                snapshot.origins = vec![model];
                snapshot.client_credentials = vec![credential(&world, name, &shown)];
            })
            .await;
        shown.chain_der()
    };
    rotate("edge-0").await;
    let ended = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut http = world.http2("open.test").await;
        let ended = Arc::clone(&ended);
        clients.push(tokio::spawn(async move {
            let mut count = 0;
            while !ended.load(Ordering::Relaxed) {
                let request = Request::post("/").body(body("x".repeat(10_000))).unwrap();
                let response = http.send(request).await.unwrap();
                assert_eq!(response.status, 200, "{}", response.text());
                count += 1;
            }
            count
        }));
    }
    let mut last = Vec::new();
    for number in 1..=5 {
        last = rotate(&format!("edge-{number}")).await;
        let before = origin.received().len();
        origin.wait_for(before + 20).await;
    }
    ended.store(true, Ordering::Relaxed);
    let mut total = 0;
    for client in clients {
        total += client.await.unwrap();
    }
    let received = origin.received();
    assert_eq!(received.len(), total);
    assert_eq!(received.last().unwrap().client_chain, last);
    let mut chains: Vec<_> = received.into_iter().map(|it| it.client_chain).collect();
    chains.sort_unstable();
    chains.dedup();
    assert_eq!(chains.len(), 6);
}

#[tokio::test]
async fn an_upload_may_take_longer_than_the_first_byte() {
    let origin = Origin::start().await;
    let world = World::empty().await;
    let mut model = plain_origin("main", &origin);
    model.timeouts.first_byte = Duration::from_millis(250);
    enforce(&world, model).await;
    let mut connection = world.connect(&world.client("open.test")).await;
    let head =
        "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 10\r\nConnection: close\r\n\r\n";
    connection.stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..9 {
        connection.stream.write_all(b"x").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let answer = connection.exchange(b"x").await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    assert_eq!(origin.last().body.len(), 10);
}

#[tokio::test]
async fn events_pass_as_they_come() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (seen, mut may_go_on) = tokio::sync::mpsc::channel::<()>(1);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            for number in 0..5 {
                let event = format!("data: {number}\n\n");
                let chunk = format!("{:x}\r\n{event}\r\n", event.len());
                stream.write_all(chunk.as_bytes()).await.unwrap();
                // The next one comes when the client has this one.
                may_go_on.recv().await;
            }
            stream.write_all(b"0\r\n\r\n").await.unwrap();
        }
    });
    let world = World::empty().await;
    enforce(&world, plain_to("main", port)).await;
    for mut http in world.both("open.test", None).await {
        let request = Request::get("/events").body(body(Bytes::new())).unwrap();
        let mut response = http.begin(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        for number in 0..5 {
            let frame = http_body_util::BodyExt::frame(response.body_mut()).await;
            let data = frame.unwrap().unwrap().into_data().unwrap();
            assert_eq!(data, format!("data: {number}\n\n"));
            seen.send(()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn where_a_request_came_from_is_told_in_the_form_that_the_origin_reads() {
    let world = World::empty().await;
    for (fronts, expected) in [
        (vec![], "for=127.0.0.1;host=open.test;proto=https"),
        (
            vec!["127.0.0.0/8".parse().unwrap()],
            "for=192.0.2.1;proto=http, for=127.0.0.1;host=open.test;proto=https",
        ),
    ] {
        let mut model = plain_origin("main", &world.origin);
        model.policy.forwarded.form = ForwardedForm::Forwarded;
        model.policy.forwarded.trusted_fronts = fronts;
        enforce(&world, model).await;
        let request = Request::get("/")
            .header("forwarded", "for=192.0.2.1;proto=http")
            .header("x-forwarded-for", "192.0.2.1")
            .body(body(Bytes::new()))
            .unwrap();
        let mut http = world.http2("open.test").await;
        assert_eq!(http.send(request).await.unwrap().status, 200);
        let received = world.origin.last();
        assert_eq!(received.header("forwarded"), [expected]);
        assert!(received.header("x-forwarded-for").is_empty());
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_connected_to_gets_no_request() {
    let world = World::empty().await;
    let admin = admin(&world);
    let origin = Origin::start().await;
    for (port, down) in [(origin.address().port(), 0.0), (nobody(), 1.0)] {
        let mut model = spread(&[port]);
        model.policy.health_check = Some(HealthCheck {
            kind: HealthCheckKind::Tcp,
            interval: Duration::from_millis(20),
            unhealthy_after: 1,
            ..HealthCheck::default()
        });
        enforce(&world, model).await;
        until_down(&admin, down).await;
    }
    // It was connected to and not spoken to.
    assert_eq!(origin.received().len(), 0);
    let answer = world.http1("open.test").await.get("/").await.unwrap();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["reason"], "origin_unhealthy");
}
