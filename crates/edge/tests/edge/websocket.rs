//! WebSockets over HTTP/1.1.

use bytes::Bytes;
use countersign_snapshot::{Binding, ClientAuthMode};
use countersign_testkit::client::body;
use countersign_testkit::{Credential, Pki, wait};
use http::{Request, StatusCode};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{CLIENTS, World, ca_set};

/// An origin that accepts every WebSocket and echoes bytes; says on the way whom it was told it talks to.
async fn echo(world: &World, bindings: &[Binding]) {
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

async fn open(
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
    assert_eq!(response.headers()["sec-websocket-accept"], "x");
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
