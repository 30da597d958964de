//! `countersign crl add`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use countersign_api::v1::crls::CrlRequest;

use crate::ca_set::find;
use crate::connection::Session;
use crate::output::Page;

/// Adds a CRL to a CA set, or an address to fetch one from again and again.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The CA set's name or id.
    set: String,
    /// The CRL, PEM or DER.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "url",
        required_unless_present = "url"
    )]
    file: Option<PathBuf>,
    /// Where it is fetched from, `http` only: a CRL proves itself by its signature.
    #[arg(long)]
    url: Option<String>,
    /// The host of the URL may be in a private network.
    #[arg(long, requires = "url")]
    private_network: bool,
}

impl Add {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let set = find::ca_set(&session.client, &self.set).await?;
        let crl = self
            .file
            .map(|path| {
                let bytes = std::fs::read(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                anyhow::Ok(text(bytes))
            })
            .transpose()?;
        let request = CrlRequest {
            crl,
            url: self.url,
            private_network: self.private_network,
        };
        let added = session.client.add_crl(&set.ca_set_id, &request).await?;
        session.output.show(&added, || {
            let mut page = Page::default();
            page.line("id", &added.crl_id);
            page.line("state", &added.state);
            if let Some(issuer) = &added.issuer {
                page.line("issuer", issuer);
            }
            if let Some(entries) = added.entries {
                page.line("entries", &entries.to_string());
            }
            if let Some(url) = &added.url {
                page.line("url", url);
            }
            page.into_text()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// PEM as it is, and DER in base64.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| STANDARD.encode(error.as_bytes()))
}
