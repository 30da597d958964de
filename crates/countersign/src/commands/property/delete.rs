//! `countersign property delete`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::impact::Consent;
use crate::connection::Session;
use crate::deployed::deleted;

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
        deleted(session, "propertyId", id, name)
    }
}
