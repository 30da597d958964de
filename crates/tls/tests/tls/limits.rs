//! What a client may take before it is known (threat C5.5).

use std::time::Duration;

use countersign_testkit::client::alert;
use countersign_tls::{HandshakeFault, HandshakeLimits, accept};
use countersign_trust::Reason;
use rustls::AlertDescription;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::*;

#[tokio::test]
async fn a_chain_with_too_many_certificates_is_refused_in_every_mode() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let long = (0..10).fold(authorities.alice(), |chain, _| {
        chain.sending_also(&authorities.a)
    });
    for name in ["a.test", "ask.test"] {
        for client in [client().tls12(), client().tls13()] {
            node.meet(name, &client.presenting(&long)).await.refused(
                Reason::TooManyCertificates,
                AlertDescription::BadCertificate,
            );
        }
    }
}

#[tokio::test]
async fn a_chain_that_is_too_large_is_refused_in_every_mode() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let large = authorities
        .a
        .client("large")
        .extension("1.2.3.4", false, vec![4; 70_000])
        .issue();
    for name in ["a.test", "ask.test"] {
        for client in [client().tls12(), client().tls13()] {
            let meeting = node.meet(name, &client.presenting(&large)).await;
            let refused = meeting.server.unwrap_err();
            assert!(
                matches!(
                    refused.reason,
                    Reason::ChainTooLarge | Reason::HandshakeFailed
                ),
                "{refused:?}"
            );
            assert!(meeting.client.is_err());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_left_at_the_deadline() {
    let node = Node::new(&Authorities::new());
    let (near, _far) = tokio::io::duplex(1 << 16);
    let begin = tokio::time::Instant::now();
    let refused = node.accept(near).await.unwrap_err();
    assert_eq!(refused.reason, Reason::HandshakeTimeout);
    assert_eq!(
        begin.elapsed().as_secs(),
        HandshakeLimits::default().timeout.as_secs()
    );
}

/// One byte a second is progress, and yet the deadline stands.
#[tokio::test(start_paused = true)]
async fn a_slow_client_is_left_at_the_same_deadline() {
    let node = Node::new(&Authorities::new());
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let slow = async {
        for byte in [0x16, 3, 1, 0x10, 0]
            .into_iter()
            .chain(std::iter::repeat(1))
        {
            if far.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let begin = tokio::time::Instant::now();
    let refused = tokio::select! {
        refused = node.accept(near) => refused.unwrap_err(),
        () = slow => panic!("the client gave up"),
    };
    assert_ne!(refused.reason, Reason::UnknownServerName);
    assert!(begin.elapsed() <= HandshakeLimits::default().timeout);
}

/// The second half has no deadline of its own: a client that says hello late has only the rest.
#[tokio::test(start_paused = true)]
async fn both_halves_of_the_handshake_share_the_deadline() {
    let node = Node::new(&Authorities::new());
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let mut connection = rustls::ClientConnection::new(
        std::sync::Arc::new(client().config()),
        rustls::pki_types::ServerName::try_from("open.test").unwrap(),
    )
    .unwrap();
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).unwrap();
    let half = async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        far.write_all(&hello).await.unwrap();
        // It never finishes.
        let mut rest = Vec::new();
        let _ = far.read_to_end(&mut rest).await;
    };
    let begin = tokio::time::Instant::now();
    let (refused, ()) = tokio::join!(node.accept(near), half);
    let refused = refused.unwrap_err();
    assert_eq!(refused.reason, Reason::HandshakeTimeout);
    assert_eq!(refused.server_name.unwrap().as_str(), "open.test");
    assert_eq!(begin.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_client_hello_without_end_is_refused_at_the_limit() {
    let node = Node::new(&Authorities::new());
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let limits = HandshakeLimits {
        client_hello_bytes: 8192,
        ..HandshakeLimits::default()
    };
    let endless = async {
        // Records of 4 KiB that carry a ClientHello of 60 KiB.
        let mut first = vec![0x16, 3, 1, 0x10, 0, 1, 0, 0xf0, 0];
        first.resize(5 + 4096, 0);
        let _ = far.write_all(&first).await;
        let mut next = vec![0x16, 3, 1, 0x10, 0];
        next.resize(5 + 4096, 0);
        let _ = far.write_all(&next).await;
        let mut answer = Vec::new();
        far.shutdown().await.unwrap();
        far.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let (refused, answer) = tokio::join!(accept(near, |name| node.lookup(name), &limits), endless);
    assert!(matches!(
        refused.unwrap_err().fault,
        HandshakeFault::ClientHelloTooLarge { limit: 8192 }
    ));
    assert_eq!(answer[6], u8::from(AlertDescription::DecodeError));
}

#[tokio::test]
async fn what_is_no_tls_is_refused() {
    let node = Node::new(&Authorities::new());
    let (near, mut far) = tokio::io::duplex(1 << 16);
    far.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .await
        .unwrap();
    far.shutdown().await.unwrap();
    let refused = node.accept(near).await.unwrap_err();
    assert_eq!(refused.reason, Reason::HandshakeFailed);
    assert!(matches!(refused.fault, HandshakeFault::Tls(_)));
}

/// A client that sends its request at once still reads why it was refused, over a real socket.
#[tokio::test]
async fn the_alert_reaches_a_client_that_goes_on_sending() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let (socket, _) = listener.accept().await.unwrap();
        node.accept(socket).await.unwrap_err()
    };
    let late = authorities
        .a
        .client("late")
        .expired(countersign_testkit::NOW)
        .issue();
    let client = async {
        let socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(
            client().tls13().presenting(&late).config(),
        ));
        let name = rustls::pki_types::ServerName::try_from("a.test").unwrap();
        let mut stream = connector.connect(name, socket).await.unwrap();
        let _ = stream.write_all(&[b'x'; 16 * 1024]).await;
        let _ = stream.flush().await;
        stream.read_to_end(&mut Vec::new()).await.unwrap_err()
    };
    let (refused, error) = tokio::join!(server, client);
    assert_eq!(refused.reason, Reason::Expired);
    assert_eq!(alert(&error), Some(AlertDescription::CertificateExpired));
}

/// 100 000 of them wait at a time.
#[tokio::test]
async fn a_handshake_in_progress_is_small() {
    let node = Node::new(&Authorities::new());
    let (near, _far) = tokio::io::duplex(64);
    let limits = HandshakeLimits::default();
    let future = accept(near, |name| node.lookup(name), &limits);
    let size = std::mem::size_of_val(&future);
    assert!(size < 5 * 1024, "{size}");
}
