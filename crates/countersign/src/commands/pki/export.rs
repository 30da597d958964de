//! `countersign pki export`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use countersign_pki::pkcs12;

use super::openssl;
use super::refuse_existing;
use crate::commands::explain::client_chain;
use crate::data_dir::write_private;
use crate::deployed::read_text;
use crate::output::print;
use crate::shell;

/// Puts a certificate, its intermediates and its key into a PKCS#12 file (.p12, .pfx) for browsers and phones.
///
/// It is protected with AES-256 and PBKDF2-HMAC-SHA-256; importers that know only 3DES and SHA-1 cannot read it.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The certificate with its intermediates, PEM, as `countersign pki issue` made it.
    certificate: PathBuf,
    /// Its private key, PEM; the certificate's name with .key when absent.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Where to put it; the certificate's name with .p12 when absent.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A file with the password in its first line; at least 8 characters.
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
    /// What people see when they choose a certificate; its common name when absent.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Print the openssl command that does the same, and do nothing.
    #[arg(long)]
    explain: bool,
}

impl Export {
    pub(super) fn run(self) -> Result<ExitCode> {
        let beside = |ending: &str| self.certificate.with_extension(ending);
        let key = self.key.clone().unwrap_or_else(|| beside("key"));
        let out = self.out.clone().unwrap_or_else(|| beside("p12"));
        let chain = client_chain(&self.certificate)?;
        let subject = chain.first().map(|certificate| certificate.subject());
        let name = self.name.as_deref();
        let name = name.or_else(|| subject.and_then(|subject| subject.common_name()));
        let name = name.unwrap_or("client certificate");
        if self.explain {
            print(&format!(
                "openssl pkcs12 -export -in {} -inkey {} -out {} -passout {} -name {} -keypbe AES-256-CBC -certpbe AES-256-CBC -macalg sha256 -iter 100000\n",
                openssl::path(&self.certificate),
                openssl::path(&key),
                openssl::path(&out),
                shell::word(format!("file:{}", self.password_file.display())),
                shell::word(name),
            ))?;
            return Ok(ExitCode::SUCCESS);
        }
        refuse_existing(std::slice::from_ref(&out))?;
        let password = read_text(&self.password_file)?;
        let file = pkcs12(
            &read_text(&self.certificate)?,
            &read_text(&key)?,
            name,
            password.lines().next().unwrap_or_default(),
        )
        .with_context(|| format!("{} cannot be exported", self.certificate.display()))?;
        write_private(&out, &file)?;
        print(&format!("{}\n", out.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
