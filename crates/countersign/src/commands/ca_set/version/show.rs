//! `countersign ca-set version show`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::ca_set::find::{self, VersionChoice};
use crate::connection::Session;
use crate::output::print;

/// Shows a version with its certificates.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The CA set's name or id.
    set: String,
    /// A number, `latest`, `staging` or `production`.
    version: VersionChoice,
    /// Print the certificates as PEM and nothing else.
    #[arg(long)]
    pem: bool,
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let set = find::ca_set(&session.client, &self.set).await?;
        let number = self.version.of(&set)?;
        let version = session.client.version(&set.ca_set_id, number).await?;
        if self.pem {
            for certificate in version.certificates.iter().flatten() {
                print(&format!("{}\n", certificate.certificate_pem.trim_end()))?;
            }
        } else {
            session.output.show(&version, || super::page(&version))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
