//! What is shared by the whole tree: numbered slots, so that a decision needs no allocation.

use std::collections::HashMap;

use crate::decision::MAX_CHANGED_HEADERS;
use crate::program::Origin;

use super::behavior::Direction;

/// At most this many different reasons of `denyAccess` in one tree.
pub(crate) const MAX_DENY_REASONS: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Tables {
    reasons: HashMap<String, usize>,
    denying: Vec<bool>,
    request_headers: HashMap<String, usize>,
    response_headers: HashMap<String, usize>,
    pub(super) origins: Vec<Origin>,
    pub(super) ca_sets: Vec<String>,
    pub(super) credentials: Vec<String>,
    pub(super) asks_for_revocation_status: bool,
    pub(super) signs: bool,
}

impl Tables {
    /// The slot of a reason; `None` if there are too many.
    pub(super) fn deny_slot(&mut self, reason: &str, enabled: bool) -> Option<usize> {
        let slot = slot(&mut self.reasons, reason, MAX_DENY_REASONS)?;
        self.denying.resize(self.reasons.len(), false);
        if let Some(denying) = self.denying.get_mut(slot) {
            *denying |= enabled;
        }
        Some(slot)
    }

    /// Whether a denial with the reason of this slot was read before.
    pub(super) fn denies(&self, slot: usize) -> bool {
        self.denying.get(slot).copied().unwrap_or(false)
    }

    /// The slot of a header; `None` if there are too many.
    pub(super) fn header_slot(&mut self, direction: Direction, name: &str) -> Option<usize> {
        let slots = match direction {
            Direction::Request => &mut self.request_headers,
            Direction::Response => &mut self.response_headers,
        };
        slot(slots, name, MAX_CHANGED_HEADERS)
    }

    pub(super) fn note_origin(&mut self, origin: Origin) {
        if !self.origins.contains(&origin) {
            self.origins.push(origin);
        }
    }

    pub(super) fn note_credential(&mut self, version_guid: &str) {
        if !self.credentials.iter().any(|known| known == version_guid) {
            self.credentials.push(version_guid.to_owned());
        }
    }

    pub(super) fn note_ca_set(&mut self, ca_set: &str) {
        if !self.ca_sets.iter().any(|known| known == ca_set) {
            self.ca_sets.push(ca_set.to_owned());
        }
    }
}

fn slot(slots: &mut HashMap<String, usize>, name: &str, most: usize) -> Option<usize> {
    if let Some(slot) = slots.get(name) {
        return Some(*slot);
    }
    let slot = slots.len();
    (slot < most).then(|| {
        slots.insert(name.to_owned(), slot);
        slot
    })
}
