//! `countersign ca-set activities`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::Timestamp;

use crate::ca_set::{find, network_name};
use crate::connection::Session;
use crate::output::{Table, time};

/// Shows what happened to a CA set, newest first; of a deleted one too, by its id.
#[derive(Debug, Args)]
pub(crate) struct Activities {
    /// Its name or id.
    set: String,
    /// Only from this time on, RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only until this time, RFC 3339.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

impl Activities {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let set = find::ca_set(&session.client, &self.set).await?;
        let answer = session
            .client
            .activities(&set.ca_set_id, self.since, self.until)
            .await?;
        session.output.show(&answer, || {
            let mut table = Table::new(
                ["WHEN", "WHAT", "VERSION", "NETWORK", "BY"],
                "nothing happened then",
            );
            for activity in &answer.activities {
                table.row([
                    time(activity.activity_date),
                    activity.kind.to_lowercase().replace('_', " "),
                    super::number(activity.version),
                    activity.network.map_or("-", network_name).to_owned(),
                    activity.activity_by.clone(),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
