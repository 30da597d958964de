//! Handshakes on one runtime, and what comes after them on another.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::support::*;

#[tokio::test]
async fn a_connection_outlives_the_runtime_that_did_its_handshake() {
    let reception = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let node = Arc::new(Node::new(&Authorities::new()));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = reception.spawn(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        node.accept(stream).await.unwrap().stream
    });
    let client = client().for_server("open.test");
    let (mut server, client) = tokio::join!(accepted, client.connect(address));
    let (server, client) = (server.as_mut().unwrap(), &mut client.unwrap().stream);
    server.move_here().await.unwrap();
    reception.shutdown_background();
    for _ in 0..3 {
        client.write_all(b"ping").await.unwrap();
        client.flush().await.unwrap();
        let mut bytes = [0; 4];
        server.read_exact(&mut bytes).await.unwrap();
        server.write_all(b"pong").await.unwrap();
        server.flush().await.unwrap();
        client.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"pong");
    }
}
