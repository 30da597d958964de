//! Reads the frames of a stream before the HTTP/3 engine does, so that it only ever sees whole ones of bounded length.
//!
//! The engine (h3 0.0.8) keeps a frame that is not DATA in memory until it is whole, whatever length it declares, and looks at all pieces
//! again for each new one: 72 MiB in one HEADERS frame took 21 seconds of processor time. It takes an empty DATA frame for the end of the
//! body, and a stream that ends inside a DATA frame for a whole one, or panics on it. None of that can reach it from here.

use bytes::{Bytes, BytesMut};

/// Two variable-length integers of 8 octets at most (RFC 9000 §16).
const HEADER_MAX_BYTES: usize = 16;
/// Space that a frame gets before its first byte came, whatever length it declares.
const FIRST_BYTES: usize = 1024;

const DATA: u64 = 0x00;
const CONTROL_STREAM: u64 = 0x00;
/// Not a frame: everything after it belongs to WebTransport, which is not spoken here.
const WEBTRANSPORT_STREAM: u64 = 0x41;

/// Why a stream is not read on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FrameError {
    /// A frame other than DATA is longer than the limit.
    TooLong,
    /// The stream ended inside a DATA frame.
    Truncated,
    /// A frame that has no place here.
    Unexpected,
}

/// The reader of one stream.
#[derive(Debug)]
pub(super) struct Frames {
    expect: Expect,
    limit: usize,
}

#[derive(Debug)]
enum Expect {
    /// The type of a unidirectional stream (RFC 9114 §6.2).
    StreamType(Partial),
    /// The type and the length of a frame (RFC 9114 §7.1).
    Header(Partial),
    /// The rest of a DATA frame, which goes through as it comes.
    Data { missing: u64 },
    /// The rest of another frame, which is kept until it is whole.
    Frame { bytes: BytesMut, missing: usize },
    /// Bytes that are not in frames.
    Anything,
}

impl Frames {
    /// For a request stream.
    pub(super) fn of_request(limit: usize) -> Self {
        Self {
            expect: Expect::Header(Partial::default()),
            limit,
        }
    }

    /// For a unidirectional stream, whose type comes first.
    pub(super) fn of_unidirectional(limit: usize) -> Self {
        Self {
            expect: Expect::StreamType(Partial::default()),
            limit,
        }
    }

    /// Takes from `input` and gives what the engine may see next; `None` when it took everything and needs more.
    pub(super) fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, FrameError> {
        while !input.is_empty() {
            let (expect, output) = match std::mem::replace(&mut self.expect, Expect::Anything) {
                Expect::Anything => (Expect::Anything, Some(std::mem::take(input))),
                Expect::StreamType(partial) => read_stream_type(partial, input),
                Expect::Header(partial) => read_header(partial, input, self.limit)?,
                Expect::Data { missing } => {
                    let here = usize::try_from(missing)
                        .unwrap_or(usize::MAX)
                        .min(input.len());
                    (
                        after_data(missing.saturating_sub(here as u64)),
                        Some(input.split_to(here)),
                    )
                }
                Expect::Frame { mut bytes, missing } => {
                    let here = input.split_to(missing.min(input.len()));
                    bytes.extend_from_slice(&here);
                    match missing.saturating_sub(here.len()) {
                        0 => (next_frame(), Some(bytes.freeze())),
                        missing => (Expect::Frame { bytes, missing }, None),
                    }
                }
            };
            self.expect = expect;
            if output.is_some() {
                return Ok(output);
            }
        }
        Ok(None)
    }

    /// The stream ended. Gives what was kept of an incomplete frame: the engine knows what to say about it.
    pub(super) fn end(&mut self) -> Result<Option<Bytes>, FrameError> {
        match std::mem::replace(&mut self.expect, Expect::Anything) {
            Expect::Data { .. } => Err(FrameError::Truncated),
            Expect::Frame { bytes, .. } => Ok(Some(bytes.freeze())),
            Expect::Header(partial) | Expect::StreamType(partial) => {
                Ok(Some(partial.to_bytes()).filter(|bytes| !bytes.is_empty()))
            }
            Expect::Anything => Ok(None),
        }
    }
}

fn next_frame() -> Expect {
    Expect::Header(Partial::default())
}

fn after_data(missing: u64) -> Expect {
    if missing == 0 {
        next_frame()
    } else {
        Expect::Data { missing }
    }
}

fn read_stream_type(mut partial: Partial, input: &mut Bytes) -> (Expect, Option<Bytes>) {
    while let Some(octet) = partial.take(input) {
        let _ = octet;
        if let Some((kind, _)) = variable_length(partial.octets()) {
            let then = if kind == CONTROL_STREAM {
                next_frame()
            } else {
                Expect::Anything
            };
            return (then, Some(partial.to_bytes()));
        }
    }
    (Expect::StreamType(partial), None)
}

fn read_header(
    mut partial: Partial,
    input: &mut Bytes,
    limit: usize,
) -> Result<(Expect, Option<Bytes>), FrameError> {
    while partial.take(input).is_some() {
        let Some((kind, rest)) = variable_length(partial.octets()) else {
            continue;
        };
        if kind == WEBTRANSPORT_STREAM {
            return Err(FrameError::Unexpected);
        }
        let Some((length, _)) = variable_length(rest) else {
            continue;
        };
        return match (kind, length) {
            (DATA, 0) => Ok((next_frame(), None)),
            (DATA, missing) => Ok((Expect::Data { missing }, Some(partial.to_bytes()))),
            (_, 0) => Ok((next_frame(), Some(partial.to_bytes()))),
            (_, length) => {
                let missing = usize::try_from(length)
                    .ok()
                    .filter(|length| *length <= limit)
                    .ok_or(FrameError::TooLong)?;
                let mut bytes =
                    BytesMut::with_capacity(HEADER_MAX_BYTES + missing.min(FIRST_BYTES));
                bytes.extend_from_slice(partial.octets());
                Ok((Expect::Frame { bytes, missing }, None))
            }
        };
    }
    Ok((Expect::Header(partial), None))
}

/// The first octets of something, while they do not say yet how long it is.
#[derive(Debug, Default)]
struct Partial {
    octets: [u8; HEADER_MAX_BYTES],
    length: usize,
}

impl Partial {
    /// Moves one octet over; `None` when there is none, or no room, which two integers never need.
    fn take(&mut self, input: &mut Bytes) -> Option<u8> {
        let to = self.octets.get_mut(self.length)?;
        let from = input.split_to(input.len().min(1));
        *to = *from.first()?;
        self.length += 1;
        Some(*to)
    }

    fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.octets())
    }
}

/// RFC 9000 §16: the two most significant bits of the first octet are the base-2 logarithm of the length in octets.
fn variable_length(octets: &[u8]) -> Option<(u64, &[u8])> {
    let first = *octets.first()?;
    let (integer, rest) = octets.split_at_checked(1 << (first >> 6))?;
    let value = integer
        .iter()
        .fold(0_u64, |value, octet| value << 8 | u64::from(*octet));
    let mask = u64::MAX >> (66 - 8 * integer.len() as u32).min(63);
    Some((value & mask, rest))
}

#[cfg(test)]
mod tests;
