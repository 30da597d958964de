//! `countersign revoke list`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;
use crate::output::{Table, time};

/// Lists revocations by hand, newest first.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Those too that hold no more.
    #[arg(long)]
    ended: bool,
}

impl List {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let answer = session.client.revocations(self.ended).await?;
        session.output.show(&answer, || {
            let mut table = Table::new(
                [
                    "ID",
                    "HOLDS",
                    "REASON",
                    "MADE",
                    "BY",
                    "REVOKES",
                    "DESCRIPTION",
                ],
                "nothing is revoked by hand",
            );
            for revocation in &answer.revocations {
                table.row([
                    revocation.revocation_id.clone(),
                    match (revocation.active, revocation.end_date) {
                        (true, None) => "for ever".to_owned(),
                        (true, Some(end)) => format!("until {}", time(end)),
                        (false, _) => "no more".to_owned(),
                    },
                    revocation.reason.clone(),
                    time(revocation.created_date),
                    revocation.created_by.clone(),
                    super::what(revocation),
                    revocation.description.clone().unwrap_or_default(),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
