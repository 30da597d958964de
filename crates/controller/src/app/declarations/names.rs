//! Names in the place of ids, and ids in the place of names.

use std::collections::BTreeMap;

use countersign_api::v1::edge_certificates::EdgeCertificateSettings;
use countersign_api::v1::properties::PropertyHostname;
use countersign_api::v1::sites::{SiteOrigin, SiteSettings};
use serde_json::Value;

use crate::app::input::short;
use crate::app::{ErrorCode, ServiceError};
use crate::model::{CredentialId, CredentialReference};

/// What ids and names stand for each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) ca_sets: BTreeMap<String, String>,
    pub(super) edge_certificates: BTreeMap<String, String>,
    pub(super) client_credentials: BTreeMap<String, String>,
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
    /// Errors have their place in the request that makes an edge certificate.
    pub(super) fn edge_certificate(
        &self,
        settings: &mut EdgeCertificateSettings,
        unknown: Unknown,
    ) -> Result<(), ServiceError> {
        let base = "/settings/mutualAuthentication";
        if let Some(mutual) = &mut settings.mutual_authentication {
            self.ca_set(&mut mutual.ca_set_id, unknown)
                .map_err(|error| error.at(format!("{base}/caSetId")))?;
            for (index, name) in mutual.additional_ca_set_ids.iter_mut().enumerate() {
                self.ca_set(name, unknown)
                    .map_err(|error| error.at(format!("{base}/additionalCaSetIds/{index}")))?;
            }
        }
        Ok(())
    }

    /// Errors have their place in the request that makes a site.
    pub(super) fn site(
        &self,
        settings: &mut SiteSettings,
        unknown: Unknown,
    ) -> Result<(), ServiceError> {
        self.certificates(&mut settings.edge_certificate_ids, "", unknown)?;
        if let Some(clients) = &mut settings.mutual_authentication {
            for (index, name) in clients.ca_set_ids.iter_mut().enumerate() {
                let at = || format!("/mutualAuthentication/caSetIds/{index}");
                self.ca_set(name, unknown).map_err(|error| error.at(at()))?;
            }
        }
        self.origin(&mut settings.origin, "/origin", unknown)
    }

    pub(super) fn origins(
        &self,
        origins: &mut BTreeMap<String, SiteOrigin>,
        unknown: Unknown,
    ) -> Result<(), ServiceError> {
        for (id, origin) in origins {
            let id = id.replace('~', "~0").replace('/', "~1");
            self.origin(origin, &format!("/origins/{id}"), unknown)?;
        }
        Ok(())
    }

    fn origin(
        &self,
        origin: &mut SiteOrigin,
        at: &str,
        unknown: Unknown,
    ) -> Result<(), ServiceError> {
        match &mut origin.client_credential_id {
            Some(name) => self
                .credential(name, unknown)
                .map_err(|error| error.at(format!("{at}/clientCredentialId"))),
            None => Ok(()),
        }
    }

    pub(super) fn hostnames(
        &self,
        hostnames: &mut [PropertyHostname],
        unknown: Unknown,
    ) -> Result<(), ServiceError> {
        for (index, hostname) in hostnames.iter_mut().enumerate() {
            let at = format!("/hostnames/{index}");
            self.certificates(&mut hostname.edge_certificate_ids, &at, unknown)?;
        }
        Ok(())
    }

    fn certificates(
        &self,
        names: &mut [String],
        at: &str,
        unknown: Unknown,
    ) -> Result<(), ServiceError> {
        for (index, name) in names.iter_mut().enumerate() {
            replace(name, &self.edge_certificates, "edge certificate", unknown)
                .map_err(|error| error.at(format!("{at}/edgeCertificateIds/{index}")))?;
        }
        Ok(())
    }

    /// In a rule or anything around it: the CA sets of checks and of criteria, and the client credentials for origins. `at` is where it is.
    pub(super) fn rules(
        &self,
        value: &mut Value,
        at: &str,
        unknown: Unknown,
    ) -> Result<(), ServiceError> {
        match value {
            Value::Array(values) => {
                for (index, value) in values.iter_mut().enumerate() {
                    self.rules(value, &format!("{at}/{index}"), unknown)?;
                }
            }
            Value::Object(fields) => {
                let option = match fields.get("name").and_then(Value::as_str) {
                    Some("clientCaSet") => "values",
                    Some("enforceMtlsSettings") => "certificateAuthoritySet",
                    Some("mtlsOriginKeystore") => "clientCertificateVersionGuid",
                    _ => "",
                };
                let named = fields
                    .get_mut("options")
                    .and_then(|options| options.get_mut(option));
                let at_option = format!("{at}/options/{option}");
                match named {
                    Some(Value::Array(values)) => {
                        for (index, value) in values.iter_mut().enumerate() {
                            if let Value::String(name) = value {
                                self.ca_set(name, unknown)
                                    .map_err(|error| error.at(format!("{at_option}/{index}")))?;
                            }
                        }
                    }
                    Some(Value::String(text)) if option == "clientCertificateVersionGuid" => {
                        self.keystore(text, unknown)
                            .map_err(|error| error.at(at_option))?;
                    }
                    _ => {}
                }
                for part in ["rules", "children", "criteria", "behaviors"] {
                    if let Some(value) = fields.get_mut(part) {
                        self.rules(value, &format!("{at}/{part}"), unknown)?;
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

    fn credential(&self, name: &mut String, unknown: Unknown) -> Result<(), ServiceError> {
        replace(name, &self.client_credentials, "client credential", unknown)
    }

    /// Where rules have `client-credential-ID` or `client-credential-ID-VERSION`, declarations have `NAME` or `NAME@VERSION`.
    fn keystore(&self, text: &mut String, unknown: Unknown) -> Result<(), ServiceError> {
        let reference = CredentialReference::from_text(text);
        if unknown == Unknown::Stays {
            let name = reference.and_then(|it| self.client_credentials.get(&it.id.to_string()));
            let Some((reference, name)) = reference.zip(name) else {
                return Ok(());
            };
            let mut names = self.client_credentials.values();
            let written = match reference.version {
                None => name.clone(),
                Some(version) => format!("{name}@{version}"),
            };
            // Somebody called one of them as if it were a version of another.
            if written == *name || names.all(|other| *other != written) {
                *text = written;
            }
            return Ok(());
        }
        let is_known = |name: &str| self.client_credentials.contains_key(name);
        if text.is_empty() || (reference.is_some() && !is_known(text)) {
            return Ok(());
        }
        let pinned = text
            .rsplit_once('@')
            .filter(|_| !is_known(text))
            .and_then(|(name, version)| Some((name, version.parse().ok()?)));
        let (name, version) = match pinned {
            Some((name, version)) => (name, Some(version)),
            None => (text.as_str(), None),
        };
        let mut id = name.to_owned();
        self.credential(&mut id, unknown)?;
        if let Some(id) = CredentialId::from_text(&id) {
            *text = CredentialReference { id, version }.to_string();
        }
        Ok(())
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
