//! `countersign pki issue`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_pki::{KeyAlgorithm, Subject};

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
            let (dir, days) = (purpose.dir.display(), purpose.days);
            print(&format!(
                "\
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout '{}' -out request.csr -subj '/CN={}'
openssl x509 -req -in request.csr -CA '{dir}/issuing.pem' -CAkey '{dir}/issuing.key' -days {days} -out '{}' -extfile <(printf '{}')
",
                key.display(),
                self.name,
                certificate.display(),
                purpose.extensions()
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
