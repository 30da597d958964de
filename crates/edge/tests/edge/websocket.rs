//! WebSockets over HTTP/1.1, and over HTTP/2 (RFC 8441).

use bytes::Bytes;
use countersign_snapshot::{Binding, ClientAuthMode};
use countersign_testkit::client::body;
use countersign_testkit::{Credential, Pki, wait};
use http::{Method, Request, StatusCode};
use hyper::ext::Protocol;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{CLIENTS, World, ca_set};

/// An origin that accepts every WebSocket and echoes bytes; says on the way whom it was told it talks to.
pub(crate) async fn echo(world: &World, bindings: &[Binding]) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read_exact(&mut byte).await.is_err() {
                        return;
                    }
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
                let answer = if head.contains("connection: upgrade")
                    && head.contains("upgrade: websocket")
                {
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"
                } else {
                    "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
                };
                let forged = head.contains("forged");
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream
                    .write_all(if forged { b"f" } else { b"." })
                    .await
                    .unwrap();
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    world
        .activate_with(bindings, |snapshot| {
            snapshot.origins[0].endpoints[0].port = port
        })
        .await;
}

pub(crate) async fn open(
    world: &World,
    name: &str,
    credential: Option<&Credential>,
) -> (StatusCode, Option<TokioIo<Upgraded>>) {
    let mut client = world.client(name);
    if let Some(credential) = credential {
        client = client.presenting(credential);
    }
    let mut http = world.connect(&client).await.http().await.unwrap();
    let request = Request::get("/ws")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-version", "13")
        .header("client_cert", "forged")
        .body(body(Bytes::new()))
        .unwrap();
    let response = http.begin(request).await.unwrap();
    let status = response.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return (status, None);
    }
    // What ours says, and what others work out of the key (RFC 6455 §4.2.2).
    let accept = response.headers()["sec-websocket-accept"].as_bytes();
    assert!([&b"x"[..], b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="].contains(&accept));
    let upgraded = hyper::upgrade::on(response).await.unwrap();
    (status, Some(TokioIo::new(upgraded)))
}

#[tokio::test]
async fn bytes_pass_both_ways_and_no_forged_identity_does() {
    let world = World::open().await;
    echo(&world, &[world.open_binding("open", &["open.test"])]).await;
    let (_, socket) = open(&world, "open.test", None).await;
    let mut socket = socket.unwrap();
    socket.write_all(b"hello").await.unwrap();
    let mut answer = [0; 6];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b".hello");
    drop(socket);
    let record = world
        .record("the tunnel", |record| record["status"] == 101)
        .await;
    assert_eq!(record["request_bytes"], 5);
    assert_eq!(record["response_bytes"], 6);
}

#[tokio::test]
async fn a_websocket_needs_the_certificate_that_its_path_needs() {
    let world = World::site(ClientAuthMode::Request).await;
    echo(
        &world,
        &[world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS])],
    )
    .await;
    assert_eq!(open(&world, "a.test", None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        open(&world, "a.test", Some(&world.alice())).await.0,
        StatusCode::SWITCHING_PROTOCOLS
    );
}

#[tokio::test]
async fn a_websocket_ends_when_its_client_loses_trust() {
    let world = World::site(ClientAuthMode::Request).await;
    let bindings = [world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS])];
    echo(&world, &bindings).await;
    let (_, socket) = open(&world, "a.test", Some(&world.alice())).await;
    let mut socket = socket.unwrap();
    let mut first = [0];
    socket.read_exact(&mut first).await.unwrap();
    let successor = Pki::new().root("Successor");
    world
        .activate_with(&bindings, |snapshot| {
            snapshot.ca_sets[0] = ca_set(CLIENTS, "clients", &successor)
        })
        .await;
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(wait::PATIENCE, socket.read_to_end(&mut rest))
        .await
        .expect("the end of the WebSocket");
    assert!(rest.is_empty());
}

/// Asks for a WebSocket on a stream of HTTP/2; gives the status, the reason in the log when there is one, and the stream.
pub(crate) async fn open_stream(
    world: &World,
    protocol: &'static str,
    path: &str,
) -> (StatusCode, Option<TokioIo<Upgraded>>) {
    let client = world
        .client("a.test")
        .alpn(&["h2"])
        .presenting(&world.alice());
    let mut http = world.connect(&client).await.http().await.unwrap();
    // The client may use the extension once it has the server's settings.
    http.get("/open/").await.unwrap();
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("https://a.test{path}"))
        .extension(Protocol::from_static(protocol))
        .header("sec-websocket-version", "13")
        .header("client_cert", "forged")
        .body(body(Bytes::new()))
        .unwrap();
    let response = http.begin(request).await.unwrap();
    let status = response.status();
    if status != StatusCode::OK {
        return (status, None);
    }
    assert!(!response.headers().contains_key("sec-websocket-accept"));
    let upgraded = hyper::upgrade::on(response).await.unwrap();
    (status, Some(TokioIo::new(upgraded)))
}

/// An origin that gives every request this answer, after which it echoes.
async fn answering(world: &World, bindings: &[Binding], answer: fn(&str) -> String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read_exact(&mut byte).await.is_err() {
                        return;
                    }
                    head.push(byte[0]);
                }
                let answer = answer(std::str::from_utf8(&head).unwrap());
                stream.write_all(answer.as_bytes()).await.unwrap();
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    world
        .activate_with(bindings, |snapshot| {
            snapshot.origins[0].endpoints[0].port = port
        })
        .await;
}

#[tokio::test]
async fn a_stream_is_a_websocket_only_when_the_origin_agreed_to_one() {
    let world = World::site(ClientAuthMode::Request).await;
    let bindings = [world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS])];
    answering(&world, &bindings, |head| {
        if head.contains("GET /ws ") {
            // The answer to another key than ours.
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n".to_owned()
        } else if head.contains("GET /missing ") {
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()
        } else {
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned()
        }
    })
    .await;
    for (path, expected) in [
        ("/ws", StatusCode::BAD_GATEWAY),
        ("/plain", StatusCode::BAD_GATEWAY),
        ("/missing", StatusCode::NOT_FOUND),
        ("/denied/x", StatusCode::FORBIDDEN),
        ("/a//b", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(
            open_stream(&world, "websocket", path).await.0,
            expected,
            "{path}"
        );
    }
    let (status, _) = open_stream(&world, "connect-udp", "/ws").await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
}

#[tokio::test]
async fn a_websocket_on_a_stream_passes_bytes_both_ways_and_is_recorded() {
    let world = World::site(ClientAuthMode::Request).await;
    let bindings = [world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS])];
    answering(&world, &bindings, |head| {
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("sec-websocket-key: "));
        match key {
            // Threat C4.1.
            Some(_) if head.contains("forged") => "HTTP/1.1 500 Forged\r\nContent-Length: 0\r\n\r\n".to_owned(),
            Some(key) => format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                accept(key)
            ),
            None => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned(),
        }
    })
    .await;
    let (status, socket) = open_stream(&world, "websocket", "/ws").await;
    assert_eq!(status, StatusCode::OK);
    let mut socket = socket.unwrap();
    socket.write_all(b"hello").await.unwrap();
    let mut answer = [0; 5];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello");
    socket.shutdown().await.unwrap();
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await.unwrap();
    let record = world
        .record("the WebSocket", |record| record["path"] == "/ws")
        .await;
    assert_eq!(record["protocol"], "h2");
    assert_eq!(record["method"], "CONNECT");
    assert_eq!(record["status"], 200);
    assert_eq!(record["request_bytes"], 5);
    assert_eq!(record["response_bytes"], 5);
    assert_eq!(record["complete"], true);
}

/// RFC 6455 §4.2.2, by the tool that everybody has.
pub(crate) fn accept(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let output = std::process::Command::new("sh")
        .arg("-c")
        .arg(format!(
            "printf %s '{text}' | openssl dgst -sha1 -binary | openssl base64"
        ))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
