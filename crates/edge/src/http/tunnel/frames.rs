//! As much of WebSocket frames (RFC 6455 §5.2) as it takes to end a WebSocket with a word.

/// Where in a stream of frames one is. Nothing is kept of them but their length.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The head of the frame that has begun, as far as it came.
    head: [u8; HEAD_MAX_OCTETS],
    head_octets: usize,
    /// Of the frame's payload, to come.
    payload: u64,
}

/// Two octets, eight of a length, four of a mask.
const HEAD_MAX_OCTETS: usize = 14;

impl Frames {
    /// Whether the last frame is complete.
    pub(super) fn are_whole(&self) -> bool {
        self.head_octets == 0 && self.payload == 0
    }

    /// Goes on by these octets.
    pub(super) fn pass(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            if self.payload > 0 {
                let passed = octets
                    .len()
                    .min(usize::try_from(self.payload).unwrap_or(usize::MAX));
                self.payload -= passed as u64;
                octets = octets.get(passed..).unwrap_or_default();
                continue;
            }
            let Some((first, rest)) = octets.split_first() else {
                return;
            };
            octets = rest;
            if let Some(place) = self.head.get_mut(self.head_octets) {
                *place = *first;
            }
            self.head_octets += 1;
            if let Some(payload) = self.announced() {
                self.payload = payload;
                self.head_octets = 0;
            }
        }
    }

    /// The length of the payload, once the head is complete.
    fn announced(&self) -> Option<u64> {
        let [_, second, a, b, c, d, e, f, g, h, ..] = self.head;
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let (octets, payload) = match second & 0x7f {
            126 => (4, u64::from(u16::from_be_bytes([a, b]))),
            127 => (10, u64::from_be_bytes([a, b, c, d, e, f, g, h])),
            short => (2, u64::from(short)),
        };
        (self.head_octets >= 2 && self.head_octets == octets + mask).then_some(payload)
    }
}

/// RFC 6455 §5.5.1: a close frame of a server, which is not masked. The text is cut off at what a control frame can hold.
pub(super) fn close(code: u16, text: &'static str) -> Vec<u8> {
    const TEXT_MAX_OCTETS: usize = 123;
    let text: Vec<u8> = text.bytes().take(TEXT_MAX_OCTETS).collect();
    let length = u8::try_from(text.len() + 2).unwrap_or(2);
    let mut frame = vec![0x88, length];
    frame.extend(code.to_be_bytes());
    frame.extend(text);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let bit = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x82];
        match length {
            0..126 => frame.push(bit | length as u8),
            126..0x1_0000 => {
                frame.push(bit | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(bit | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        if masked {
            frame.extend([1, 2, 3, 4]);
        }
        frame.extend(std::iter::repeat_n(0xff, length));
        frame
    }

    #[test]
    fn the_end_of_every_frame_is_known_however_it_is_split() {
        for masked in [false, true] {
            for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
                let one = frame(length, masked);
                for piece in [1, 2, 3, 7, 1000, one.len()] {
                    let mut frames = Frames::default();
                    let mut passed = 0;
                    for part in one.repeat(2).chunks(piece) {
                        frames.pass(part);
                        passed += part.len();
                        assert_eq!(
                            frames.are_whole(),
                            passed % one.len() == 0,
                            "{length} octets, {passed} passed"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_close_frame_has_the_code_and_the_reason() {
        assert_eq!(close(1008, "revoked"), b"\x88\x09\x03\xf0revoked");
        assert_eq!(close(1001, ""), b"\x88\x02\x03\xe9");
    }
}
