//! The demo's certificates: made once, kept as PEM files that curl can use.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use countersign_pki::{Authority, Credential, KeyAlgorithm, Name, Profile, Subject, Validity};
use countersign_trust::UnixTime;

use crate::data_dir::write_private;

/// The name of the demo's site. Every resolver answers names under `localhost` with this machine (RFC 6761 §6.3).
pub(crate) const HOSTNAME: &str = "demo.localhost";

const DAY: i64 = 86_400;
const KEY: KeyAlgorithm = KeyAlgorithm::P256;

/// Paths of the demo's files. A client's file holds its certificate, its intermediates and its key, as `curl --cert` wants it.
#[derive(Clone, Debug)]
pub(crate) struct DemoPki {
    dir: PathBuf,
}

impl DemoPki {
    /// Makes the files unless a complete set is there already.
    pub(crate) fn open_or_make(dir: &Path, now: UnixTime) -> Result<Self> {
        let pki = Self {
            dir: dir.to_owned(),
        };
        // Written last, so its presence says that the others are there.
        let complete = pki.path("complete");
        if !complete.exists() {
            pki.make(now.as_secs())
                .context("cannot make the demo's certificates")?;
            write_private(&complete, b"every file of this directory was written\n")?;
        }
        Ok(pki)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Result<String> {
        let path = self.path(name);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    fn make(&self, now: i64) -> Result<()> {
        let long = Validity::new(now - 400 * DAY, now + 3650 * DAY)?;
        let leaf = Validity::new(now - DAY, now + 365 * DAY)?;
        let past = Validity::new(now - 31 * DAY, now - DAY)?;
        let named = |name: &str| Subject::common_name(name).organization("Countersign Demo");

        let root = Authority::root(&named("Demo Root CA"), long, KEY)?;
        let issuing = root.intermediate(&named("Demo Issuing CA"), long, KEY)?;
        let client = Profile::client([]);
        self.write_client(
            "alice.pem",
            &issuing.issue(&client, &named("alice"), leaf, KEY)?,
        )?;
        self.write_client(
            "expired.pem",
            &issuing.issue(&client, &named("expired"), past, KEY)?,
        )?;
        self.write_client(
            "root-signed.pem",
            &root.issue(&client, &named("root-signed"), leaf, KEY)?,
        )?;
        self.write("ca.pem", &root.certificate_pem())?;
        self.write("intermediate.pem", &issuing.certificate_pem())?;

        let stranger_name = |name: &str| Subject::common_name(name).organization("Somebody Else");
        let stranger = Authority::root(&stranger_name("Stranger Root CA"), long, KEY)?;
        self.write_client(
            "unknown.pem",
            &stranger.issue(&client, &stranger_name("mallory"), leaf, KEY)?,
        )?;
        self.write("other-ca.pem", &stranger.certificate_pem())?;

        let server_root = Authority::root(&named("Demo Server CA"), long, KEY)?;
        let names: Vec<Name> = vec![HOSTNAME.parse()?];
        let server = server_root.issue(&Profile::server(names), &named(HOSTNAME), leaf, KEY)?;
        self.write("server-ca.pem", &server_root.certificate_pem())?;
        self.write("server.pem", &server.chain_pem())?;
        self.write("server.key", server.key_pem())
    }

    fn write_client(&self, name: &str, credential: &Credential) -> Result<()> {
        let pem = format!("{}{}", credential.chain_pem(), credential.key_pem());
        self.write(name, &pem)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        write_private(&self.path(name), text.as_bytes())
    }
}
