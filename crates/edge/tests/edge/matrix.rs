//! Invariant I2 as a table: the same client and the same request get the same decision over every protocol, fresh and resumed.

use bytes::Bytes;
use countersign_snapshot::{
    Binding, ClientAuthMode, Origin, OriginScheme, ProxyProtocol, Snapshot,
};
use countersign_testkit::NOW;
use countersign_testkit::client::{TlsClient, body};
use countersign_testkit::ocsp::Status;
use countersign_trust::{RevocationMode, RevocationScope};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::ext::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::first_seen::Source;
use crate::tcp::tcp;
use crate::websocket::accept;
use crate::world::{CLIENTS, World};

/// What a client is told: the reason of a refusal, or that it is let in.
const LET_IN: &str = "let in";

/// An origin for all of them: it agrees to every WebSocket, and answers everything else with 200.
async fn origin() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else {
                        return;
                    };
                    head.push(byte);
                }
                let head = String::from_utf8(head).unwrap();
                let key = head
                    .lines()
                    .find_map(|line| line.strip_prefix("sec-websocket-key: "));
                let answer = match key {
                    Some(key) => format!(
                        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                        accept(key)
                    ),
                    None => "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
                        .to_owned(),
                };
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    port
}

/// `a.test` with HTTP, `b.test` with bytes, under the same policy.
async fn world() -> World {
    let world = World::empty().await;
    let port = origin().await;
    let mut http = world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS]);
    let mut bytes = Binding {
        service: tcp(ProxyProtocol::Off),
        origin: "bytes".parse().unwrap(),
        ..world.binding("b", &["b.test"], ClientAuthMode::Request, &[CLIENTS])
    };
    bytes.rules = bytes.rules.replace("\"main\"", "\"bytes\"");
    for binding in [&mut http, &mut bytes] {
        binding.client_auth.policy.revocation.mode = RevocationMode::Prefer;
        binding.client_auth.policy.revocation.scope = RevocationScope::Leaf;
    }
    let edit = |snapshot: &mut Snapshot| {
        snapshot.origins[0].endpoints[0].port = port;
        let bytes = Origin {
            id: "bytes".parse().unwrap(),
            scheme: OriginScheme::Tcp,
            ..snapshot.origins[0].clone()
        };
        snapshot.origins.push(bytes);
    };
    world.activate_with(&[http, bytes], edit).await;
    world
}

fn told(status: StatusCode, body: &[u8]) -> String {
    if is_let_in(status) {
        return LET_IN.to_owned();
    }
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap();
    problem["reason"].as_str().unwrap().to_owned()
}

/// Opens a connection and asks once; gives what the client is told, and whether the session was resumed where that can be seen.
async fn ask(world: &World, over: &str, client: &TlsClient, path: &str) -> (String, Option<bool>) {
    let alpn = match over {
        "h2" | "websocket over h2" => "h2",
        "h3" => "h3",
        _ => "http/1.1",
    };
    let client = client.clone().alpn(&[alpn]);
    if over == "h3" {
        let quic = client.quic(world.quic_addr()).await.unwrap();
        let response = quic.http3().await.unwrap().get(path).await.unwrap();
        return (told(response.status, &response.body), None);
    }
    if over == "tcp" {
        let mut connection = world.connect(&client.for_server("b.test").alpn(&[])).await;
        let port = connection.stream.get_ref().0.local_addr().unwrap().port();
        let resumed = connection.resumed();
        let answer = connection.exchange(b"GET / HTTP/1.1\r\n\r\n").await;
        if answer.unwrap().starts_with(b"HTTP/1.1 200") {
            return (LET_IN.to_owned(), Some(resumed));
        }
        drop(connection);
        let record = world
            .record("the refused connection", |record| {
                record["event"] == "connection" && record["client_port"] == port
            })
            .await;
        return (record["reason"].as_str().unwrap().to_owned(), Some(resumed));
    }
    let connection = world.connect(&client).await;
    let resumed = connection.resumed();
    let mut http = connection.http().await.unwrap();
    let request = match over {
        "websocket" => Request::get(path)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-version", "13"),
        "websocket over h2" => {
            // The extension may be used once the server's settings came.
            http.get("/open/").await.unwrap();
            Request::builder()
                .method(Method::CONNECT)
                .uri(format!("https://a.test{path}"))
                .extension(Protocol::from_static("websocket"))
                .header("sec-websocket-version", "13")
        }
        _ => Request::get(path),
    };
    let request = request.body(body(Bytes::new())).unwrap();
    let response = http.begin(request).await.unwrap();
    let status = response.status();
    let content = if is_let_in(status) {
        Bytes::new()
    } else {
        response.into_body().collect().await.unwrap().to_bytes()
    };
    (told(status, &content), Some(resumed))
}

fn is_let_in(status: StatusCode) -> bool {
    status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_client_and_request_get_the_same_decision_over_every_protocol_fresh_and_resumed() {
    let world = world().await;
    let source = Source::hand_to(&world);
    let revoked = world.clients.client("revoked").issue();
    source.says(&revoked, Status::Revoked);
    let clients = [
        ("nobody", None, "missing"),
        ("alice", Some(world.alice()), LET_IN),
        (
            "a stranger",
            Some(world.others.client("mallory").issue()),
            "unknown_issuer",
        ),
        (
            "one whose time is over",
            Some(world.clients.client("old").expired(NOW).issue()),
            "expired",
        ),
        (
            "one whose time has not come",
            Some(world.clients.client("new").not_yet_valid(NOW).issue()),
            "not_yet_valid",
        ),
        // Threat C3.2.
        ("one whose CA says so", Some(revoked), "revoked"),
    ];
    const HTTP: [&str; 5] = ["h1", "h2", "h3", "websocket", "websocket over h2"];
    for (who, credential, expected) in clients {
        let client = match &credential {
            Some(credential) => world.client("a.test").presenting(credential),
            None => world.client("a.test"),
        };
        // Bytes that are passed on are asked about once, as a request for `/` is.
        let expected_of_client = expected;
        // Whoever has no valid certificate hears of that first.
        let denied = if expected == LET_IN {
            "denied_by_rule"
        } else {
            expected
        };
        let requests = [("/", expected), ("/open/x", LET_IN), ("/denied/x", denied)];
        let http = HTTP
            .iter()
            .flat_map(|over| requests.map(|(path, expected)| (*over, path, expected)));
        for (over, path, expected) in http.chain([("tcp", "/", expected)]) {
            let client = client.clone().with_fresh_sessions();
            for session in ["fresh", "resumed"] {
                let (told, resumed) = ask(&world, over, &client, path).await;
                assert_eq!(told, expected, "{who}, {over}, {path}, {session}");
                // A session ends with its certificate: that of one whose time is over, or who is revoked, is not taken up again.
                let may_resume =
                    !matches!(expected_of_client, "expired" | "not_yet_valid" | "revoked");
                if let Some(resumed) = resumed.filter(|_| may_resume) {
                    assert_eq!(resumed, session == "resumed", "{who}, {over}, {path}");
                }
            }
        }
    }
}
