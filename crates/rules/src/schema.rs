//! The JSON Schema of rule trees, for editors.

use serde_json::{Map, Value, json};

use crate::catalogue::{BEHAVIORS, CRITERIA, Entry, Kind};

/// The JSON Schema (draft 2020-12) of a rule tree. It is made from the same catalogue that the reader uses, and
/// describes names, options and types; [`compile`](crate::compile) checks more than a schema can say.
pub fn json_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Countersign rule tree",
        "type": "object",
        "required": ["ruleFormat", "rules"],
        "properties": {
            "ruleFormat": {
                "description": "Which generation of criteria and behaviors the document is written in: `latest`, \
                                or the date of the vendor's format.",
                "type": "string",
                "pattern": "^(latest|v[0-9]{4}-[0-9]{2}-[0-9]{2})$",
            },
            "comments": { "type": "string" },
            "rules": { "$ref": "#/$defs/rule" },
        },
        "$defs": {
            "rule": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": { "type": "string" },
                    "comments": { "type": "string" },
                    "uuid": { "type": "string" },
                    "criteria": { "type": "array", "items": { "$ref": "#/$defs/criterion" } },
                    "criteriaMustSatisfy": { "enum": ["all", "any"], "default": "all" },
                    "behaviors": { "type": "array", "items": { "$ref": "#/$defs/behavior" } },
                    "children": { "type": "array", "items": { "$ref": "#/$defs/rule" } },
                    "options": {
                        "type": "object",
                        "properties": { "is_secure": { "type": "boolean" } },
                        "additionalProperties": false,
                    },
                },
            },
            "criterion": { "anyOf": CRITERIA.iter().map(entry).collect::<Vec<Value>>() },
            "behavior": { "anyOf": BEHAVIORS.iter().map(entry).collect::<Vec<Value>>() },
        },
    })
}

fn entry(entry: &Entry) -> Value {
    let options: Map<String, Value> = entry
        .options
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), option(*kind)))
        .collect();
    json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": { "const": entry.name },
            "options": {
                "type": "object",
                "properties": options,
                "patternProperties": { "Title$": true },
                "additionalProperties": false,
            },
        },
    })
}

fn option(kind: Kind) -> Value {
    match kind {
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Integer => json!({ "type": ["integer", "string"], "pattern": "^[0-9]+$" }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
        Kind::Unused => json!({ "description": "Read, and without effect." }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Words(words) => json!({ "type": "array", "items": { "enum": words } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Generation;
    use crate::{RuleTree, compile};

    /// Whether the reader complains about this option when it holds this value.
    fn is_refused(place: &str, entry: &Entry, option: &str, value: &Value) -> bool {
        let format = if entry.generation == Some(Generation::First) {
            "v2025-10-16"
        } else {
            "latest"
        };
        let feature = json!([{ "name": entry.name, "options": { option: value } }]);
        let document = json!({ "ruleFormat": format, "rules": { "name": "default",
            "children": [{ "name": "it", place: feature }] } });
        let tree = RuleTree::from_json(&document.to_string()).unwrap();
        let pointer = format!("/rules/children/0/{place}/0/options/{option}");
        let problems = compile(&tree).err().unwrap_or_default();
        let form = ["unknown_value", "wrong_type"];
        problems.iter().any(|problem| {
            problem.code == "unreadable"
                || problem.pointer.starts_with(&pointer) && form.contains(&problem.code)
        })
    }

    #[test]
    fn the_reader_knows_exactly_the_words_of_the_catalogue() {
        for (place, entries) in [("criteria", CRITERIA), ("behaviors", BEHAVIORS)] {
            for entry in entries {
                for (option, kind) in entry.options {
                    let (words, list) = match kind {
                        Kind::Word(words) => (words, false),
                        Kind::Words(words) => (words, true),
                        _ => continue,
                    };
                    let value = |word: &str| if list { json!([word]) } else { json!(word) };
                    for word in *words {
                        assert!(
                            !is_refused(place, entry, option, &value(word)),
                            "{} {option} {word}",
                            entry.name
                        );
                    }
                    assert!(
                        is_refused(place, entry, option, &value("NO_SUCH_WORD")),
                        "{} {option}",
                        entry.name
                    );
                }
            }
        }
    }

    #[test]
    fn the_reader_checks_the_type_of_every_option() {
        for (place, entries) in [("criteria", CRITERIA), ("behaviors", BEHAVIORS)] {
            for entry in entries {
                for (option, kind) in entry
                    .options
                    .iter()
                    .filter(|(_, kind)| !matches!(kind, Kind::Unused))
                {
                    assert!(
                        is_refused(place, entry, option, &json!({ "a": 1 })),
                        "{} {option} {kind:?}",
                        entry.name
                    );
                }
            }
        }
    }

    #[test]
    fn the_published_schema_is_this_one() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/schemas/rules.schema.json"
        );
        let made = format!("{:#}\n", json_schema());
        let published = std::fs::read_to_string(path).unwrap_or_default();
        if published != made {
            std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
            std::fs::write(path, made).unwrap();
            panic!(
                "docs/schemas/rules.schema.json was out of date and has been written anew; commit it"
            );
        }
    }
}
