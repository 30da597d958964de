//! `countersign certificate create`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::v1::edge_certificates::{EdgeCertificateInput, EdgeCertificateSettings};

use super::options::CertificateOptions;
use crate::connection::Session;
use crate::deployed::uploads;
use crate::output::warn;

/// Uploads a certificate chain with its key. The key is sealed at once and never comes back.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name; the certificate's first name when absent.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// The certificate with its intermediates, PEM. Several, such as one ECDSA and one RSA, best first: each client gets one that it can verify.
    #[arg(long, value_name = "FILE", required = true)]
    certificate: Vec<PathBuf>,
    /// Its private key, PEM; of several certificates in their order.
    #[arg(long, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,
    #[command(flatten)]
    options: CertificateOptions,
}

impl Create {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let mut settings = EdgeCertificateSettings::default();
        self.options.tell(&session.client, &mut settings).await?;
        let input = EdgeCertificateInput {
            name: self.name,
            certificates: uploads(&self.certificate, &self.key)?,
            settings,
            ..EdgeCertificateInput::default()
        };
        let made = session.client.create_edge_certificate(&input).await?;
        warn(&made.validation.clone().unwrap_or_default().warnings);
        session.output.show(&made, || super::page(&made))?;
        Ok(ExitCode::SUCCESS)
    }
}
