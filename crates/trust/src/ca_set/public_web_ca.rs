//! Public web CAs, which no longer issue client certificates.

use super::{Check, Found, Rule, Severity, Subject, found};

/// Chrome Root Program Policy 1.8: sub-CAs from 15 June 2026 and leaf certificates from 15 March 2027 are for serverAuth only.
pub(super) const RULE: Rule = Rule {
    code: "public_web_ca",
    severity: Severity::Warning,
    title: "Public web CA",
    check: Check::Certificate(check),
};

/// Organisation, and since when it issues no client certificates.
const PUBLIC_CAS: &[(&str, &str)] = &[
    ("comodo ca limited", "since May 2026"),
    ("digicert inc", "from 1 March 2027 on"),
    ("digicert, inc.", "from 1 March 2027 on"),
    ("google trust services", "since the second quarter of 2026"),
    (
        "google trust services llc",
        "since the second quarter of 2026",
    ),
    ("internet security research group", "since 2026"),
    ("let's encrypt", "since 2026"),
    ("sectigo limited", "since May 2026"),
    ("the usertrust network", "since May 2026"),
    ("zerossl", "since October 2025"),
];

fn check(subject: Subject<'_>) -> Option<Found> {
    let organization = crate::name::prepare(subject.certificate.subject().organization()?);
    let (_, since) = PUBLIC_CAS.iter().find(|(name, _)| *name == organization)?;
    found(
        format!(
            "{} belongs to a public web CA. Its certificates are no longer issued for client authentication ({since}), and anybody can get one from it.",
            subject.name()
        ),
        "Issue client certificates from a CA of your own and put that one into the set. As long as the public CA is in it, let rules decide by subject or subject alternative name, not by the CA alone.",
    )
}
