//! `countersign client-credential create`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::v1::client_credentials::ClientCredentialInput;

use crate::connection::Session;
use crate::deployed::credential;
use crate::output::warn;

/// Uploads a certificate chain with its key as version 1 of a credential. The key is sealed at once and never comes back.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name.
    name: String,
    /// The certificate with its intermediates, PEM.
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

impl Create {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let input = ClientCredentialInput {
            name: self.name,
            version: credential(&self.certificate, &self.key)?,
        };
        let made = session.client.create_client_credential(&input).await?;
        warn(&made.validation.clone().unwrap_or_default().warnings);
        session.output.show(&made, || super::page(&made))?;
        Ok(ExitCode::SUCCESS)
    }
}
