//! By what connections are found: a few bytes for something that their clients have, or have in common.

use std::hash::{BuildHasher, Hash, RandomState};

use countersign_snapshot::Peer;
use countersign_trust::{Fingerprint, SerialNumber};

/// A keyed hash. Two things may have the same one by chance, which costs a judgement more; one thing never has two.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Mark(u64);

/// What is hashed; the kinds are kept apart.
#[derive(Hash)]
enum Marked<T> {
    Certificate(T),
    Key(T),
    Serial(T),
    Standing(T),
}

impl Mark {
    pub(crate) fn of_certificate(keys: &RandomState, certificate: &Fingerprint) -> Self {
        Self(keys.hash_one(Marked::Certificate(certificate)))
    }

    pub(crate) fn of_key(keys: &RandomState, key: &Fingerprint) -> Self {
        Self(keys.hash_one(Marked::Key(key)))
    }

    pub(crate) fn of_serial(keys: &RandomState, serial: &SerialNumber) -> Self {
        Self(keys.hash_one(Marked::Serial(serial)))
    }

    pub(super) fn of_standing(keys: &RandomState, standing: impl Hash) -> Self {
        Self(keys.hash_one(Marked::Standing(standing)))
    }
}

/// By what a client can be named in revocations.
pub(super) fn of_client(keys: &RandomState, peer: &Peer) -> Option<[Mark; 3]> {
    let leaf = peer.chain()?.leaf();
    Some([
        Mark::of_certificate(keys, &leaf.fingerprint()),
        Mark::of_key(keys, &leaf.spki_fingerprint()),
        Mark::of_serial(keys, leaf.serial()),
    ])
}
