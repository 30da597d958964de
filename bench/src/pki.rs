//! The certificates of a run, as PEM files that every peer reads.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_testkit::{Ca, Pki};

/// How many other clients the revocation list of the client's issuer names.
const REVOKED: u64 = 10_000;
const DAY: i64 = 86_400;

/// Writes `client.pem` (leaf and intermediate), `client.key`, `client-ca.pem`, `server.pem`, `server.key` and `server-ca.pem`;
/// and `crl.pem` with a long revocation list of the intermediate and an empty one of the root, `client-cas.pem` with both.
pub(crate) fn write(dir: &Path, name: &str) -> Result<()> {
    fs::create_dir_all(dir)?;
    let root = Pki::new().root("Bench Client Root");
    let issuing = root.intermediate("Bench Issuing");
    let client = issuing.client("alice").issue();
    let revocations = [
        revocation_list(&issuing, REVOKED)?,
        revocation_list(&root, 0)?,
    ];
    let server_root = Pki::new().root("Bench Server Root");
    let server = server_root.server([name]).issue();
    for (file, text) in [
        ("client-ca.pem", root.pem()),
        ("client-cas.pem", root.pem() + &issuing.pem()),
        ("crl.pem", revocations.concat()),
        ("client.pem", client.chain_pem()),
        ("client.key", client.key_pem()),
        ("server-ca.pem", server_root.pem()),
        ("server.pem", server.chain_pem()),
        ("server.key", server.key_pem()),
    ] {
        let path = dir.join(file);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// A list that is good on the machine's own clock, which peers go by.
fn revocation_list(authority: &Ca, entries: u64) -> Result<String> {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let now = i64::try_from(since_epoch.as_secs())?;
    let mut list = authority.crl().updates(now - DAY, Some(now + 7 * DAY));
    for number in 0..entries {
        // Positive, and as long as those that CAs give out.
        let serial = [[0x41; 8], number.to_be_bytes()].concat();
        list = list.revoke_serial(&serial, now - DAY, None);
    }
    let lines: Vec<String> = STANDARD
        .encode(list.issue())
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    Ok(format!(
        "-----BEGIN X509 CRL-----\n{}\n-----END X509 CRL-----\n",
        lines.join("\n")
    ))
}
