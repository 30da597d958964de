//! `countersign certificate update`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::v1::edge_certificates::EdgeCertificateInput;

use super::options::CertificateOptions;
use crate::connection::Session;
use crate::output::warn;

/// Changes how the edge speaks TLS with a certificate. What is not given stays as it is; networks go on with what they have until
/// `certificate deploy`.
///
/// For example: countersign certificate update www --ca-set partners --mode require --ocsp --hsts 31536000 --https-redirect
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The edge certificate's name or id.
    edge_certificate: String,
    /// Another name.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    #[command(flatten)]
    options: CertificateOptions,
}

impl Update {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let known = super::find(client, &self.edge_certificate).await?;
        let mut settings = known.settings;
        self.options.tell(client, &mut settings).await?;
        let input = EdgeCertificateInput {
            name: self.name,
            settings,
            ..EdgeCertificateInput::default()
        };
        let id = &known.edge_certificate_id;
        let changed = client.update_edge_certificate(id, &input).await?;
        warn(&changed.validation.clone().unwrap_or_default().warnings);
        session.output.show(&changed, || super::page(&changed))?;
        Ok(ExitCode::SUCCESS)
    }
}
