//! Frames of HTTP/2 that ask for work and carry no request.
//!
//! The engine bounds resets, heads and what waits to be written. It answers PING and SETTINGS, and takes notice of WINDOW_UPDATE and PRIORITY, as
//! often as they come, and reads as long as there is something to read: a client that sends nothing else keeps a thread from everybody else.
//!
//! What the engine refuses by itself, it refuses by resetting the stream or by a bare 431, and tells nobody: that is seen here, on its way out,
//! and recorded.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use countersign_trust::Reason;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::Connection;

/// Such frames that may come in a row; more come with what they are about, see [`Allowance`].
const ALLOWED: u32 = 1000;
const ALLOWED_PER_SECOND: u32 = 100;
/// A frame of a request goes with so many others, such as a ping of gRPC and window updates for the connection and the stream.
const FRAMES_EACH: u32 = 4;
/// Whoever takes a response says so with such frames: for so many octets, one, and some for each write.
const OCTETS_EACH: usize = 1024;

/// Octets that are read in a turn of the connection's task: the first time, and once it is known that they bring requests.
const TURN_MIN: usize = 1024;
const TURN_MAX: usize = 16 * 1024;

const PREFACE_OCTETS: u32 = 24;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const CONTINUATION: u8 = 9;

/// Reads in turns, and no further when a client sends too many frames that carry no request.
pub(super) struct Calm<IO> {
    io: IO,
    connection: Arc<Connection>,
    frames: Frames,
    /// Those that go out.
    ours: Frames,
    allowance: Allowance,
    /// Octets that a turn may have, and those that this one had.
    turn: usize,
    read: usize,
}

/// How many frames without a request may still come.
struct Allowance {
    left: u32,
    since: Instant,
    /// Octets written that did not give a frame yet.
    written: usize,
}

/// Where frames begin in a stream of octets (RFC 9113 §4.1).
struct Frames {
    /// With the payload, where that is short and of a kind that is looked into.
    head: [u8; Frames::HEAD + Frames::SHORT],
    filled: usize,
    /// Octets of it that are wanted.
    end: usize,
    /// Octets to pass over before the next frame.
    payload: u32,
}

impl<IO> Calm<IO> {
    pub(super) fn new(io: IO, connection: Arc<Connection>) -> Self {
        Self {
            io,
            connection,
            frames: Frames::after(PREFACE_OCTETS),
            ours: Frames::after(0),
            allowance: Allowance {
                left: ALLOWED,
                since: Instant::now(),
                written: 0,
            },
            turn: TURN_MIN,
            read: 0,
        }
    }

    /// Whether the client may go on after it sent these octets.
    fn takes(&mut self, octets: &[u8]) -> bool {
        let (mut with_request, mut without) = (0_u32, 0_u32);
        self.frames.read(octets, |kind, length, _| match kind {
            HEADERS | CONTINUATION => with_request += 1,
            DATA if length > 0 => with_request += 1,
            _ => without += 1,
        });
        self.turn = if without > with_request.saturating_add(1) {
            TURN_MIN
        } else {
            (self.turn * 2).min(TURN_MAX)
        };
        self.allowance
            .give(with_request.saturating_mul(FRAMES_EACH));
        self.allowance.take(without)
    }
}

impl Allowance {
    fn give(&mut self, frames: u32) {
        self.left = self.left.saturating_add(frames).min(ALLOWED);
    }

    /// Takes notice of a write. A client may say something about each small message that it gets.
    fn give_for(&mut self, octets: usize) {
        self.give(FRAMES_EACH);
        self.written += octets;
        self.give(u32::try_from(self.written / OCTETS_EACH).unwrap_or(ALLOWED));
        self.written %= OCTETS_EACH;
    }

    fn take(&mut self, frames: u32) -> bool {
        if self.left < frames {
            let now = Instant::now();
            let seconds = now.duration_since(self.since).as_secs();
            if seconds > 0 {
                self.since = now;
                let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
                self.give(seconds.saturating_mul(ALLOWED_PER_SECOND));
            }
        }
        let enough = self.left >= frames;
        self.left = self.left.saturating_sub(frames);
        enough
    }
}

impl Frames {
    /// The octets of a frame's head.
    const HEAD: usize = 9;
    /// Enough for an error code, and for a status after two changes of the table's size.
    const SHORT: usize = 16;

    fn after(payload: u32) -> Self {
        Self {
            head: [0; Self::HEAD + Self::SHORT],
            filled: 0,
            end: Self::HEAD,
            payload,
        }
    }

    /// Tells the kind, the length and, of short resets and heads, the payload of every frame that is known with these octets.
    fn read(&mut self, mut octets: &[u8], mut frame: impl FnMut(u8, u32, &[u8])) {
        while !octets.is_empty() {
            if self.payload > 0 {
                let passed = octets.len().min(self.payload as usize);
                self.payload -= u32::try_from(passed).unwrap_or(self.payload);
                octets = octets.get(passed..).unwrap_or_default();
                continue;
            }
            let wanted = self.head.get_mut(self.filled..self.end).unwrap_or_default();
            let taken = wanted.len().min(octets.len());
            let (some, rest) = octets.split_at(taken);
            if let Some(wanted) = wanted.get_mut(..taken) {
                wanted.copy_from_slice(some);
            }
            self.filled += taken;
            octets = rest;
            if self.filled < self.end {
                return;
            }
            let [a, b, c, kind, ..] = self.head;
            let length = u32::from_be_bytes([0, a, b, c]);
            let short = (1..=Self::SHORT).contains(&(length as usize));
            if self.end == Self::HEAD && short && matches!(kind, RESET | HEADERS) {
                self.end += length as usize;
                continue;
            }
            let payload = self.head.get(Self::HEAD..self.end).unwrap_or_default();
            self.payload = if payload.is_empty() { length } else { 0 };
            frame(kind, length, payload);
            self.filled = 0;
            self.end = Self::HEAD;
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Calm<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.read >= this.turn {
            // A task that wakes itself goes to the end of the queue.
            this.read = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let allowed = this.turn - this.read;
        let result = if buffer.remaining() <= allowed {
            // As nearly always: the engine's buffer as it is, since to have a part of it means to fill that with zeros first.
            Pin::new(&mut this.io).poll_read(context, buffer)
        } else {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(allowed));
            let result = Pin::new(&mut this.io).poll_read(context, &mut part);
            let length = part.filled().len();
            buffer.advance(length);
            result
        };
        if result.is_pending() {
            this.read = 0;
            return result;
        }
        this.read += buffer.filled().len() - before;
        if !this.takes(buffer.filled().get(before..).unwrap_or_default()) {
            let detail = "too many HTTP/2 frames without a request";
            this.connection
                .record_unreadable(Reason::MalformedRequest, detail);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, detail)));
        }
        result
    }
}

impl<IO: AsyncWrite + Unpin> Calm<IO> {
    fn wrote<'a>(
        &mut self,
        result: Poll<io::Result<usize>>,
        slices: impl IntoIterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(octets)) = result {
            self.allowance.give_for(octets);
            let mut left = octets;
            for slice in slices {
                let written = slice.get(..left.min(slice.len())).unwrap_or_default();
                left -= written.len();
                self.ours.read(written, |kind, _, payload| match kind {
                    RESET => record_reset(&self.connection, payload),
                    HEADERS if is_bare_431(payload) => {
                        let detail = "the head of a request is larger than twice the limit";
                        self.connection
                            .record_unreadable(Reason::RequestTooLarge, detail);
                    }
                    _ => {}
                });
            }
        }
        result
    }
}

/// The engine resets what breaks the protocol, what has too large a head, and streams beyond their number. With other codes we end what is answered.
fn record_reset(connection: &Connection, payload: &[u8]) {
    let Ok(code) = payload.try_into().map(u32::from_be_bytes) else {
        return;
    };
    let (reason, detail) = match h2::Reason::from(code) {
        h2::Reason::REFUSED_STREAM => (
            Reason::Overloaded,
            "more streams than a connection may have",
        ),
        h2::Reason::PROTOCOL_ERROR
        | h2::Reason::FLOW_CONTROL_ERROR
        | h2::Reason::STREAM_CLOSED
        | h2::Reason::FRAME_SIZE_ERROR => (
            Reason::MalformedRequest,
            "a stream breaks the rules of HTTP/2, or its head is too large",
        ),
        _ => return,
    };
    connection.record_unreadable(reason, detail);
}

/// Whether nothing but `:status: 431` is in a header block (RFC 7541 §6.2.1: a literal that is added to the table under the static name 8), as
/// only the engine answers. Once a connection had a 431 it is in the table, and the next is one octet that says nothing here: such a client is
/// in the log already.
fn is_bare_431(mut block: &[u8]) -> bool {
    // RFC 7541 §6.3: changes of the table's size come first; 31 goes on with octets of which the last has no high bit.
    while let [first @ 0x20..=0x3f, rest @ ..] = block {
        block = rest;
        if *first == 0x3f {
            let last = rest.iter().position(|octet| octet & 0x80 == 0);
            block = last
                .and_then(|last| rest.get(last + 1..))
                .unwrap_or_default();
        }
    }
    matches!(
        block,
        [0x48, 0x83, 0x69, 0x90, 0xff] | [0x48, 3, b'4', b'3', b'1']
    )
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Calm<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(context, bytes);
        self.wrote(result, [bytes])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.wrote(result, slices.iter().map(|slice| &**slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let [_, a, b, c] = u32::try_from(length).unwrap().to_be_bytes();
        let mut octets = vec![a, b, c, kind, 0, 0, 0, 0, 0];
        octets.extend(vec![0xff; length]);
        octets
    }

    #[test]
    fn frames_are_found_however_the_octets_are_cut() {
        let mut reset = frame(RESET, 4);
        reset.truncate(Frames::HEAD);
        reset.extend([1, 2, 3, 4]);
        let octets = [
            vec![b'P'; PREFACE_OCTETS as usize],
            frame(4, 0),
            frame(1, 300),
            reset.clone(),
            frame(0, 1),
            reset,
            frame(1, 3),
            frame(6, 8),
        ]
        .concat();
        for cut in 1..octets.len() {
            let mut frames = Frames::after(PREFACE_OCTETS);
            let mut found = Vec::new();
            for part in octets.chunks(cut) {
                frames.read(part, |kind, length, payload| {
                    found.push((kind, length));
                    assert_eq!(payload == [1, 2, 3, 4], kind == RESET);
                    assert_eq!(payload == [0xff; 3], (kind, length) == (1, 3));
                });
            }
            assert_eq!(
                found,
                [
                    (4, 0),
                    (1, 300),
                    (RESET, 4),
                    (0, 1),
                    (RESET, 4),
                    (1, 3),
                    (6, 8)
                ],
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn a_block_with_nothing_but_a_431_is_known_also_after_changes_of_the_table() {
        let status = [0x48, 0x83, 0x69, 0x90, 0xff];
        assert!(is_bare_431(&status));
        assert!(is_bare_431(&[&[0x20][..], &status].concat()));
        assert!(is_bare_431(
            &[&[0x20, 0x3f, 0xe1, 0x1f][..], &status].concat()
        ));
        assert!(!is_bare_431(&[&status[..], &[0xbf]].concat()));
        for other in [&[][..], &[0xbe], &[0x3f], &[0x3f, 0x80], &status[..4]] {
            assert!(!is_bare_431(other));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn frames_without_a_request_are_earned_by_requests_responses_and_time() {
        let mut allowance = Allowance {
            left: ALLOWED,
            since: Instant::now(),
            written: 0,
        };
        assert!(allowance.take(ALLOWED));
        assert!(!allowance.take(1));
        allowance.give(1);
        assert!(allowance.take(1));
        allowance.give_for(OCTETS_EACH - 1);
        assert!(allowance.take(FRAMES_EACH));
        assert!(!allowance.take(1));
        allowance.give_for(1);
        assert!(allowance.take(FRAMES_EACH + 1));
        assert!(!allowance.take(1));
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert!(allowance.take(ALLOWED_PER_SECOND));
        assert!(!allowance.take(1));
    }
}
