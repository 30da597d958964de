//! `countersign crl ocsp`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::age;
use crate::ca_set::find;
use crate::connection::Session;
use crate::output::{Table, time};

/// Lists what OCSP responders said about the clients of a CA set; what failed first, then the newest.
#[derive(Debug, Args)]
pub(crate) struct Ocsp {
    /// The CA set's name or id.
    set: String,
    /// How many; 100 when absent.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: Option<u32>,
}

impl Ocsp {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let set = find::ca_set(&session.client, &self.set).await?;
        let answer = session
            .client
            .ocsp_answers(&set.ca_set_id, self.limit)
            .await?;
        session.output.show(&answer, || {
            let mut table = Table::new(
                [
                    "SUBJECT",
                    "SERIAL",
                    "STATUS",
                    "STATE",
                    "AGE",
                    "NEXT UPDATE",
                    "RESPONDER",
                    "ERROR",
                ],
                "no responder was asked about a client of this CA set yet",
            );
            for asked in &answer.answers {
                table.row([
                    asked.subject.clone(),
                    asked.serial_number.clone(),
                    asked.status.clone().unwrap_or_default(),
                    asked.state.clone(),
                    age(asked.age_seconds),
                    asked.next_update.map(time).unwrap_or_default(),
                    asked.responder.clone().unwrap_or_default(),
                    asked.error.clone().unwrap_or_default(),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
