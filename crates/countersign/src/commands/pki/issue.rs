//! `countersign pki issue`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_pki::{KeyAlgorithm, Subject};

use super::openssl::{self, NEW_KEY};
use super::refusal::not_issued;
use super::{Purpose, issuing, refuse_existing, validity};
use crate::data_dir::write_private;
use crate::output::print;

/// Makes a key and a certificate for it: NAME.pem with its intermediate, and NAME.key.
#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// Whom it is for: its common name.
    name: String,
    #[command(flatten)]
    purpose: Purpose,
    /// Where to put them, without ending; the name in this directory when absent.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

impl Issue {
    pub(super) fn run(self) -> Result<ExitCode> {
        let stem = match self.out {
            Some(path) => path.into_os_string(),
            None => self.name.replace(['/', '\\'], "_").into(),
        };
        let file = |ending: &str| {
            let mut path = stem.clone();
            path.push(ending);
            PathBuf::from(path)
        };
        let (certificate, key) = (file(".pem"), file(".key"));
        let purpose = &self.purpose;
        if purpose.explain {
            let [key, request, out] =
                [&key, &file(".csr"), &certificate].map(|it| openssl::path(it));
            let issuing = purpose.dir.join("issuing");
            print(&format!(
                "\
openssl req {NEW_KEY} -keyout {key} -out {request} {}
openssl x509 -req -in {request} {} -out {out}
cat {}.pem >> {out}
",
                openssl::subject(&self.name),
                openssl::signed_by(&issuing, purpose.days, purpose.extensions(false)),
                openssl::path(&issuing),
            ))?;
            return Ok(ExitCode::SUCCESS);
        }
        refuse_existing(&[certificate.clone(), key.clone()])?;
        let issued = issuing(&purpose.dir)?
            .issue(
                &purpose.profile(),
                &Subject::common_name(self.name),
                validity(purpose.days)?,
                KeyAlgorithm::default(),
            )
            .map_err(not_issued)?;
        write_private(&key, issued.key_pem().as_bytes())?;
        write_private(&certificate, issued.chain_pem().as_bytes())?;
        print(&format!(
            "{} and {}\n",
            certificate.display(),
            key.display()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}
