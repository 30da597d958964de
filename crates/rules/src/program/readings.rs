//! The two readings of a path with parameters (threats C5.1).
//!
//! `/admin;x=1` is forwarded as it is. Some origins take `;x=1` for a part of the name, others drop it and serve
//! `/admin`. Neither is wrong (RFC 3986 §3.3), so a request with such a path is decided in both readings, and the
//! stricter decision holds: no rule is escaped, or gained, by adding a parameter.

use std::fmt;
use std::net::IpAddr;

use crate::decision::{Decision, EnforcementResult, Outcome};
use crate::facts::{CertificateState, Facts, NameAttribute, Protocol, SanKind};

/// The facts with another path.
#[derive(Debug)]
pub(super) struct WithoutParameters<'a, F> {
    facts: &'a F,
    path: String,
}

impl<'a, F: Facts> WithoutParameters<'a, F> {
    /// The other reading, if the path has one. This is the only place where deciding allocates.
    pub(super) fn of(facts: &'a F) -> Option<WithoutParameters<'a, F>> {
        let path = facts.path();
        path.contains(';').then(|| {
            let names = path
                .split('/')
                .map(|segment| segment.split(';').next().unwrap_or_default());
            WithoutParameters {
                facts,
                path: names.collect::<Vec<&str>>().join("/"),
            }
        })
    }
}

/// Whether the decision in the other reading is to be taken instead.
pub(super) fn is_stricter(other: &Decision<'_>, plain: &Decision<'_>) -> bool {
    strictness(other) > strictness(plain)
}

fn strictness(decision: &Decision<'_>) -> u8 {
    let failed = decision
        .enforced
        .is_some_and(|enforced| enforced.result == EnforcementResult::Failed);
    match decision.outcome {
        Outcome::Deny(_) => 4,
        // The edge answers by itself, so that the origin is not reached.
        Outcome::Redirect(_) | Outcome::Respond(_) => 3,
        Outcome::Forward if failed => 2,
        Outcome::Forward if !decision.client_verified => 1,
        Outcome::Forward => 0,
    }
}

impl<F: Facts> Facts for WithoutParameters<'_, F> {
    fn path(&self) -> &str {
        &self.path
    }

    fn hostname(&self) -> &str {
        self.facts.hostname()
    }

    fn query(&self) -> Option<&str> {
        self.facts.query()
    }

    fn method(&self) -> &str {
        self.facts.method()
    }

    fn protocol(&self) -> Protocol {
        self.facts.protocol()
    }

    fn client_ip(&self) -> IpAddr {
        self.facts.client_ip()
    }

    fn any_header(&self, name: &str, matches: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.facts.any_header(name, matches)
    }

    fn any_header_at_all(&self, matches: &mut dyn FnMut(&str, &[u8]) -> bool) -> bool {
        self.facts.any_header_at_all(matches)
    }

    fn certificate_state(&self) -> CertificateState {
        self.facts.certificate_state()
    }

    fn satisfies_ca_set(&self, ca_set: &str) -> bool {
        self.facts.satisfies_ca_set(ca_set)
    }

    fn revocation_status_is_good(&self) -> bool {
        self.facts.revocation_status_is_good()
    }

    fn refusal_code(&self) -> Option<&str> {
        self.facts.refusal_code()
    }

    fn any_subject_attribute(
        &self,
        attribute: NameAttribute,
        matches: &mut dyn FnMut(&str) -> bool,
    ) -> bool {
        self.facts.any_subject_attribute(attribute, matches)
    }

    fn any_issuer_attribute(
        &self,
        attribute: NameAttribute,
        matches: &mut dyn FnMut(&str) -> bool,
    ) -> bool {
        self.facts.any_issuer_attribute(attribute, matches)
    }

    fn any_subject_alternative_name(
        &self,
        kind: SanKind,
        matches: &mut dyn FnMut(&[u8]) -> bool,
    ) -> bool {
        self.facts.any_subject_alternative_name(kind, matches)
    }

    fn certificate_fingerprint(&self) -> Option<&[u8; 32]> {
        self.facts.certificate_fingerprint()
    }

    fn spki_fingerprint(&self) -> Option<&[u8; 32]> {
        self.facts.spki_fingerprint()
    }

    fn serial_number(&self) -> Option<&[u8]> {
        self.facts.serial_number()
    }

    fn days_left(&self) -> Option<i64> {
        self.facts.days_left()
    }

    fn write_subject(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.facts.write_subject(out)
    }

    fn write_issuer(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.facts.write_issuer(out)
    }
}
