//! The lineage in its stored form, before the session in tickets: two times in microseconds, a flag, the digest of the chain.

use countersign_trust::UnixTime;

use crate::handshake::Lineage;

const TIME_BYTES: usize = 8;
const DIGEST_BYTES: usize = 32;

pub(super) fn encode(lineage: &Lineage) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * TIME_BYTES + 1 + DIGEST_BYTES);
    bytes.extend_from_slice(&lineage.authenticated_at.as_micros().to_be_bytes());
    bytes.extend_from_slice(&lineage.expires_at.as_micros().to_be_bytes());
    match &lineage.chain {
        None => bytes.push(0),
        Some(digest) => {
            bytes.push(1);
            bytes.extend_from_slice(digest);
        }
    }
    bytes
}

/// The lineage and what follows it.
pub(super) fn decode(bytes: &[u8]) -> Option<(Lineage, &[u8])> {
    let (authenticated_at, rest) = time(bytes)?;
    let (expires_at, rest) = time(rest)?;
    let (chain, rest) = match rest.split_first()? {
        (0, rest) => (None, rest),
        (1, rest) => {
            let (digest, rest) = rest.split_first_chunk::<DIGEST_BYTES>()?;
            (Some(*digest), rest)
        }
        _ => return None,
    };
    let lineage = Lineage {
        authenticated_at,
        expires_at,
        chain,
    };
    Some((lineage, rest))
}

fn time(bytes: &[u8]) -> Option<(UnixTime, &[u8])> {
    let (micros, rest) = bytes.split_first_chunk::<TIME_BYTES>()?;
    Some((UnixTime::from_micros(i64::from_be_bytes(*micros)), rest))
}
