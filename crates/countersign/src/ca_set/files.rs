//! CA certificates out of files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use countersign_api::truststore::CertificateRequest;
use countersign_trust::{Certificate, parse_bundle, to_pem};

/// The certificates of all files, in their order. A private key among them is refused here, so that it leaves this machine never.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<CertificateRequest>> {
    let mut requests = Vec::new();
    for path in paths {
        for certificate in certificates(path)? {
            requests.push(CertificateRequest {
                certificate_pem: to_pem(certificate.der()),
                description: None,
            });
        }
    }
    Ok(requests)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bundle = parse_bundle(&bytes)
        .with_context(|| format!("{} holds no usable CA certificates", path.display()))?;
    Ok(bundle
        .certificates
        .into_iter()
        .map(|entry| entry.certificate)
        .collect())
}
