//! Reads the options of one criterion or behavior and names every mistake in them.

use serde_json::{Map, Value};

use crate::catalogue::{Entry, Kind};
use crate::problem::{Problem, Severity};
use crate::suggest::{nearest, quote};
use crate::template::Template;
use crate::tree::{Feature, kind, show};

/// At most this many values in one list.
const MAX_VALUES: usize = 10_000;
/// At most this many bytes in one value.
const MAX_VALUE_BYTES: usize = 8_192;

/// The options of one criterion or behavior.
///
/// Names, types and words are checked against the catalogue at once, when it is made, so that a mistake in one option
/// does not hide those in another. Reading an option that is absent or was refused gives `None`.
pub(super) struct Options<'a> {
    entry: &'static Entry,
    at: String,
    values: &'a Map<String, Value>,
    problems: &'a mut Vec<Problem>,
    problems_before: usize,
}

impl<'a> Options<'a> {
    pub(super) fn new(
        feature: &'a Feature,
        entry: &'static Entry,
        at: &str,
        problems: &'a mut Vec<Problem>,
    ) -> Options<'a> {
        let problems_before = problems.len();
        let at = format!("{at}/options");
        let mut options = Options {
            entry,
            at,
            values: &feature.options,
            problems,
            problems_before,
        };
        options.check();
        options
    }

    /// What was read, if nothing was wrong. Nothing that was not read is ever left out silently: a rule would then mean
    /// something else.
    pub(super) fn finish<T>(mut self, read: Option<T>) -> Option<T> {
        if !self.clean() {
            return None;
        }
        if read.is_none() {
            let detail = format!("`{}` cannot be read", self.entry.name);
            self.error("", "unreadable", detail, "Write all of its options");
        }
        read
    }

    /// Whether nothing was wrong so far.
    pub(super) fn clean(&self) -> bool {
        self.problems
            .iter()
            .skip(self.problems_before)
            .all(|problem| problem.severity == Severity::Warning)
    }

    pub(super) fn has(&self, option: &str) -> bool {
        self.values.contains_key(option)
    }

    pub(super) fn flag(&self, option: &'static str) -> Option<bool> {
        self.get(option)?.as_bool()
    }

    pub(super) fn text(&self, option: &'static str) -> Option<&'a str> {
        self.get(option)?.as_str()
    }

    pub(super) fn required_text(&mut self, option: &'static str) -> Option<&'a str> {
        if !self.has(option) || self.text(option) == Some("") {
            self.missing(option, format!("Add `{option}`"));
        }
        self.text(option).filter(|text| !text.is_empty())
    }

    pub(super) fn number(&mut self, option: &'static str, least: i64, most: i64) -> Option<i64> {
        let value = self.get(option)?;
        let number = integer(value)?;
        if !(least..=most).contains(&number) {
            let detail = format!("`{option}` is {number}, which is not from {least} to {most}");
            self.error(
                option,
                "number_out_of_range",
                detail,
                format!("Write a number from {least} to {most}"),
            );
            return None;
        }
        Some(number)
    }

    pub(super) fn required_number(
        &mut self,
        option: &'static str,
        least: i64,
        most: i64,
    ) -> Option<i64> {
        if !self.has(option) {
            self.missing(option, format!("Add `{option}`"));
        }
        self.number(option, least, most)
    }

    /// Reads a text as a template.
    pub(super) fn template(&mut self, option: &str, text: &str) -> Option<Template> {
        match Template::parse(text) {
            Ok(template) => Some(template),
            Err((detail, remedy)) => {
                self.error(option, "bad_variable", detail, remedy);
                None
            }
        }
    }

    /// One word out of a table; `default` if the option is absent and there is one.
    pub(super) fn choice<T: Copy>(
        &mut self,
        option: &'static str,
        table: &[(&'static str, T)],
        default: Option<T>,
    ) -> Option<T> {
        if self.has(option) {
            let word = self.text(option)?;
            return table
                .iter()
                .find(|(name, _)| *name == word)
                .map(|(_, value)| *value);
        }
        if default.is_none() {
            let words: Vec<String> = table.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.missing(option, format!("Write one of {}", words.join(", ")));
        }
        default
    }

    /// Words out of a table.
    pub(super) fn choices<T: Copy>(
        &self,
        option: &'static str,
        table: &[(&'static str, T)],
    ) -> Vec<T> {
        let words = self.list(option).into_iter();
        words
            .filter_map(|(_, word)| {
                table
                    .iter()
                    .find(|(name, _)| *name == word)
                    .map(|(_, value)| *value)
            })
            .collect()
    }

    /// The strings of a list that are not empty, with their positions; none if it is absent.
    pub(super) fn list(&self, option: &'static str) -> Vec<(usize, &'a str)> {
        let items = self
            .get(option)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        items
            .enumerate()
            .filter_map(|(index, item)| item.as_str().map(|text| (index, text)))
            .filter(|(_, text)| !text.is_empty())
            .collect()
    }

    /// A list of strings that must not be empty: an allowlist of nothing is a mistake, whichever way it would be read.
    pub(super) fn values(&mut self, option: &'static str) -> Vec<(usize, &'a str)> {
        let empty = self
            .get(option)
            .is_none_or(|value| value.as_array().is_some_and(Vec::is_empty));
        if empty {
            let name = self.entry.name;
            let detail = format!("`{name}` needs at least one value in `{option}`");
            self.error(
                option,
                "no_values",
                detail,
                format!("Add a value to `{option}`, or remove `{name}`"),
            );
        }
        self.list(option)
    }

    pub(super) fn missing(&mut self, option: &str, remedy: String) {
        self.error(
            option,
            "option_missing",
            format!("`{}` needs `{option}`", self.entry.name),
            remedy,
        );
    }

    pub(super) fn error(
        &mut self,
        option: &str,
        code: &'static str,
        detail: String,
        remedy: impl Into<String>,
    ) {
        self.problems
            .push(Problem::error(self.pointer(option), code, detail, remedy));
    }

    pub(super) fn warning(
        &mut self,
        option: &str,
        code: &'static str,
        detail: String,
        remedy: impl Into<String>,
    ) {
        self.problems
            .push(Problem::warning(self.pointer(option), code, detail, remedy));
    }

    fn get(&self, option: &'static str) -> Option<&'a Value> {
        debug_assert!(
            self.entry.options.iter().any(|(name, _)| *name == option),
            "{option} is not in the catalogue"
        );
        self.values.get(option)
    }

    /// Checks every option against the catalogue. Those that end in `Title` only label the vendor's pages.
    fn check(&mut self) {
        let (values, entry) = (self.values, self.entry);
        for (option, value) in values
            .iter()
            .filter(|(option, _)| !option.ends_with("Title"))
        {
            match entry.options.iter().find(|(name, _)| name == option) {
                Some((_, kind)) => self.check_value(option, *kind, value),
                None => {
                    let detail = format!("`{}` has no option {}", entry.name, quote(option));
                    let remedy = nearest(option, entry.options.iter().map(|(name, _)| *name));
                    self.error(option, "unknown_option", detail, remedy);
                }
            }
        }
    }

    fn check_value(&mut self, at: &str, wanted: Kind, value: &Value) {
        match (wanted, value) {
            (Kind::Flag, Value::Bool(_)) | (Kind::Unused, _) => {}
            (Kind::Integer, value) if integer(value).is_some() => {}
            (Kind::Text, Value::String(text)) => self.check_length(at, text),
            (Kind::Word(words), Value::String(word)) => {
                if !words.contains(&word.as_str()) {
                    let remedy = nearest(word, words.iter().copied());
                    self.error(
                        at,
                        "unknown_value",
                        format!("The value is {}", quote(word)),
                        remedy,
                    );
                }
            }
            (Kind::Texts | Kind::Words(_), Value::Array(items)) if items.len() > MAX_VALUES => {
                let detail = format!(
                    "There are {} values; at most {MAX_VALUES} are allowed",
                    items.len()
                );
                self.error(
                    at,
                    "too_many_values",
                    detail,
                    "Split the rule, or use wildcards",
                );
            }
            (Kind::Texts, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let at = format!("{at}/{index}");
                    if item.as_str() == Some("") {
                        self.error(
                            &at,
                            "empty_value",
                            "The value is empty".to_owned(),
                            "Remove it",
                        );
                    } else {
                        self.check_value(&at, Kind::Text, item);
                    }
                }
            }
            (Kind::Words(words), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.check_value(&format!("{at}/{index}"), Kind::Word(words), item);
                }
            }
            (wanted, found) => {
                let wanted = match wanted {
                    Kind::Flag => "true or false",
                    Kind::Integer => "a whole number",
                    Kind::Texts | Kind::Words(_) => "an array of strings",
                    Kind::Text | Kind::Unused | Kind::Word(_) => "a string",
                };
                let detail = format!("The value is {}, not {wanted}", show(found));
                self.error(
                    at,
                    "wrong_type",
                    detail,
                    format!("Write {wanted} instead of {}", kind(found)),
                );
            }
        }
    }

    fn check_length(&mut self, at: &str, text: &str) {
        if text.len() > MAX_VALUE_BYTES {
            let detail = format!(
                "The value has {} bytes; at most {MAX_VALUE_BYTES} are allowed",
                text.len()
            );
            self.error(at, "value_too_long", detail, "Shorten it");
        }
    }

    fn pointer(&self, option: &str) -> String {
        if option.is_empty() {
            return self.at.clone();
        }
        // A position after a slash is ours; everything else is a key and may hold the pointer's own characters.
        match option.rsplit_once('/') {
            Some((key, index))
                if !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                format!("{}/{}/{index}", self.at, escape(key))
            }
            _ => format!("{}/{}", self.at, escape(option)),
        }
    }
}

/// A whole number, also as the digits that the vendor's variables leave in documents.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        other => other.as_i64(),
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
