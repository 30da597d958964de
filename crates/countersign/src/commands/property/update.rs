//! `countersign property update`, and the options that it shares with `create`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use countersign_api::v1::properties::{Property, PropertyHostname, VersionInput};
use countersign_api::v1::sites::SiteOrigin;
use serde_json::Value;

use crate::connection::Session;
use crate::deployed::read_text;

/// Edits the newest version of a property; when it was activated, a copy of it becomes the next version first.
///
/// What is not given stays. Networks go on with what they have until a version is activated.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Its name or id.
    property: String,
    /// A remark on the version, if one is made.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    edit: Edit,
}

/// What a version can be told.
#[derive(Debug, Args)]
pub(super) struct Edit {
    /// All its server names, each with the edge certificates to present (NAME=ID,ID) or without: then the one that covers it.
    #[arg(long, value_name = "HOSTNAME[=IDS]")]
    hostname: Vec<String>,
    /// An origin that rules choose by id: http://host[:port] or https://host[:port].
    #[arg(long, value_name = "ID=URL", value_parser = pair)]
    origin: Vec<(String, String)>,
    /// CA certificates (PEM) that vouch for an origin; the edge machine's store when absent.
    #[arg(long, value_name = "ID=FILE", value_parser = pair)]
    origin_ca: Vec<(String, String)>,
    /// The name to verify at an origin; its URL's host when absent.
    #[arg(long, value_name = "ID=NAME", value_parser = pair)]
    origin_name: Vec<(String, String)>,
    /// The rule tree, a JSON file. It is saved with its errors, which only stand against activation.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
}

/// The same with the files read, so that nothing is made when one cannot be.
pub(super) struct ReadEdit {
    hostnames: Vec<PropertyHostname>,
    origins: BTreeMap<String, SiteOrigin>,
    origin_names: Vec<(String, String)>,
    origin_cas: Vec<(String, String)>,
    rules: Option<Value>,
}

impl Update {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let edit = self.edit.read()?;
        let property = super::find(client, &self.property).await?;
        let id = &property.property_id;
        let newest = client.property_version(id, property.latest_version).await?;
        let number = if newest.is_editable {
            newest.property_version
        } else {
            let input = VersionInput {
                create_from_version: None,
                note: self.note,
            };
            client
                .create_property_version(id, &input)
                .await?
                .property_version
        };
        edit.apply(session, property, number).await
    }
}

impl Edit {
    pub(super) fn read(self) -> Result<ReadEdit> {
        let hostnames = self
            .hostname
            .iter()
            .map(|text| {
                let (hostname, ids) = text.split_once('=').unwrap_or((text, ""));
                PropertyHostname {
                    hostname: hostname.to_owned(),
                    edge_certificate_ids: ids
                        .split(',')
                        .filter(|id| !id.is_empty())
                        .map(str::to_owned)
                        .collect(),
                }
            })
            .collect();
        let origins = self
            .origin
            .into_iter()
            .map(|(id, url)| {
                let origin = SiteOrigin {
                    url,
                    ..SiteOrigin::default()
                };
                (id, origin)
            })
            .collect();
        let origin_cas = self
            .origin_ca
            .into_iter()
            .map(|(id, path)| Ok((id, read_text(path.as_ref())?)))
            .collect::<Result<_>>()?;
        let rules = match &self.rules {
            None => None,
            Some(path) => {
                let text = read_text(path)?;
                let tree = serde_json::from_str(&text)
                    .with_context(|| format!("{} is not JSON", path.display()))?;
                Some(tree)
            }
        };
        Ok(ReadEdit {
            hostnames,
            origins,
            origin_names: self.origin_name,
            origin_cas,
            rules,
        })
    }
}

impl ReadEdit {
    /// Edits a version and shows what became of it.
    pub(super) async fn apply(
        self,
        session: &Session,
        property: Property,
        number: u32,
    ) -> Result<ExitCode> {
        let client = &session.client;
        let id = property.property_id.clone();
        let mut version = client.property_version(&id, number).await?;
        if !self.hostnames.is_empty() {
            let seen = Some(version.etag.as_str());
            version = client
                .set_property_hostnames(&id, number, self.hostnames, seen)
                .await?;
        }
        let touches_origins = !self.origins.is_empty()
            || !self.origin_cas.is_empty()
            || !self.origin_names.is_empty();
        if touches_origins {
            let mut origins = version.origins.clone();
            for (key, origin) in self.origins {
                origins.entry(key).or_default().url = origin.url;
            }
            for (key, pem) in self.origin_cas {
                origins.entry(key).or_default().ca_pem = Some(pem);
            }
            for (key, name) in self.origin_names {
                origins.entry(key).or_default().server_name = Some(name);
            }
            let seen = Some(version.etag.as_str());
            version = client
                .set_property_origins(&id, number, origins, seen)
                .await?;
        }
        if let Some(rules) = &self.rules {
            let seen = Some(version.etag.as_str());
            client.set_property_rules(&id, number, rules, seen).await?;
        }
        let judged = client.property_rules(&id, number).await?;
        super::tell(&judged.errors, &judged.warnings);
        let version = client.property_version(&id, number).await?;
        let property = client.property(&id).await?;
        session
            .output
            .show(&version, || super::page(&property, &version))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((id, value)) if !id.is_empty() && !value.is_empty() => {
            Ok((id.to_owned(), value.to_owned()))
        }
        _ => Err("write it as ID=VALUE".to_owned()),
    }
}
