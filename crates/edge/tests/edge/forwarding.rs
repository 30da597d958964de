//! Requests and responses on their way.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign_snapshot::{ClientCredential, HostHeader, OriginScheme};
use countersign_testkit::client::{body, body_with_trailers};
use countersign_testkit::origin::Reaction;
use countersign_testkit::{Credential, Origin, Pki};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{World, plain_origin, tls_origin};

async fn with_origin(origin: Origin) -> World {
    let world = World::with(|_| {}, origin).await;
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    world
}

#[tokio::test]
async fn bodies_pass_whole_both_ways() {
    let mirror = |received: &countersign_testkit::origin::Received| {
        Reaction::Respond(Response::new(received.body.clone()))
    };
    let world = with_origin(Origin::builder().answer(mirror).start().await).await;
    let data: Vec<u8> = (0..20_u32 << 20).map(|index| (index % 251) as u8).collect();
    for mut http in world.both("open.test", None).await {
        let response = http
            .send(Request::post("/").body(body(data.clone())).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status, StatusCode::OK);
        assert!(response.body == data, "{} bytes", response.body.len());
        let chunked = body_with_trailers(data.clone(), HeaderMap::new());
        let response = http
            .send(Request::post("/").body(chunked).unwrap())
            .await
            .unwrap();
        assert!(response.body == data, "{} bytes", response.body.len());
    }
    let record = world
        .record("an upload", |record| record["method"] == "POST")
        .await;
    assert_eq!(record["request_bytes"], data.len());
    assert_eq!(record["response_bytes"], data.len());
    assert_eq!(record["complete"], true);
}

#[tokio::test]
async fn requests_share_connections_to_the_origin() {
    let world = World::open().await;
    for mut http in world.both("open.test", None).await {
        for _ in 0..5 {
            assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        }
    }
    assert_eq!(world.origin.connections(), 1);
}

#[tokio::test]
async fn an_origin_that_closed_an_idle_connection_is_asked_again() {
    // It says that it keeps the connection and does not.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&accepted);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            *counter.lock().unwrap() += 1;
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .await;
                // The second request is read, and never answered.
                let _ = stream.read(&mut head).await;
            });
        }
    });
    let world = World::empty().await;
    world
        .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
            snapshot.origins[0].endpoints[0].port = address.port();
        })
        .await;
    let mut http = world.http1("open.test").await;
    for _ in 0..3 {
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    }
    assert_eq!(*accepted.lock().unwrap(), 3);
    // What is not idempotent is not repeated.
    let response = http
        .send(Request::post("/").body(body("x")).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn the_origin_sees_the_edge_as_first_hop() {
    let world = World::open().await;
    for mut http in world.both("open.test", None).await {
        let request = Request::get("/")
            .header("x-forwarded-for", "6.6.6.6")
            .header("x-forwarded-host", "evil.test")
            .header("x-forwarded-proto", "http")
            .header("x-forwarded-port", "1")
            .header("forwarded", "for=6.6.6.6")
            .header("cookie", "a=1")
            .body(body(Bytes::new()))
            .unwrap();
        assert_eq!(http.send(request).await.unwrap().status, StatusCode::OK);
        let received = world.origin.last();
        assert_eq!(received.header("x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(received.header("x-forwarded-host"), ["open.test"]);
        assert_eq!(received.header("x-forwarded-proto"), ["https"]);
        assert_eq!(received.header("host"), ["open.test"]);
        assert_eq!(received.header("cookie"), ["a=1"]);
        assert!(
            received.header("forwarded").is_empty()
                && received.header("x-forwarded-port").is_empty()
        );
        assert_eq!(received.version, "HTTP/1.1");
    }
}

#[tokio::test]
async fn the_host_follows_the_origins_policy() {
    let world = World::empty().await;
    let port = world.origin.address().port();
    for (policy, expected) in [
        (HostHeader::Request, "open.test".to_owned()),
        (HostHeader::Origin, format!("127.0.0.1:{port}")),
        (
            HostHeader::Custom("inner.test".to_owned()),
            "inner.test".to_owned(),
        ),
    ] {
        world
            .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
                snapshot.origins[0].host_header = policy
            })
            .await;
        assert_eq!(
            world
                .http2("open.test")
                .await
                .get("/")
                .await
                .unwrap()
                .status,
            StatusCode::OK
        );
        assert_eq!(world.origin.last().header("host"), [expected]);
    }
}

#[tokio::test]
async fn connection_fields_end_at_the_edge() {
    let answer = |_: &_| {
        let mut response = Response::new(Bytes::from_static(b"x"));
        response.headers_mut().insert(
            "connection",
            HeaderValue::from_static("x-internal, keep-alive"),
        );
        response
            .headers_mut()
            .insert("x-internal", HeaderValue::from_static("secret"));
        response
            .headers_mut()
            .insert("keep-alive", HeaderValue::from_static("timeout=1"));
        response
            .headers_mut()
            .insert("x-kept", HeaderValue::from_static("yes"));
        Reaction::Respond(response)
    };
    let world = with_origin(Origin::builder().answer(answer).start().await).await;
    for mut http in world.both("open.test", None).await {
        let response = http.get("/").await.unwrap();
        assert_eq!(response.header("x-kept").as_deref(), Some("yes"));
        for name in ["x-internal", "keep-alive", "connection"] {
            assert_eq!(response.header(name), None, "{name}");
        }
    }
    let mut http = world.http1("open.test").await;
    let request = Request::get("/")
        .header("connection", "x-hop, upgrade")
        .header("upgrade", "h2c")
        .header("http2-settings", "AAMAAABkAAQAAP__")
        .header("x-hop", "1")
        .header("te", "trailers, deflate")
        .body(body(Bytes::new()))
        .unwrap();
    assert_eq!(http.send(request).await.unwrap().status, StatusCode::OK);
    let received = world.origin.last();
    for name in ["x-hop", "upgrade", "http2-settings", "connection"] {
        assert!(received.header(name).is_empty(), "{name}");
    }
    assert_eq!(received.header("te"), ["trailers"]);
}

#[tokio::test]
async fn an_expected_continue_is_answered_when_the_body_is_wanted() {
    let world = World::open().await;
    let mut connection = world.connect(&world.client("open.test")).await;
    let head = "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
    connection.stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    connection.stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    let answer = connection.exchange(b"data").await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    assert_eq!(world.origin.last().body, "data");
    assert!(world.origin.last().header("expect").is_empty());
}

#[tokio::test]
async fn a_refused_upload_is_not_asked_for() {
    let world = World::open().await;
    let head =
        "POST //x HTTP/1.1\r\nHost: open.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    let answer = world
        .connect(&world.client("open.test"))
        .await
        .exchange(head.as_bytes())
        .await
        .unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 400 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

/// Every ending of `body` after the first request must not become a request of its own at the origin.
async fn smuggle(world: &World, request: &str) -> String {
    let answer = world
        .connect(&world.client("open.test"))
        .await
        .exchange(request.as_bytes())
        .await
        .unwrap();
    for received in world.origin.received() {
        assert_ne!(received.target, "/smuggled", "{request:?}");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn conflicting_lengths_smuggle_nothing() {
    let world = World::open().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: open.test\r\n\r\n";
    let refused = [
        format!("POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd{smuggled}"),
        format!("POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 4, 4\r\n\r\nabcd{smuggled}"),
        format!("POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: +4\r\n\r\nabcd{smuggled}"),
        format!("POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 0x4\r\n\r\nabcd{smuggled}"),
        format!("POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: identity\r\n\r\n{smuggled}"),
        format!("POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("POST / HTTP/1.1\r\nHost: open.test\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("POST / HTTP/1.0\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n0;\r\n\r\nx\r\n\r\n{smuggled}").replace("0;", "0x0"),
    ];
    for request in refused {
        let answer = smuggle(&world, &request).await;
        assert!(!answer.contains("HTTP/1.1 200"), "{request:?}: {answer}");
    }
    // RFC 9112 §6.3: with both, the transfer coding counts, and the connection is closed after the response.
    for lengths in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: open.test\r\n{lengths}\r\n\r\n0\r\n\r\n{smuggled}");
        let answer = smuggle(&world, &request).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        let received = world.origin.last();
        assert!(
            received
                .header("content-length")
                .iter()
                .all(|length| *length == "0"),
            "{received:?}"
        );
    }
}

#[tokio::test]
async fn http2_requests_smuggle_nothing_into_http1() {
    let world = World::open().await;
    let mut http = world.http2("open.test").await;
    for (name, value) in [
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("upgrade", "websocket"),
        ("proxy-connection", "x"),
    ] {
        let request = Request::post("/")
            .header(name, value)
            .body(body("0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"))
            .unwrap();
        // The client's library removes some of them; what comes through is refused or harmless.
        let _ = http.send(request).await;
        if http.get("/").await.is_err() {
            http = world.http2("open.test").await;
        }
    }
    for received in world.origin.received() {
        assert_ne!(received.target, "/smuggled");
        assert!(
            received
                .header("transfer-encoding")
                .iter()
                .all(|coding| *coding == "chunked")
        );
    }
    let request = Request::post("/")
        .header("content-length", "3")
        .body(body("longer than three"))
        .unwrap();
    let _ = http.send(request).await;
    for received in world.origin.received() {
        assert_ne!(received.body, "longer than three");
    }
}

#[tokio::test]
async fn an_https_origin_is_verified() {
    let world = World::empty().await;
    let root = Pki::new().root("Origin Root");
    let right = root.server(["origin.test"]).issue();
    let misnamed = root.server(["other.test"]).issue();
    let stranger = Pki::new()
        .root("Stranger Root")
        .server(["origin.test"])
        .issue();
    for (credential, expected) in [
        (&right, Ok(())),
        (&misnamed, Err("origin_untrusted")),
        (&stranger, Err("origin_untrusted")),
    ] {
        let origin = Origin::builder().tls(credential).start().await;
        world
            .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
                snapshot.origins = vec![tls_origin("main", &origin, &root)]
            })
            .await;
        let response = world.http1("open.test").await.get("/").await.unwrap();
        match expected {
            Ok(()) => assert_eq!(response.status, StatusCode::OK),
            Err(reason) => {
                assert_eq!(response.status, StatusCode::BAD_GATEWAY);
                assert_eq!(response.json()["reason"], reason);
                assert!(origin.received().is_empty());
            }
        }
    }
}

pub(crate) fn credential(world: &World, id: &str, credential: &Credential) -> ClientCredential {
    ClientCredential {
        id: id.parse().unwrap(),
        chain: credential.chain_der(),
        key: world.seal(ClientCredential::SEAL_CONTEXT, credential.key_der()),
    }
}

#[tokio::test]
async fn an_origin_that_wants_a_certificate_gets_the_one_of_the_snapshot() {
    let world = World::empty().await;
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let origin = Origin::builder()
        .mutual_tls(&root.server(["origin.test"]).issue(), &edges)
        .start()
        .await;
    let (good, bad) = (
        edges.client("edge").issue(),
        Pki::new().root("Wrong").client("edge").issue(),
    );
    for (shown, expected) in [
        (Some(&good), None),
        (Some(&bad), Some("origin_refused_certificate")),
        (None, Some("origin_refused_certificate")),
    ] {
        let credentials: Vec<_> = shown
            .map(|shown| {
                credential(
                    &world,
                    if shown.der() == good.der() {
                        "good"
                    } else {
                        "bad"
                    },
                    shown,
                )
            })
            .into_iter()
            .collect();
        world
            .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
                let mut model = tls_origin("main", &origin, &root);
                if let OriginScheme::Https(tls) = &mut model.scheme {
                    tls.client_credential =
                        credentials.first().map(|credential| credential.id.clone());
                }
                snapshot.origins = vec![model];
                snapshot.client_credentials = credentials;
            })
            .await;
        let response = world.http1("open.test").await.get("/").await.unwrap();
        match expected {
            None => {
                assert_eq!(response.status, StatusCode::OK);
                assert_eq!(origin.last().client_chain, good.chain_der());
            }
            Some(reason) => assert_eq!(
                (response.status, response.json()["reason"].clone()),
                (StatusCode::BAD_GATEWAY, reason.into())
            ),
        }
    }
    assert_eq!(origin.received().len(), 1);
}

#[tokio::test]
async fn origins_that_fail_are_explained() {
    let world = World::empty().await;
    let silent = Origin::builder()
        .answer(|_| Reaction::Silence)
        .start()
        .await;
    let closing = Origin::builder().answer(|_| Reaction::Close).start().await;
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let mut nobody = plain_origin("main", &closing);
    nobody.endpoints[0].port = gone.port();
    for (mut model, status, reason) in [
        (
            plain_origin("main", &silent),
            StatusCode::GATEWAY_TIMEOUT,
            "origin_timeout",
        ),
        (
            plain_origin("main", &closing),
            StatusCode::BAD_GATEWAY,
            "origin_unreachable",
        ),
        (nobody, StatusCode::BAD_GATEWAY, "origin_unreachable"),
    ] {
        model.timeouts.first_byte = std::time::Duration::from_millis(200);
        world
            .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
                snapshot.origins = vec![model]
            })
            .await;
        for mut http in world.both("open.test", None).await {
            let response = http.get("/").await.unwrap();
            assert_eq!(
                (response.status, response.json()["reason"].clone()),
                (status, reason.into())
            );
        }
    }
}

#[tokio::test]
async fn response_trailers_pass() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: grpc-status\r\n\r\n2\r\nok\r\n0\r\ngrpc-status: 0\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let world = World::empty().await;
    world
        .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
            snapshot.origins[0].endpoints[0].port = port
        })
        .await;
    for mut http in world.both("open.test", None).await {
        let response = http
            .send(
                Request::get("/")
                    .header("te", "trailers")
                    .body(body(Bytes::new()))
                    .unwrap(),
            )
            .await
            .unwrap();
        assert_eq!(response.body, "ok");
        assert_eq!(response.trailers.unwrap()["grpc-status"], "0");
    }
}

/// Answers as soon as the head came, with so many bytes, and takes the request's body meanwhile. Says on which connection it got how much.
async fn hasty_origin(bytes: usize) -> (u16, tokio::sync::mpsc::UnboundedReceiver<(u32, usize)>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, tells) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        for connection in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let told = told.clone();
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut read = tokio::io::BufReader::new(read);
                loop {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = read.read_u8().await else {
                            return;
                        };
                        head.push(byte);
                    }
                    let head = String::from_utf8(head).unwrap();
                    let length = head.split("content-length: ").nth(1).unwrap();
                    let length: usize = length.lines().next().unwrap().parse().unwrap();
                    let mut body = vec![0; length];
                    let answer = async {
                        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n");
                        write.write_all(head.as_bytes()).await.unwrap();
                        write.write_all(&vec![b'x'; bytes]).await.unwrap();
                    };
                    let upload = async {
                        read.read_exact(&mut body).await.unwrap();
                        told.send((connection, length)).unwrap();
                    };
                    tokio::join!(answer, upload);
                }
            });
        }
    });
    (port, tells)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_before_it_sent_everything_is_served() {
    const BYTES: usize = 16 << 20;
    let (port, mut tells) = hasty_origin(BYTES).await;
    let world = World::empty().await;
    world
        .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
            snapshot.origins[0].endpoints[0].port = port;
        })
        .await;
    let mut client = world.connect(&world.client("open.test")).await;
    for _ in 0..2 {
        let head = format!("POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: {BYTES}\r\n\r\n");
        client.stream.write_all(head.as_bytes()).await.unwrap();
        client.stream.write_all(&vec![b'y'; BYTES]).await.unwrap();
        client.stream.flush().await.unwrap();
        // The connection to the origin serves the next one as well.
        assert_eq!(tells.recv().await.unwrap(), (0, BYTES));
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(client.stream.read_u8().await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
        let mut body = vec![0; BYTES];
        client.stream.read_exact(&mut body).await.unwrap();
        assert!(body.iter().all(|byte| *byte == b'x'));
    }
}
