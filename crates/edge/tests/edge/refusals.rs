//! Every refusal has a code of the one taxonomy, wherever a client is refused: where it can read something, in what it gets, and always in the log.

use std::time::Duration;

use bytes::Bytes;
use countersign_edge::Limits;
use countersign_snapshot::ClientAuthMode;
use countersign_testkit::client::{Connection, Response, alert, body};
use countersign_testkit::{Credential, NOW, Origin};
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::metrics::{admin, counted, sum};
use crate::world::World;

/// A request for `/`, in the form that the client wants its refusals in.
fn wanting(form: &str) -> Request<countersign_testkit::client::Body> {
    let request = Request::get("https://a.test/");
    let request = match form {
        "grpc" => request.header("content-type", "application/grpc"),
        "html" => request.header("accept", "text/html"),
        _ => request,
    };
    request.body(body(Bytes::new())).unwrap()
}

/// The code in what a client was told.
fn told(form: &str, answer: &Response) -> String {
    match form {
        "grpc" => answer.header("countersign-reason").unwrap(),
        "html" => {
            let text = answer.text();
            let (_, rest) = text.split_once("Reason <code>").unwrap();
            rest.split('<').next().unwrap().to_owned()
        }
        _ => answer.json()["reason"].as_str().unwrap().to_owned(),
    }
}

/// Every client that is refused for another reason, over every protocol and in every form.
#[tokio::test]
async fn whoever_asks_is_told_the_code_in_every_form_and_the_log_has_it_too() {
    let world = World::site(ClientAuthMode::Request).await;
    let stranger = world.others.client("mallory").issue();
    let late = world.clients.client("late").expired(NOW).issue();
    let cases: [(Option<&Credential>, &str); 3] = [
        (None, "missing"),
        (Some(&stranger), "unknown_issuer"),
        (Some(&late), "expired"),
    ];
    for (credential, code) in cases {
        let mut found = Vec::new();
        for form in ["problem", "html", "grpc"] {
            let [mut h1, mut h2] = world.both("a.test", credential).await;
            let mut h3 = world.http3("a.test", credential).await;
            let mut answers = vec![
                ("h2", h2.send(wanting(form)).await.unwrap()),
                ("h3", h3.send(wanting(form)).await.unwrap()),
            ];
            // gRPC is HTTP/2 and later.
            if form != "grpc" {
                answers.push(("http/1.1", h1.send(wanting(form)).await.unwrap()));
            }
            for (protocol, answer) in answers {
                let expected = if form == "grpc" {
                    StatusCode::OK
                } else {
                    StatusCode::FORBIDDEN
                };
                assert_eq!(answer.status, expected, "{protocol} {form}");
                assert_eq!(told(form, &answer), code, "{protocol} {form}");
                found.push(protocol);
            }
        }
        assert_eq!(found.len(), 8);
        let records = world.records().await;
        let with_code = records
            .iter()
            .filter(|record| record["event"] == "request" && record["reason"] == code);
        assert_eq!(with_code.count(), 8, "{code}");
    }
    assert_eq!(
        sum(&admin(&world), "countersign_edge_requests_total{").await,
        24
    );
}

/// In the handshake there is an alert; the code is in the log and in the metrics.
#[tokio::test]
async fn a_refused_handshake_is_recorded_with_its_code() {
    let world = World::site(ClientAuthMode::Require).await;
    let stranger = world.others.client("mallory").issue();
    let address = world.edge.local_addr();
    let trusted = || world.client("a.test").presenting(&world.alice());
    let cases = [
        (world.client("a.test"), "missing"),
        (
            world.client("a.test").presenting(&stranger),
            "unknown_issuer",
        ),
        (world.client("other.test"), "unknown_server_name"),
        (trusted().without_sni(), "no_server_name"),
        (trusted().alpn(&["smtp"]), "handshake_failed"),
    ];
    for (client, code) in cases {
        // In TLS 1.3 the client learns what the server thinks of its certificate with the first answer.
        match client.connect(address).await {
            Err(error) => assert!(alert(&error).is_some(), "{code}: {error}"),
            Ok(mut connection) => {
                let answer = connection.exchange(b"GET / HTTP/1.1\r\n\r\n").await;
                assert!(answer.is_err(), "{code}");
            }
        }
        world
            .record(code, |record| {
                record["event"] == "handshake_refused" && record["reason"] == code
            })
            .await;
        let counted = counted(&admin(&world), "countersign_edge_handshakes_total", code).await;
        assert_eq!(counted, 1, "{code}");
    }
}

async fn open(limits: fn(&mut Limits)) -> World {
    let world = World::with(limits, Origin::start().await).await;
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    world
}

async fn unreadable(world: &World, reason: &str, detail: &str) {
    world
        .record(detail, |record| {
            record["event"] == "request_unreadable"
                && record["reason"] == reason
                && record["detail"].as_str().unwrap().contains(detail)
        })
        .await;
    let series = "countersign_edge_requests_unreadable_total{";
    assert!(sum(&admin(world), series).await > 0);
}

async fn raw(world: &World, alpn: &str) -> Connection<TcpStream> {
    world
        .connect(&world.client("open.test").alpn(&[alpn]))
        .await
}

async fn send_and_read(mut connection: Connection<TcpStream>, bytes: &[u8]) {
    connection.stream.write_all(bytes).await.unwrap();
    connection.stream.flush().await.unwrap();
    let mut rest = Vec::new();
    let reading = connection.stream.read_to_end(&mut rest);
    let _ = tokio::time::timeout(Duration::from_secs(10), reading).await;
}

/// What the engines refuse by themselves, before there is a request that could be answered with a page of ours.
#[tokio::test]
async fn what_an_engine_refuses_by_itself_is_recorded_with_its_code() {
    let world = open(|limits| limits.request_head = Duration::from_millis(300)).await;
    let h1 = async |bytes: &[u8]| send_and_read(raw(&world, "http/1.1").await, bytes).await;
    h1(b"nonsense\r\n\r\n").await;
    unreadable(&world, "malformed_request", "invalid HTTP").await;
    h1(b"GET / HTTP/1.1\r\nHost: open.test\r\nX: y").await;
    unreadable(&world, "malformed_request", "in time").await;
    send_and_read(
        raw(&world, "h2").await,
        b"GET / HTTP/1.1\r\nHost: open.test\r\n\r\n",
    )
    .await;
    unreadable(&world, "malformed_request", "http2").await;
}

#[tokio::test]
async fn too_many_headers_over_http3_are_answered_with_the_code() {
    let world = open(|_| {}).await;
    let mut http = world.http3("open.test", None).await;
    let mut request = Request::get("https://open.test/");
    for number in 0..120 {
        request = request.header(format!("x-{number}"), "y");
    }
    let request = request.body(body(Bytes::new())).unwrap();
    let answer = http.send(request).await.unwrap();
    assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(answer.json()["reason"], "request_too_large");
    unreadable(&world, "request_too_large", "too many headers").await;
}

/// The engine answers by itself, with nothing but the status; a client that learned the status before gets it as one octet.
#[tokio::test]
async fn a_head_beyond_what_the_engine_of_http2_takes_is_recorded_with_its_code() {
    let world = open(|limits| limits.request_head_bytes = 8 * 1024).await;
    let mut http = world.http2("open.test").await;
    let request = Request::get("https://open.test/").header("x-large", "y".repeat(20 * 1024));
    let request = request.body(body(Bytes::new())).unwrap();
    let answer = http.send(request).await.unwrap();
    assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(answer.text(), "");
    unreadable(&world, "request_too_large", "larger than twice the limit").await;
    let after = http.get("/").await.unwrap();
    assert_eq!(after.status, StatusCode::OK);
    let with_code = |record: &&serde_json::Value| record["event"] == "request_unreadable";
    assert_eq!(world.records().await.iter().filter(with_code).count(), 1);
}

/// Before the first byte there is nobody who could be told: the connection is closed, and the log says why.
#[tokio::test]
async fn who_is_beyond_a_budget_is_recorded_as_such() {
    let world = open(|limits| limits.handshakes_per_address = 1).await;
    let address = world.edge.local_addr();
    let _first = TcpStream::connect(address).await.unwrap();
    let overloaded = |record: &serde_json::Value| {
        record["event"] == "handshake_refused" && record["reason"] == "overloaded"
    };
    let mut second = TcpStream::connect(address).await.unwrap();
    let _ = second.read(&mut [0; 1]).await;
    world.record("the second handshake", overloaded).await;
    let world = open(|limits| limits.connections = 1).await;
    let mut first = world.http1("open.test").await;
    assert_eq!(first.get("/").await.unwrap().status, StatusCode::OK);
    let mut second = TcpStream::connect(world.edge.local_addr()).await.unwrap();
    let _ = second.read(&mut [0; 1]).await;
    world.record("the second connection", overloaded).await;
}

/// No snapshot is no trust.
#[tokio::test]
async fn without_a_snapshot_every_refusal_says_so() {
    let world = World::empty().await;
    assert!(
        world
            .client("a.test")
            .connect(world.edge.local_addr())
            .await
            .is_err()
    );
    world
        .record("the handshake", |record| {
            record["event"] == "handshake_refused" && record["reason"] == "trust_unavailable"
        })
        .await;
    let mut plain = TcpStream::connect(world.plain_addr()).await.unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.contains("\"reason\":\"trust_unavailable\""),
        "{answer}"
    );
}
