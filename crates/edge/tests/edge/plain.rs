//! HTTP without TLS: redirected or served where that is said, refused everywhere else.

use std::net::SocketAddr;

use countersign_snapshot::{Binding, ClientAuthMode, PlainHttp};
use countersign_testkit::HttpClient;
use countersign_testkit::client::{AlertDescription, alert};
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{CLIENTS, World};

/// `a.test` redirects, `open.test` is served without TLS, `b.test` says nothing.
async fn world() -> World {
    let world = World::empty().await;
    world.activate(&bindings(&world)).await;
    world
}

fn bindings(world: &World) -> [Binding; 3] {
    let required = ClientAuthMode::Require;
    [
        Binding {
            plain_http: PlainHttp::Redirect,
            ..world.binding("a", &["a.test", "*.a.test"], required, &[CLIENTS])
        },
        Binding {
            plain_http: PlainHttp::Serve,
            server_certificates: Vec::new(),
            ..world.open_binding("open", &["open.test"])
        },
        world.open_binding("b", &["b.test"]),
    ]
}

/// What the client gets for these bytes, until the end of the connection.
async fn said(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn plain(world: &World, host: &str) -> HttpClient {
    let stream = TcpStream::connect(world.plain_addr()).await.unwrap();
    HttpClient::http1(stream, host).await.unwrap()
}

#[tokio::test]
async fn whoever_comes_without_tls_is_sent_to_the_same_place_over_https() {
    let world = world().await;
    for (request, expected) in [
        (
            "GET /path?a=b HTTP/1.1\r\nHost: a.test",
            "https://a.test:8443/path?a=b",
        ),
        (
            "GET / HTTP/1.1\r\nhost: WWW.A.Test.:80",
            "https://www.a.test:8443/",
        ),
        ("HEAD /x HTTP/1.1\r\nhost: a.test", "https://a.test:8443/x"),
        (
            "GET http://a.test/abs HTTP/1.1\r\nhost: a.test",
            "https://a.test:8443/abs",
        ),
        (
            "POST /form HTTP/1.1\r\nhost: a.test\r\ncontent-length: 5",
            "https://a.test:8443/form",
        ),
    ] {
        let answer = said(
            world.plain_addr(),
            format!("{request}\r\n\r\nhello").as_bytes(),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 308 "), "{request}: {answer}");
        let location = format!("\r\nlocation: {expected}\r\n");
        assert!(answer.contains(&location), "{request}: {answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{request}: {answer}");
        // RFC 6797 §7.2: "An HSTS Host MUST NOT include the STS header field in HTTP responses conveyed over non-secure transport."
        assert!(!answer.contains("strict-transport"), "{request}: {answer}");
    }
    let record = world
        .record("a redirect", |record| record["host"] == "WWW.A.Test.:80")
        .await;
    assert_eq!(
        (&record["event"], &record["status"]),
        (&"plain_request".into(), &308.into())
    );
    assert_eq!(world.origin.connections(), 0);
}

#[tokio::test]
async fn everything_that_nobody_allowed_is_refused_with_the_reason() {
    let world = world().await;
    for (request, status, reason) in [
        ("GET / HTTP/1.1\r\nhost: b.test", 403, "tls_required"),
        (
            "GET / HTTP/1.1\r\nhost: unknown.test",
            421,
            "unknown_server_name",
        ),
        ("GET / HTTP/1.1", 400, "malformed_request"),
        ("GET / HTTP/1.0", 400, "malformed_request"),
        (
            "GET / HTTP/1.1\r\nhost: a.test\r\nhost: open.test",
            400,
            "malformed_request",
        ),
        (
            "GET http://open.test/ HTTP/1.1\r\nhost: a.test",
            400,
            "malformed_request",
        ),
        (
            "GET / HTTP/1.1\r\nhost: 127.0.0.1",
            400,
            "malformed_request",
        ),
        (
            "GET /a%2f..%2fb HTTP/1.1\r\nhost: a.test",
            400,
            "ambiguous_path",
        ),
        (
            "OPTIONS * HTTP/1.1\r\nhost: a.test",
            400,
            "malformed_request",
        ),
        (
            "CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443",
            400,
            "malformed_request",
        ),
        ("PRI * HTTP/2.0", 400, "malformed_request"),
        ("\x16\x03\x01\x02\x00\x01", 400, "malformed_request"),
    ] {
        let answer = said(world.plain_addr(), format!("{request}\r\n\r\n").as_bytes()).await;
        let start = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&start), "{request}: {answer}");
        assert!(
            answer.contains(&format!("\"reason\":\"{reason}\"")),
            "{request}: {answer}"
        );
        world
            .record(reason, |it| {
                it["event"] == "plain_request" && it["reason"] == reason
            })
            .await;
    }
    assert_eq!(world.origin.connections(), 0);
}

#[tokio::test]
async fn without_a_snapshot_nothing_is_served_without_tls() {
    let world = World::empty().await;
    let answer = said(
        world.plain_addr(),
        b"GET / HTTP/1.1\r\nhost: open.test\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("trust_unavailable"), "{answer}");
}

#[tokio::test]
async fn a_site_without_tls_is_served_by_the_same_rules_and_without_any_identity() {
    let world = world().await;
    let mut http = plain(&world, "open.test").await;
    for path in ["/one", "/two?x"] {
        let request = Request::get(path)
            .header("client-cert", ":Zm9yZ2Vk:")
            .header("x-forwarded-proto", "https")
            .body(countersign_testkit::client::body(""))
            .unwrap();
        let response = http.send(request).await.unwrap();
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(response.header("strict-transport-security"), None);
        let received = world.origin.last();
        assert_eq!(received.target, path);
        assert_eq!(received.header("x-forwarded-proto"), ["http"]);
        assert!(received.header("client-cert").is_empty());
    }
    let record = world
        .record("a request", |record| record["path"] == "/two")
        .await;
    assert_eq!(record["protocol"], "http/1.1");
    assert!(record.get("tls_version").is_none(), "{record}");
    let error = world
        .client("open.test")
        .connect(world.edge.local_addr())
        .await
        .unwrap_err();
    assert_eq!(alert(&error), Some(AlertDescription::UnrecognisedName));
}

#[tokio::test]
async fn a_connection_without_tls_reaches_no_other_name_and_one_with_tls_no_plain_site() {
    let world = world().await;
    for host in ["b.test", "a.test", "www.a.test"] {
        let mut http = plain(&world, "open.test").await;
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        let request = Request::get("/")
            .header("host", host)
            .body(countersign_testkit::client::body(""))
            .unwrap();
        let response = http.send(request).await.unwrap();
        assert_eq!(response.status, StatusCode::FORBIDDEN, "{host}");
        assert_eq!(response.json()["reason"], "tls_required", "{host}");
    }
    let mut http = world.http1("b.test").await;
    let request = Request::get("/")
        .header("host", "open.test")
        .body(countersign_testkit::client::body(""))
        .unwrap();
    let response = http.send(request).await.unwrap();
    assert_eq!(response.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn a_site_that_gets_tls_is_not_served_without_it_from_the_next_request_on() {
    let world = world().await;
    let mut http = plain(&world, "open.test").await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    let [a, _, b] = bindings(&world);
    world
        .activate(&[a, world.open_binding("open", &["open.test"]), b])
        .await;
    let response = http.get("/").await.unwrap();
    assert_eq!(response.status, StatusCode::FORBIDDEN);
    assert_eq!(response.json()["reason"], "tls_required");
}
