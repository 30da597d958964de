//! Reads the options of one criterion or behavior and names every mistake in them.

use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::suggest::{nearest, quote};
use crate::template::Template;
use crate::tree::{Feature, kind};

/// At most this many values in one list.
const MAX_VALUES: usize = 10_000;
/// At most this many bytes in one value.
const MAX_VALUE_BYTES: usize = 2_048;

/// The options of one criterion or behavior. Every option that exists is asked for by name before
/// [`finish`](Options::finish) reports those that nobody asked for.
pub(super) struct Options<'a> {
    feature: &'a str,
    at: String,
    values: &'a Map<String, Value>,
    known: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
    errors_before: usize,
}

impl<'a> Options<'a> {
    pub(super) fn new(
        feature: &'a Feature,
        at: &str,
        problems: &'a mut Vec<Problem>,
    ) -> Options<'a> {
        let errors_before = problems.len();
        let at = format!("{at}/options");
        Options {
            feature: &feature.name,
            at,
            values: &feature.options,
            known: Vec::new(),
            problems,
            errors_before,
        }
    }

    pub(super) fn has(&self, option: &str) -> bool {
        self.values.contains_key(option)
    }

    pub(super) fn flag(&mut self, option: &'static str) -> Option<bool> {
        match self.take(option)? {
            Value::Bool(flag) => Some(*flag),
            other => self.wrong_type(option, "true or false", other),
        }
    }

    /// Whether the option is there and true. It must be asked for by [`flag`](Options::flag) as well.
    pub(super) fn is_true(&self, option: &str) -> bool {
        self.values.get(option) == Some(&Value::Bool(true))
    }

    pub(super) fn text(&mut self, option: &'static str) -> Option<&'a str> {
        self.long_text(option, MAX_VALUE_BYTES)
    }

    pub(super) fn long_text(&mut self, option: &'static str, most_bytes: usize) -> Option<&'a str> {
        match self.take(option)? {
            Value::String(text) if text.len() <= most_bytes => Some(text),
            Value::String(text) => {
                let detail = format!(
                    "`{option}` has {} bytes; at most {most_bytes} are allowed",
                    text.len()
                );
                self.error(option, "value_too_long", detail, "Shorten it");
                None
            }
            other => self.wrong_type(option, "a string", other),
        }
    }

    pub(super) fn required_text(&mut self, option: &'static str) -> Option<&'a str> {
        match (self.has(option), self.text(option)) {
            (_, Some(text)) if !text.is_empty() => Some(text),
            (true, None) => None,
            (_, _) => {
                let detail = format!("`{}` needs `{option}`", self.feature);
                self.error(option, "option_missing", detail, format!("Add `{option}`"));
                None
            }
        }
    }

    pub(super) fn number(&mut self, option: &'static str, least: i64, most: i64) -> Option<i64> {
        let value = self.take(option)?;
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok()
            }
            _ => None,
        };
        match number {
            Some(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                let shown = crate::tree::show(value);
                let detail = format!(
                    "`{option}` is {shown}, which is not a whole number from {least} to {most}"
                );
                self.error(
                    option,
                    "number_out_of_range",
                    detail,
                    format!("Write a number from {least} to {most}"),
                );
                None
            }
        }
    }

    pub(super) fn required_number(
        &mut self,
        option: &'static str,
        least: i64,
        most: i64,
    ) -> Option<i64> {
        if !self.has(option) {
            self.known.push(option);
            let detail = format!("`{}` needs `{option}`", self.feature);
            self.error(option, "option_missing", detail, format!("Add `{option}`"));
            return None;
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
        if !self.has(option) {
            self.known.push(option);
            if default.is_none() {
                let detail = format!("`{}` needs `{option}`", self.feature);
                self.error(option, "option_missing", detail, one_of(table));
            }
            return default;
        }
        let text = self.text(option)?;
        let found = self.look_up(option, text, table);
        found.or(default)
    }

    /// Words out of a table.
    pub(super) fn choices<T: Copy>(
        &mut self,
        option: &'static str,
        table: &[(&'static str, T)],
    ) -> Vec<T> {
        let Some(texts) = self.list(option) else {
            return Vec::new();
        };
        texts
            .into_iter()
            .filter_map(|(_, text)| self.look_up(option, text, table))
            .collect()
    }

    fn look_up<T: Copy>(
        &mut self,
        option: &str,
        text: &str,
        table: &[(&'static str, T)],
    ) -> Option<T> {
        let found = table
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            let remedy = nearest(text, table.iter().map(|(name, _)| *name));
            self.error(
                option,
                "unknown_value",
                format!("`{option}` is {}", quote(text)),
                remedy,
            );
        }
        found
    }

    /// A list of strings with their positions; `None` if it is absent or not a list.
    pub(super) fn list(&mut self, option: &'static str) -> Option<Vec<(usize, &'a str)>> {
        let items = match self.take(option)? {
            Value::Array(items) => items,
            other => return self.wrong_type(option, "an array of strings", other),
        };
        if items.len() > MAX_VALUES {
            let detail = format!(
                "`{option}` has {} values; at most {MAX_VALUES} are allowed",
                items.len()
            );
            self.error(
                option,
                "too_many_values",
                detail,
                "Split the rule, or use wildcards",
            );
            return None;
        }
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item {
                Value::String(text) if text.is_empty() => {
                    let remedy = "Remove it";
                    self.error(
                        &format!("{option}/{index}"),
                        "empty_value",
                        "The value is empty".to_owned(),
                        remedy,
                    );
                }
                Value::String(text) if text.len() > MAX_VALUE_BYTES => {
                    let detail = format!(
                        "The value has {} bytes; at most {MAX_VALUE_BYTES} are allowed",
                        text.len()
                    );
                    self.error(
                        &format!("{option}/{index}"),
                        "value_too_long",
                        detail,
                        "Shorten it",
                    );
                }
                Value::String(text) => texts.push((index, text.as_str())),
                other => {
                    let detail = format!("Expected a string, found {}", kind(other));
                    self.error(
                        &format!("{option}/{index}"),
                        "wrong_type",
                        detail,
                        "Write a string here",
                    );
                }
            }
        }
        Some(texts)
    }

    /// A list of strings that must not be empty: an allowlist of nothing is a mistake, whichever way it would be read.
    pub(super) fn values(&mut self, option: &'static str) -> Vec<(usize, &'a str)> {
        let problems_before = self.problems.len();
        let texts = self.list(option).unwrap_or_default();
        if texts.is_empty() && self.problems.len() == problems_before {
            let detail = format!("`{}` needs at least one value in `{option}`", self.feature);
            self.error(
                option,
                "no_values",
                detail,
                format!("Add a value to `{option}`, or remove `{}`", self.feature),
            );
        }
        texts
    }

    /// Reads an option of the vendor that has no effect here.
    pub(super) fn ignore(&mut self, options: &[&'static str]) {
        self.known.extend(options);
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

    /// Reports the options that do not exist. Those that end in `Title` only label the vendor's pages.
    pub(super) fn finish(mut self) {
        let values = self.values;
        for option in values.keys().filter(|option| !option.ends_with("Title")) {
            if !self.known.contains(&option.as_str()) {
                let remedy = nearest(option, self.known.clone().into_iter());
                let detail = format!("`{}` has no option {}", self.feature, quote(option));
                self.error(option, "unknown_option", detail, remedy);
            }
        }
    }

    /// Whether nothing was wrong so far.
    pub(super) fn clean(&self) -> bool {
        self.problems
            .iter()
            .skip(self.errors_before)
            .all(|problem| problem.severity != crate::Severity::Error)
    }

    fn pointer(&self, option: &str) -> String {
        if option.is_empty() {
            return self.at.clone();
        }
        // A position after a slash is ours; everything else is a key and may hold the pointer's own characters.
        match option.rsplit_once('/') {
            Some((key, index)) if index.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("{}/{}/{index}", self.at, escape(key))
            }
            _ => format!("{}/{}", self.at, escape(option)),
        }
    }

    fn take(&mut self, option: &'static str) -> Option<&'a Value> {
        self.known.push(option);
        self.values.get(option)
    }

    fn wrong_type<T>(&mut self, option: &str, wanted: &str, found: &Value) -> Option<T> {
        let detail = format!("`{option}` is {}, not {wanted}", kind(found));
        self.error(option, "wrong_type", detail, format!("Write {wanted}"));
        None
    }
}

fn one_of<T>(table: &[(&'static str, T)]) -> String {
    let names: Vec<String> = table.iter().map(|(name, _)| format!("`{name}`")).collect();
    format!("Write one of {}", names.join(", "))
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
