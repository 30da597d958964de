//! `countersign pki sign`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_pki::{SigningRequest, Subject};

use super::openssl;
use super::refusal::{not_issued, not_signed};
use super::{Purpose, issuing, validity};
use crate::deployed::read_text;
use crate::output::print;

/// Certifies the key of a signing request and prints the chain. What the request asks for besides is not taken over: say it here.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The request, PEM.
    request: PathBuf,
    /// Whom it is for; the common name that the request asks for when absent.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    #[command(flatten)]
    purpose: Purpose,
}

impl Sign {
    pub(super) fn run(self) -> Result<ExitCode> {
        let purpose = &self.purpose;
        let request = SigningRequest::from_pem(&read_text(&self.request)?)
            .map_err(|error| not_signed(&self.request, &error))?;
        let name = self.name.as_deref().or_else(|| request.common_name());
        if purpose.explain {
            let issuing = purpose.dir.join("issuing");
            print(&format!(
                "openssl x509 -req -in {} {} {}\ncat {}.pem\n",
                openssl::path(&self.request),
                openssl::subject(name.unwrap_or_default()),
                openssl::signed_by(&issuing, purpose.days, purpose.extensions(request.is_rsa())),
                openssl::path(&issuing),
            ))?;
            return Ok(ExitCode::SUCCESS);
        }
        let subject = name.map_or_else(Subject::default, Subject::common_name);
        let chain = issuing(&purpose.dir)?
            .sign_request(
                &request,
                &purpose.profile(),
                &subject,
                validity(purpose.days)?,
            )
            .map_err(not_issued)?;
        print(&chain)?;
        Ok(ExitCode::SUCCESS)
    }
}
