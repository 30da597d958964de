//! The `clientCertificate` criterion, in both generations.

use crate::decision::EnforcementResult;
use crate::facts::{CertificateState, Facts};
use crate::template::state_name;
use crate::tree::Generation;

use super::super::options::Options;

/// What is asked about the certificate.
///
/// A certificate counts as valid if it passed the mutual-TLS check in force at this point of the tree; if none is in
/// force, if it satisfies any CA set of the binding. So a rule below `enforceMtlsSettings` never takes a certificate
/// of another CA set for a good one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CertificateTest {
    /// The check ended so.
    Check(EnforcementResult),
    Missing,
    Present,
    PresentInvalid,
    PresentValid,
}

impl CertificateTest {
    pub(crate) fn holds(self, state: CertificateState, checked: EnforcementResult) -> bool {
        let present = state != CertificateState::Missing;
        match self {
            CertificateTest::Check(wanted) => checked == wanted,
            CertificateTest::Missing => !present,
            CertificateTest::Present => present,
            CertificateTest::PresentInvalid => present && checked == EnforcementResult::Failed,
            CertificateTest::PresentValid => present && checked == EnforcementResult::Passed,
        }
    }

    pub(crate) fn expected(self) -> &'static str {
        match self {
            CertificateTest::Check(EnforcementResult::Failed) => "a mutual-TLS check that failed",
            CertificateTest::Check(EnforcementResult::Passed) => "a mutual-TLS check that passed",
            CertificateTest::Missing => "no certificate",
            CertificateTest::Present => "a certificate",
            CertificateTest::PresentInvalid => "a certificate that is not valid",
            CertificateTest::PresentValid => "a valid certificate",
        }
    }
}

pub(crate) fn actual(facts: &impl Facts, checked: EnforcementResult) -> String {
    let state = facts.certificate_state();
    let mut text = match state {
        CertificateState::Missing => "no certificate".to_owned(),
        state => format!("a certificate that is {}", state_name(state)),
    };
    if let Some(code) = facts.refusal_code() {
        text.push_str(&format!(" (`{code}`)"));
    }
    text.push_str(match checked {
        EnforcementResult::Failed => "; the check failed",
        EnforcementResult::Passed => "; the check passed",
    });
    text
}

pub(crate) fn parse(options: &mut Options<'_>, generation: Generation) -> Option<CertificateTest> {
    match generation {
        Generation::First => first(options),
        Generation::Second => second(options),
    }
}

fn first(options: &mut Options<'_>) -> Option<CertificateTest> {
    let present = options.flag("isCertificatePresent").unwrap_or(true);
    let table = [
        ("IGNORE", CertificateTest::Present),
        ("INVALID", CertificateTest::PresentInvalid),
        ("VALID", CertificateTest::PresentValid),
    ];
    let validity = options.choice("isCertificateValid", &table, Some(CertificateTest::Present))?;
    // "Enforce mTLS settings results" is a question of its own: the vendor's documents always carry the other two
    // options beside it, and a client without a certificate fails the check too.
    if options.flag("enforceMtls").unwrap_or(false) {
        return Some(CertificateTest::Check(EnforcementResult::Failed));
    }
    Some(if present {
        validity
    } else {
        CertificateTest::Missing
    })
}

fn second(options: &mut Options<'_>) -> Option<CertificateTest> {
    let table = [
        (
            "FAIL",
            Some(CertificateTest::Check(EnforcementResult::Failed)),
        ),
        ("IGNORE", None),
        (
            "PASS",
            Some(CertificateTest::Check(EnforcementResult::Passed)),
        ),
    ];
    let check = options.choice(
        "enforceMtls",
        &table,
        Some(Some(CertificateTest::Check(EnforcementResult::Failed))),
    )?;
    let table = [
        ("MISSING", CertificateTest::Missing),
        ("PRESENT", CertificateTest::Present),
        ("PRESENT_INVALID", CertificateTest::PresentInvalid),
        ("PRESENT_VALID", CertificateTest::PresentValid),
    ];
    match check {
        // Kept by the vendor's pages when the other option is switched over; read, but without meaning.
        Some(check) => {
            options.choice("certificateState", &table, Some(check))?;
            Some(check)
        }
        None => options.choice("certificateState", &table, None),
    }
}
