//! `countersign ca-set create`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::truststore::{CaSetRequest, VersionRequest};

use crate::ca_set::files;
use crate::connection::Session;
use crate::output::warn;

/// Makes a CA set, and with `--ca` its first version.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// 3 to 64 letters, digits, `_`, `-` and `.`; it never changes.
    name: String,
    /// 1 to 255 characters for people.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// CA certificates for version 1: PEM, DER or PKCS#7, one or several files.
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// Admit SHA-1 signatures in version 1; a stop-gap while clients are replaced.
    #[arg(long, requires = "ca")]
    allow_sha1: bool,
}

impl Create {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let certificates = files::read(&self.ca)?;
        let client = &session.client;
        if !certificates.is_empty() {
            // Judged first, so that no empty set is left behind.
            let request = countersign_api::truststore::ValidationRequest {
                allow_insecure_sha1: self.allow_sha1,
                certificates: certificates.clone(),
            };
            client.validate(&request).await?;
        }
        let request = CaSetRequest {
            ca_set_name: self.name,
            description: self.description,
        };
        let mut set = client.create_ca_set(&request).await?;
        if !certificates.is_empty() {
            let request = VersionRequest {
                allow_insecure_sha1: self.allow_sha1,
                certificates,
                description: None,
            };
            let version = client.create_version(&set.ca_set_id, &request).await?;
            warn(&version.validation.unwrap_or_default().warnings);
            set = client.ca_set(&set.ca_set_id).await?;
        }
        session
            .output
            .show(&set, || super::page(&set).into_text())?;
        Ok(ExitCode::SUCCESS)
    }
}
