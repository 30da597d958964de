//! What sites and edge certificates have in common on the command line: files, deployments, waiting for them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use countersign_api::v1::SecretText;
use countersign_api::v1::client_credentials::ClientCredentialVersionInput;
use countersign_api::v1::deployment::{Deployed, Deployment};
use countersign_api::v1::edge_certificates::CertificateUpload;
use serde_json::json;

use crate::ca_set::network_name;
use crate::ca_set::wait::{Progress, Wait};
use crate::complaint::Complaint;
use crate::connection::Session;
use crate::output::plain;

/// Reads a PEM file.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A certificate chain with its key.
pub(crate) fn upload(certificate: &Path, key: &Path) -> Result<CertificateUpload> {
    Ok(CertificateUpload {
        certificate_pem: read_text(certificate)?,
        private_key_pem: SecretText::new(read_text(key)?),
    })
}

/// Certificate chains with their keys, each with the one at the same place.
pub(crate) fn uploads(
    certificates: &[PathBuf],
    keys: &[PathBuf],
) -> Result<Vec<CertificateUpload>> {
    if certificates.len() != keys.len() {
        return Err(Complaint::new(
            format!(
                "{} certificates and {} keys are given",
                certificates.len(),
                keys.len()
            ),
            "give one `--key` for each `--certificate`, in the same order",
        )
        .into());
    }
    let pairs = certificates.iter().zip(keys);
    pairs
        .map(|(certificate, key)| upload(certificate, key))
        .collect()
}

/// A version of a client credential.
pub(crate) fn credential(certificate: &Path, key: &Path) -> Result<ClientCredentialVersionInput> {
    Ok(ClientCredentialVersionInput {
        certificate_pem: read_text(certificate)?,
        private_key_pem: SecretText::new(read_text(key)?),
    })
}

/// All certificates of some PEM files, one after the other.
pub(crate) fn concatenate(paths: &[PathBuf]) -> Result<String> {
    let mut text = String::new();
    for path in paths {
        text.push_str(read_text(path)?.trim_end());
        text.push('\n');
    }
    Ok(text)
}

/// What a network has, in a few words.
pub(crate) fn state(deployed: Option<&Deployed>) -> String {
    let Some(deployed) = deployed else {
        return "-".to_owned();
    };
    let version = deployed
        .version
        .map_or_else(|| "-".to_owned(), |version| version.to_string());
    match &deployed.deployment {
        Some(deployment) if deployment.status == "IN_PROGRESS" => {
            format!("{version} ({} in progress)", deployment.version)
        }
        Some(deployment) if deployment.status == "FAILED" => {
            format!("{version} ({} FAILED)", deployment.version)
        }
        _ => version,
    }
}

/// Looks until none of the deployments is in progress, if that was asked for; fails when one failed.
pub(crate) async fn settle<T>(
    wait: Wait,
    name: &str,
    mut subject: T,
    networks: impl Fn(&T) -> [Option<&Deployed>; 2],
    mut look: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let mut progress = Progress::new(wait.timeout);
    loop {
        let deployments = || networks(&subject).into_iter().flatten();
        let running = deployments()
            .filter_map(|deployed| deployed.deployment.as_ref())
            .find(|deployment| deployment.status == "IN_PROGRESS");
        match running {
            Some(running) if wait.wait => {
                let what = format!(
                    "deployment of `{name}` on {}",
                    network_name(running.network)
                );
                let percent = running.percent_complete;
                progress.step(&what, percent).await?;
                subject = look().await?;
            }
            _ => break,
        }
    }
    progress.end();
    if wait.wait {
        let failed = networks(&subject)
            .into_iter()
            .flatten()
            .filter_map(|deployed| deployed.deployment.as_ref())
            .find(|deployment| deployment.status == "FAILED");
        if let Some(failed) = failed {
            return Err(failure(name, failed).into());
        }
    }
    Ok(subject)
}

/// Looks until a deployment has ended, if that was asked for; fails when it failed.
async fn finish(
    wait: Wait,
    name: &str,
    mut deployment: Deployment,
    mut look: impl AsyncFnMut(i64) -> Result<Deployment>,
) -> Result<Deployment> {
    let mut progress = Progress::new(wait.timeout);
    while wait.wait && deployment.status == "IN_PROGRESS" {
        let what = format!(
            "deployment of `{name}` on {}",
            network_name(deployment.network)
        );
        progress.step(&what, deployment.percent_complete).await?;
        deployment = look(deployment.deployment_id).await?;
    }
    progress.end();
    if deployment.status == "FAILED" {
        return Err(failure(name, &deployment).into());
    }
    Ok(deployment)
}

/// Waits for the end of a deployment or removal, if that was asked for, and says how it stands.
pub(crate) async fn report(
    session: &Session,
    wait: Wait,
    name: &str,
    started: Deployment,
    look: impl AsyncFnMut(i64) -> Result<Deployment>,
) -> Result<ExitCode> {
    let deployment = finish(wait, name, started, look).await?;
    session
        .output
        .show(&deployment, || sentence(name, &deployment))?;
    Ok(ExitCode::SUCCESS)
}

/// Says that something is deleted for good. `field` is the name of its id.
pub(crate) fn deleted(session: &Session, field: &str, id: &str, name: &str) -> Result<ExitCode> {
    let answer = json!({ field: id, "deleted": true });
    session
        .output
        .show(&answer, || format!("`{}` is deleted\n", plain(name)))?;
    Ok(ExitCode::SUCCESS)
}

fn failure(name: &str, deployment: &Deployment) -> Complaint {
    Complaint::new(
        format!(
            "the deployment of `{name}` on {} failed: {}",
            network_name(deployment.network),
            deployment.failure_reason.as_deref().unwrap_or_default()
        ),
        "what was enforced before is enforced still",
    )
}

/// How a deployment or removal stands.
fn sentence(name: &str, deployment: &Deployment) -> String {
    let network = network_name(deployment.network);
    let version = deployment.version;
    match (deployment.status.as_str(), deployment.action.as_str()) {
        ("COMPLETE", "REMOVE") => format!("`{name}` is gone from {network}\n"),
        ("COMPLETE", _) => format!("version {version} of `{name}` is on {network}\n"),
        (_, "REMOVE") => format!("the removal of `{name}` from {network} is in progress\n"),
        _ => {
            format!("the deployment of version {version} of `{name}` on {network} is in progress\n")
        }
    }
}
