//! `countersign ca-set version update`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::truststore::{CertificateRequest, VersionRequest};

use crate::ca_set::files;
use crate::ca_set::find::{self, VersionChoice};
use crate::connection::Session;
use crate::output::warn;

/// Edits a version that was never activated. What is not given stays as it is.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The CA set's name or id.
    set: String,
    /// A number or `latest`.
    version: VersionChoice,
    /// All CA certificates that it is to hold: PEM, DER or PKCS#7, one or several files.
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// CA certificates to put in besides.
    #[arg(long, value_name = "FILE", conflicts_with = "ca")]
    add_ca: Vec<PathBuf>,
    /// 1 to 255 characters for people.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Whether SHA-1 signatures are admitted.
    #[arg(long, value_name = "BOOL")]
    allow_sha1: Option<bool>,
}

impl Update {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let (replacing, adding) = (files::read(&self.ca)?, files::read(&self.add_ca)?);
        let set = find::ca_set(client, &self.set).await?;
        let number = self.version.of(&set)?;
        let (known, seen) = client.version_to_update(&set.ca_set_id, number).await?;
        let certificates = if replacing.is_empty() {
            let kept = known.certificates.unwrap_or_default().into_iter();
            kept.map(|certificate| CertificateRequest {
                certificate_pem: certificate.certificate_pem,
                description: certificate.description,
            })
            .chain(adding)
            .collect()
        } else {
            replacing
        };
        let request = VersionRequest {
            allow_insecure_sha1: self.allow_sha1.unwrap_or(known.allow_insecure_sha1),
            certificates,
            description: self.description.or(known.description),
        };
        let version = client
            .update_version(&set.ca_set_id, number, &request, seen.as_deref())
            .await?;
        if let Some(validation) = &version.validation {
            warn(&validation.warnings);
        }
        session.output.show(&version, || super::page(&version))?;
        Ok(ExitCode::SUCCESS)
    }
}
