//! `countersign explain`: what the edge would say about a client certificate, and why.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use countersign_trust::{
    CaSetVersion, Certificate, Clock, PathAttempt, PeerChain, Policy, Refusal, RevocationIndex,
    Severity, Sha1Signatures, UnixTime, ValidChain, Verdict, evaluate, parse_bundle,
    validate_ca_set,
};
use serde_json::{Value, json};

use crate::clock::SystemClock;

/// Says whether a client certificate would be accepted, along which path, and if not, why and what to do.
///
/// Exit code 0: accepted; 1: refused, or a file cannot be used; 2: usage.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The client's certificate, with its intermediates if it sends them: PEM, DER or PKCS#7.
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// The CA certificates that are trusted: PEM, DER or PKCS#7, one or several files.
    #[arg(long, value_name = "FILE", required = true)]
    ca: Vec<PathBuf>,
    /// The time of the decision, RFC 3339; now by default.
    #[arg(long, value_name = "TIME")]
    at: Option<UnixTime>,
    /// Accept SHA-1 signatures, as a CA set version with `allowInsecureSha1` does.
    #[arg(long)]
    allow_sha1: bool,
    /// For people or for programs.
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// For whom the answer is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Json,
    Text,
}

impl Explain {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let now = self.at.unwrap_or_else(|| SystemClock.now());
        let sha1 = if self.allow_sha1 {
            Sha1Signatures::Allow
        } else {
            Sha1Signatures::Refuse
        };
        let chain = certificates_in(&self.cert, &without_private_keys(read(&self.cert)?))?;
        let mut authorities = Vec::new();
        for path in &self.ca {
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
        match self.output {
            Output::Text => print!("{}", text(&chain, &verdict, &warnings, now)),
            Output::Json => println!("{:#}", to_json(&chain, &verdict, &warnings, now)),
        }
        Ok(match verdict {
            Verdict::Valid(_) => ExitCode::SUCCESS,
            Verdict::Invalid(_) | Verdict::Missing => ExitCode::FAILURE,
        })
    }
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
    page.0
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

/// Labelled lines with the texts in one column.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, label: &str, text: &str) {
        self.0.push_str(&format!("{label:<12}  {text}\n"));
    }
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
