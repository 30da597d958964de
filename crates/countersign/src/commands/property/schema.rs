//! `countersign property schema`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::connection::Session;

/// Prints the JSON Schema of rule trees, for editors.
#[derive(Debug, Args)]
pub(crate) struct Schema {}

impl Schema {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let schema = session.client.rule_schema().await?;
        session.output.show(&schema, || format!("{schema:#}\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}
