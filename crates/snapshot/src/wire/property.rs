//! Appended to the body: what people call the property whose rules a binding has.

use serde::{Deserialize, Serialize};

use super::DecodeError;
use crate::VersionNumber;
use crate::model::{Binding, PropertyVersion, Snapshot};

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct WireProperty {
    binding: String,
    name: String,
    version: u32,
}

impl WireProperty {
    pub(super) fn of(binding: &Binding) -> Option<Self> {
        let property = binding.property.as_ref()?;
        Some(Self {
            binding: binding.id.to_string(),
            name: property.name.clone(),
            version: property.version.number(),
        })
    }
}

/// They stand in the order of the bindings, so that reading is linear.
pub(super) fn read(snapshot: &mut Snapshot, entries: Vec<WireProperty>) -> Result<(), DecodeError> {
    let mut bindings = snapshot.bindings.iter_mut();
    for entry in entries {
        let binding = bindings.find(|binding| binding.id.as_str() == entry.binding);
        binding.ok_or(DecodeError::Structure)?.property = Some(PropertyVersion {
            name: entry.name,
            version: VersionNumber::new(entry.version),
        });
    }
    Ok(())
}
