//! Appended to the body: whose CA sets are.

use countersign_trust::Owner;
use serde::{Deserialize, Serialize};

use super::DecodeError;
use crate::model::{CaSet, Snapshot};

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct WireOwner {
    ca_set: u64,
    owner: String,
}

impl WireOwner {
    pub(super) fn of(set: &CaSet) -> Option<Self> {
        Some(Self {
            ca_set: set.id.number(),
            owner: set.owner.as_ref()?.to_string(),
        })
    }
}

/// They stand in the order of the CA sets, so that reading is linear.
pub(super) fn read(snapshot: &mut Snapshot, entries: Vec<WireOwner>) -> Result<(), DecodeError> {
    let mut sets = snapshot.ca_sets.iter_mut();
    for entry in entries {
        let set = sets.find(|set| set.id.number() == entry.ca_set);
        set.ok_or(DecodeError::Structure)?.owner = Some(Owner::new(&entry.owner));
    }
    Ok(())
}
