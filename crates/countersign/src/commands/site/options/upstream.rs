//! What a site can be told about upstream mTLS: what the origin is shown.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use countersign_api::Client;
use countersign_api::v1::client_credentials::ClientCredentialVersionInput;
use countersign_api::v1::sites::SiteOrigin;

use crate::ca_set::find::named;
use crate::deployed::credential;

/// What the origin is shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Upstream mTLS")]
pub(super) struct UpstreamOptions {
    /// A certificate with its intermediates (PEM) that the origin is shown; kept in a client credential of the site's own.
    #[arg(long, value_name = "FILE", requires = "upstream_key")]
    upstream_certificate: Option<PathBuf>,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE", requires = "upstream_certificate")]
    upstream_key: Option<PathBuf>,
    /// The client credential that the origin is shown, by name or id.
    #[arg(
        long,
        value_name = "CREDENTIAL",
        conflicts_with = "upstream_certificate"
    )]
    client_credential: Option<String>,
    /// Show the origin no certificate any more.
    #[arg(long, conflicts_with_all = ["upstream_certificate", "client_credential"])]
    no_upstream_mtls: bool,
}

impl UpstreamOptions {
    /// Changes what is told; what is not told stays. Returns what comes along.
    pub(super) async fn tell(
        &self,
        client: &Client,
        origin: &mut SiteOrigin,
    ) -> Result<Option<ClientCredentialVersionInput>> {
        if self.no_upstream_mtls {
            origin.client_credential_id = None;
        }
        if let Some(typed) = &self.client_credential {
            let known = client.client_credentials().await?.client_credentials;
            let named = named("client-credential", typed, &known, |it| {
                (&it.name, &it.client_credential_id)
            })?;
            origin.client_credential_id = Some(named.client_credential_id.clone());
        }
        match (&self.upstream_certificate, &self.upstream_key) {
            (Some(certificate), Some(key)) => {
                // The uploaded one takes the place of what was named.
                origin.client_credential_id = None;
                Ok(Some(credential(certificate, key)?))
            }
            _ => Ok(None),
        }
    }
}
