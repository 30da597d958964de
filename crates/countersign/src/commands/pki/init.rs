//! `countersign pki init`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use countersign_pki::{Authority, KeyAlgorithm, Subject};

use super::openssl::{self, NEW_KEY};
use super::{refuse_existing, validity};
use crate::data_dir::write_private;
use crate::output::print;

const ROOT_DAYS: i64 = 3650;
const ISSUING_DAYS: i64 = 1825;

/// Makes a root, and below it the authority that issues. Keep root.key offline: nothing but another authority needs it.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// What the authorities are called, such as "Example Devices".
    name: String,
    /// Where to put root.pem, root.key, issuing.pem and issuing.key (keys readable by you only).
    #[arg(long, value_name = "DIR", default_value = "pki")]
    dir: PathBuf,
    /// Print the openssl commands that do the same, and do nothing.
    #[arg(long)]
    explain: bool,
}

impl Init {
    pub(super) fn run(self) -> Result<ExitCode> {
        let (root_name, issuing_name) = (
            format!("{} Root CA", self.name),
            format!("{} Issuing CA", self.name),
        );
        if self.explain {
            let path = |name: &str| openssl::path(&self.dir.join(name));
            let usage = "keyUsage=critical,keyCertSign,cRLSign";
            print(&format!(
                "\
mkdir -p {}
openssl req -x509 {NEW_KEY} -keyout {} -out {} -days {ROOT_DAYS} {} -addext basicConstraints=critical,CA:TRUE -addext {usage}
openssl req {NEW_KEY} -keyout {} -out {} {}
openssl x509 -req -in {} {} -out {}
",
                openssl::path(&self.dir),
                path("root.key"),
                path("root.pem"),
                openssl::subject(&root_name),
                path("issuing.key"),
                path("issuing.csr"),
                openssl::subject(&issuing_name),
                path("issuing.csr"),
                openssl::signed_by(
                    &self.dir.join("root"),
                    ISSUING_DAYS,
                    format!("basicConstraints=critical,CA:TRUE,pathlen:0\n{usage}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid")
                ),
                path("issuing.pem"),
            ))?;
            return Ok(ExitCode::SUCCESS);
        }
        let path = |name: &str| self.dir.join(name);
        let paths = ["root.pem", "root.key", "issuing.pem", "issuing.key"].map(path);
        refuse_existing(&paths)?;
        let key = KeyAlgorithm::default();
        let root = Authority::root(&Subject::common_name(root_name), validity(ROOT_DAYS)?, key)?;
        let subject = Subject::common_name(issuing_name);
        let issuing = root.intermediate(&subject, validity(ISSUING_DAYS)?, key)?;
        std::fs::create_dir_all(&self.dir)
            .with_context(|| format!("cannot make {}", self.dir.display()))?;
        let texts = [
            root.certificate_pem(),
            root.key_pem().to_owned(),
            issuing.chain_pem(),
            issuing.key_pem().to_owned(),
        ];
        for (path, text) in paths.iter().zip(&texts) {
            write_private(path, text.as_bytes())?;
        }
        let dir = self.dir.display();
        print(&format!(
            "{dir}/root.pem is what others trust; `countersign pki issue` issues below it\n"
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}
