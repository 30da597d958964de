//! The certificates of a run, as PEM files that every peer reads.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use countersign_testkit::Pki;

/// Writes `client.pem` (leaf and intermediate), `client.key`, `client-ca.pem`, `server.pem`, `server.key` and `server-ca.pem`.
pub(crate) fn write(dir: &Path, name: &str) -> Result<()> {
    fs::create_dir_all(dir)?;
    let root = Pki::new().root("Bench Client Root");
    let client = root.intermediate("Bench Issuing").client("alice").issue();
    let server_root = Pki::new().root("Bench Server Root");
    let server = server_root.server([name]).issue();
    for (file, text) in [
        ("client-ca.pem", root.pem()),
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
