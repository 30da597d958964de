//! Where an answer's body ends (RFC 9112 §6, §7).

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use super::Http1Error;
use super::head::fields;

/// A line that says how large a chunk is, with extensions, which nobody reads.
const CHUNK_LINE_MAX_BYTES: usize = 4 * 1024;
const TRAILERS_MAX_BYTES: usize = 16 * 1024;

/// What is left of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Decoder {
    Done,
    /// So many bytes more.
    Length(u64),
    Chunked(Chunked),
    /// Whatever comes until the origin closes the connection.
    UntilClose,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Chunked {
    /// The line that begins a chunk comes next.
    Size,
    /// So many bytes of the chunk, then the end of its line.
    Data(u64),
    Trailers,
}

/// What the bytes that were read so far give.
#[derive(Debug)]
pub(super) enum Step {
    Part(Frame<Bytes>),
    End,
    /// More has to be read first.
    More,
}

impl Decoder {
    pub(super) fn is_done(self) -> bool {
        self == Self::Done
    }

    pub(super) fn size_hint(self) -> SizeHint {
        match self {
            Self::Done => SizeHint::with_exact(0),
            Self::Length(left) => SizeHint::with_exact(left),
            Self::Chunked(_) | Self::UntilClose => SizeHint::new(),
        }
    }

    /// Takes the next part of the body out of what was read.
    pub(super) fn next(&mut self, read: &mut BytesMut) -> Result<Step, Http1Error> {
        match self {
            Self::Done => Ok(Step::End),
            _ if read.is_empty() => Ok(Step::More),
            Self::UntilClose => Ok(part(read, u64::MAX).1),
            Self::Length(left) => {
                let (taken, part) = part(read, *left);
                *self = match *left - taken {
                    0 => Self::Done,
                    left => Self::Length(left),
                };
                Ok(part)
            }
            Self::Chunked(chunked) => {
                let step = chunked.next(read)?;
                let is_last = matches!(step, Step::End)
                    || matches!(&step, Step::Part(frame) if frame.is_trailers());
                if is_last {
                    *self = Self::Done;
                }
                Ok(step)
            }
        }
    }
}

/// At most so many bytes, without copying them.
fn part(read: &mut BytesMut, left: u64) -> (u64, Step) {
    let length = usize::try_from(left).map_or(read.len(), |left| left.min(read.len()));
    let data = read.split_to(length).freeze();
    (length as u64, Step::Part(Frame::data(data)))
}

impl Chunked {
    fn next(&mut self, read: &mut BytesMut) -> Result<Step, Http1Error> {
        loop {
            match *self {
                Self::Size => {
                    let Some(end) = read
                        .iter()
                        .take(CHUNK_LINE_MAX_BYTES)
                        .position(|byte| *byte == b'\n')
                    else {
                        if read.len() >= CHUNK_LINE_MAX_BYTES {
                            return Err(Http1Error::Framing("the line before a chunk is too long"));
                        }
                        return Ok(Step::More);
                    };
                    let line = read.split_to(end + 1);
                    *self = match chunk_size(&line)? {
                        0 => Self::Trailers,
                        size => Self::Data(size),
                    };
                }
                // RFC 9112 §7.1: the data of a chunk ends with CRLF.
                Self::Data(0) => {
                    if read.len() < 2 {
                        return Ok(Step::More);
                    }
                    if !read.starts_with(b"\r\n") {
                        return Err(Http1Error::Framing("a chunk is longer than it says"));
                    }
                    read.advance(2);
                    *self = Self::Size;
                }
                Self::Data(_) if read.is_empty() => return Ok(Step::More),
                Self::Data(left) => {
                    let (taken, part) = part(read, left);
                    *self = Self::Data(left - taken);
                    return Ok(part);
                }
                Self::Trailers => return trailers(read),
            }
        }
    }
}

/// The size in the line before a chunk. Nothing lenient: what two parsers could read differently is refused.
fn chunk_size(line: &[u8]) -> Result<u64, Http1Error> {
    let malformed = || Http1Error::Framing("the line before a chunk is malformed");
    let line = line.strip_suffix(b"\r\n").ok_or_else(malformed)?;
    let digits = line
        .iter()
        .position(|byte| !byte.is_ascii_hexdigit())
        .unwrap_or(line.len());
    let (size, rest) = line.split_at(digits);
    let is_extension = rest
        .trim_ascii_start()
        .first()
        .is_none_or(|byte| *byte == b';');
    if !is_extension || rest.contains(&b'\r') {
        return Err(malformed());
    }
    let size = std::str::from_utf8(size).map_err(|_| malformed())?;
    u64::from_str_radix(size, 16).map_err(|_| malformed())
}

/// The fields after the last chunk (RFC 9112 §7.1.2).
fn trailers(read: &mut BytesMut) -> Result<Step, Http1Error> {
    if read.starts_with(b"\r\n") {
        read.advance(2);
        return Ok(Step::End);
    }
    let window = read.get(..TRAILERS_MAX_BYTES).unwrap_or(read);
    let Some(end) = window.windows(4).position(|four| four == b"\r\n\r\n") else {
        if read.len() >= TRAILERS_MAX_BYTES {
            return Err(Http1Error::Framing("the trailers are too long"));
        }
        return Ok(Step::More);
    };
    let block = read.split_to(end + 4).freeze();
    let mut map = HeaderMap::new();
    let taken = fields(&block, &mut map)?;
    if taken != block.len() {
        return Err(Http1Error::Framing("the trailers are malformed"));
    }
    Ok(Step::Part(Frame::trailers(map)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What an origin may send, byte by byte and at once: the same parts or the same error, and an end.
        #[test]
        fn any_chunks_are_read_or_refused_however_they_are_cut(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec!["0", "5", "a", "ffffffffffffffff1", ";x=y", "\r\n", "\n", "\r", "hello", "x: y", ":", " ", "\0", "é"]),
                0..24,
            ),
        ) {
            let wire = pieces.concat();
            let read = |sizes: usize| {
                let (mut decoder, mut read, mut body) = (Decoder::Chunked(Chunked::Size), BytesMut::new(), Vec::new());
                let mut rest = wire.as_bytes().chunks(sizes);
                loop {
                    match decoder.next(&mut read) {
                        Ok(Step::Part(frame)) => body.extend(frame.into_data().unwrap_or_default()),
                        Ok(Step::End) => return Some((body, true)),
                        Ok(Step::More) => match rest.next() {
                            Some(more) => read.extend_from_slice(more),
                            None => return Some((body, false)),
                        },
                        Err(_) => return None,
                    }
                }
            };
            let (slow, fast) = (read(1), read(wire.len().max(1)));
            prop_assert_eq!(slow, fast);
        }
    }

    /// Decodes what comes in pieces of every length; all have to give the same.
    fn check(decoder: Decoder, wire: &str, body: &str, trailers: usize, left: &str) {
        for length in 1..=wire.len() {
            let mut decoder = decoder;
            let (mut read, mut found, mut fields) = (BytesMut::new(), Vec::new(), 0);
            let mut pieces = wire.as_bytes().chunks(length);
            loop {
                match decoder.next(&mut read).unwrap() {
                    Step::End => break,
                    Step::More => match pieces.next() {
                        Some(piece) => read.extend_from_slice(piece),
                        None => panic!("no end: {decoder:?}"),
                    },
                    Step::Part(frame) => match frame.into_data() {
                        Ok(data) => found.extend_from_slice(&data),
                        Err(frame) => fields = frame.into_trailers().unwrap().len(),
                    },
                }
            }
            pieces.for_each(|piece| read.extend_from_slice(piece));
            assert_eq!((found.as_slice(), fields), (body.as_bytes(), trailers));
            assert_eq!(read, left);
        }
    }

    fn fails(wire: &str) {
        let mut decoder = Decoder::Chunked(Chunked::Size);
        let mut read = BytesMut::from(wire);
        let end = loop {
            match decoder.next(&mut read) {
                Ok(Step::Part(_)) => {}
                other => break other,
            }
        };
        assert!(end.is_err(), "{wire:?}: {end:?}");
    }

    #[test]
    fn a_length_is_kept_to() {
        check(Decoder::Length(4), "bodyHTTP/1.1", "body", 0, "HTTP/1.1");
    }

    #[test]
    fn chunks_are_joined() {
        let chunked = Decoder::Chunked(Chunked::Size);
        check(chunked, "4\r\nbody\r\n0\r\n\r\nHTTP", "body", 0, "HTTP");
        let wire = "2;a=b\r\nbo\r\n02 \r\ndy\r\n000\r\nx: 1\r\ny: 2\r\n\r\n";
        check(chunked, wire, "body", 2, "");
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for wire in [
            "4\nbody\r\n0\r\n\r\n",
            "4\r\nbodyx\r\n0\r\n\r\n",
            "4\r\nbody\n0\r\n\r\n",
            "0x4\r\nbody\r\n0\r\n\r\n",
            "+4\r\nbody\r\n0\r\n\r\n",
            "-4\r\n",
            " 4\r\nbody\r\n",
            "4 4\r\nbody\r\n",
            "4\rx\r\nbody\r\n",
            ";a\r\n",
            "\r\n",
            "10000000000000000\r\n",
            "0\r\nno field\r\n\r\n",
            "0\r\n a: b\r\n\r\n",
        ] {
            fails(wire);
        }
        fails(&format!("4;{}", "a".repeat(CHUNK_LINE_MAX_BYTES)));
        fails(&format!("0\r\na: {}", "a".repeat(TRAILERS_MAX_BYTES)));
    }
}
