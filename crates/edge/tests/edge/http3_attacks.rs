//! What attackers do over QUIC, and what it does not do to others (threats C5.3 to C5.5; invariant I7).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_edge::Limits;
use countersign_testkit::client::{QuicConnection, TlsClient, body};
use countersign_testkit::origin::Reaction;
use countersign_testkit::{Origin, wait};
use http::{Request, StatusCode};
use quinn::{ConnectionError, ReadToEndError, VarInt, WriteError};
use tokio::net::UdpSocket;

use crate::floods::from_elsewhere;
use crate::world::World;

const H3_EXCESSIVE_LOAD: u32 = 0x107;
const H3_MESSAGE_ERROR: u32 = 0x10e;

const DATA: u64 = 0;
const HEADERS: u64 = 1;
const SETTINGS: u64 = 4;

async fn limited(limits: fn(&mut Limits)) -> World {
    let world = World::with(limits, Origin::start().await).await;
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    world
}

fn client(world: &World) -> TlsClient {
    world.client("open.test").alpn(&["h3"])
}

/// A client that speaks QUIC, and HTTP/3 as it likes.
async fn raw(world: &World) -> QuicConnection {
    client(world).quic(world.quic_addr()).await.unwrap()
}

/// RFC 9000 §16.
fn variable_length(value: u64) -> Vec<u8> {
    match value {
        0..0x40 => vec![value as u8],
        0x40..0x4000 => (value as u16 | 0x4000).to_be_bytes().to_vec(),
        0x4000..0x4000_0000 => (value as u32 | 0x8000_0000).to_be_bytes().to_vec(),
        _ => (value | 0xc000_0000_0000_0000).to_be_bytes().to_vec(),
    }
}

fn declared(kind: u64, length: usize) -> Vec<u8> {
    [variable_length(kind), variable_length(length as u64)].concat()
}

fn frame(kind: u64, payload: &[u8]) -> Vec<u8> {
    [declared(kind, payload.len()), payload.to_vec()].concat()
}

/// RFC 9204 §4.5: no dynamic table; literal names and values.
fn field_section(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut section = vec![0, 0];
    for (name, value) in fields {
        // §4.5.6: a literal name of up to 6 octets in the first octet, longer ones with a continuation (RFC 7541 §5.1).
        match name.len() {
            length @ 0..7 => section.push(0x20 | length as u8),
            length => section.extend([0x27, (length - 7) as u8]),
        }
        section.extend(name.as_bytes());
        match value.len() {
            length @ 0..127 => section.push(length as u8),
            _ => panic!("a long value"),
        }
        section.extend(value.as_bytes());
    }
    section
}

fn get(extra: &[(&str, &str)]) -> Vec<u8> {
    post("GET", extra)
}

fn post(method: &str, extra: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = vec![
        (":method", method),
        (":scheme", "https"),
        (":authority", "open.test"),
        (":path", "/"),
    ];
    fields.extend(extra);
    field_section(&fields)
}

/// What the server says on a request stream after these bytes, which end it.
async fn ask(connection: &QuicConnection, bytes: &[u8]) -> Result<Vec<u8>, ReadToEndError> {
    let (mut send, mut receive) = connection.quic.open_bi().await.unwrap();
    // It may be stopped before it has everything.
    let _ = send.write_all(bytes).await;
    let _ = send.finish();
    receive.read_to_end(1 << 20).await
}

#[track_caller]
fn assert_reset(answer: Result<Vec<u8>, ReadToEndError>, code: u32) {
    let Err(ReadToEndError::Read(quinn::ReadError::Reset(actual))) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(actual, VarInt::from_u32(code));
}

/// Others are served as if nothing had happened.
async fn others_are_served(world: &World) {
    let mut http = world.http3("open.test", None).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn the_raw_client_can_speak_at_all() {
    let world = limited(|_| {}).await;
    let connection = raw(&world).await;
    let answer = ask(&connection, &frame(HEADERS, &get(&[]))).await.unwrap();
    assert!(answer.starts_with(&[1]), "HEADERS come first");
    assert_eq!(world.origin.received().len(), 1);
}

/// h3 0.0.8 panics in `HeaderMap` on more than 24,576 fields; here a frame of 175 KB never reaches it.
#[tokio::test]
async fn a_head_of_thirty_thousand_fields_is_refused_by_its_length() {
    let world = limited(|_| {}).await;
    let connection = raw(&world).await;
    let names: Vec<String> = (0..30_000).map(|n| format!("{n:05}")).collect();
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let section = get(&fields);
    assert!(section.len() > 175_000);
    assert_reset(
        ask(&connection, &frame(HEADERS, &section)).await,
        H3_EXCESSIVE_LOAD,
    );
    // The connection goes on.
    assert!(ask(&connection, &frame(HEADERS, &get(&[]))).await.is_ok());
    assert_eq!(world.origin.received().len(), 1);
    let record = world
        .record("the refusal", |record| {
            record["event"] == "request_unreadable"
        })
        .await;
    assert_eq!(record["reason"], "request_too_large");
}

/// The same within the length of a frame: each octet is a whole field of the static table (RFC 9204 §4.5.2).
#[tokio::test]
async fn a_head_that_grows_when_it_is_decoded_is_refused() {
    let world = limited(|_| {}).await;
    let connection = raw(&world).await;
    for count in [2_500, 30_000, 60_000] {
        let mut section = get(&[]);
        section.extend(std::iter::repeat_n(0xc0 | 29, count));
        // The engine answers 431 by itself.
        assert!(ask(&connection, &frame(HEADERS, &section)).await.is_ok());
    }
    wait::until_async("three refusals", async || {
        let records = world.records().await;
        let refused = records
            .iter()
            .filter(|record| record["reason"] == "request_too_large");
        if refused.count() == 3 {
            Ok(())
        } else {
            Err(records)
        }
    })
    .await;
    assert_eq!(world.origin.connections(), 0);
    others_are_served(&world).await;
}

/// Threat C5.3: we announce no dynamic table (RFC 9204 §3.2.3), so that a head can refer to none and wait for none.
#[tokio::test]
async fn a_head_that_refers_to_a_dynamic_table_is_refused_at_once() {
    let world = limited(|_| {}).await;
    let connection = raw(&world).await;
    // §4.5.1: a required insert count of 1; §4.5.2: field 0 of the dynamic table.
    let answer = ask(&connection, &frame(HEADERS, &[2, 0, 0x80])).await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(world.origin.connections(), 0);
    others_are_served(&world).await;
}

/// Threat C5.3: QPACK's instructions, and streams of kinds that mean nothing, are not kept however much comes.
#[tokio::test]
async fn streams_beside_the_requests_hold_no_memory() {
    const PUSH: u64 = 1;
    const QPACK_ENCODER: u64 = 2;
    const QPACK_DECODER: u64 = 3;
    const RESERVED: u64 = 0x21;
    // RFC 9204 §4.3.3: the insertion of a field without a name or a value.
    const INSERTION: u8 = 0x40;
    let world = limited(|_| {}).await;
    for kind in [PUSH, QPACK_ENCODER, QPACK_DECODER, RESERVED] {
        let connection = raw(&world).await;
        let mut stream = connection.quic.open_uni().await.unwrap();
        stream.write_all(&variable_length(kind)).await.unwrap();
        let mut taken = 0;
        // A stream that takes no more is as good as one that was stopped.
        while let Ok(Ok(written)) =
            tokio::time::timeout(Duration::from_secs(1), stream.write(&[INSERTION; 65_536])).await
        {
            taken += written;
            assert!(taken < 4 << 20, "{taken} bytes of kind {kind}");
        }
    }
    others_are_served(&world).await;
}

#[tokio::test]
async fn many_small_headers_are_refused_with_431() {
    let world = limited(|_| {}).await;
    let mut http = world.http3("open.test", None).await;
    let mut request = Request::get("/");
    for n in 0..150 {
        request = request.header(format!("x-{n}"), "1");
    }
    let response = http
        .send(request.body(body(Bytes::new())).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
}

/// h3 0.0.8 keeps any frame that is not DATA in memory until it is whole: 72 MiB took 21 seconds and 76 MiB.
#[tokio::test]
async fn a_huge_head_is_refused_by_its_declared_length() {
    let world = limited(|_| {}).await;
    let connection = raw(&world).await;
    let (mut send, mut receive) = connection.quic.open_bi().await.unwrap();
    let began = Instant::now();
    send.write_all(&declared(HEADERS, 72 << 20)).await.unwrap();
    // Nothing of the 72 MiB is read: the stream is stopped at once.
    let stopped = async {
        loop {
            match send.write(&[0; 65_536]).await {
                Ok(_) => {}
                Err(WriteError::Stopped(code)) => break code,
                Err(error) => panic!("{error}"),
            }
        }
    };
    assert_eq!(stopped.await, VarInt::from_u32(H3_EXCESSIVE_LOAD));
    assert!(receive.read_to_end(100).await.is_err());
    let received = connection.quic.stats().udp_tx.bytes;
    assert!(received < 2 << 20, "{received} bytes were taken");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    others_are_served(&world).await;
}

/// The same frame by frame on the control stream ends the connection.
#[tokio::test]
async fn a_huge_settings_frame_ends_the_connection() {
    let world = limited(|_| {}).await;
    for kind in [SETTINGS, 0x21] {
        let connection = raw(&world).await;
        let mut control = connection.quic.open_uni().await.unwrap();
        control.write_all(&[0]).await.unwrap();
        control.write_all(&frame(SETTINGS, &[])).await.unwrap();
        control.write_all(&declared(kind, 72 << 20)).await.unwrap();
        let closed = connection.quic.closed().await;
        assert!(
            matches!(closed, ConnectionError::ApplicationClosed(_)),
            "{closed:?}"
        );
    }
    others_are_served(&world).await;
}

/// h3 0.0.8 takes a DATA frame of which nothing came for the end of the body, and panics when it looks for trailers.
#[tokio::test]
async fn a_body_that_ends_inside_a_frame_is_no_body() {
    let world = limited(|_| {}).await;
    let connection = raw(&world).await;
    for rest in [&b""[..], b"abc"] {
        for fields in [&[("content-length", "10")][..], &[]] {
            let bytes = [
                frame(HEADERS, &post("POST", fields)),
                declared(DATA, 10),
                rest.to_vec(),
            ]
            .concat();
            let answer = ask(&connection, &bytes).await;
            // Either there was no time to answer, or the answer says that the request is malformed.
            if let Ok(answer) = answer {
                assert!(
                    String::from_utf8_lossy(&answer).contains("malformed_request"),
                    "{answer:?}"
                );
            }
        }
    }
    assert!(
        world
            .origin
            .received()
            .iter()
            .all(|received| received.body.is_empty() || received.body == "abc")
    );
    let complete = world
        .records()
        .await
        .iter()
        .filter(|record| record["status"] == 200)
        .count();
    assert_eq!(complete, 0);
    others_are_served(&world).await;
}

/// RFC 9114 §4.1.2; threat C5.2: what the length says and what comes must be the same.
#[tokio::test]
async fn a_body_of_another_length_than_declared_is_malformed() {
    let world = limited(|_| {}).await;
    let connection = raw(&world).await;
    for (length, content) in [("3", "too long"), ("30", "too short"), ("1", "")] {
        let head = frame(HEADERS, &post("POST", &[("content-length", length)]));
        let bytes = [head, frame(DATA, content.as_bytes())].concat();
        if let Ok(answer) = ask(&connection, &bytes).await {
            assert!(
                String::from_utf8_lossy(&answer).contains("malformed_request"),
                "{answer:?}"
            );
        }
    }
    let served = world
        .records()
        .await
        .iter()
        .filter(|record| record["status"] == 200)
        .count();
    assert_eq!(served, 0);
    others_are_served(&world).await;
}

/// An empty DATA frame in the middle is nothing: the body is whole.
#[tokio::test]
async fn an_empty_data_frame_does_not_end_a_body() {
    let world = limited(|_| {}).await;
    let connection = raw(&world).await;
    let head = frame(HEADERS, &post("POST", &[]));
    let bytes = [
        head,
        frame(DATA, b"first "),
        frame(DATA, b""),
        frame(0x21, b"?"),
        frame(DATA, b"second"),
    ]
    .concat();
    ask(&connection, &bytes).await.unwrap();
    assert_eq!(world.origin.last().body, "first second");
}

/// RFC 9114 §4.2 and §4.3; threat C5.2.
#[tokio::test]
async fn heads_that_other_versions_would_read_otherwise_are_malformed() {
    let world = limited(|_| {}).await;
    let connection = raw(&world).await;
    for extra in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("keep-alive", "1"),
        ("proxy-connection", "x"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("Upper", "case"),
        ("x-split", "a\r\nx: b"),
        ("x-null", "a\0b"),
        ("host", "other.test"),
        (":unknown", "x"),
    ] {
        let answer = ask(&connection, &frame(HEADERS, &get(&[extra]))).await;
        assert!(answer.is_err(), "{extra:?}");
    }
    assert_reset(
        ask(&connection, &frame(HEADERS, &get(&[("te", "gzip")]))).await,
        H3_MESSAGE_ERROR,
    );
    let two_lengths = get(&[("content-length", "1"), ("content-length", "2")]);
    let answer = ask(&connection, &frame(HEADERS, &two_lengths)).await;
    assert!(!answer.is_ok_and(|answer| answer.is_empty()));
    assert_eq!(world.origin.connections(), 0);
}

#[tokio::test]
async fn a_head_that_does_not_end_is_given_up() {
    let world = limited(|limits| limits.request_head = Duration::from_millis(100)).await;
    let connection = raw(&world).await;
    let (mut send, mut receive) = connection.quic.open_bi().await.unwrap();
    send.write_all(&declared(HEADERS, 1000)).await.unwrap();
    assert!(receive.read_to_end(100).await.is_err());
    assert!(send.stopped().await.unwrap().is_some());
    assert!(ask(&connection, &frame(HEADERS, &get(&[]))).await.is_ok());
}

#[tokio::test]
async fn a_body_that_stops_is_given_up() {
    let world = limited(|limits| limits.request_body_idle = Duration::from_millis(100)).await;
    let connection = raw(&world).await;
    let (mut send, mut receive) = connection.quic.open_bi().await.unwrap();
    let head = frame(HEADERS, &post("POST", &[("content-length", "10")]));
    send.write_all(&[head, declared(DATA, 10), b"abc".to_vec()].concat())
        .await
        .unwrap();
    let _ = receive.read_to_end(10_000).await;
    let record = world
        .record("the request", |record| record["event"] == "request")
        .await;
    assert_eq!(record["status"], 408);
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go() {
    let world = limited(|limits| limits.idle_connection = Duration::from_millis(200)).await;
    let mut http = world.http3("open.test", None).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    assert!(http.closed().await.is_h3_no_error());
}

/// CVE-2023-44487: requests that are taken back at once cost their sender the connection, and nobody else anything.
#[tokio::test]
async fn a_client_that_takes_requests_back_without_end_loses_its_connection() {
    let origin = Origin::builder()
        .answer(|received| {
            if received.target == "/" {
                Reaction::Echo
            } else {
                Reaction::Silence
            }
        })
        .start()
        .await;
    let world = World::with(|limits| limits.resets_per_connection = 16, origin).await;
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    let connection = raw(&world).await;
    let head = frame(
        HEADERS,
        &field_section(&[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "open.test"),
            (":path", "/silent"),
        ]),
    );
    let flood = async {
        while let Ok((mut send, mut receive)) = connection.quic.open_bi().await {
            let _ = send.write_all(&head).await;
            let _ = send.reset(VarInt::from_u32(0x10c));
            let _ = receive.stop(VarInt::from_u32(0x10c));
        }
    };
    tokio::time::timeout(wait::PATIENCE, flood).await.unwrap();
    let ConnectionError::ApplicationClosed(close) = connection.quic.closed().await else {
        panic!()
    };
    assert_eq!(close.error_code, VarInt::from_u32(H3_EXCESSIVE_LOAD));
    others_are_served(&world).await;
}

/// Half a response never looks like a whole one.
#[tokio::test]
async fn a_response_that_breaks_off_at_the_origin_is_reset() {
    let world = limited(|_| {}).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
                .await;
        }
    });
    world
        .activate_with(&[world.open_binding("open", &["open.test"])], |snapshot| {
            snapshot.origins[0].endpoints[0].port = address.port();
        })
        .await;
    let mut http = world.http3("open.test", None).await;
    assert!(http.get("/").await.is_err());
}

/// The first datagram of a client: half a ClientHello, since the hybrid key share needs two.
async fn first_datagram(world: &World) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let client = client(world);
    let address = socket.local_addr().unwrap();
    let connecting = tokio::spawn(async move { client.quic(address).await });
    let mut datagram = vec![0; 2048];
    let (length, _) = socket.recv_from(&mut datagram).await.unwrap();
    connecting.abort();
    datagram.truncate(length);
    datagram
}

async fn send_from_anywhere(server: SocketAddr, datagram: &[u8]) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(datagram, server).await.unwrap();
    socket
}

/// Threat C5.4: packets that are no packets, or broken ones.
#[tokio::test]
async fn garbage_does_no_harm() {
    let world = limited(|_| {}).await;
    let server = world.quic_addr();
    let real = first_datagram(&world).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for length in [0, 1, 2, 7, 20, 21, 1199, 1200, 1472, 4000] {
        for first in [0x00, 0x40, 0x80, 0xc0, 0xc3, 0xd0, 0xe0, 0xf0, 0xff] {
            let mut datagram: Vec<u8> = (0..length).map(|_| next() as u8).collect();
            if let [kind, a, b, c, d, ..] = datagram.as_mut_slice() {
                *kind = first;
                [*a, *b, *c, *d] = [0, 0, 0, 1];
            }
            let _ = socket.send_to(&datagram, server).await;
        }
    }
    for _ in 0..500 {
        let mut broken = real.clone();
        let at = next() as usize % broken.len();
        broken[at] ^= 1 << (next() % 8);
        socket.send_to(&broken, server).await.unwrap();
        let _ = socket.send_to(&real[..at], server).await;
    }
    for version in [0_u32, 2, 0x6b33_43cf, 0xff00_001d, 0x0a0a_0a0a] {
        let mut other = real.clone();
        other[1..5].copy_from_slice(&version.to_be_bytes());
        socket.send_to(&other, server).await.unwrap();
    }
    others_are_served(&world).await;
}

/// RFC 9000 §8.1.2: when handshakes pile up, clients have to show that they are where they say; real ones do.
#[tokio::test]
async fn clients_prove_their_address_when_handshakes_pile_up() {
    // One handshake for addresses that are not proven.
    let world = limited(|limits| limits.handshakes = 8).await;
    let server = world.quic_addr();
    let _first = send_from_anywhere(server, &first_datagram(&world).await).await;
    let is_retry = wait::until_async("a Retry packet", async || {
        let other = send_from_anywhere(server, &first_datagram(&world).await).await;
        let mut answer = [0; 2048];
        let (length, _) = other.recv_from(&mut answer).await.unwrap();
        // RFC 9000 §17.2.5: long header, type 3.
        let kind = answer[0] & 0xf0;
        assert!(length < 1200 * 3, "no amplification");
        if kind == 0xf0 { Ok(true) } else { Err(kind) }
    })
    .await;
    assert!(is_retry);
    others_are_served(&world).await;
    assert_eq!(
        world
            .records()
            .await
            .iter()
            .filter(|record| record["event"] == "handshake_refused")
            .count(),
        0
    );
}

/// A client that gets the Retry and nothing after it, so that its handshake goes on for ever.
struct Stalled {
    client: tokio::task::JoinHandle<()>,
    _near: std::sync::Arc<UdpSocket>,
}

impl Drop for Stalled {
    fn drop(&mut self) {
        self.client.abort();
    }
}

/// Returns when the server has answered the client's second attempt, the one with the proof of its address.
async fn stalled(world: &World) -> Stalled {
    let near = std::sync::Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    far.connect(world.quic_addr()).await.unwrap();
    let (client, address) = (client(world), near.local_addr().unwrap());
    let client = tokio::spawn(async move { drop(client.quic(address).await) });
    let (mut up, mut down) = (vec![0; 2048], vec![0; 2048]);
    let mut from = address;
    let answered = async {
        loop {
            tokio::select! {
                received = near.recv_from(&mut up) => {
                    let (length, client) = received.unwrap();
                    from = client;
                    far.send(&up[..length]).await.unwrap();
                }
                length = far.recv(&mut down) => {
                    // RFC 9000 §17.2.5: long header, type 3.
                    if down[0] & 0xf0 != 0xf0 {
                        return;
                    }
                    near.send_to(&down[..length.unwrap()], from).await.unwrap();
                }
            }
        }
    };
    tokio::time::timeout(wait::PATIENCE, answered)
        .await
        .unwrap();
    Stalled {
        client,
        _near: near,
    }
}

/// Threat C5.5: who has proven an address has its budget and no more, and others' handshakes do not count as theirs.
#[tokio::test]
async fn one_address_has_a_budget_of_handshakes_over_quic() {
    let limits = |limits: &mut Limits| {
        // One handshake for addresses that are not proven.
        limits.handshakes = 8;
        limits.handshakes_per_address = 2;
    };
    let world = limited(limits).await;
    let unproven = send_from_anywhere(world.quic_addr(), &first_datagram(&world).await).await;
    unproven.recv_from(&mut [0; 2048]).await.unwrap();
    let _held = [stalled(&world).await, stalled(&world).await];
    let refused = client(&world).quic(world.quic_addr()).await;
    assert!(
        matches!(&refused, Err(ConnectionError::ConnectionClosed(close))
            // RFC 9000 §20.1: CONNECTION_REFUSED.
            if u64::from(close.error_code) == 2),
        "{refused:?}"
    );
    let record = world
        .record("the refusal", |record| {
            record["event"] == "handshake_refused"
        })
        .await;
    assert_eq!(record["reason"], "overloaded");
}

/// Threat C5.5: places are the same ones over QUIC and over TCP, and so is who has to make room.
#[tokio::test]
async fn a_handshake_over_quic_makes_room_for_another_address() {
    let limits = |limits: &mut Limits| {
        // One handshake for addresses that are not proven.
        limits.handshakes = 4;
        limits.handshake = Duration::from_secs(300);
    };
    let world = limited(limits).await;
    let unproven = send_from_anywhere(world.quic_addr(), &first_datagram(&world).await).await;
    unproven.recv_from(&mut [0; 2048]).await.unwrap();
    let _held = [
        stalled(&world).await,
        stalled(&world).await,
        stalled(&world).await,
    ];
    let stream = from_elsewhere(&world).await;
    let connection = world.client("open.test").handshake(stream).await.unwrap();
    let mut http = connection.http().await.unwrap();
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    world
        .record("the one that made room", |record| {
            record["client_address"] == "127.0.0.1"
                && record["detail"]
                    == "too many handshakes are running, and this one made room for another address"
        })
        .await;
}

/// Threat C5.5: a handshake that does not go on has an end.
#[tokio::test]
async fn a_handshake_that_does_not_end_is_given_up_over_quic() {
    let world = limited(|limits| limits.handshake = Duration::from_millis(100)).await;
    let _held = send_from_anywhere(world.quic_addr(), &first_datagram(&world).await).await;
    world
        .record("the refusal", |record| {
            record["reason"] == "handshake_timeout"
        })
        .await;
}

/// RFC 9000 §10.3: a node that comes back tells the clients that it lost at once, instead of leaving them to their timeouts.
#[test]
fn a_restarted_node_resets_the_connections_that_it_lost() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let (first, second, clients) = (runtime(), runtime(), runtime());
    let world = first.block_on(limited(|_| {}));
    let address = world.quic_addr();
    let mut http = clients.block_on(async {
        let mut http = world.http3("open.test", None).await;
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        http
    });
    // As if it were killed: nobody says goodbye, and then nobody holds its sockets.
    first.shutdown_timeout(Duration::from_secs(2));
    second.block_on(world.edge.drain(Duration::ZERO));
    wait::until("the socket to be free", || {
        std::net::UdpSocket::bind(address).map(drop)
    });
    let edge = second.block_on(world.restart_at(address));
    assert!(edge.generation().is_some());
    let began = Instant::now();
    clients.block_on(async {
        assert!(http.get("/").await.is_err());
        assert_eq!(http.quic.closed().await, ConnectionError::Reset);
    });
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    second.shutdown_background();
}
