//! What attackers do over HTTP/2, frame by frame, and what it does not do to others (threats C5.1 to C5.3; invariant I7).

use std::time::Duration;

use countersign_edge::Limits;
use countersign_testkit::client::Connection;
use countersign_testkit::origin::Reaction;
use countersign_testkit::{Origin, wait};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const PROTOCOL_ERROR: u32 = 1;
const ENHANCE_YOUR_CALM: u32 = 11;

async fn limited(limits: fn(&mut Limits), origin: Origin) -> World {
    let world = World::with(limits, origin).await;
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    world
}

async fn silent() -> Origin {
    Origin::builder()
        .answer(|received| match received.target.as_str() {
            "/silent" => Reaction::Silence,
            _ => Reaction::Echo,
        })
        .start()
        .await
}

/// RFC 9113 §4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// RFC 7541 §6.2.2: a literal without indexing, name and value as they are.
fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let text = |bytes: &[u8]| {
        assert!(bytes.len() < 127, "a long text");
        [&[bytes.len() as u8], bytes].concat()
    };
    [vec![0], text(name), text(value)].concat()
}

fn section(fields: &[(&str, &str)]) -> Vec<u8> {
    fields
        .iter()
        .flat_map(|(name, value)| literal(name.as_bytes(), value.as_bytes()))
        .collect()
}

fn get(path: &str) -> Vec<u8> {
    section(&[
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "open.test"),
        (":path", path),
    ])
}

/// A client that speaks TLS and frames, and nothing else on its own.
struct Raw {
    connection: Connection<TcpStream>,
    received: Vec<u8>,
    next: u32,
}

/// What came for a request.
#[derive(Debug, Eq, PartialEq)]
enum Answer {
    Ok,
    /// Another status than 200.
    Refused,
    Reset(u32),
    GoAway(u32),
    Closed,
}

impl Raw {
    async fn open(world: &World) -> Self {
        let client = world.client("open.test").alpn(&["h2"]);
        let mut raw = Self {
            connection: world.connect(&client).await,
            received: Vec::new(),
            next: 1,
        };
        raw.send(
            &[
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                frame(SETTINGS, 0, 0, &[]).as_slice(),
            ]
            .concat(),
        )
        .await;
        raw
    }

    /// Whether the server still takes anything.
    async fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = async {
            self.connection.stream.write_all(bytes).await?;
            self.connection.stream.flush().await
        };
        // A server that reads no more is as good as gone.
        matches!(
            tokio::time::timeout(Duration::from_secs(5), sent).await,
            Ok(Ok(()))
        )
    }

    fn stream_id(&mut self) -> u32 {
        self.next += 2;
        self.next - 2
    }

    /// The next frame: kind, flags, stream, payload.
    async fn read(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        loop {
            if let Some((head, rest)) = self.received.split_first_chunk::<9>() {
                let [a, b, c, kind, flags, stream @ ..] = *head;
                let length = u32::from_be_bytes([0, a, b, c]) as usize;
                if rest.len() >= length {
                    let payload = rest[..length].to_vec();
                    self.received.drain(..9 + length);
                    return Some((kind, flags, u32::from_be_bytes(stream), payload));
                }
            }
            let mut bytes = [0; 16 * 1024];
            let read =
                tokio::time::timeout(wait::PATIENCE, self.connection.stream.read(&mut bytes)).await;
            match read.expect("a frame") {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.received.extend(&bytes[..length]),
            }
        }
    }

    /// Sends one request of these fields and body; says what came of it.
    async fn ask(&mut self, fields: &[u8], body: Option<&[u8]>) -> Answer {
        let stream = self.stream_id();
        let end = if body.is_none() { END_STREAM } else { 0 };
        self.send(&frame(HEADERS, END_HEADERS | end, stream, fields))
            .await;
        if let Some(body) = body {
            self.send(&frame(DATA, END_STREAM, stream, body)).await;
        }
        self.answer(stream).await
    }

    async fn answer(&mut self, wanted: u32) -> Answer {
        let code = |bytes: &[u8]| u32::from_be_bytes(bytes[..4].try_into().unwrap());
        loop {
            match self.read().await {
                None => return Answer::Closed,
                Some((GOAWAY, _, _, payload)) if code(&payload[4..]) != 0 => {
                    return Answer::GoAway(code(&payload[4..]));
                }
                Some((RST_STREAM, _, stream, payload)) if stream == wanted => {
                    return Answer::Reset(code(&payload));
                }
                Some((HEADERS, _, stream, payload)) if stream == wanted => {
                    return if status_field(&payload) == Some(INDEXED_200) {
                        Answer::Ok
                    } else {
                        Answer::Refused
                    };
                }
                Some(_) => {}
            }
        }
    }

    /// The code with which the connection ends.
    async fn end(&mut self) -> Answer {
        self.answer(u32::MAX).await
    }
}

/// RFC 7541 §6.1: the whole field `:status: 200` of the static table.
const INDEXED_200: u8 = 0x88;

/// The first octet after updates of the table's size (RFC 7541 §6.3).
fn status_field(section: &[u8]) -> Option<u8> {
    let mut octets = section.iter().copied();
    loop {
        let octet = octets.next()?;
        if octet & 0xe0 != 0x20 {
            return Some(octet);
        }
        if octet & 0x1f == 0x1f {
            octets.find(|octet| octet & 0x80 == 0)?;
        }
    }
}

async fn others_are_served(world: &World) {
    for protocol in ["http/1.1", "h2"] {
        let client = world.client("open.test").alpn(&[protocol]);
        let mut http = world.connect(&client).await.http().await.unwrap();
        let response = tokio::time::timeout(wait::PATIENCE, http.get("/")).await;
        assert_eq!(response.unwrap().unwrap().status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_raw_client_can_speak_http2_at_all() {
    let world = World::open().await;
    let mut raw = Raw::open(&world).await;
    assert_eq!(raw.ask(&get("/"), None).await, Answer::Ok);
    assert_eq!(raw.ask(&get("/a/../b"), None).await, Answer::Refused);
    assert_eq!(world.origin.received().len(), 1);
}

/// Threat C5.3: CONTINUATION flood (VU#421664).
#[tokio::test]
async fn headers_that_never_end_end_the_connection() {
    for payload in [Vec::new(), section(&[("x", "y")]), vec![0x82; 16 * 1024]] {
        let world = World::open().await;
        let mut raw = Raw::open(&world).await;
        raw.send(&frame(HEADERS, 0, 1, &get("/"))).await;
        let mut sent = 0_usize;
        while raw.send(&frame(CONTINUATION, 0, 1, &payload)).await {
            sent += 1;
            assert!(
                sent < 200_000,
                "frames of {} bytes without end",
                payload.len()
            );
        }
        let end = raw.end().await;
        assert!(
            matches!(
                end,
                Answer::GoAway(ENHANCE_YOUR_CALM | PROTOCOL_ERROR) | Answer::Closed
            ),
            "{end:?}"
        );
        others_are_served(&world).await;
        assert_eq!(world.origin.received().len(), 2);
    }
}

/// Threat C5.3: a few octets that become many (HPACK bomb).
#[tokio::test]
async fn a_head_that_grows_when_it_is_decoded_never_reaches_the_origin() {
    let world = World::open().await;
    let mut raw = Raw::open(&world).await;
    // RFC 7541 §6.2.1: into the dynamic table, and then 0xbe is the whole of it.
    let mut fields = get("/");
    fields.push(0x40);
    fields.extend([1, b'x', 0x7f]);
    // The rest of 3,900 beyond 127, in groups of seven bits.
    let rest = 3_900 - 127;
    fields.extend([(rest & 0x7f) as u8 | 0x80, (rest >> 7) as u8]);
    fields.extend(vec![b'a'; 3_900]);
    fields.extend(vec![0xbe; 12_000]);
    let answer = raw.ask(&fields, None).await;
    assert_ne!(answer, Answer::Ok);
    others_are_served(&world).await;
    assert_eq!(world.origin.received().len(), 2);
}

/// Threat C5.3: Rapid Reset (CVE-2023-44487).
#[tokio::test]
async fn requests_that_are_taken_back_at_once_end_the_connection() {
    let world = limited(|limits| limits.resets_per_connection = 20, silent().await).await;
    let mut raw = Raw::open(&world).await;
    let mut sent = 0_usize;
    loop {
        let stream = raw.stream_id();
        let both = [
            frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/silent")),
            frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()),
        ];
        if !raw.send(&both.concat()).await {
            break;
        }
        sent += 1;
        assert!(sent < 200_000, "requests without end");
    }
    let end = raw.end().await;
    assert!(
        matches!(end, Answer::GoAway(ENHANCE_YOUR_CALM) | Answer::Closed),
        "{end:?}"
    );
    others_are_served(&world).await;
}

/// Threat C5.3: MadeYouReset (CVE-2025-8671): the client makes the server reset the streams that it opens.
#[tokio::test]
async fn streams_that_the_edge_is_made_to_reset_end_the_connection() {
    let zero_increment = |stream| frame(WINDOW_UPDATE, 0, stream, &0_u32.to_be_bytes());
    let overflow = |stream| frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
    let data_after_the_end = |stream| frame(DATA, 0, stream, b"x");
    let itself = |stream: u32| {
        let payload = [stream.to_be_bytes().as_slice(), &[16]].concat();
        frame(PRIORITY, 0, stream, &payload)
    };
    type Trick = (&'static str, fn(u32) -> Vec<u8>);
    let tricks: [Trick; 4] = [
        ("an increment of zero", zero_increment),
        ("a window that overflows", overflow),
        ("data after the end", data_after_the_end),
        ("a stream that depends on itself", itself),
    ];
    for (what, trick) in tricks {
        let world = limited(|limits| limits.resets_per_connection = 20, silent().await).await;
        let mut raw = Raw::open(&world).await;
        for _ in 0..2_000 {
            let stream = raw.stream_id();
            let head = frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/silent"));
            if !raw.send(&[head, trick(stream)].concat()).await {
                break;
            }
        }
        // What the origin has to do is bounded, whether the trick works at all or ends the connection.
        let streams = Limits::default().streams_per_connection as usize;
        assert!(
            world.origin.received().len() <= streams + 21,
            "{what}: {} requests",
            world.origin.received().len()
        );
        others_are_served(&world).await;
    }
}

/// Heads that come slowly or stop, over HTTP/2: the pieces do not make a connection less idle.
#[tokio::test]
async fn a_head_that_does_not_end_is_given_up_over_http2() {
    let patience = |limits: &mut Limits| limits.idle_connection = Duration::from_millis(200);
    for drip in [false, true] {
        let world = limited(patience, silent().await).await;
        let mut raw = Raw::open(&world).await;
        raw.send(&frame(HEADERS, 0, 1, &get("/"))).await;
        if drip {
            let dripping = async {
                // Empty pieces, so that no bound of size is what ends it.
                while raw.send(&frame(CONTINUATION, 0, 1, &[])).await {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            tokio::time::timeout(wait::PATIENCE, dripping)
                .await
                .expect("the end of the connection");
        }
        let end = raw.end().await;
        assert!(matches!(end, Answer::Closed | Answer::GoAway(_)), "{end:?}");
        assert_eq!(world.origin.connections(), 0);
        others_are_served(&world).await;
    }
}

/// Bodies that stop, over HTTP/2.
#[tokio::test]
async fn a_body_that_stops_is_given_up_over_http2() {
    let patience = |limits: &mut Limits| limits.request_body_idle = Duration::from_millis(100);
    let world = limited(patience, silent().await).await;
    let mut raw = Raw::open(&world).await;
    let stream = raw.stream_id();
    let fields = section(&[
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "open.test"),
        (":path", "/"),
        ("content-length", "10"),
    ]);
    raw.send(&frame(HEADERS, END_HEADERS, stream, &fields))
        .await;
    raw.send(&frame(DATA, 0, stream, b"abc")).await;
    assert_eq!(raw.answer(stream).await, Answer::Refused);
    let record = world
        .record("the request", |record| record["event"] == "request")
        .await;
    assert_eq!(record["status"], 408);
    assert!(world.origin.received().is_empty());
}

/// Threat C5.3: frames that carry no request are answered or noted a number of times, and then the connection ends.
#[tokio::test]
async fn frames_without_a_request_end_the_connection() {
    for flood in [
        frame(PING, 0, 0, &[7; 8]),
        frame(SETTINGS, 0, 0, &[]),
        frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
        frame(PRIORITY, 0, 99, &[0, 0, 0, 0, 9]),
        frame(0xfe, 0, 0, &[]),
    ] {
        let world = World::open().await;
        let mut raw = Raw::open(&world).await;
        let mut sent = 0_usize;
        while raw.send(&flood.repeat(100)).await {
            sent += 1;
            assert!(sent < 100_000, "frames without end");
        }
        world
            .record("the end", |record| {
                record["detail"] == "too many HTTP/2 frames without a request"
            })
            .await;
        others_are_served(&world).await;
    }
}

/// gRPC clients ping, and whoever downloads says all the time that it takes more.
#[tokio::test]
async fn frames_that_go_with_requests_end_nothing() {
    let world = World::open().await;
    let mut raw = Raw::open(&world).await;
    for _ in 0..1500 {
        raw.send(&frame(PING, 0, 0, &[7; 8])).await;
        raw.send(&frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0xff, 0xff]))
            .await;
        assert_eq!(raw.ask(&get("/"), None).await, Answer::Ok);
    }
}

/// Threat C5.2: what would be a second request, or another one, in HTTP/1.1.
#[tokio::test]
async fn malformed_fields_over_http2_reach_no_origin() {
    let fields = |extra: &[(&str, &str)]| [get("/"), section(extra)].concat();
    let pseudo = |changed: &[(&str, &str)]| section(changed);
    let get_with = |name, value| {
        let mut all = vec![
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "open.test"),
            (":path", "/"),
        ];
        for field in &mut all {
            if field.0 == name {
                field.1 = value;
            }
        }
        pseudo(&all)
    };
    let cases = [
        (
            "a line break in a value",
            fields(&[("x", "a\r\nGET /smuggled HTTP/1.1")]),
        ),
        ("a bare LF", fields(&[("x", "a\nb")])),
        ("a bare CR", fields(&[("x", "a\rb")])),
        ("a NUL", fields(&[("x", "a\0b")])),
        ("a line break in a name", fields(&[("x\r\ny", "a")])),
        ("a colon in a name", fields(&[("x:y", "a")])),
        ("a space in a name", fields(&[("x y", "a")])),
        ("an upper-case name", fields(&[("X-Y", "a")])),
        (
            "a transfer coding",
            fields(&[("transfer-encoding", "chunked")]),
        ),
        ("a connection field", fields(&[("connection", "close")])),
        ("an upgrade", fields(&[("upgrade", "h2c")])),
        ("TE of something", fields(&[("te", "gzip")])),
        ("a pseudo-field twice", fields(&[(":path", "/b")])),
        (
            "a pseudo-field after others",
            [section(&[("x", "y")]), get("/")].concat(),
        ),
        ("an unknown pseudo-field", fields(&[(":x", "y")])),
        ("a host of another name", fields(&[("host", "other.test")])),
        (
            "a length without a body",
            fields(&[("content-length", "5")]),
        ),
        (
            "two lengths",
            fields(&[("content-length", "0"), ("content-length", "5")]),
        ),
        ("a path with a space", get_with(":path", "/ HTTP/1.1")),
        ("a path with a line break", get_with(":path", "/\r\nX: y")),
        ("an empty path", get_with(":path", "")),
        ("a path that is none", get_with(":path", "x")),
        (
            "a method with a space",
            get_with(":method", "GET /smuggled"),
        ),
        (
            "an authority with a user",
            get_with(":authority", "user@open.test"),
        ),
        (
            "an authority with a space",
            get_with(":authority", "open.test x"),
        ),
    ];
    let world = World::open().await;
    for (what, fields) in cases {
        let mut raw = Raw::open(&world).await;
        let answer = raw.ask(&fields, None).await;
        assert_ne!(answer, Answer::Ok, "{what}");
        assert_eq!(world.origin.connections(), 0, "{what}: {answer:?}");
        // The engine's own refusals have a code too, as those that are answered have.
        let port = raw
            .connection
            .stream
            .get_ref()
            .0
            .local_addr()
            .unwrap()
            .port();
        let record = world
            .record(what, |record| record["client_port"] == port)
            .await;
        assert_ne!(record["reason"], serde_json::Value::Null, "{what}");
    }
    // Bodies of another length than was said.
    for (length, body) in [("3", "longer"), ("30", "shorter")] {
        let mut raw = Raw::open(&world).await;
        let post = section(&[
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "open.test"),
            (":path", "/"),
            ("content-length", length),
        ]);
        assert_ne!(raw.ask(&post, Some(body.as_bytes())).await, Answer::Ok);
    }
    for received in world.origin.received() {
        assert!(received.body.is_empty(), "{received:?}");
    }
}
