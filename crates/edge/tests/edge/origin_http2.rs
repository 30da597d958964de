//! HTTP/2 to origins.

use bytes::Bytes;
use countersign_snapshot::{Origin as OriginModel, OriginProtocol};
use countersign_testkit::client::{body, body_with_trailers};
use countersign_testkit::origin::{Reaction, Received};
use countersign_testkit::{Origin, Pki};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use tokio::io::AsyncReadExt;

use crate::world::{World, plain_origin, plain_to, tls_origin};

async fn enforce(world: &World, model: OriginModel) {
    world
        .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
            snapshot.origins = vec![model]
        })
        .await;
}

fn speaking(protocol: OriginProtocol, mut model: OriginModel) -> OriginModel {
    model.policy.protocol = protocol;
    model
}

/// Silent where it is told to be, so that a request stays in flight.
fn silent_at_wait(received: &Received) -> Reaction {
    if received.target.ends_with("/wait") {
        Reaction::Silence
    } else {
        Reaction::Echo
    }
}

#[tokio::test]
async fn what_is_spoken_follows_the_policy_and_the_request() {
    let root = Pki::new().root("Origin Root");
    let world = World::empty().await;
    let grpc = || {
        Request::post("/x")
            .header("content-type", "application/grpc+proto")
            .header("te", "trailers")
            .body(body(Bytes::new()))
            .unwrap()
    };
    for (protocol, is_tls, plain_request, grpc_request) in [
        (OriginProtocol::Automatic, false, "HTTP/1.1", "HTTP/2.0"),
        (OriginProtocol::Automatic, true, "HTTP/1.1", "HTTP/2.0"),
        (OriginProtocol::Http1, false, "HTTP/1.1", "HTTP/1.1"),
        (OriginProtocol::Http1, true, "HTTP/1.1", "HTTP/1.1"),
        (OriginProtocol::Http2, false, "HTTP/2.0", "HTTP/2.0"),
        (OriginProtocol::Http2, true, "HTTP/2.0", "HTTP/2.0"),
        (OriginProtocol::Negotiated, false, "HTTP/1.1", "HTTP/2.0"),
        (OriginProtocol::Negotiated, true, "HTTP/2.0", "HTTP/2.0"),
    ] {
        let (origin, model) = if is_tls {
            let credential = root.server(["origin.test"]).issue();
            let origin = Origin::builder().tls(&credential).start().await;
            let model = tls_origin("main", &origin, &root);
            (origin, model)
        } else {
            let origin = Origin::start().await;
            let model = plain_origin("main", &origin);
            (origin, model)
        };
        enforce(&world, speaking(protocol, model)).await;
        let what = format!("{protocol:?} tls={is_tls}");
        for mut http in world.both("open.test", None).await {
            let request = Request::get("/a%20b?c=%2f")
                .header("te", "trailers")
                .body(body(Bytes::new()))
                .unwrap();
            assert_eq!(http.send(request).await.unwrap().status, 200, "{what}");
            let received = origin.last();
            assert_eq!(received.version, plain_request, "{what}");
            assert!(received.target.ends_with("/a%20b?c=%2f"), "{received:?}");
            assert_eq!(received.header("te"), ["trailers"], "{what}");
            if received.version == "HTTP/2.0" {
                let scheme = if is_tls { "https" } else { "http" };
                assert_eq!(received.target, format!("{scheme}://open.test/a%20b?c=%2f"));
                assert!(received.header("host").is_empty(), "{received:?}");
            }
        }
        let mut http = world.http2("open.test").await;
        assert_eq!(http.send(grpc()).await.unwrap().status, 200, "{what}");
        assert_eq!(origin.last().version, grpc_request, "{what}");
        // WebSockets have HTTP/1.1 for themselves.
        let handshake = "GET /ws HTTP/1.1\r\nHost: open.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        let mut connection = world.connect(&world.client("open.test")).await;
        tokio::io::AsyncWriteExt::write_all(&mut connection.stream, handshake.as_bytes())
            .await
            .unwrap();
        let mut answer = [0; 12];
        connection.stream.read_exact(&mut answer).await.unwrap();
        let expected: &[u8] = if protocol == OriginProtocol::Http2 && !is_tls {
            b"HTTP/1.1 502"
        } else {
            b"HTTP/1.1 101"
        };
        assert_eq!(answer, expected, "{what}");
    }
}

#[tokio::test]
async fn clients_share_one_connection_at_the_same_time() {
    let origin = Origin::builder().answer(silent_at_wait).start().await;
    let world = World::empty().await;
    enforce(
        &world,
        speaking(OriginProtocol::Http2, plain_origin("main", &origin)),
    )
    .await;
    let mut waiting = world.http1("open.test").await;
    let waiting = tokio::spawn(async move { waiting.get("/wait").await.map(|it| it.status) });
    origin.wait_for(1).await;
    for mut http in world.both("open.test", None).await {
        for _ in 0..3 {
            assert_eq!(http.get("/").await.unwrap().status, 200);
        }
    }
    assert_eq!(origin.received().len(), 7);
    assert_eq!(origin.connections(), 1);
    assert!(!waiting.is_finished());
    waiting.abort();
}

#[tokio::test]
async fn the_first_requests_do_not_make_a_connection_each() {
    let root = Pki::new().root("Origin Root");
    let credential = root.server(["origin.test"]).issue();
    let origin = Origin::builder().tls(&credential).start().await;
    let world = World::empty().await;
    enforce(
        &world,
        speaking(OriginProtocol::Http2, tls_origin("main", &origin, &root)),
    )
    .await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(world.http1("open.test").await);
    }
    let requests = clients
        .into_iter()
        .map(|mut http| tokio::spawn(async move { http.get("/").await.unwrap().status }));
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn bodies_and_trailers_pass_whole_both_ways() {
    let origin = Origin::builder()
        .answer(|received| {
            let mut response = http::Response::new(received.body.clone());
            let trailer = received.trailers.first().map(|(_, value)| value.as_str());
            response.headers_mut().insert(
                "x-trailer",
                HeaderValue::from_str(trailer.unwrap_or("none")).unwrap(),
            );
            Reaction::Respond(response)
        })
        .start()
        .await;
    let world = World::empty().await;
    enforce(
        &world,
        speaking(OriginProtocol::Http2, plain_origin("main", &origin)),
    )
    .await;
    let data: Vec<u8> = (0..5_u32 << 20).map(|index| (index % 251) as u8).collect();
    for mut http in world.both("open.test", None).await {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-checksum", HeaderValue::from_static("good"));
        // Forged identity comes late at times.
        trailers.insert("client-cert", HeaderValue::from_static("forged"));
        let request = Request::post("/")
            .header("te", "trailers")
            .header("trailer", "x-checksum")
            .body(body_with_trailers(data.clone(), trailers))
            .unwrap();
        let response = http.send(request).await.unwrap();
        assert!(response.body == data, "{} bytes", response.body.len());
        assert_eq!(response.header("x-trailer").as_deref(), Some("good"));
        assert_eq!(origin.last().trailers.len(), 1);
    }
}

#[tokio::test]
async fn an_origin_without_http2_is_explained() {
    let origin = Origin::builder().answer(|_| Reaction::Close).start().await;
    let world = World::empty().await;
    // One that speaks HTTP/1.1 only answers the preface with an error of its own.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 24];
            let _ = stream.read_exact(&mut head).await;
            let refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, refusal).await;
        }
    });
    for port in [origin.address().port(), port] {
        enforce(
            &world,
            speaking(OriginProtocol::Http2, plain_to("main", port)),
        )
        .await;
        for mut http in world.both("open.test", None).await {
            let response = http.get("/").await.unwrap();
            assert_eq!(response.status, StatusCode::BAD_GATEWAY);
            assert_eq!(response.json()["reason"], "origin_unreachable");
        }
    }
}
