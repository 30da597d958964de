//! `countersign crl list`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::age;
use crate::ca_set::find;
use crate::connection::Session;
use crate::output::{Table, time};

/// Lists the CRLs of a CA set: their states and ages, and why one could not be fetched.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// The CA set's name or id.
    set: String,
}

impl List {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let set = find::ca_set(&session.client, &self.set).await?;
        let answer = session.client.crls(&set.ca_set_id).await?;
        session.output.show(&answer, || {
            let mut table = Table::new(
                [
                    "ID",
                    "STATE",
                    "ISSUER",
                    "ENTRIES",
                    "AGE",
                    "NEXT UPDATE",
                    "FROM",
                    "ERROR",
                ],
                "there are no CRLs; `countersign crl add SET --file FILE` or `--url URL` adds one",
            );
            for crl in &answer.crls {
                let from = crl.url.clone().unwrap_or_else(|| "uploaded".to_owned());
                table.row([
                    crl.crl_id.clone(),
                    crl.state.clone(),
                    crl.issuer.clone().unwrap_or_default(),
                    crl.entries
                        .map(|count| count.to_string())
                        .unwrap_or_default(),
                    age(crl.age_seconds),
                    crl.next_update.map(time).unwrap_or_default(),
                    if crl.from_certificate {
                        format!("{from} (named by a client)")
                    } else {
                        from
                    },
                    crl.error.clone().unwrap_or_default(),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
