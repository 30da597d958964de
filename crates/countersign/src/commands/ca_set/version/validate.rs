//! `countersign ca-set version validate`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::truststore::ValidationRequest;

use crate::ca_set::files;
use crate::connection::Session;
use crate::output::warn;

/// Judges CA certificates as an upload would be, and keeps nothing.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// CA certificates: PEM, DER or PKCS#7.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Admit SHA-1 signatures.
    #[arg(long)]
    allow_sha1: bool,
}

impl Validate {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let request = ValidationRequest {
            allow_insecure_sha1: self.allow_sha1,
            certificates: files::read(&self.files)?,
        };
        let answer = session.client.validate(&request).await?;
        warn(&answer.validation.warnings);
        session.output.show(&answer, || {
            super::certificates(&answer.certificates).to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
