//! `countersign pki crl`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_pki::Validity;
use countersign_trust::Clock as _;

use super::revoked::Register;
use super::{DAY, EARLIER, issuing, openssl};
use crate::clock::SystemClock;
use crate::output::print;

/// Prints the list of what was revoked (a CRL, PEM), signed by the authority. Make a new one before it ends, also when nothing was revoked.
#[derive(Debug, Args)]
pub(crate) struct Crl {
    /// By when a newer one will be there.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=365))]
    days: i64,
    /// The directory that `countersign pki init` made.
    #[arg(long, value_name = "DIR", default_value = "pki")]
    dir: PathBuf,
    /// Print the openssl command that does the same, and do nothing.
    #[arg(long)]
    explain: bool,
}

impl Crl {
    pub(super) fn run(self) -> Result<ExitCode> {
        if self.explain {
            let issuing = openssl::path(&self.dir.join("issuing"));
            print(&format!(
                "{} -cert {issuing}.pem -keyfile {issuing}.key -gencrl -crldays {}\n",
                openssl::CA,
                self.days
            ))?;
            return Ok(ExitCode::SUCCESS);
        }
        let now = SystemClock.now();
        let revoked = Register::read(&self.dir)?.entries()?;
        let validity = Validity::new(now.as_secs() - EARLIER, now.as_secs() + self.days * DAY)?;
        // Larger with every list, without a counter that could be lost.
        let number = u64::try_from(now.as_micros()).unwrap_or_default();
        print(&issuing(&self.dir)?.revocation_list(&revoked, number, validity)?)?;
        Ok(ExitCode::SUCCESS)
    }
}
