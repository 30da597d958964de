//! The client and the origin, proven against each other and against OpenSSL's certificates.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use countersign_testkit::{
    KeyKind, Origin, Pki, TlsClient,
    client::{AlertDescription, HttpClient, Split, alert, body, body_with_trailers},
    origin::Reaction,
};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::{io::AsyncReadExt, io::AsyncWriteExt, net::TcpStream};

struct Setting {
    root: countersign_testkit::Ca,
    origin: Origin,
}

/// A mutual TLS origin for `a.test` whose clients and own certificate come from one root.
async fn mutual() -> Setting {
    let root = Pki::new().root("Demo Root");
    let server = root.intermediate("Servers").server(["a.test"]).issue();
    let origin = Origin::builder().mutual_tls(&server, &root).start().await;
    Setting { root, origin }
}

#[tokio::test]
async fn the_origin_says_what_it_received_over_both_versions_of_http() {
    let Setting { root, origin } = mutual().await;
    let alice = root.intermediate("Clients").client("alice").issue();
    for (alpn, version) in [("http/1.1", "HTTP/1.1"), ("h2", "HTTP/2.0")] {
        let client = TlsClient::new("a.test")
            .trusting(&root)
            .presenting(&alice)
            .alpn(&[alpn]);
        let connection = client.connect(origin.address()).await.unwrap();
        assert_eq!(connection.alpn().as_deref(), Some(alpn));
        assert_eq!(connection.server_chain().len(), 2);
        let mut http = connection.http().await.unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-late", "yes".parse().unwrap());
        let request = Request::post("/a/../b?c=%2F")
            .header("x-one", "1")
            .header("x-one", "2")
            .header("trailer", "x-late")
            .body(body_with_trailers("hello", trailers))
            .unwrap();
        let echo = http.send(request).await.unwrap().json();
        assert_eq!(echo["method"], "POST");
        assert_eq!(echo["version"], version);
        assert_eq!(echo["body"], "hello");
        assert_eq!(echo["client_chain_length"], 2);
        let received = origin.last();
        assert!(
            received.target.ends_with("/a/../b?c=%2F"),
            "{}",
            received.target
        );
        assert_eq!(received.header("x-one"), ["1", "2"]);
        assert_eq!(received.trailers, [("x-late".to_owned(), "yes".to_owned())]);
        assert_eq!(received.client_chain, alice.chain_der());
    }
    assert_eq!(origin.received().len(), 2);
}

#[tokio::test]
async fn a_refused_client_sees_the_alert() {
    let Setting { root, origin } = mutual().await;
    let stranger = Pki::new().root("Elsewhere").client("mallory").issue();
    let anonymous = TlsClient::new("a.test").trusting(&root);
    let presenting = anonymous.clone().presenting(&stranger);
    for (client, expected) in [
        (
            anonymous.clone().tls13(),
            AlertDescription::CertificateRequired,
        ),
        (presenting.clone().tls13(), AlertDescription::UnknownCA),
    ] {
        let mut connection = client.connect(origin.address()).await.unwrap();
        let error = connection
            .exchange(b"GET / HTTP/1.1\r\n\r\n")
            .await
            .unwrap_err();
        assert_eq!(alert(&error), Some(expected));
    }
    let error = presenting
        .tls12()
        .connect(origin.address())
        .await
        .unwrap_err();
    assert_eq!(alert(&error), Some(AlertDescription::UnknownCA));
    let seen = anonymous.last_certificate_request().unwrap();
    assert_eq!(seen.authorities, [root.subject_der()]);
    assert_eq!(origin.failed_handshakes().len(), 3);
}

#[tokio::test]
async fn clients_with_every_kind_of_key_can_prove_it() {
    let Setting { root, origin } = mutual().await;
    for kind in [
        KeyKind::Ed25519,
        KeyKind::MlDsa44,
        KeyKind::MlDsa65,
        KeyKind::MlDsa87,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Rsa2048,
    ] {
        let alice = root.client("alice").key_kind(kind).issue();
        let client = TlsClient::new("a.test").trusting(&root).presenting(&alice);
        let connection = client.connect(origin.address()).await.unwrap();
        let mut http = connection.http().await.unwrap();
        let status = http.get("/").await.map(|response| response.status);
        assert_eq!(status.ok(), Some(StatusCode::OK), "{kind:?}");
    }
}

#[tokio::test]
async fn sessions_are_counted_and_resumed() {
    let Setting { root, origin } = mutual().await;
    let alice = root.client("alice").issue();
    let client = TlsClient::new("a.test").trusting(&root).presenting(&alice);
    for client in [client.clone().tls12(), client.tls13()] {
        let client = client.with_fresh_sessions();
        for expected in [false, true] {
            let connection = client.connect(origin.address()).await.unwrap();
            assert_eq!(connection.resumed(), expected, "{client:?}");
            let mut http = connection.http().await.unwrap();
            assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        }
        assert!(client.sessions().received() >= 1);
        assert_eq!(client.sessions().offered(), 1);
        let other = client.clone().with_fresh_sessions();
        assert!(!other.connect(origin.address()).await.unwrap().resumed());
    }
}

#[tokio::test]
async fn a_client_hello_in_pieces_is_still_a_client_hello() {
    let Setting { root, origin } = mutual().await;
    let alice = root.client("alice").issue();
    let client = TlsClient::new("a.test").trusting(&root).presenting(&alice);
    for size in [1, 7, 100] {
        let stream = TcpStream::connect(origin.address()).await.unwrap();
        let split = Split::new(stream)
            .first_record_in_records_of(size)
            .cut_at([0, 1, 5, 6, 40]);
        let connection = client.handshake(split).await.unwrap();
        assert_eq!(
            connection
                .http()
                .await
                .unwrap()
                .get("/")
                .await
                .unwrap()
                .status,
            200
        );
    }
}

/// What a client writes first, with every write kept apart.
async fn first_writes(
    client: &TlsClient,
    wrap: impl FnOnce(tokio::io::DuplexStream) -> Split<tokio::io::DuplexStream>,
) -> Vec<Vec<u8>> {
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let handshake = client.handshake(wrap(ours));
    let read = async {
        let mut writes = Vec::new();
        let mut buffer = [0; 1 << 16];
        for _ in 0..3 {
            let count = theirs.read(&mut buffer).await.unwrap();
            writes.push(buffer[..count].to_vec());
        }
        writes
    };
    tokio::select! {
        biased;
        _ = handshake => panic!("a handshake without a server"),
        writes = read => writes,
    }
}

#[tokio::test]
async fn the_split_stream_cuts_where_it_was_told_to() {
    let client = TlsClient::new("A.Test");
    let writes = first_writes(&client, |stream| Split::new(stream).cut_at([3, 10])).await;
    assert_eq!(
        writes.iter().map(Vec::len).take(2).collect::<Vec<_>>(),
        [3, 7]
    );
    let whole = writes.concat();
    // The name goes out as it was written, although rustls's own server would show it in lower case.
    assert!(whole.windows(6).any(|window| window == b"A.Test"));
    let unnamed = client.without_sni();
    let writes = first_writes(&unnamed, |stream| {
        Split::new(stream)
            .first_record_in_records_of(4)
            .cut_at([9, 18])
    })
    .await;
    assert_eq!(writes[0][..5], [0x16, 3, 1, 0, 4]);
    assert_eq!(writes[1][..5], [0x16, 3, 1, 0, 4]);
    assert!(!writes.concat().windows(6).any(|window| window == b"A.Test"));
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_or_an_expired_one_is_refused() {
    let Setting { origin, root } = mutual().await;
    let other = Pki::new().root("Elsewhere");
    let client = TlsClient::new("a.test").trusting(&other);
    assert!(client.connect(origin.address()).await.is_err());
    let later = TlsClient::new("a.test").trusting(&root).at(4_000_000_000);
    let error = later.connect(origin.address()).await.unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
    let wrong_name = TlsClient::new("b.test").trusting(&root);
    assert!(wrong_name.connect(origin.address()).await.is_err());
}

#[tokio::test]
async fn the_origin_keeps_raw_bytes_and_reacts_as_told() {
    let origin = Origin::builder()
        .answer(|received| match received.target.as_str() {
            "/teapot" => Reaction::Respond(
                Response::builder()
                    .status(418)
                    .body("short and stout".into())
                    .unwrap(),
            ),
            "/close" => Reaction::Close,
            _ => Reaction::Echo,
        })
        .start()
        .await;
    let mut raw = TcpStream::connect(origin.address()).await.unwrap();
    let request = b"GET /x HTTP/1.1\r\nHoSt: a\r\nX_Odd: 1\r\nConnection: close\r\n\r\n";
    raw.write_all(request).await.unwrap();
    raw.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(origin.bytes_of(0), request);
    assert_eq!(origin.last().header("x_odd"), ["1"]);

    let stream = TcpStream::connect(origin.address()).await.unwrap();
    let mut http = HttpClient::http1(stream, "a.test").await.unwrap();
    assert_eq!(http.get("/teapot").await.unwrap().text(), "short and stout");
    assert_eq!(origin.last().header("host"), ["a.test"]);
    assert!(http.get("/close").await.is_err());
    assert!(http.closed().await.is_ok());
    assert_eq!(origin.wait_for(3).await.len(), 3);
}

#[tokio::test]
async fn an_upgraded_connection_echoes_bytes() {
    let origin = Origin::start().await;
    let stream = TcpStream::connect(origin.address()).await.unwrap();
    let mut http = HttpClient::http1(stream, "a.test").await.unwrap();
    let request = Request::get("/")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .body(body(""))
        .unwrap();
    let response = http.begin(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut stream = hyper_util::rt::TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    stream.write_all(b"ping").await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"ping");
}
