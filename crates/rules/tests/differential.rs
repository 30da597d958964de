//! The compiled program against a plain interpreter, on generated trees and requests (Invariant I2: one meaning).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "support/identities.rs"]
mod identities;
#[path = "support/interpreter.rs"]
mod interpreter;
#[path = "support/request.rs"]
mod request;

use countersign_rules::{
    Decision, Denial, EnforcementResult, Facts, Feature, HeaderOperation, NameAttribute, Outcome,
    Rule, RuleTree, SanKind, Satisfy, Template, compile,
};
use identities::{client_request, identity_tree};
use interpreter::{Plain, interpret};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use request::Request;
use serde_json::{Value, json};

const CA_SETS: [&str; 3] = ["one", "two", "three"];
const HOSTS: [&str; 4] = ["a.example.com", "b.example.com", "example.com", "x.test"];
const HOST_PATTERNS: [&str; 6] = [
    "a.example.com",
    "B.example.com",
    "*.example.com",
    "?.test",
    "*",
    "example.com",
];
const PATHS: [&str; 9] = [
    "/", "/a", "/A", "/a/", "/a/b", "/a/b/c", "/ab", "/b", "/b/x.jpg",
];
const PATTERNS: [&str; 14] = [
    "/", "/a", "/a/*", "/a*", "/a/b*", "/a/b/*", "/A/B/*", "/*", "*", "/?", "/b/*.jpg", "*.JPG",
    "/ab", "/a/?/c",
];

fn values<T: Into<Value> + Copy + std::fmt::Debug + 'static>(
    all: &'static [T],
) -> impl Strategy<Value = Value> {
    subsequence(all, 1..=2.min(all.len()))
        .prop_map(|some| Value::Array(some.into_iter().map(Into::into).collect()))
}

fn feature(
    name: &'static str,
    options: impl Strategy<Value = Value> + 'static,
) -> BoxedStrategy<Feature> {
    options
        .prop_map(move |options| Feature {
            name: name.to_owned(),
            options: options.as_object().unwrap().clone(),
            uuid: None,
        })
        .boxed()
}

fn criterion(first_generation: bool) -> impl Strategy<Value = Feature> {
    let one_of = || select(&["IS_ONE_OF", "IS_NOT_ONE_OF"][..]);
    let certificate = if first_generation {
        let options = (
            any::<bool>(),
            select(&["VALID", "INVALID", "IGNORE"][..]),
            any::<bool>(),
        );
        feature("clientCertificate", options.prop_map(|(present, valid, enforce)| {
            json!({ "isCertificatePresent": present, "isCertificateValid": valid, "enforceMtls": enforce })
        }))
    } else {
        let state = select(&["MISSING", "PRESENT_VALID", "PRESENT_INVALID", "PRESENT"][..]);
        let options = (select(&["FAIL", "PASS", "IGNORE"][..]), state);
        feature(
            "clientCertificate",
            options.prop_map(
                |(enforce, state)| json!({ "enforceMtls": enforce, "certificateState": state }),
            ),
        )
    };
    prop_oneof![
        3 => feature("hostname", (one_of(), values(&HOST_PATTERNS)).prop_map(|(operator, values)| {
            json!({ "matchOperator": operator, "values": values })
        })),
        6 => feature(
            "path",
            (select(&["MATCHES_ONE_OF", "MATCHES_ONE_OF", "DOES_NOT_MATCH_ONE_OF"][..]), values(&PATTERNS), any::<bool>())
                .prop_map(|(operator, values, case)| {
                    json!({ "matchOperator": operator, "values": values, "matchCaseSensitive": case })
                }),
        ),
        1 => feature("requestMethod", (select(&["IS", "IS_NOT"][..]), select(&["GET", "POST"][..])).prop_map(
            |(operator, value)| json!({ "matchOperator": operator, "value": value }))),
        1 => feature(
            "requestHeader",
            (select(&["IS_ONE_OF", "IS_NOT_ONE_OF", "EXISTS", "DOES_NOT_EXIST"][..]), values(&["v", "W"])).prop_map(
                |(operator, values)| json!({ "headerName": "X-Test", "matchOperator": operator, "values": values })),
        ),
        3 => certificate,
        1 => feature("clientCaSet", (one_of(), values(&CA_SETS)).prop_map(|(operator, values)| {
            json!({ "matchOperator": operator, "values": values })
        })),
        1 => feature("clientReason", (one_of(), values(&["missing", "expired"])).prop_map(|(operator, values)| {
            json!({ "matchOperator": operator, "values": values })
        })),
        1 => feature("clientSubject", (one_of(), values(&["alice", "Alice", "payments"])).prop_map(|(operator, values)| {
            json!({ "attribute": "COMMON_NAME", "matchOperator": operator, "values": values })
        })),
        1 => feature("clientSan", (one_of(), select(&["DNS", "URI"][..]), values(&["spiffe:a", "spiffe:b"])).prop_map(
            |(operator, kind, values)| {
                let values = if kind == "DNS" { json!(["spiffe-a"]) } else { values };
                json!({ "type": kind, "matchOperator": operator, "values": values })
            })),
    ]
}

fn behavior() -> impl Strategy<Value = Feature> {
    let header = (
        select(&["ADD", "DELETE", "MODIFY", "PASS"][..]),
        select(&["X-One", "x-two"][..]),
        select(&["p", "q"][..]),
    );
    prop_oneof![
        4 => feature("enforceMtlsSettings", (any::<bool>(), values(&CA_SETS), any::<bool>(), any::<bool>()).prop_map(
            |(auth_set, ca_sets, ocsp, deny)| {
                json!({ "enableAuthSet": auth_set, "certificateAuthoritySet": ca_sets,
                    "enableOcspStatus": auth_set && ocsp, "enableDenyRequest": auth_set && deny })
            })),
        3 => feature("denyAccess", (select(&["r1", "r2"][..]), any::<bool>()).prop_map(|(reason, enabled)| {
            json!({ "reason": reason, "enabled": enabled })
        })),
        2 => feature("logCustom", (select(&["l1", "l2", "l3"][..]), any::<bool>()).prop_map(|(text, enabled)| {
            json!({ "customLogField": text, "logCustomLogField": enabled })
        })),
        1 => feature("origin", select(&["o1", "o2"][..]).prop_map(|id| json!({ "originId": id }))),
        1 => feature("constructResponse", any::<bool>().prop_map(|enabled| json!({ "enabled": enabled, "body": "b" }))),
        1 => feature("redirect", Just(json!({ "destinationPath": "OTHER", "destinationPathOther": "/r" }))),
        2 => feature("forwardClientIdentity", values(&["RFC9440", "XFCC", "NGINX"]).prop_map(|presets| {
            json!({ "presets": presets })
        })),
        2 => feature("modifyIncomingRequestHeader", header.prop_map(|(action, name, value)| {
            json!({ "action": action, "customHeaderName": name, "headerValue": value, "newHeaderValue": value })
        })),
    ]
}

fn rule(first_generation: bool) -> impl Strategy<Value = Rule> {
    let leaf = move |children: Vec<Rule>| {
        let criteria = proptest::collection::vec(criterion(first_generation), 0..=2);
        let behaviors = proptest::collection::vec(behavior(), 0..=2);
        (criteria, behaviors, any::<bool>(), 0_u32..1000).prop_map(
            move |(criteria, behaviors, all, name)| Rule {
                name: format!("r{name}"),
                criteria,
                criteria_must_satisfy: if all { Satisfy::All } else { Satisfy::Any },
                behaviors,
                children: children.clone(),
                ..Rule::default()
            },
        )
    };
    // Up to twelve children, so that the index is used as well.
    leaf(Vec::new()).prop_recursive(3, 40, 12, move |child| {
        proptest::collection::vec(child, 0..=12).prop_flat_map(leaf)
    })
}

fn tree() -> impl Strategy<Value = RuleTree> {
    let below = |format: &'static str, first_generation| {
        proptest::collection::vec(rule(first_generation), 0..=12)
            .prop_map(move |children| top(format, children))
    };
    prop_oneof![below("v2025-10-16", true), below("latest", false)]
}

fn top(format: &str, children: Vec<Rule>) -> RuleTree {
    RuleTree {
        rules: Rule {
            name: "default".to_owned(),
            // Fixes the order in which the tree first names its reasons.
            behaviors: ["r1", "r2"]
                .map(|reason| {
                    Feature::new(
                        "denyAccess",
                        [("reason", json!(reason)), ("enabled", json!(false))],
                    )
                })
                .to_vec(),
            children,
            ..Rule::default()
        },
        rule_format: format.parse().unwrap(),
        comments: None,
    }
}

fn request() -> impl Strategy<Value = Request> {
    let header = proptest::option::of(select(&["v", "w", "z"][..]));
    let certificate = proptest::option::of(subsequence(&CA_SETS[..], 0..=2));
    let names = (
        select(&["alice", "bob"][..]),
        select(&["spiffe:a", "spiffe:b"][..]),
    );
    (
        select(&HOSTS[..]),
        select(&PATHS[..]),
        any::<bool>(),
        header,
        certificate,
        any::<bool>(),
        names,
    )
        .prop_map(
            |(host, path, post, header, certificate, revocation_good, (subject, san))| {
                let mut request = Request::to(path);
                if let Some(ca_sets) = certificate {
                    request = request.with_certificate(&ca_sets);
                    request.subject = vec![(NameAttribute::CommonName, subject.to_owned())];
                    request.sans = vec![(SanKind::Uri, san.as_bytes().to_vec())];
                }
                request.hostname = host.to_owned();
                request.method = if post { "POST" } else { "GET" }.to_owned();
                request.headers = header
                    .map(|value| ("x-test".to_owned(), value.to_owned()))
                    .into_iter()
                    .collect();
                request.revocation_good = revocation_good;
                request
            },
        )
}

fn plain(decision: &Decision<'_>, request: &impl Facts) -> Plain {
    let render = |template: &Template| {
        let mut text = String::new();
        template.render_for_log(request, &mut text).unwrap();
        text
    };
    let mut presets: Vec<String> = decision
        .forward_identity
        .presets
        .names()
        .map(str::to_owned)
        .collect();
    presets.sort();
    Plain {
        outcome: match decision.outcome {
            Outcome::Deny(Denial::AccessDenied { rule, reason }) => {
                format!("denied by {rule}: {reason:?}")
            }
            Outcome::Deny(Denial::CertificateRequired { rule, .. }) => {
                format!("certificate required by {rule}")
            }
            Outcome::Forward => "forwarded".to_owned(),
            Outcome::Redirect(_) => "redirected".to_owned(),
            Outcome::Respond(_) => "answered".to_owned(),
        },
        origin: decision.origin.map(str::to_owned),
        log: decision.custom_log.map(render),
        presets,
        verified: decision.client_verified,
        enforced: decision.enforced.map(|enforced| {
            (
                enforced.rule.to_owned(),
                enforced.result == EnforcementResult::Passed,
            )
        }),
        request_headers: decision
            .request_headers
            .iter()
            .map(|change| {
                let operation = match &change.operation {
                    HeaderOperation::Add(value) => format!("add {}", render(value)),
                    HeaderOperation::Delete => "delete".to_owned(),
                    HeaderOperation::Set(value) => format!("set {}", render(value)),
                };
                (change.name.clone(), operation)
            })
            .collect(),
    }
}

fn agree(tree: &RuleTree, requests: &[Request]) -> Result<(), TestCaseError> {
    let program = compile(tree).unwrap();
    for request in requests {
        let expected = interpret(tree, request);
        let (explained, trace) = program.explain(request);
        prop_assert_eq!(&plain(&program.decide(request), request), &expected);
        prop_assert_eq!(&plain(&explained, request), &expected);
        prop_assert!(!trace.rules.is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn program_explanation_and_interpreter_agree(tree in tree(), requests in proptest::collection::vec(request(), 8)) {
        agree(&tree, &requests)?;
    }

    #[test]
    fn they_agree_about_rules_that_tell_clients_apart(
        tree in identity_tree(), requests in proptest::collection::vec(client_request(), 8)
    ) {
        agree(&tree, &requests)?;
    }

    #[test]
    fn a_tree_survives_being_written_and_read(tree in tree()) {
        prop_assert_eq!(RuleTree::from_json(&tree.to_json()).unwrap(), tree);
    }
}
