//! Appended to the body: how origins are asked for their health, and what they have to ask for.

use serde::{Deserialize, Serialize};

use super::DecodeError;
use crate::model::{HealthCheckKind, Origin, OriginAsks, Snapshot};

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct WireOriginAsks {
    origin: String,
    health: WireHealth,
    /// For our certificate.
    always: bool,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireHealth {
    /// Or no check at all.
    Http,
    Grpc {
        service: String,
    },
    Tcp,
}

impl WireOriginAsks {
    /// None when it says nothing: equal snapshots have equal bytes.
    pub(super) fn of(origin: &Origin) -> Option<Self> {
        let policy = &origin.policy;
        let kind = policy.health_check.as_ref().map(|check| &check.kind);
        let it = Self {
            origin: origin.id.to_string(),
            health: match kind {
                None | Some(HealthCheckKind::Http) => WireHealth::Http,
                Some(HealthCheckKind::Grpc { service }) => WireHealth::Grpc {
                    service: service.clone(),
                },
                Some(HealthCheckKind::Tcp) => WireHealth::Tcp,
            },
            always: policy.asks == OriginAsks::Always,
        };
        it.says_something().then_some(it)
    }

    fn says_something(&self) -> bool {
        self.always || !matches!(self.health, WireHealth::Http)
    }
}

/// They stand in the order of the origins, so that reading is linear.
pub(super) fn read(
    snapshot: &mut Snapshot,
    entries: Vec<WireOriginAsks>,
) -> Result<(), DecodeError> {
    let mut origins = snapshot.origins.iter_mut();
    for entry in entries {
        let origin = origins.find(|origin| origin.id.as_str() == entry.origin);
        let policy = &mut origin.ok_or(DecodeError::Structure)?.policy;
        if !entry.says_something() {
            return Err(DecodeError::Structure);
        }
        if entry.always {
            policy.asks = OriginAsks::Always;
        }
        let kind = match entry.health {
            WireHealth::Http => continue,
            WireHealth::Grpc { service } => HealthCheckKind::Grpc { service },
            WireHealth::Tcp => HealthCheckKind::Tcp,
        };
        let check = policy.health_check.as_mut();
        check.ok_or(DecodeError::Structure)?.kind = kind;
    }
    Ok(())
}
