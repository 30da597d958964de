//! The rule tree as people write it.

mod json;
mod parse;

pub(crate) use parse::{MAX_DEPTH, kind, show};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::problem::Problem;

/// The rules of a property, in the vendor's JSON form.
///
/// Reading checks the form of the document (every field by name, sizes, depth); what the criteria and behaviors say
/// is checked by [`compile`](crate::compile). The serde implementations read and write the same JSON; in formats that
/// are not for people the tree is one JSON string.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleTree {
    /// The top rule, called `default`; it has no criteria.
    pub rules: Rule,
    /// Which generation of criteria and behaviors the document is written in.
    pub rule_format: RuleFormat,
    /// What the author says about this version.
    pub comments: Option<String>,
}

/// One rule: if its criteria hold, its behaviors apply and its children are looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Its name, for people and traces.
    pub name: String,
    /// What the author says about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comments: Option<String>,
    /// Conditions; none means that it always holds.
    pub criteria: Vec<Feature>,
    /// Whether all of the criteria must hold or any.
    pub criteria_must_satisfy: Satisfy,
    /// What applies, in order.
    pub behaviors: Vec<Feature>,
    /// Rules below it, in order.
    pub children: Vec<Rule>,
    /// Settings of the top rule.
    #[serde(skip_serializing_if = "RuleOptions::is_default")]
    pub options: RuleOptions,
    /// The vendor's identifier of the rule, kept as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
}

/// Settings of the top rule.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct RuleOptions {
    /// The vendor's mark of a property on its secure network; kept as it is, without effect here.
    pub is_secure: bool,
}

impl RuleOptions {
    fn is_default(&self) -> bool {
        *self == RuleOptions::default()
    }
}

/// Whether all criteria of a rule must hold or any.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Satisfy {
    /// Every one must hold.
    #[default]
    All,
    /// One is enough.
    Any,
}

/// A criterion or a behavior: a name and its options.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Feature {
    /// Its name, for example `enforceMtlsSettings`.
    pub name: String,
    /// Its options.
    pub options: Map<String, Value>,
    /// The vendor's identifier of it, kept as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
}

impl Feature {
    /// A criterion or behavior with options given as pairs.
    pub fn new<'a>(name: &str, options: impl IntoIterator<Item = (&'a str, Value)>) -> Feature {
        Feature {
            name: name.to_owned(),
            options: options
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
            uuid: None,
        }
    }
}

/// Which generation of criteria and behaviors a document is written in: `latest` or a date such as `v2026-02-16`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum RuleFormat {
    /// As the vendor's format of this date had them.
    Dated {
        /// Year.
        year: u16,
        /// Month, 1 to 12.
        month: u8,
        /// Day, 1 to 31.
        day: u8,
    },
    /// The newest that this version knows.
    #[default]
    Latest,
}

/// The two generations of the mutual-TLS criteria and behaviors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Generation {
    /// Up to v2026-01-09.
    First,
    /// From v2026-02-16 on.
    Second,
}

impl RuleFormat {
    /// The first date of the second generation.
    const SECOND: (u16, u8, u8) = (2026, 2, 16);
    /// The oldest date that is read.
    const OLDEST: (u16, u8, u8) = (2023, 1, 5);
    /// The newest date that is read: a later one may mean something else by the same names.
    const NEWEST: (u16, u8, u8) = (2026, 7, 21);

    pub(crate) fn generation(self) -> Generation {
        match self {
            RuleFormat::Dated { year, month, day } if (year, month, day) < RuleFormat::SECOND => {
                Generation::First
            }
            RuleFormat::Dated { .. } | RuleFormat::Latest => Generation::Second,
        }
    }
}

/// The text is not a rule format that this version reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnknownRuleFormat;

impl fmt::Display for UnknownRuleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rule format is neither `latest` nor a date from v2023-01-05 to v2026-07-21")
    }
}

impl std::error::Error for UnknownRuleFormat {}

impl FromStr for RuleFormat {
    type Err = UnknownRuleFormat;

    fn from_str(text: &str) -> Result<RuleFormat, UnknownRuleFormat> {
        if text == "latest" {
            return Ok(RuleFormat::Latest);
        }
        let date = text.strip_prefix('v').ok_or(UnknownRuleFormat)?;
        let shape = date.len() == 10
            && date
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-');
        let mut fields = date.split('-');
        let (Some(year), Some(month), Some(day), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(UnknownRuleFormat);
        };
        let (year, month, day) = match (year.parse(), month.parse(), day.parse()) {
            (Ok(year), Ok(month), Ok(day)) if shape => (year, month, day),
            _ => return Err(UnknownRuleFormat),
        };
        let known = (RuleFormat::OLDEST..=RuleFormat::NEWEST).contains(&(year, month, day));
        if !known || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return Err(UnknownRuleFormat);
        }
        Ok(RuleFormat::Dated { year, month, day })
    }
}

impl fmt::Display for RuleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleFormat::Dated { year, month, day } => write!(f, "v{year:04}-{month:02}-{day:02}"),
            RuleFormat::Latest => f.write_str("latest"),
        }
    }
}

impl RuleTree {
    /// Reads a document.
    ///
    /// # Errors
    /// Everything that is wrong with its form, in the order of the document: bad JSON, duplicate or unknown fields,
    /// wrong types, too large or too deep.
    pub fn from_json(text: &str) -> Result<RuleTree, Vec<Problem>> {
        parse::parse(text)
    }

    /// Reads a document that is already parsed. Duplicate keys can no longer be seen, so prefer
    /// [`from_json`](RuleTree::from_json) for outside input.
    ///
    /// # Errors
    /// As [`from_json`](RuleTree::from_json).
    pub fn from_value(value: Value) -> Result<RuleTree, Vec<Problem>> {
        parse::tree(value)
    }

    /// Writes the document: the same tree always gives the same bytes.
    pub fn to_json(&self) -> String {
        // Serialising plain structs with string keys has no way to fail; an empty document would be refused on reading.
        serde_json::to_string(&self.document()).unwrap_or_default()
    }

    /// The document as a JSON value.
    pub fn to_value(&self) -> Value {
        // As above: null would be refused on reading.
        serde_json::to_value(self.document()).unwrap_or(Value::Null)
    }

    fn document(&self) -> Document<'_> {
        Document {
            rule_format: self.rule_format.to_string(),
            rules: &self.rules,
            comments: &self.comments,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    rule_format: String,
    rules: &'a Rule,
    #[serde(skip_serializing_if = "Option::is_none")]
    comments: &'a Option<String>,
}

impl Serialize for RuleTree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.document().serialize(serializer)
        } else {
            serializer.serialize_str(&self.to_json())
        }
    }
}

impl<'de> Deserialize<'de> for RuleTree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RuleTree, D::Error> {
        let tree = if deserializer.is_human_readable() {
            parse::tree(json::Strict::deserialize(deserializer)?.0)
        } else {
            parse::parse(&String::deserialize(deserializer)?)
        };
        tree.map_err(|problems| {
            let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
            serde::de::Error::custom(texts.join("; "))
        })
    }
}
