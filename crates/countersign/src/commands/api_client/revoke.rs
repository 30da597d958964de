//! `countersign api-client revoke`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::ca_set::impact::Consent;
use crate::connection::ConnectionOptions;
use crate::output::plain;
use crate::stopped_instance::StoppedInstance;

/// Takes an API client's access away, for good.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// Its id, as `countersign api-client list` shows it.
    #[arg(allow_hyphen_values = true)]
    id: String,
    #[command(flatten)]
    consent: Consent,
}

impl Revoke {
    pub(super) async fn run(
        self,
        connection: &ConnectionOptions,
        stopped: Option<&StoppedInstance>,
    ) -> Result<ExitCode> {
        let id = &self.id;
        self.consent.require(&format!(
            "The credentials `{id}` will be refused from now on, for good."
        ))?;
        super::revoke(connection, stopped, id).await?;
        connection
            .output()
            .show(&json!({ "id": id, "revoked": true }), || {
                format!("{} is revoked\n", plain(id))
            })?;
        Ok(ExitCode::SUCCESS)
    }
}
