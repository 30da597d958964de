//! The certificate of the control API when the operator brings none: issued by an authority of this instance alone.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use countersign_pki::{Authority, KeyAlgorithm, Name, Profile, Subject, Validity};
use countersign_snapshot::{SealedSecret, SealingKey, Secret};
use countersign_trust::{UnixTime, parse_bundle};

use crate::data_dir::{DataDir, write_private};

const DAY: i64 = 86_400;
const AUTHORITY_DAYS: i64 = 3650;
const CERTIFICATE_DAYS: i64 = 365;
/// A certificate is renewed at a start that finds less of it left.
const RENEWAL_DAYS: i64 = 120;
const SEAL_CONTEXT: &str = "countersign instance authority key";

/// What the control API presents, and what its clients trust.
#[derive(Clone, Debug)]
pub(crate) struct ApiCertificate {
    pub(crate) chain_pem: String,
    pub(crate) key_pem: Secret,
    /// The authority's certificate for `--cacert`; `None` for a certificate that the operator brought.
    pub(crate) authority: Option<PathBuf>,
}

impl ApiCertificate {
    /// Reads the operator's files.
    pub(crate) fn from_files(certificate: &Path, key: &Path) -> Result<Self> {
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        Ok(Self {
            chain_pem: String::from_utf8(read(certificate)?)
                .with_context(|| format!("{} is no PEM file", certificate.display()))?,
            key_pem: Secret::new(read(key)?),
            authority: None,
        })
    }

    /// Takes up the instance's own certificate for this machine; makes or renews it when needed.
    pub(crate) fn of_instance(
        data: &DataDir,
        sealing: &SealingKey,
        listen: IpAddr,
        now: UnixTime,
    ) -> Result<Self> {
        let dir = data.dir("api")?;
        let authority_path = dir.join("ca.pem");
        let chain_path = dir.join("server.pem");
        let key_path = dir.join("server.key");
        if !is_fresh(&chain_path, now) || !key_path.exists() || !authority_path.exists() {
            let authority = open_authority(&dir, sealing, now)?;
            let mut names: Vec<Name> =
                vec!["localhost".parse()?, "127.0.0.1".parse()?, "::1".parse()?];
            if !listen.is_unspecified() && !listen.is_loopback() {
                names.push(listen.to_string().parse()?);
            }
            let validity =
                Validity::new(now.as_secs() - DAY, now.as_secs() + CERTIFICATE_DAYS * DAY)?;
            let subject = Subject::common_name("Countersign control API");
            let issued = authority.issue(
                &Profile::server(names),
                &subject,
                validity,
                KeyAlgorithm::default(),
            )?;
            write_private(&authority_path, authority.certificate_pem().as_bytes())?;
            write_private(&key_path, issued.key_pem().as_bytes())?;
            write_private(&chain_path, issued.chain_pem().as_bytes())?;
        }
        let mut certificate = Self::from_files(&chain_path, &key_path)?;
        certificate.authority = Some(authority_path);
        Ok(certificate)
    }
}

fn open_authority(dir: &Path, sealing: &SealingKey, now: UnixTime) -> Result<Authority> {
    let certificate_path = dir.join("ca.pem");
    let key_path = dir.join("ca.key.sealed");
    if certificate_path.exists() && key_path.exists() {
        let sealed = SealedSecret::from_bytes(&std::fs::read(&key_path)?)?;
        let key = sealing
            .open(SEAL_CONTEXT, &sealed)
            .with_context(|| format!("cannot open {}", key_path.display()))?;
        let certificate = std::fs::read_to_string(&certificate_path)?;
        return Ok(Authority::from_pem(
            &certificate,
            std::str::from_utf8(key.expose())?,
        )?);
    }
    let validity = Validity::new(now.as_secs() - DAY, now.as_secs() + AUTHORITY_DAYS * DAY)?;
    let subject = Subject::common_name("Countersign instance CA");
    let authority = Authority::root(&subject, validity, KeyAlgorithm::default())?;
    let key = Secret::new(authority.key_pem().as_bytes().to_vec());
    write_private(&key_path, &sealing.seal(SEAL_CONTEXT, &key)?.to_bytes())?;
    Ok(authority)
}

/// Whether the file holds a certificate with enough of its time left.
fn is_fresh(path: &Path, now: UnixTime) -> bool {
    std::fs::read(path)
        .ok()
        .and_then(|bytes| parse_bundle(&bytes).ok())
        .and_then(|bundle| bundle.certificates.into_iter().next())
        .is_some_and(|entry| {
            entry.certificate.validity().not_after.as_secs() - now.as_secs() > RENEWAL_DAYS * DAY
        })
}
