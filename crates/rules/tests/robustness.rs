//! No document makes the reader or the compiler panic (Invariant I7), and nothing wrong is left out silently.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "support/request.rs"]
mod request;

use countersign_rules::{RuleTree, Severity, compile, json_schema};
use proptest::prelude::*;
use proptest::sample::select;
use request::Request;
use serde_json::{Map, Value, json};

/// Every criterion or behavior with the names of its options.
fn entries(place: &str) -> Vec<(String, Vec<String>)> {
    let schema = json_schema();
    let entries = schema["$defs"][place]["anyOf"].as_array().unwrap().clone();
    let options = |entry: &Value| {
        let options = entry["properties"]["options"]["properties"]
            .as_object()
            .unwrap();
        options.keys().cloned().collect()
    };
    entries
        .iter()
        .map(|entry| {
            (
                entry["properties"]["name"]["const"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
                options(entry),
            )
        })
        .collect()
}

fn value() -> impl Strategy<Value = Value> {
    let words = select(
        &[
            "",
            "*",
            "?",
            "/",
            "/a/*",
            "/a;b",
            "a.example.com",
            "IS_ONE_OF",
            "IS_NOT_ONE_OF",
            "MATCHES_ONE_OF",
            "IS",
            "EXISTS",
            "IS_BETWEEN",
            "ADD",
            "DELETE",
            "MODIFY",
            "PASS",
            "OTHER",
            "PREFIX_REQUEST",
            "SUFFIX",
            "SIBLING",
            "FAIL",
            "PASS",
            "IGNORE",
            "PRESENT",
            "VALID",
            "DNS",
            "IP",
            "COMMON_NAME",
            "192.0.2.0/24",
            "::/0",
            "ab",
            "{{builtin.AK_HOST}}",
            "{{",
            "}}",
            "RFC9440",
            "x-a",
            "host",
            "GET",
            "CUSTOM",
            "CUSTOMER",
            "HTTPS",
            "\u{0}",
            "\u{fc}",
            "expired",
            "127.0.0.1",
            "abababababababababababababababababababababababababababababababab",
        ][..],
    );
    let text = prop_oneof![9 => words.prop_map(str::to_owned), 1 => ".{0,8}"];
    let leaf = prop_oneof![
        6 => text.prop_map(Value::from),
        3 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => (0_i64..1_000).prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(2, 8, 3, |item| {
        prop_oneof![
            3 => proptest::collection::vec(item.clone(), 0..3).prop_map(Value::from),
            1 => proptest::collection::btree_map("[a-z]{1,3}", item, 0..2)
                .prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn feature(place: &'static str) -> impl Strategy<Value = Value> {
    select(entries(place))
        .prop_flat_map(|(name, options)| {
            let count = options.len();
            (
                Just(name),
                Just(options),
                proptest::collection::vec(proptest::option::weighted(0.7, value()), count),
            )
        })
        .prop_map(|(name, options, values)| {
            let options: Map<String, Value> = options
                .into_iter()
                .zip(values)
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
            json!({ "name": name, "options": options })
        })
}

fn document() -> impl Strategy<Value = String> {
    let format = select(&["latest", "v2025-10-16", "v2026-02-16"][..]);
    let rule = (
        proptest::collection::vec(feature("criterion"), 0..2),
        proptest::collection::vec(feature("behavior"), 0..2),
    )
        .prop_map(|(criteria, behaviors)| json!({ "name": "r", "criteria": criteria, "behaviors": behaviors }));
    (format, proptest::collection::vec(rule, 1..3)).prop_map(|(format, children)| {
        json!({ "ruleFormat": format, "rules": { "name": "default", "children": children } })
            .to_string()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_document_is_compiled_or_refused_with_errors(document in document(), path in "/[a-z;/%0-9]{0,8}") {
        let tree = RuleTree::from_json(&document).unwrap();
        match compile(&tree) {
            Ok(program) => {
                prop_assert!(program.warnings().iter().all(|problem| problem.severity == Severity::Warning));
                let request = Request::to(&path).with_certificate(&["a"]);
                let decision = program.decide(&request);
                let (explained, trace) = program.explain(&request);
                prop_assert_eq!(decision.outcome, explained.outcome);
                prop_assert!(!trace.to_string().is_empty());
            }
            Err(problems) => {
                prop_assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
                for problem in &problems {
                    prop_assert!(problem.code != "unreadable" , "{} {}", problem, document);
                    prop_assert!(problem.pointer.starts_with("/rules"), "{}", problem);
                }
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[\\[\\]{}:,\"a-z0-9 ]{0,64}") {
        if let Err(problems) = RuleTree::from_json(&text) {
            prop_assert!(!problems.is_empty());
        }
    }
}
