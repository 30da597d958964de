//! Names in the place of ids, and ids in the place of names.

use std::collections::BTreeMap;

use countersign_api::v1::edge_certificates::EdgeCertificateSettings;
use countersign_api::v1::properties::PropertyHostname;
use countersign_api::v1::sites::SiteSettings;
use serde_json::Value;

use crate::app::input::short;
use crate::app::{ErrorCode, ServiceError};

/// What ids and names stand for each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) ca_sets: BTreeMap<String, String>,
    pub(super) edge_certificates: BTreeMap<String, String>,
}

/// What happens to a text that stands for nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unknown {
    /// It is refused.
    Refused,
    /// It stays as it is.
    Stays,
}

impl Names {
    pub(super) fn edge_certificate(
        &self,
        settings: &mut EdgeCertificateSettings,
        unknown: Unknown,
    ) -> Result<(), ServiceError> {
        match &mut settings.mutual_authentication {
            Some(mutual) => self.ca_set(&mut mutual.ca_set_id, unknown),
            None => Ok(()),
        }
    }

    pub(super) fn site(
        &self,
        settings: &mut SiteSettings,
        unknown: Unknown,
    ) -> Result<(), ServiceError> {
        for name in &mut settings.edge_certificate_ids {
            self.certificate(name, unknown)?;
        }
        if let Some(clients) = &mut settings.mutual_authentication {
            for name in &mut clients.ca_set_ids {
                self.ca_set(name, unknown)?;
            }
        }
        Ok(())
    }

    pub(super) fn hostnames(
        &self,
        hostnames: &mut [PropertyHostname],
        unknown: Unknown,
    ) -> Result<(), ServiceError> {
        for hostname in hostnames {
            for name in &mut hostname.edge_certificate_ids {
                self.certificate(name, unknown)?;
            }
        }
        Ok(())
    }

    /// In a rule or anything around it: the CA sets of checks and of criteria.
    pub(super) fn rules(&self, value: &mut Value, unknown: Unknown) -> Result<(), ServiceError> {
        match value {
            Value::Array(values) => {
                for value in values {
                    self.rules(value, unknown)?;
                }
            }
            Value::Object(fields) => {
                let option = match fields.get("name").and_then(Value::as_str) {
                    Some("clientCaSet") => "values",
                    Some("enforceMtlsSettings") => "certificateAuthoritySet",
                    _ => "",
                };
                let named = fields
                    .get_mut("options")
                    .and_then(|options| options.get_mut(option))
                    .and_then(Value::as_array_mut);
                for value in named.into_iter().flatten() {
                    if let Value::String(name) = value {
                        self.ca_set(name, unknown)?;
                    }
                }
                for part in ["rules", "children", "criteria", "behaviors"] {
                    if let Some(value) = fields.get_mut(part) {
                        self.rules(value, unknown)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn ca_set(&self, name: &mut String, unknown: Unknown) -> Result<(), ServiceError> {
        replace(name, &self.ca_sets, "CA set", unknown)
    }

    fn certificate(&self, name: &mut String, unknown: Unknown) -> Result<(), ServiceError> {
        replace(name, &self.edge_certificates, "edge certificate", unknown)
    }
}

fn replace(
    name: &mut String,
    known: &BTreeMap<String, String>,
    kind: &str,
    unknown: Unknown,
) -> Result<(), ServiceError> {
    match known.get(name) {
        Some(other) => {
            name.clone_from(other);
            Ok(())
        }
        // An id of something that is there is as good as its name.
        None if unknown == Unknown::Stays || known.values().any(|id| id == name) => Ok(()),
        None => Err(ServiceError::new(
            ErrorCode::InvalidField,
            format!(
                "There is no {kind} called `{}`, neither in the declaration nor in the account.",
                short(name)
            ),
        )),
    }
}
