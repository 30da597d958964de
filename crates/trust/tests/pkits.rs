//! The NIST Public Key Interoperability Test Suite (PKITS 1.0.1), without DSA. Of the policy sections, each case with the default inputs: any policy
//! is acceptable, none is required from outside.
//!
//! The material is in the Python package `cryptography_vectors`; `scripts/install-test-data` installs it. `COUNTERSIGN_PKITS_DIR` may name a
//! directory with `certs` and `crls` instead.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use countersign_trust::{
    CaSetVersion, Certificate, Crl, ExtendedKeyUsageRule, PeerChain, Policy,
    RevocationIndexBuilder, RevocationMode, RevocationPolicy, RevocationScope, Sha1Signatures,
    UnixTime, evaluate,
};

#[path = "pkits/cases.rs"]
mod cases;

use cases::{CASES, Case};

/// 2027-01-15T08:00:00Z; the suite is valid from 2010 to 2030.
const NOW: i64 = 1_800_000_000;

/// Cases that are decided otherwise on purpose: number, and why.
const EXCEPTIONS: &[(&str, &str)] = &[];

fn directory() -> PathBuf {
    if let Some(directory) = std::env::var_os("COUNTERSIGN_PKITS_DIR") {
        return directory.into();
    }
    let output = Command::new("python3")
        .args([
            "-c",
            "import cryptography_vectors, os; print(os.path.dirname(cryptography_vectors.__file__))",
        ])
        .output();
    let found = output
        .ok()
        .filter(|output| output.status.success())
        .map(|output| {
            Path::new(String::from_utf8(output.stdout).unwrap().trim()).join("x509/PKITS_data")
        });
    match found {
        Some(directory) if directory.join("certs").is_dir() => directory,
        _ => panic!(
            "the PKITS material is missing: run `scripts/install-test-data`, or set COUNTERSIGN_PKITS_DIR to a directory with `certs` and `crls`"
        ),
    }
}

struct Suite(PathBuf);

impl Suite {
    fn read(&self, kind: &str, name: &str) -> Vec<u8> {
        let path = self.0.join(kind).join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn certificate(&self, name: &str) -> Certificate {
        Certificate::from_der(&self.read("certs", &format!("{name}.crt")))
            .unwrap_or_else(|error| panic!("{name}: {error:?}"))
    }

    /// The code of the reason, or `valid`.
    fn decide(&self, case: &Case) -> String {
        let anchor = self.certificate("TrustAnchorRootCertificate");
        let path: Vec<_> = case
            .path
            .iter()
            .map(|name| self.certificate(name))
            .collect();
        let signers: Vec<_> = case
            .signers
            .iter()
            .map(|name| self.certificate(name))
            .collect();
        let known: Vec<_> = path
            .iter()
            .chain(&signers)
            .chain([&anchor])
            .cloned()
            .collect();
        let mut index = RevocationIndexBuilder::new(1);
        for certificate in &known {
            index.certificate(certificate.clone());
        }
        for name in case.crls.iter().chain(&["TrustAnchorRootCRL"]) {
            // What cannot be loaded is as good as not there; the certificates that it would be about are then unknown.
            if let Ok(crl) = Crl::load(
                &self.read("crls", &format!("{name}.crl")),
                &known,
                Sha1Signatures::Refuse,
            ) {
                index.crl(Arc::new(crl));
            }
        }
        let chain: Vec<_> = std::iter::once(self.certificate(case.leaf))
            .chain(path)
            .map(|certificate| certificate.der().to_vec())
            .collect();
        let policy = Policy {
            extended_key_usage: ExtendedKeyUsageRule::Any,
            revocation: RevocationPolicy {
                mode: RevocationMode::Require,
                scope: RevocationScope::Path,
                stale_grace: Duration::ZERO,
            },
        };
        evaluate(
            &PeerChain::from_der(&chain).unwrap(),
            &CaSetVersion::new(vec![anchor], Sha1Signatures::Refuse).unwrap(),
            &index.build(),
            &policy,
            UnixTime::from_secs(NOW),
        )
        .reason()
        .map_or_else(|| "valid".to_owned(), |reason| reason.code().to_owned())
    }
}

#[test]
fn the_suite_is_decided_as_nist_says() {
    let suite = Suite(directory());
    assert_eq!(CASES.len(), 221);
    let mut wrong = Vec::new();
    for case in CASES {
        let found = suite.decide(case);
        let agreed = (found == "valid") == case.valid
            && (case.valid || case.reason.is_empty() || found == case.reason);
        let excepted = EXCEPTIONS.iter().any(|(number, _)| *number == case.number);
        if agreed == excepted {
            wrong.push(format!(
                "{} {}: {found}, expected {}",
                case.number,
                case.leaf,
                if case.valid { "valid" } else { case.reason }
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        CASES.len(),
        wrong.join("\n")
    );
}
