//! Criteria about who the client is.
//!
//! Values are compared as types, octet by octet, never as a joined string (threats C3.3). Names and keys count only
//! if the certificate passed the check in force: anybody can write any name into a certificate of their own.

mod part;

use std::fmt::Write;
use std::net::IpAddr;

use crate::decision::EnforcementResult;
use crate::facts::{Facts, NameAttribute, SanKind};
use crate::suggest::quote;

use super::super::options::Options;
use super::super::values::{Case, ValueSet, Wildcards};
use super::ONE_OF;
pub(in super::super) use part::IdentityPart;
use part::{SAN_KINDS, without_leading_zeros};

/// What is asked about the client.
#[derive(Debug)]
pub(crate) enum IdentityTest {
    CaSet(Vec<String>),
    DaysLeft(DaysLeft),
    Value(IdentityPart, ValueSet),
}

/// A bound on the days until the certificate expires.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DaysLeft {
    LessThan(i64),
    MoreThan(i64),
}

impl IdentityTest {
    /// Whether it counts only for a certificate that passed the check in force.
    fn needs_verified(&self) -> bool {
        match self {
            // A CA set is asked for its own verdict.
            IdentityTest::CaSet(_) => false,
            IdentityTest::DaysLeft(_) => true,
            IdentityTest::Value(part, _) => part.needs_verified(),
        }
    }

    pub(crate) fn holds(&self, facts: &impl Facts, checked: EnforcementResult) -> bool {
        if self.needs_verified() && checked != EnforcementResult::Passed {
            return false;
        }
        match self {
            IdentityTest::CaSet(ca_sets) => {
                ca_sets.iter().any(|ca_set| facts.satisfies_ca_set(ca_set))
            }
            IdentityTest::DaysLeft(bound) => facts.days_left().is_some_and(|days| match *bound {
                DaysLeft::LessThan(bound) => days < bound,
                DaysLeft::MoreThan(bound) => days > bound,
            }),
            IdentityTest::Value(part, values) => {
                part.any_value(facts, &mut |octets| values.contains(octets))
            }
        }
    }

    pub(crate) fn expected(&self) -> String {
        match self {
            IdentityTest::CaSet(ca_sets) => ca_sets
                .iter()
                .map(|ca_set| quote(ca_set))
                .collect::<Vec<_>>()
                .join(", "),
            IdentityTest::DaysLeft(DaysLeft::LessThan(bound)) => {
                format!("less than {bound} days left")
            }
            IdentityTest::DaysLeft(DaysLeft::MoreThan(bound)) => {
                format!("more than {bound} days left")
            }
            IdentityTest::Value(part, values) => format!("{} {}", part.label(), values.describe())
                .trim_start()
                .to_owned(),
        }
    }

    pub(crate) fn actual(&self, facts: &impl Facts, checked: EnforcementResult) -> String {
        let mut found = Vec::new();
        match self {
            IdentityTest::CaSet(ca_sets) => {
                found.extend(
                    ca_sets
                        .iter()
                        .filter(|ca_set| facts.satisfies_ca_set(ca_set))
                        .cloned(),
                );
            }
            IdentityTest::DaysLeft(_) => {
                found.extend(facts.days_left().map(|days| format!("{days} days")))
            }
            IdentityTest::Value(part, _) => {
                part.any_value(facts, &mut |octets| collect(&mut found, part.show(octets)));
            }
        }
        let mut text = if found.is_empty() {
            "nothing".to_owned()
        } else {
            found
                .iter()
                .map(|value| quote(value))
                .collect::<Vec<_>>()
                .join(", ")
        };
        if self.needs_verified() && checked != EnforcementResult::Passed {
            text.push_str(", which does not count because the certificate is missing or did not pass the check");
        }
        text
    }
}

/// Remembers a value and asks for the next, up to a number that a person can read.
fn collect(found: &mut Vec<String>, value: String) -> bool {
    const SHOWN: usize = 10;
    found.push(value);
    found.len() >= SHOWN
}

pub(super) fn parse(name: &str, options: &mut Options<'_>) -> Option<(bool, IdentityTest)> {
    if name == "clientDaysLeft" {
        let less = options.choice(
            "matchOperator",
            &[("IS_LESS_THAN", true), ("IS_MORE_THAN", false)],
            None,
        );
        let days = options.required_number("value", -36_500, 36_500)?;
        let bound = if less? {
            DaysLeft::LessThan(days)
        } else {
            DaysLeft::MoreThan(days)
        };
        return Some((false, IdentityTest::DaysLeft(bound)));
    }
    let negated = options.choice("matchOperator", &ONE_OF, Some(false))?;
    let (part, values) = match name {
        "clientCaSet" => {
            let values = options.values("values").into_iter();
            let ca_sets = values.map(|(_, value)| value.to_owned()).collect();
            return Some((negated, IdentityTest::CaSet(ca_sets)));
        }
        "clientFingerprint" => (IdentityPart::Fingerprint, digests(options)),
        "clientIssuer" => (IdentityPart::Issuer(attribute(options)?), texts(options)),
        "clientReason" => (IdentityPart::Reason, reasons(options)),
        "clientSan" => {
            let kind = options.choice("type", &SAN_KINDS, None)?;
            (IdentityPart::San(kind), alternative_names(options, kind))
        }
        "clientSerial" => (IdentityPart::Serial, serials(options)),
        "clientSpki" => (IdentityPart::Spki, digests(options)),
        _ => (IdentityPart::Subject(attribute(options)?), texts(options)),
    };
    Some((negated, IdentityTest::Value(part, values)))
}

fn attribute(options: &mut Options<'_>) -> Option<NameAttribute> {
    let table = NameAttribute::ALL.map(|attribute| (attribute.name(), attribute));
    options.choice("attribute", &table, None)
}

fn texts(options: &mut Options<'_>) -> ValueSet {
    let values = options.values("values").into_iter().map(|(_, value)| value);
    ValueSet::new(values, Case::Sensitive, Wildcards::Literal)
}

fn reasons(options: &mut Options<'_>) -> ValueSet {
    let values = options.values("values");
    for (index, value) in &values {
        if !value
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            let detail = format!("{} is not the code of a reason", quote(value));
            options.error(
                &format!("values/{index}"),
                "bad_reason",
                detail,
                "Write a code such as `expired`",
            );
        }
    }
    ValueSet::new(
        values.into_iter().map(|(_, value)| value),
        Case::Sensitive,
        Wildcards::Literal,
    )
}

fn digests(options: &mut Options<'_>) -> ValueSet {
    let bad = "is not a SHA-256 digest";
    octets(
        options,
        "bad_digest",
        bad,
        "Write 64 hexadecimal digits, with or without colons",
        |value| hex(value).filter(|octets| octets.len() == 32),
    )
}

fn serials(options: &mut Options<'_>) -> ValueSet {
    let bad = "is not a serial number";
    octets(
        options,
        "bad_serial",
        bad,
        "Write it in hexadecimal, with or without colons",
        |value| hex(value).map(|octets| without_leading_zeros(&octets).to_vec()),
    )
}

fn alternative_names(options: &mut Options<'_>, kind: SanKind) -> ValueSet {
    let bad = "is not a name of this type";
    octets(
        options,
        "bad_name",
        bad,
        "Write it exactly as it stands in the certificate, or choose another `type`",
        |value| {
            let plain = value.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
            match kind {
                SanKind::Ip => value.parse::<IpAddr>().ok().map(|address| match address {
                    IpAddr::V4(v4) => v4.octets().to_vec(),
                    IpAddr::V6(v6) => v6.octets().to_vec(),
                }),
                SanKind::Dns => (plain && !value.contains(['/', '@', ':'])).then(|| value.into()),
                SanKind::Email => (plain && value.contains('@')).then(|| value.into()),
                SanKind::Uri => (plain && value.contains(':')).then(|| value.into()),
                SanKind::Upn => Some(value.into()),
            }
        },
    )
}

fn octets(
    options: &mut Options<'_>,
    code: &'static str,
    bad: &str,
    remedy: &str,
    read: impl Fn(&str) -> Option<Vec<u8>>,
) -> ValueSet {
    let mut values = Vec::new();
    for (index, text) in options.values("values") {
        match read(text) {
            Some(octets) => values.push((octets, text)),
            None => options.error(
                &format!("values/{index}"),
                code,
                format!("{} {bad}", quote(text)),
                remedy,
            ),
        }
    }
    ValueSet::from_octets(values, Case::Sensitive, Wildcards::Literal)
}

/// Reads `0a1b` or `0A:1B`.
fn hex(text: &str) -> Option<Vec<u8>> {
    let mut digits = String::new();
    if text.contains(':') {
        for pair in text.split(':') {
            if pair.len() != 2 {
                return None;
            }
            digits.push_str(pair);
        }
    } else {
        write!(
            digits,
            "{}{text}",
            if text.len() % 2 == 1 { "0" } else { "" }
        )
        .ok()?;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let octets: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect();
    octets.filter(|octets| !octets.is_empty())
}
