//! `countersign ca-set associations`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::{find, network_name};
use crate::connection::Session;
use crate::output::Table;

/// Shows which hostnames and edge certificates use a CA set.
#[derive(Debug, Args)]
pub(crate) struct Associations {
    /// Its name or id.
    set: String,
}

impl Associations {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let set = find::ca_set(&session.client, &self.set).await?;
        let answer = session.client.associations(&set.ca_set_id).await?;
        session.output.show(&answer, || {
            let found = &answer.associations;
            let mut table = Table::new(
                ["KIND", "ID", "NAME", "HOSTNAME", "NETWORK", "STATUS"],
                "nothing uses the CA set",
            );
            for property in found.properties.iter().flatten() {
                for hostname in &property.hostnames {
                    table.row([
                        "site".to_owned(),
                        property.property_id.clone(),
                        property.property_name.clone().unwrap_or_default(),
                        hostname.host_name.clone(),
                        network_name(hostname.network).to_owned(),
                        hostname.status.to_lowercase(),
                    ]);
                }
            }
            for enrollment in found.enrollments.iter().flatten() {
                for (slots, network) in [
                    (&enrollment.staging_slots, "staging"),
                    (&enrollment.production_slots, "production"),
                ] {
                    if !slots.is_empty() {
                        table.row([
                            "edge certificate".to_owned(),
                            enrollment.enrollment_id.to_string(),
                            enrollment.cn.clone(),
                            String::new(),
                            network.to_owned(),
                            "deployed".to_owned(),
                        ]);
                    }
                }
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
