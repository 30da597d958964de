//! `countersign property delete`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::ca_set::impact::Consent;
use crate::connection::Session;
use crate::output::plain;

/// Deletes a property. Refused while a network has it.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Its name or id.
    property: String,
    #[command(flatten)]
    consent: Consent,
}

impl Delete {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let property = super::find(&session.client, &self.property).await?;
        let (id, name) = (&property.property_id, &property.property_name);
        self.consent
            .require(&format!("`{name}` and its versions are deleted."))?;
        session.client.delete_property(id).await?;
        let answer = json!({ "propertyId": id, "deleted": true });
        session
            .output
            .show(&answer, || format!("`{}` is deleted\n", plain(name)))?;
        Ok(ExitCode::SUCCESS)
    }
}
