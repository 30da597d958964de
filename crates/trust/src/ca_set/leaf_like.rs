//! A CA that looks like a server or client certificate.

use super::{Check, Found, Rule, Severity, Subject, found};
use crate::GeneralName;

/// A self-signed server or client certificate that a tool gave CA:TRUE by default (`openssl req -x509` does): its key lies on a server,
/// where a CA key should not be, and everybody who has it can issue clients.
pub(super) const RULE: Rule = Rule {
    code: "leaf_like_ca",
    severity: Severity::Warning,
    title: "CA looks like an end-entity certificate",
    check: Check::Certificate(check),
};

fn check(subject: Subject<'_>) -> Option<Found> {
    let certificate = subject.certificate;
    let is_ca = certificate
        .basic_constraints()
        .is_some_and(|constraints| constraints.ca);
    let host = certificate
        .subject_alternative_names()
        .iter()
        .find(|name| matches!(name, GeneralName::Dns(_) | GeneralName::Ip(_)));
    let enciphers = certificate
        .key_usage()
        .is_some_and(|usage| usage.key_encipherment() || usage.key_agreement());
    if !is_ca || (host.is_none() && !enciphers) {
        return None;
    }
    let evidence = match host {
        Some(host) => format!(
            "it holds the name {}",
            crate::text::quote(&host.to_string())
        ),
        None => "its key is also for encryption".to_owned(),
    };
    found(
        format!("{} is a CA, but {evidence}.", subject.name()),
        "If this is the certificate of a server or a client, put the CA that issues your clients into the set instead: whoever has this key can issue certificates that are let in.",
    )
}
