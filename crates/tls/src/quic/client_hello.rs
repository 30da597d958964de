//! A ClientHello out of CRYPTO frames.

use rustls::server::{Accepted, Acceptor};

use crate::Alert;
use crate::refused::{HandshakeFault, RefusedHandshake};

/// A ClientHello with post-quantum key shares and a large ticket has about 16 KiB.
const LIMIT: usize = 64 * 1024;
/// RFC 8446 §4: one octet of type and three of length.
const HEADER_BYTES: usize = 4;
const CLIENT_HELLO: u8 = 1;
/// RFC 8446 §5.1: "The length MUST NOT exceed 2^14 bytes."
const RECORD_BYTES: usize = 1 << 14;

/// The bytes of the Initial level so far, in order.
#[derive(Debug, Default)]
pub(super) struct Collected(Vec<u8>);

impl Collected {
    /// Adds bytes, and reads the ClientHello as soon as it is whole.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<Option<Accepted>, RefusedHandshake> {
        self.0.extend_from_slice(bytes);
        let Some((header, _)) = self.0.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let [kind, length @ ..] = *header;
        if kind != CLIENT_HELLO {
            return Err(broken(
                Alert::UNEXPECTED_MESSAGE,
                rustls::Error::General(
                    "the handshake does not begin with a ClientHello".to_owned(),
                ),
            ));
        }
        let [high, middle, low] = length.map(usize::from);
        let whole = HEADER_BYTES + (high << 16 | middle << 8 | low);
        // The declared length is enough to refuse: nothing has to be kept to see that it is too much.
        if whole > LIMIT || self.0.len() > LIMIT {
            return Err(RefusedHandshake::before_the_name(
                HandshakeFault::ClientHelloTooLarge { limit: LIMIT },
                Some(Alert::DECODE_ERROR),
            ));
        }
        self.0.get(..whole).map(read).transpose()
    }

    /// Everything, for the session that goes on from here.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// QUIC carries handshake messages without records (RFC 9001 §4), the acceptor reads records.
fn read(message: &[u8]) -> Result<Accepted, RefusedHandshake> {
    let mut acceptor = Acceptor::default();
    for fragment in message.chunks(RECORD_BYTES) {
        let length = u16::try_from(fragment.len()).unwrap_or(u16::MAX);
        let [high, low] = length.to_be_bytes();
        let record = [&[0x16, 0x03, 0x01, high, low], fragment].concat();
        let mut unread = record.as_slice();
        while !unread.is_empty() {
            match acceptor.read_tls(&mut unread) {
                Ok(count) if count > 0 => {}
                _ => return Err(incomplete()),
            }
            match acceptor.accept() {
                Ok(Some(hello)) => return Ok(hello),
                Ok(None) => {}
                Err((error, mut alert)) => {
                    let mut written = Vec::new();
                    // Writing to memory does not fail.
                    let _ = alert.write_all(&mut written);
                    let alert = Alert::from_plain_record(&written).unwrap_or(Alert::DECODE_ERROR);
                    return Err(broken(alert, error));
                }
            }
        }
    }
    Err(incomplete())
}

fn incomplete() -> RefusedHandshake {
    broken(
        Alert::DECODE_ERROR,
        rustls::Error::General("the ClientHello is incomplete".to_owned()),
    )
}

fn broken(alert: Alert, error: rustls::Error) -> RefusedHandshake {
    RefusedHandshake::before_the_name(HandshakeFault::tls(error), Some(alert))
}
