//! From JSON to a [`RuleTree`], with every mistake named.

use serde_json::{Map, Value};

use super::json::Strict;
use super::{Feature, Rule, RuleOptions, RuleTree, Satisfy};
use crate::problem::Problem;
use crate::suggest::{nearest, quote};

/// Documents larger than this are not read: a thousand rules take about half of it.
const MAX_DOCUMENT_BYTES: usize = 4 * 1024 * 1024;
/// Rules may be nested this deep below the top rule. The vendor documents 5 by default.
pub(crate) const MAX_DEPTH: usize = 10;

/// Fields that surround a tree when it is copied out of the vendor's API. They belong to the property, not the tree.
const ENVELOPE: [&str; 8] = [
    "accountId",
    "contractId",
    "groupId",
    "propertyId",
    "propertyName",
    "propertyVersion",
    "etag",
    "errors",
];

pub(super) fn parse(text: &str) -> Result<RuleTree, Vec<Problem>> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(vec![Problem::error(
            "",
            "document_too_large",
            format!(
                "The document has {} bytes; at most {MAX_DOCUMENT_BYTES} are read",
                text.len()
            ),
            "Split the property, or move long lists of values out of it",
        )]);
    }
    let Strict(value) = serde_json::from_str(text).map_err(|error| {
        vec![Problem::error(
            "",
            "malformed_json",
            format!("The document is not valid JSON: {error}"),
            "Correct the JSON at that line and column",
        )]
    })?;
    tree(value)
}

pub(super) fn tree(value: Value) -> Result<RuleTree, Vec<Problem>> {
    let mut reader = Reader {
        problems: Vec::new(),
    };
    match reader.tree(value) {
        Some(tree) if reader.problems.is_empty() => Ok(tree),
        _ => Err(reader.problems),
    }
}

struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn tree(&mut self, value: Value) -> Option<RuleTree> {
        let mut object = self.object(value, "")?;
        for field in ENVELOPE
            .iter()
            .chain(&["warnings", "propertyType", "$schema"])
        {
            object.remove(*field);
        }
        let rule_format = match object.remove("ruleFormat") {
            Some(Value::String(text)) => text.parse().map_err(|error| {
                self.error(
                    "/ruleFormat",
                    "unknown_rule_format",
                    format!("{} is not a rule format: {error}", quote(&text)),
                    "Write `latest`, or the date that the document was made for".to_owned(),
                );
            }),
            other => {
                let found = other.map_or("missing", |value| kind(&value));
                self.error(
                    "/ruleFormat",
                    "rule_format_missing",
                    format!("`ruleFormat` is {found}; the same names mean different things in different formats"),
                    "Add \"ruleFormat\": \"latest\", or the date that the document was made for".to_owned(),
                );
                Err(())
            }
        };
        let comments = self.text(&mut object, "comments", "");
        let rules = match object.remove("rules") {
            Some(rules) => self.rule(rules, "/rules", 0),
            None => {
                self.error(
                    "",
                    "rules_missing",
                    "The document has no `rules`".to_owned(),
                    "Put the top rule, called `default`, under `rules`".to_owned(),
                );
                None
            }
        };
        self.leftovers(&object, "", &["rules", "ruleFormat", "comments"]);
        Some(RuleTree {
            rules: rules?,
            rule_format: rule_format.ok()?,
            comments,
        })
    }

    fn rule(&mut self, value: Value, at: &str, depth: usize) -> Option<Rule> {
        if depth > MAX_DEPTH {
            self.error(
                at,
                "too_deep",
                format!("The rule is nested {depth} levels below the top rule; at most {MAX_DEPTH} are allowed"),
                "Join the criteria of rules that have one child each".to_owned(),
            );
            return None;
        }
        let mut object = self.object(value, at)?;
        let name = self.text(&mut object, "name", at);
        if name.is_none()
            && !self
                .problems
                .iter()
                .any(|problem| problem.pointer == format!("{at}/name"))
        {
            self.error(
                at,
                "name_missing",
                "The rule has no name".to_owned(),
                "Give it a `name`; refusals and logs speak of it".to_owned(),
            );
        }
        let comments = self.text(&mut object, "comments", at);
        let uuid = self.text(&mut object, "uuid", at);
        let criteria = self.features(object.remove("criteria"), &format!("{at}/criteria"));
        let criteria_must_satisfy = self.satisfy(object.remove("criteriaMustSatisfy"), at);
        let behaviors = self.features(object.remove("behaviors"), &format!("{at}/behaviors"));
        let children = self
            .array(object.remove("children"), &format!("{at}/children"))
            .into_iter()
            .enumerate()
            .filter_map(|(index, child)| {
                self.rule(child, &format!("{at}/children/{index}"), depth + 1)
            })
            .collect();
        let options = self.options(object.remove("options"), &format!("{at}/options"));
        self.variables(object.remove("variables"), at);
        self.foreign(&mut object, at);
        self.leftovers(&object, at, &RULE_FIELDS);
        let name = name?;
        Some(Rule {
            name,
            comments,
            criteria,
            criteria_must_satisfy,
            behaviors,
            children,
            options,
            uuid,
        })
    }

    fn satisfy(&mut self, value: Option<Value>, at: &str) -> Satisfy {
        match value.as_ref().map(Value::as_str) {
            None | Some(Some("all")) => Satisfy::All,
            Some(Some("any")) => Satisfy::Any,
            Some(_) => {
                self.error(
                    &format!("{at}/criteriaMustSatisfy"),
                    "unknown_value",
                    format!(
                        "`criteriaMustSatisfy` is {}",
                        value.map_or_else(String::new, |value| show(&value))
                    ),
                    "Write `all` or `any`".to_owned(),
                );
                Satisfy::All
            }
        }
    }

    fn options(&mut self, value: Option<Value>, at: &str) -> RuleOptions {
        let Some(value) = value else {
            return RuleOptions::default();
        };
        let Some(mut object) = self.object(value, at) else {
            return RuleOptions::default();
        };
        let is_secure = match object.remove("is_secure") {
            None => false,
            Some(Value::Bool(is_secure)) => is_secure,
            Some(other) => {
                self.wrong_type(&format!("{at}/is_secure"), "true or false", &other);
                false
            }
        };
        self.leftovers(&object, at, &["is_secure"]);
        RuleOptions { is_secure }
    }

    fn variables(&mut self, value: Option<Value>, at: &str) {
        if !self.array(value, &format!("{at}/variables")).is_empty() {
            self.error(
                &format!("{at}/variables"),
                "unsupported_variables",
                "The rule declares variables of its own".to_owned(),
                "Write their values where they are used; {{builtin.…}} variables need no declaration".to_owned(),
            );
        }
    }

    /// Fields of the vendor that change what a rule does in ways that cannot be honoured here, and those that do not.
    fn foreign(&mut self, object: &mut Map<String, Value>, at: &str) {
        for field in ["templateUuid", "templateLink", "criteriaLocked"] {
            object.remove(field);
        }
        for field in ["advancedOverride", "customOverride"] {
            if object
                .remove(field)
                .is_some_and(|value| !value.is_null() && value != Value::String(String::new()))
            {
                self.error(
                    &format!("{at}/{field}"),
                    "unsupported_override",
                    format!("`{field}` carries the vendor's internal configuration, which has no meaning here"),
                    "Express it with criteria and behaviors, then remove it".to_owned(),
                );
            }
        }
    }

    fn features(&mut self, value: Option<Value>, at: &str) -> Vec<Feature> {
        self.array(value, at)
            .into_iter()
            .enumerate()
            .filter_map(|(index, feature)| self.feature(feature, &format!("{at}/{index}")))
            .collect()
    }

    fn feature(&mut self, value: Value, at: &str) -> Option<Feature> {
        let mut object = self.object(value, at)?;
        let name = self.text(&mut object, "name", at);
        if name.is_none()
            && !self
                .problems
                .iter()
                .any(|problem| problem.pointer == format!("{at}/name"))
        {
            self.error(
                at,
                "name_missing",
                "It has no name".to_owned(),
                "Give it a `name`".to_owned(),
            );
        }
        let uuid = self.text(&mut object, "uuid", at);
        let options = match object.remove("options") {
            None => Map::new(),
            Some(options) => self.object(options, &format!("{at}/options"))?,
        };
        object.remove("locked");
        object.remove("templateUuid");
        self.leftovers(&object, at, &["name", "options", "uuid"]);
        Some(Feature {
            name: name?,
            options,
            uuid,
        })
    }

    fn object(&mut self, value: Value, at: &str) -> Option<Map<String, Value>> {
        match value {
            Value::Object(object) => Some(object),
            other => {
                self.wrong_type(at, "an object", &other);
                None
            }
        }
    }

    fn array(&mut self, value: Option<Value>, at: &str) -> Vec<Value> {
        match value {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.wrong_type(at, "an array", &other);
                Vec::new()
            }
        }
    }

    fn text(&mut self, object: &mut Map<String, Value>, field: &str, at: &str) -> Option<String> {
        match object.remove(field) {
            None => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => {
                self.wrong_type(&format!("{at}/{field}"), "a string", &other);
                None
            }
        }
    }

    fn leftovers(&mut self, object: &Map<String, Value>, at: &str, known: &[&str]) {
        for field in object.keys() {
            self.error(
                &format!("{at}/{}", field.replace('~', "~0").replace('/', "~1")),
                "unknown_field",
                format!("Unknown field {}", quote(field)),
                nearest(field, known.iter().copied()),
            );
        }
    }

    fn wrong_type(&mut self, at: &str, wanted: &str, found: &Value) {
        self.error(
            at,
            "wrong_type",
            format!("Expected {wanted}, found {}", kind(found)),
            format!("Write {wanted} here"),
        );
    }

    fn error(&mut self, at: &str, code: &'static str, detail: String, remedy: String) {
        self.problems.push(Problem::error(at, code, detail, remedy));
    }
}

const RULE_FIELDS: [&str; 8] = [
    "name",
    "comments",
    "criteria",
    "criteriaMustSatisfy",
    "behaviors",
    "children",
    "options",
    "uuid",
];

/// What kind of JSON value it is, as words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        other => kind(other).to_owned(),
    }
}
