//! `countersign certificate install`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::v1::edge_certificates::{CertificateUpload, EdgeCertificateInput};

use crate::connection::Session;
use crate::deployed::read_text;
use crate::output::warn;

/// Installs certificates that were signed for keys which the controller has: those of `certificate request`, or those in use.
///
/// They take the place of what the edge certificate holds; its settings stay. Networks present them after `certificate deploy`.
#[derive(Debug, Args)]
pub(crate) struct Install {
    /// The edge certificate's name or id.
    edge_certificate: String,
    /// The signed certificate with its intermediates, PEM; several, best first.
    #[arg(long, value_name = "FILE", required = true)]
    certificate: Vec<PathBuf>,
}

impl Install {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let known = super::find(client, &self.edge_certificate).await?;
        let mut certificates = Vec::new();
        for file in &self.certificate {
            certificates.push(CertificateUpload {
                certificate_pem: read_text(file)?,
                ..CertificateUpload::default()
            });
        }
        let input = EdgeCertificateInput {
            certificates,
            settings: known.settings,
            ..EdgeCertificateInput::default()
        };
        let id = &known.edge_certificate_id;
        let installed = client.update_edge_certificate(id, &input).await?;
        warn(&installed.validation.clone().unwrap_or_default().warnings);
        session
            .output
            .show(&installed, || super::page(&installed))?;
        Ok(ExitCode::SUCCESS)
    }
}
