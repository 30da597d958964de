//! `countersign certificate list`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;
use crate::deployed::state;
use crate::output::Table;

/// Lists the edge certificates of the account.
#[derive(Debug, Args)]
pub(crate) struct List {}

impl List {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let answer = session.client.edge_certificates().await?;
        session.output.show(&answer, || {
            let mut table = Table::new(
                ["ID", "NAME", "NAMES", "UNTIL", "STAGING", "PRODUCTION"],
                "there are no edge certificates; `countersign certificate create --certificate FILE --key FILE` makes one",
            );
            for certificate in &answer.edge_certificates {
                let names = certificate.certificates.iter().flat_map(|held| held.names.iter());
                let names: std::collections::BTreeSet<&str> = names.map(String::as_str).collect();
                let until = certificate.certificates.iter().map(|held| held.end_date.to_string()).min();
                table.row([
                    certificate.edge_certificate_id.clone(),
                    certificate.name.clone(),
                    names.into_iter().collect::<Vec<_>>().join(", "),
                    until.unwrap_or_default(),
                    state(certificate.staging.as_ref()),
                    state(certificate.production.as_ref()),
                ]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
