//! `countersign pki revoke`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use countersign_pki::{RevocationReason, Revoked};
use countersign_trust::{Certificate, Clock as _, parse_bundle};

use super::openssl;
use super::revoked::Register;
use crate::clock::SystemClock;
use crate::commands::explain::client_chain;
use crate::complaint::Complaint;
use crate::deployed::read_text;
use crate::output::print;

/// Remembers that a certificate is revoked; `countersign pki crl` tells others. It cannot be taken back: issue another one instead.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The certificate; PEM or DER, the first one if there are several.
    certificate: PathBuf,
    /// Why.
    #[arg(long, value_name = "REASON", default_value = "unspecified", value_parser = RevocationReason::ALL.map(RevocationReason::name))]
    reason: String,
    /// The directory that `countersign pki init` made.
    #[arg(long, value_name = "DIR", default_value = "pki")]
    dir: PathBuf,
    /// Print the openssl commands that do the same, and do nothing.
    #[arg(long)]
    explain: bool,
}

impl Revoke {
    pub(super) fn run(self) -> Result<ExitCode> {
        if self.explain {
            let issuing = openssl::path(&self.dir.join("issuing"));
            print(&format!(
                "touch index.txt\n{} -cert {issuing}.pem -keyfile {issuing}.key -revoke {} -crl_reason {}\n",
                openssl::CA,
                openssl::path(&self.certificate),
                self.reason
            ))?;
            return Ok(ExitCode::SUCCESS);
        }
        let chain = client_chain(&self.certificate)?;
        let certificate = chain
            .first()
            .with_context(|| format!("{} holds no certificate", self.certificate.display()))?;
        let authority = self.authority()?;
        let issued = certificate.issuer() == authority.subject()
            && certificate.verify_signed_by(authority.public_key()).is_ok();
        if !issued {
            return Err(Complaint::new(
                format!(
                    "{} was not issued by the authority in {}",
                    certificate.subject().to_rfc2253(),
                    self.dir.display()
                ),
                "name the directory of its authority with `--dir`",
            )
            .into());
        }
        let mut register = Register::read(&self.dir)?;
        let serial = certificate.serial().as_bytes().to_vec();
        let subject = certificate.subject().to_rfc2253();
        if register
            .entries()?
            .iter()
            .any(|known| known.serial == serial)
        {
            print(&format!("{subject} is revoked already\n"))?;
            return Ok(ExitCode::SUCCESS);
        }
        let reason = RevocationReason::ALL
            .into_iter()
            .find(|known| known.name() == self.reason)
            .unwrap_or_default();
        let revoked = Revoked {
            serial,
            at: SystemClock.now().as_secs(),
            reason,
        };
        register.add(&revoked, &subject)?;
        print(&format!(
            "{subject} is revoked; `countersign pki crl` makes the list that says so to others\n"
        ))?;
        Ok(ExitCode::SUCCESS)
    }

    fn authority(&self) -> Result<Certificate> {
        let path = self.dir.join("issuing.pem");
        let bundle = parse_bundle(read_text(&path)?.as_bytes())
            .with_context(|| format!("{} cannot be used", path.display()))?;
        let own = bundle.certificates.into_iter().next();
        own.map(|entry| entry.certificate)
            .with_context(|| format!("{} holds no certificate", path.display()))
    }
}
