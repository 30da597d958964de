//! `countersign client-credential renew`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;
use crate::deployed::credential;
use crate::output::warn;

/// Adds the next version with another certificate and key; `activate` makes networks show it.
#[derive(Debug, Args)]
pub(crate) struct Renew {
    /// The credential's name or id.
    client_credential: String,
    /// The new certificate with its intermediates, PEM.
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

impl Renew {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let input = credential(&self.certificate, &self.key)?;
        let known = super::find(client, &self.client_credential).await?;
        let id = &known.client_credential_id;
        let renewed = client.add_client_credential_version(id, &input).await?;
        warn(&renewed.validation.clone().unwrap_or_default().warnings);
        session.output.show(&renewed, || super::page(&renewed))?;
        Ok(ExitCode::SUCCESS)
    }
}
