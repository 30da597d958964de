//! `countersign certificate create`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::v1::edge_certificates::EdgeCertificateInput;

use crate::connection::Session;
use crate::deployed::upload;
use crate::output::warn;

/// Uploads a certificate chain with its key. The key is sealed at once and never comes back.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name; the certificate's first name when absent.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// The certificate with its intermediates, PEM.
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

impl Create {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let input = EdgeCertificateInput {
            name: self.name,
            certificates: vec![upload(&self.certificate, &self.key)?],
            ..EdgeCertificateInput::default()
        };
        let made = session.client.create_edge_certificate(&input).await?;
        warn(&made.validation.clone().unwrap_or_default().warnings);
        session.output.show(&made, || super::page(&made))?;
        Ok(ExitCode::SUCCESS)
    }
}
