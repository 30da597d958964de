//! CA sets: which certificates make a good one, and the form that evaluation uses.

mod authority;
mod client_auth;
mod critical_extensions;
mod duplicate;
mod key_strength;
mod key_usage;
mod leaf_like;
mod missing_issuer;
mod mixed_signatures;
mod name_constraints;
mod near_expiry;
mod public_web_ca;
mod self_signature;
mod signature_hash;
mod validity;
mod version;
mod version_3;
mod well_formed;

pub use version::{CaSetVersion, EmptyCaSet};

use crate::text;
use crate::{Certificate, Hash, SignatureAlgorithm, UnixTime};

/// Whether SHA-1 signatures are accepted.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Sha1Signatures {
    /// Accepted; a stop-gap while clients are replaced.
    Allow,
    /// Refused.
    #[default]
    Refuse,
}

impl Sha1Signatures {
    /// Whether signatures of this algorithm are accepted, as far as SHA-1 goes.
    pub(crate) fn admits(self, algorithm: &SignatureAlgorithm) -> bool {
        self == Self::Allow || algorithm.hash() != Some(Hash::Sha1)
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// The set cannot be used as it is.
    Error,
    /// The set can be used, but somebody should look at this.
    Warning,
}

/// Something about a CA set that its owner must or should change.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The stable name of the rule.
    pub code: &'static str,
    /// Which certificate, from 0; `None` when it is about the whole set.
    pub position: Option<usize>,
    /// A few words for a heading.
    pub title: String,
    /// What was found, with the evidence.
    pub detail: String,
    /// What to do.
    pub remedy: String,
}

/// Judges the certificates of a CA set.
///
/// All findings are returned: those about certificates first, in the order of the certificates and then of the rules, those about the
/// whole set last. What is no certificate at all has been refused by [`parse_bundle`](crate::parse_bundle).
#[must_use]
pub fn validate_ca_set(
    certificates: &[Certificate],
    sha1: Sha1Signatures,
    now: UnixTime,
) -> Vec<Finding> {
    let set = Set {
        certificates,
        sha1,
        now,
    };
    let about_certificates = certificates
        .iter()
        .enumerate()
        .flat_map(|(position, certificate)| {
            let subject = Subject {
                set,
                position,
                certificate,
            };
            RULES.iter().filter_map(move |rule| match rule.check {
                Check::Certificate(check) => {
                    check(subject).map(|found| rule.finding(Some(position), found))
                }
                Check::Set(_) => None,
            })
        });
    let about_the_set = RULES.iter().filter_map(|rule| match rule.check {
        Check::Set(check) => check(set).map(|found| rule.finding(None, found)),
        Check::Certificate(_) => None,
    });
    about_certificates.chain(about_the_set).collect()
}

/// A rule about CA sets, for documentation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CaSetRule {
    /// The stable name that its findings have.
    pub code: &'static str,
    /// How bad its findings are.
    pub severity: Severity,
    /// A few words for a heading.
    pub title: &'static str,
}

/// All rules, in the order of their findings.
pub fn ca_set_rules() -> impl Iterator<Item = CaSetRule> {
    RULES.iter().map(|rule| CaSetRule {
        code: rule.code,
        severity: rule.severity,
        title: rule.title,
    })
}

/// The rules in the order of their findings. A new rule is a file, a line here and its cases in the tests.
const RULES: &[Rule] = &[
    well_formed::RULE,
    version_3::RULE,
    authority::RULE,
    key_usage::CERT_SIGN,
    key_usage::ABSENT,
    validity::EXPIRED,
    validity::NOT_YET_VALID,
    near_expiry::RULE,
    signature_hash::RULE,
    key_strength::WEAK,
    key_strength::UNSUPPORTED,
    self_signature::RULE,
    critical_extensions::RULE,
    leaf_like::RULE,
    client_auth::RULE,
    public_web_ca::RULE,
    name_constraints::RULE,
    missing_issuer::RULE,
    duplicate::RULE,
    mixed_signatures::RULE,
];

/// One thing that is looked at.
struct Rule {
    code: &'static str,
    severity: Severity,
    title: &'static str,
    check: Check,
}

/// What a rule looks at.
#[derive(Clone, Copy)]
enum Check {
    /// Each certificate.
    Certificate(for<'a> fn(Subject<'a>) -> Option<Found>),
    /// The set as a whole.
    Set(for<'a> fn(Set<'a>) -> Option<Found>),
}

/// What a rule found: the evidence and what to do.
struct Found {
    detail: String,
    remedy: String,
}

impl Rule {
    fn finding(&self, position: Option<usize>, found: Found) -> Finding {
        Finding {
            severity: self.severity,
            code: self.code,
            position,
            title: self.title.to_owned(),
            detail: found.detail,
            remedy: found.remedy,
        }
    }
}

/// What the rules about the whole set look at.
#[derive(Clone, Copy)]
struct Set<'a> {
    certificates: &'a [Certificate],
    sha1: Sha1Signatures,
    now: UnixTime,
}

/// What the rules about one certificate look at.
#[derive(Clone, Copy)]
struct Subject<'a> {
    set: Set<'a>,
    position: usize,
    certificate: &'a Certificate,
}

impl Subject<'_> {
    /// The certificate's name, for sentences.
    fn name(&self) -> String {
        text::subject(self.certificate)
    }
}

fn found(detail: String, remedy: impl Into<String>) -> Option<Found> {
    Some(Found {
        detail,
        remedy: remedy.into(),
    })
}
