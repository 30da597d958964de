//! Criteria about names with values: request headers and query parameters.

use crate::facts::Facts;
use crate::suggest::quote;

use super::super::options::Options;
use super::super::values::{Case, ValueSet, Wildcards};

/// A name, and what its value must be.
#[derive(Debug)]
pub(crate) struct Pairs {
    names: ValueSet,
    /// The only name, in lower case, if it can be looked up instead of compared.
    lookup: Option<String>,
    value: ValueTest,
}

#[derive(Debug)]
enum ValueTest {
    Any,
    Between { least: u64, most: u64 },
    In(ValueSet),
}

impl ValueTest {
    fn holds(&self, value: impl Iterator<Item = u8> + Clone) -> bool {
        match self {
            ValueTest::Any => true,
            ValueTest::Between { least, most } => {
                number(value).is_some_and(|number| (*least..=*most).contains(&number))
            }
            ValueTest::In(values) => values.contains_octets(value),
        }
    }
}

fn number(mut digits: impl Iterator<Item = u8> + Clone) -> Option<u64> {
    digits.clone().next()?;
    digits.try_fold(0_u64, |number, octet| {
        let digit = char::from(octet).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

impl Pairs {
    pub(crate) fn hold_for_headers(&self, facts: &impl Facts) -> bool {
        match &self.lookup {
            Some(name) => {
                facts.any_header(name, &mut |value| self.value.holds(value.iter().copied()))
            }
            None => facts.any_header_at_all(&mut |name, value| {
                self.names.contains(name.as_bytes()) && self.value.holds(value.iter().copied())
            }),
        }
    }

    /// Names and values are compared as origins read them: `+` and `%XX` decoded.
    pub(crate) fn hold_for_query(&self, query: &str) -> bool {
        parameters(query).any(|(name, value)| {
            self.names.contains_octets(decode(name)) && self.value.holds(decode(value))
        })
    }

    pub(crate) fn expected(&self, what: &str) -> String {
        let name = self.names.describe();
        match &self.value {
            ValueTest::Any => format!("{what} {name}"),
            ValueTest::Between { least, most } => {
                format!("{what} {name} with a number from {least} to {most}")
            }
            ValueTest::In(values) => format!("{what} {name} with {}", values.describe()),
        }
    }

    pub(crate) fn actual_headers(&self, facts: &impl Facts) -> String {
        let mut found = Vec::new();
        let mut note = |value: &[u8]| {
            found.push(quote(&String::from_utf8_lossy(value)));
            false
        };
        facts.any_header_at_all(&mut |name, value| {
            self.names.contains(name.as_bytes()) && note(value)
        });
        list(&found)
    }

    pub(crate) fn actual_query(&self, query: &str) -> String {
        let found: Vec<String> = parameters(query)
            .filter(|(name, _)| self.names.contains_octets(decode(name)))
            .map(|(_, value)| {
                quote(&String::from_utf8_lossy(
                    &decode(value).collect::<Vec<u8>>(),
                ))
            })
            .collect();
        list(&found)
    }
}

fn list(found: &[String]) -> String {
    if found.is_empty() {
        "nothing".to_owned()
    } else {
        found.join(", ")
    }
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Octets of a query's name or value with `+` and `%XX` decoded; an incomplete `%` stays as it is.
fn decode(text: &str) -> impl Iterator<Item = u8> + Clone + '_ {
    let mut octets = text.bytes();
    std::iter::from_fn(move || match octets.next()? {
        b'+' => Some(b' '),
        b'%' => {
            let mut ahead = octets.clone();
            let digit = |octet: Option<u8>| octet.and_then(|octet| char::from(octet).to_digit(16));
            match (digit(ahead.next()), digit(ahead.next())) {
                (Some(high), Some(low)) => {
                    octets = ahead;
                    u8::try_from(high << 4 | low).ok()
                }
                _ => Some(b'%'),
            }
        }
        octet => Some(octet),
    })
}

#[derive(Clone, Copy)]
enum Operator {
    Between,
    Exists,
    LessThan,
    MoreThan,
    OneOf,
}

const EXISTENCE: [(&str, (Operator, bool)); 4] = [
    ("IS_ONE_OF", (Operator::OneOf, false)),
    ("IS_NOT_ONE_OF", (Operator::OneOf, true)),
    ("EXISTS", (Operator::Exists, false)),
    ("DOES_NOT_EXIST", (Operator::Exists, true)),
];

const EXISTENCE_OR_NUMBER: [(&str, (Operator, bool)); 7] = [
    ("IS_ONE_OF", (Operator::OneOf, false)),
    ("IS_NOT_ONE_OF", (Operator::OneOf, true)),
    ("EXISTS", (Operator::Exists, false)),
    ("DOES_NOT_EXIST", (Operator::Exists, true)),
    ("IS_LESS_THAN", (Operator::LessThan, false)),
    ("IS_MORE_THAN", (Operator::MoreThan, false)),
    ("IS_BETWEEN", (Operator::Between, false)),
];

pub(super) fn header(options: &mut Options<'_>) -> Option<(bool, Pairs)> {
    let name = options.required_text("headerName");
    let wildcards = wildcards(options, "matchWildcardName");
    let (operator, negated) =
        options.choice("matchOperator", &EXISTENCE, Some((Operator::OneOf, false)))?;
    let value = value(options, operator)?;
    let name = name?;
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name
        .bytes()
        .all(|byte| token(byte) || (byte == b'?' && wildcards == Wildcards::Match))
    {
        let detail = format!("{} is not the name of a header", quote(name));
        options.error(
            "headerName",
            "bad_header_name",
            detail,
            "Write a header's name such as `Accept-Language`",
        );
    }
    let lookup = (wildcards == Wildcards::Literal).then(|| name.to_ascii_lowercase());
    Some((
        negated,
        Pairs {
            names: ValueSet::new([name], Case::Insensitive, wildcards),
            lookup,
            value,
        },
    ))
}

pub(super) fn query(options: &mut Options<'_>) -> Option<(bool, Pairs)> {
    let name = options.required_text("parameterName");
    let wildcards = wildcards(options, "matchWildcardName");
    let case = case(options, "matchCaseSensitiveName");
    let default = Some((Operator::OneOf, false));
    let (operator, negated) = options.choice("matchOperator", &EXISTENCE_OR_NUMBER, default)?;
    if options.flag("escapeValue") == Some(true) {
        options.error(
            "escapeValue",
            "escaped_values_unsupported",
            "Values are always compared after `+` and `%XX` are decoded, as origins read them"
                .to_owned(),
            "Set it to false and write the values in plain text",
        );
    }
    let value = value(options, operator)?;
    Some((
        negated,
        Pairs {
            names: ValueSet::new([name?], case, wildcards),
            lookup: None,
            value,
        },
    ))
}

fn value(options: &mut Options<'_>, operator: Operator) -> Option<ValueTest> {
    let wildcards = wildcards(options, "matchWildcardValue");
    let case = case(options, "matchCaseSensitiveValue");
    match operator {
        Operator::OneOf => {
            let values = options.values("values").into_iter().map(|(_, value)| value);
            let set = ValueSet::new(values, case, wildcards);
            Some(ValueTest::In(set))
        }
        Operator::Exists => Some(ValueTest::Any),
        Operator::Between | Operator::LessThan | Operator::MoreThan => {
            let least = match operator {
                Operator::LessThan => 0,
                Operator::MoreThan => bound(options, "lowerBound")?.checked_add(1)?,
                _ => bound(options, "lowerBound")?,
            };
            let most = match operator {
                Operator::MoreThan => u64::MAX,
                Operator::LessThan => match bound(options, "upperBound")?.checked_sub(1) {
                    Some(most) => most,
                    None => {
                        let detail = "No number is less than 0".to_owned();
                        options.error(
                            "upperBound",
                            "number_out_of_range",
                            detail,
                            "Write a larger bound",
                        );
                        return None;
                    }
                },
                _ => bound(options, "upperBound")?,
            };
            if least > most {
                let detail = format!("No number is between {least} and {most}");
                options.error(
                    "upperBound",
                    "number_out_of_range",
                    detail,
                    "Swap the bounds",
                );
            }
            Some(ValueTest::Between { least, most })
        }
    }
}

fn bound(options: &mut Options<'_>, option: &'static str) -> Option<u64> {
    options
        .required_number(option, 0, i64::MAX)
        .and_then(|number| u64::try_from(number).ok())
}

fn wildcards(options: &mut Options<'_>, option: &'static str) -> Wildcards {
    match options.flag(option) {
        Some(true) => Wildcards::Match,
        _ => Wildcards::Literal,
    }
}

fn case(options: &mut Options<'_>, option: &'static str) -> Case {
    match options.flag(option) {
        Some(true) => Case::Sensitive,
        _ => Case::Insensitive,
    }
}
