//! Appended to the body: what requests are signed with.

use countersign_trust::UnixTime;
use serde::{Deserialize, Serialize};

use super::DecodeError;
use crate::SealedSecret;
use crate::model::{ForwardingKey, Snapshot};

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct WireForwardingKey {
    id: String,
    used_from_micros: i64,
    sealed_key: Vec<u8>,
}

impl WireForwardingKey {
    pub(super) fn of(key: &ForwardingKey) -> Self {
        Self {
            id: key.id.clone(),
            used_from_micros: key.used_from.as_micros(),
            sealed_key: key.key.to_bytes(),
        }
    }
}

pub(super) fn read(
    snapshot: &mut Snapshot,
    entries: Vec<WireForwardingKey>,
) -> Result<(), DecodeError> {
    for entry in entries {
        snapshot.forwarding_keys.push(ForwardingKey {
            id: entry.id,
            used_from: UnixTime::from_micros(entry.used_from_micros),
            key: SealedSecret::from_bytes(&entry.sealed_key)?,
        });
    }
    Ok(())
}
