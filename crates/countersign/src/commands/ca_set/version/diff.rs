//! `countersign ca-set version diff`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::diff::Diff;
use crate::ca_set::find::{self, VersionChoice};
use crate::connection::Session;
use crate::output::plain;

/// Says which CAs a version adds, removes and renews (same subject and key), and which of the renewed end earlier.
#[derive(Debug, Args)]
pub(crate) struct DiffCommand {
    /// The CA set's name or id.
    set: String,
    /// From which version: a number, `latest`, `staging` or `production`.
    #[arg(default_value = "production")]
    from: VersionChoice,
    /// To which.
    #[arg(default_value = "latest")]
    to: VersionChoice,
}

impl DiffCommand {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let set = find::ca_set(client, &self.set).await?;
        let before = client.version(&set.ca_set_id, self.from.of(&set)?).await?;
        let after = client.version(&set.ca_set_id, self.to.of(&set)?).await?;
        let diff = Diff::between(
            &before.certificates.unwrap_or_default(),
            &after.certificates.unwrap_or_default(),
        )?;
        session.output.show(&diff, || {
            let head = format!(
                "{}: version {} to {}\n",
                set.ca_set_name, before.version, after.version
            );
            let lines = format!("{head}{}", diff.to_text());
            lines.lines().map(|line| plain(line) + "\n").collect()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
