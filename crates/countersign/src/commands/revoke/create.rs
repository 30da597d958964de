//! `countersign revoke create`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{ArgGroup, Args};
use countersign_api::Timestamp;
use countersign_api::v1::revocations::RevocationRequest;
use countersign_controller::REVOCATION_REASONS;
use countersign_trust::{Fingerprint, UnixTime, parse_bundle};

use super::impact::{self, Aim};
use crate::ca_set::impact::Consent;
use crate::commands::explain::client_chain;
use crate::connection::Session;

/// Revokes certificates: one, those with a key, or those that a CA issued before a time.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true))]
pub(crate) struct Create {
    /// The certificate in this file (the first one, if there are several): PEM or DER.
    #[arg(long, value_name = "FILE", group = "which")]
    cert: Option<PathBuf>,
    /// Every certificate with the key of the one in this file.
    #[arg(long, value_name = "FILE", group = "which")]
    key_of: Option<PathBuf>,
    /// The certificate with this SHA-256.
    #[arg(long, value_name = "HEX", group = "which")]
    sha256: Option<String>,
    /// Every certificate whose public key (SubjectPublicKeyInfo) has this SHA-256.
    #[arg(long, value_name = "HEX", group = "which")]
    spki_sha256: Option<String>,
    /// The certificate with this serial number, hexadecimal, of the CA `--issuer`.
    #[arg(long, value_name = "HEX", group = "which", requires = "issuer")]
    serial: Option<String>,
    /// Everything that the CA `--issuer` issued with a start date before this time, RFC 3339.
    #[arg(long, value_name = "TIME", group = "which", requires = "issuer")]
    issued_before: Option<UnixTime>,
    /// The certificate of the issuing CA: PEM or DER; or the SHA-256 of its public key.
    #[arg(long, value_name = "FILE|HEX")]
    issuer: Option<String>,
    /// Why.
    #[arg(long, value_name = "REASON", default_value = "unspecified", value_parser = reasons())]
    reason: String,
    /// 1 to 255 characters for people.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Until when it holds, RFC 3339; for ever when absent.
    #[arg(long, value_name = "TIME")]
    until: Option<UnixTime>,
    #[command(flatten)]
    consent: Consent,
}

fn reasons() -> Vec<&'static str> {
    REVOCATION_REASONS
        .iter()
        .map(|reason| reason.name())
        .collect()
}

impl Create {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let timestamp = |time: UnixTime| Timestamp::from_micros(time.as_micros());
        let mut request = RevocationRequest {
            certificate_sha256: self.sha256.clone(),
            spki_sha256: self.spki_sha256.clone(),
            serial_number: self.serial.clone(),
            issued_before: self.issued_before.map(timestamp),
            reason: Some(self.reason.clone()),
            description: self.description.clone(),
            end_date: self.until.map(timestamp),
            ..RevocationRequest::default()
        };
        let mut aim = Aim::default();
        if let Some(path) = &self.cert {
            aim.chain = client_chain(path)?;
            let certificate = aim.chain.first();
            request.certificate_sha256 = certificate.map(|it| it.fingerprint().to_string());
        }
        if let Some(path) = &self.key_of {
            aim.chain = client_chain(path)?;
            let certificate = aim.chain.first();
            request.spki_sha256 = certificate.map(|it| it.spki_fingerprint().to_string());
        }
        if let Some(typed) = &self.issuer {
            let key = issuer_key(typed)?;
            request.issuer_spki_sha256 = Some(key.to_string());
            aim.issuer_key = Some(key);
        }
        let impact = impact::of(&session.client, &request, &aim).await?;
        self.consent.require(&impact)?;
        let made = session.client.revoke(&request).await?;
        session.output.show(&made, || super::page(&made))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A CA by its certificate or by its key's digest.
fn issuer_key(typed: &str) -> Result<Fingerprint> {
    if let Ok(sha256) = typed.replace(':', "").to_ascii_lowercase().parse() {
        return Ok(sha256);
    }
    let bytes = std::fs::read(typed).with_context(|| format!("cannot read {typed}"))?;
    let bundle =
        parse_bundle(&bytes).with_context(|| format!("{typed} holds no usable certificate"))?;
    match bundle.certificates.as_slice() {
        [entry] => Ok(entry.certificate.spki_fingerprint()),
        several => anyhow::bail!(
            "{typed} holds {} certificates; --issuer wants the one of the CA that issued",
            several.len()
        ),
    }
}
