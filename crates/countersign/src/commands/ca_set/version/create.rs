//! `countersign ca-set version create`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::truststore::VersionRequest;

use crate::ca_set::{files, find};
use crate::connection::Session;
use crate::output::warn;

/// Makes the next version of a CA set out of files.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The CA set's name or id.
    set: String,
    /// CA certificates: PEM, DER or PKCS#7, one or several files.
    #[arg(long, value_name = "FILE", required = true)]
    ca: Vec<PathBuf>,
    /// 1 to 255 characters for people.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Admit SHA-1 signatures; a stop-gap while clients are replaced.
    #[arg(long)]
    allow_sha1: bool,
}

impl Create {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let certificates = files::read(&self.ca)?;
        let set = find::ca_set(&session.client, &self.set).await?;
        let request = VersionRequest {
            allow_insecure_sha1: self.allow_sha1,
            certificates,
            description: self.description,
        };
        let version = session
            .client
            .create_version(&set.ca_set_id, &request)
            .await?;
        if let Some(validation) = &version.validation {
            warn(&validation.warnings);
        }
        session.output.show(&version, || super::page(&version))?;
        Ok(ExitCode::SUCCESS)
    }
}
