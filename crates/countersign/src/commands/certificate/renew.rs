//! `countersign certificate renew`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::v1::edge_certificates::EdgeCertificateInput;

use crate::connection::Session;
use crate::deployed::uploads;
use crate::output::warn;

/// Puts another certificate and key in the place of what an edge certificate holds; its settings stay.
#[derive(Debug, Args)]
pub(crate) struct Renew {
    /// The edge certificate's name or id.
    edge_certificate: String,
    /// The new certificate with its intermediates, PEM; several, best first.
    #[arg(long, value_name = "FILE", required = true)]
    certificate: Vec<PathBuf>,
    /// Its private key, PEM; of several certificates in their order.
    #[arg(long, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,
}

impl Renew {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let known = super::find(client, &self.edge_certificate).await?;
        let input = EdgeCertificateInput {
            certificates: uploads(&self.certificate, &self.key)?,
            settings: known.settings,
            ..EdgeCertificateInput::default()
        };
        let id = &known.edge_certificate_id;
        let renewed = client.update_edge_certificate(id, &input).await?;
        warn(&renewed.validation.clone().unwrap_or_default().warnings);
        session.output.show(&renewed, || super::page(&renewed))?;
        Ok(ExitCode::SUCCESS)
    }
}
