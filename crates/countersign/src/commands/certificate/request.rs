//! `countersign certificate request`.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use countersign_api::v1::edge_certificates::{EdgeCertificateInput, KeyRequestInput, KeyType};

use crate::connection::Session;
use crate::output::plain;

/// Makes a key that never leaves the controller, and prints the request for its certificate (CSR).
///
/// Have it signed, for example by `countersign pki sign`, and give what comes back to `certificate install`.
#[derive(Debug, Args)]
pub(crate) struct Request {
    /// The names that the certificate is to cover.
    #[arg(required = true, value_name = "HOSTNAME")]
    hostnames: Vec<String>,
    /// Of which edge certificate the key is to be; a new one when absent.
    #[arg(long = "for", value_name = "CERTIFICATE", conflicts_with = "name")]
    of: Option<String>,
    /// The name of the new edge certificate; the first hostname when absent.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// What kind of key.
    #[arg(long, value_enum, default_value = "p256")]
    key_type: Kind,
    /// The subject's common name; the first hostname when absent.
    #[arg(long, value_name = "TEXT")]
    common_name: Option<String>,
    /// The subject's organization.
    #[arg(long, value_name = "TEXT")]
    organization: Option<String>,
    /// The subject's organizational unit.
    #[arg(long, value_name = "TEXT")]
    organizational_unit: Option<String>,
    /// The subject's country, two letters.
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    P256,
    P384,
    Ed25519,
    Rsa2048,
    Rsa4096,
}

impl Request {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let mut input = EdgeCertificateInput {
            name: self.name,
            key_request: Some(KeyRequestInput {
                names: self.hostnames,
                common_name: self.common_name,
                organization: self.organization,
                organizational_unit: self.organizational_unit,
                country: self.country,
                key_type: match self.key_type {
                    Kind::P256 => KeyType::P256,
                    Kind::P384 => KeyType::P384,
                    Kind::Ed25519 => KeyType::Ed25519,
                    Kind::Rsa2048 => KeyType::Rsa2048,
                    Kind::Rsa4096 => KeyType::Rsa4096,
                },
            }),
            ..EdgeCertificateInput::default()
        };
        let certificate = match &self.of {
            None => client.create_edge_certificate(&input).await?,
            Some(typed) => {
                let known = super::find(client, typed).await?;
                input.settings = known.settings;
                client
                    .update_edge_certificate(&known.edge_certificate_id, &input)
                    .await?
            }
        };
        let request = certificate
            .key_requests
            .last()
            .context("the controller made no request")?;
        session
            .output
            .show(&certificate, || request.request_pem.clone())?;
        eprintln!(
            "install the signed certificate with `countersign certificate install {} --certificate FILE`",
            plain(&certificate.name)
        );
        Ok(ExitCode::SUCCESS)
    }
}
