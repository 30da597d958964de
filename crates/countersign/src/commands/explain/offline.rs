//! Without any controller: a certificate against CA files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use countersign_trust::{
    CaSetVersion, Certificate, PathAttempt, PeerChain, Policy, Refusal, RevocationIndex, Severity,
    Sha1Signatures, UnixTime, ValidChain, Verdict, evaluate, parse_bundle, validate_ca_set,
};
use serde_json::{Value, json};

use crate::output::{Output, Page};

/// Judges the certificate against the files.
pub(super) fn explain(
    cert: &Path,
    ca: &[PathBuf],
    sha1: Sha1Signatures,
    now: UnixTime,
    output: Output,
) -> Result<ExitCode> {
    let chain = client_chain(cert)?;
    let mut authorities = Vec::new();
    for path in ca {
        authorities.extend(certificates_in(path, &read(path)?)?);
    }
    let findings = validate_ca_set(&authorities, sha1, now);
    let set = CaSetVersion::new(authorities, sha1).context("--ca holds no certificate")?;
    let der: Vec<&[u8]> = chain.iter().map(Certificate::der).collect();
    let policy = Policy::default();
    let verdict = match PeerChain::from_der(&der) {
        Ok(peer) => evaluate(&peer, &set, &RevocationIndex::empty(), &policy, now),
        Err(refusal) => Verdict::Invalid(refusal),
    };
    let warnings: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| format!("--ca: {} {}", finding.detail, finding.remedy))
        .collect();
    output.show(&to_json(&chain, &verdict, &warnings, now), || {
        text(&chain, &verdict, &warnings, now)
    })?;
    Ok(match verdict {
        Verdict::Valid(_) => ExitCode::SUCCESS,
        Verdict::Invalid(_) | Verdict::Missing => ExitCode::FAILURE,
    })
}

/// What a client sends: the certificates of a file, its own first.
pub(crate) fn client_chain(path: &Path) -> Result<Vec<Certificate>> {
    certificates_in(path, &without_private_keys(read(path)?))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Clients keep certificate and key in one file, as curl wants it. The key has no part in the answer and is dropped unread.
fn without_private_keys(bytes: Vec<u8>) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return bytes;
    };
    let mut in_key = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let is_key_line = line.contains("PRIVATE KEY-----");
        in_key |= is_key_line && line.contains("-----BEGIN");
        if !in_key {
            kept.push_str(line);
        }
        in_key &= !(is_key_line && line.contains("-----END"));
    }
    kept.into_bytes()
}

fn certificates_in(path: &Path, bytes: &[u8]) -> Result<Vec<Certificate>> {
    let bundle = parse_bundle(bytes)
        .with_context(|| format!("{} holds no usable certificates", path.display()))?;
    let certificates: Vec<Certificate> = bundle
        .certificates
        .into_iter()
        .map(|entry| entry.certificate)
        .collect();
    if certificates.is_empty() {
        bail!("{} holds no certificate", path.display());
    }
    Ok(certificates)
}

fn text(chain: &[Certificate], verdict: &Verdict, warnings: &[String], now: UnixTime) -> String {
    let mut page = Page::default();
    if let Some(leaf) = chain.first() {
        page.line("certificate", &leaf.subject().to_rfc2253());
        page.line("serial", &leaf.serial().to_string());
        page.line("sha256", &leaf.fingerprint().to_string());
    }
    page.line("at", &now.to_string());
    match verdict {
        Verdict::Valid(valid) => valid_text(&mut page, valid),
        Verdict::Invalid(refusal) => refusal_text(&mut page, refusal),
        Verdict::Missing => page.line("verdict", "missing"),
    }
    for warning in warnings {
        page.line("warning", warning);
    }
    page.into_text()
}

fn valid_text(page: &mut Page, valid: &ValidChain) {
    page.line("verdict", &format!("valid until {}", valid.valid_until()));
    let last = valid.path().len().saturating_sub(1);
    for (index, certificate) in valid.path().iter().enumerate() {
        let label = if index == 0 { "path" } else { "" };
        let role = if index == last {
            "  (in the CA set)"
        } else {
            ""
        };
        let subject = certificate.subject().to_rfc2253();
        page.line(label, &format!("{}. {subject}{role}", index + 1));
    }
}

fn refusal_text(page: &mut Page, refusal: &Refusal) {
    page.line("verdict", &format!("invalid: {}", refusal.reason().code()));
    page.line("cause", &refusal.explanation());
    page.line("remedy", &refusal.remedy());
    for (index, attempt) in refusal.attempts().iter().enumerate() {
        let label = if index == 0 { "tried" } else { "" };
        page.line(label, &describe_attempt(attempt));
    }
}

/// The names along a path that was tried, and where it broke.
fn describe_attempt(attempt: &PathAttempt) -> String {
    let names: Vec<String> = attempt
        .certificates()
        .iter()
        .map(|certificate| certificate.subject().to_rfc2253())
        .collect();
    format!(
        "{}: {} ({})",
        names.join(" <- "),
        attempt.explanation(),
        attempt.reason().code()
    )
}

fn to_json(chain: &[Certificate], verdict: &Verdict, warnings: &[String], now: UnixTime) -> Value {
    let names = |certificates: &[Certificate]| -> Vec<Value> {
        certificates.iter().map(describe).collect()
    };
    let mut answer = match verdict {
        Verdict::Valid(valid) => json!({
            "verdict": "valid",
            "path": names(valid.path()),
            "validUntil": valid.valid_until().to_string(),
        }),
        Verdict::Missing => json!({ "verdict": "missing" }),
        Verdict::Invalid(refusal) => json!({
            "verdict": "invalid",
            "reason": refusal.reason().code(),
            "cause": refusal.explanation(),
            "remedy": refusal.remedy(),
            "tried": refusal.attempts().iter().map(describe_attempt).collect::<Vec<_>>(),
        }),
    };
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("at".into(), now.to_string().into());
        fields.insert("chain".into(), names(chain).into());
        fields.insert("warnings".into(), warnings.into());
    }
    answer
}

fn describe(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.subject().to_rfc2253(),
        "issuer": certificate.issuer().to_rfc2253(),
        "serial": certificate.serial().to_string(),
        "sha256": certificate.fingerprint().to_string(),
        "notBefore": certificate.validity().not_before.to_string(),
        "notAfter": certificate.validity().not_after.to_string(),
    })
}
