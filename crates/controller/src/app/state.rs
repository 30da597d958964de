//! What the revision and audit logs keep of a resource.

use countersign_trust::Sha1Signatures;
use serde_json::{Value, json};

use crate::model::{Activation, CaSet, HeldCertificate, Version};

/// The resource name of a CA set.
pub(crate) fn ca_set_resource(ca_set: &CaSet) -> String {
    format!("ca-set/{}", ca_set.id)
}

/// The resource name of a version.
pub(crate) fn version_resource(version: &Version) -> String {
    format!("ca-set/{}/version/{}", version.ca_set, version.number)
}

/// The resource name of what a network enforces of a CA set.
pub(crate) fn active_resource(activation: &Activation) -> String {
    format!("ca-set/{}/active/{}", activation.ca_set, activation.network)
}

pub(crate) fn ca_set(ca_set: &CaSet) -> Value {
    json!({
        "name": ca_set.name,
        "description": ca_set.description,
        "status": ca_set.status.as_str(),
    })
}

pub(crate) fn version(version: &Version, certificates: &[HeldCertificate]) -> Value {
    json!({
        "description": version.description,
        "allowInsecureSha1": version.sha1 == Sha1Signatures::Allow,
        "certificates": certificates
            .iter()
            .map(|held| json!({
                "sha256": held.fingerprint.to_string(),
                "subject": held.subject,
                "description": held.description,
            }))
            .collect::<Vec<_>>(),
    })
}

pub(crate) fn activation(activation: &Activation) -> Value {
    json!({
        "activation": activation.id.number(),
        "version": activation.version.number(),
        "network": activation.network.as_str(),
        "type": activation.kind.as_str(),
        "status": activation.status.as_str(),
        "failureReason": activation.failure_reason,
    })
}
