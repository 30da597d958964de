//! docs/rules.md is true: its examples compile, and it leaves out no criterion and no behavior.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use countersign_rules::{RuleTree, compile, json_schema};

#[test]
fn every_example_compiles_without_a_warning() {
    let text = include_str!("../../../docs/rules.md");
    let examples: Vec<&str> = text
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(examples.len() >= 4);
    for example in examples {
        let tree = RuleTree::from_json(example)
            .unwrap_or_else(|problems| panic!("{problems:#?}\n{example}"));
        let program = compile(&tree).unwrap_or_else(|problems| panic!("{problems:#?}\n{example}"));
        assert_eq!(program.warnings(), [], "{example}");
    }
}

#[test]
fn every_name_is_documented() {
    let text = include_str!("../../../docs/rules.md");
    let schema = json_schema();
    for place in ["criterion", "behavior"] {
        for entry in schema["$defs"][place]["anyOf"].as_array().unwrap() {
            let name = entry["properties"]["name"]["const"].as_str().unwrap();
            assert!(text.contains(&format!("`{name}`")), "{name}");
        }
    }
}
