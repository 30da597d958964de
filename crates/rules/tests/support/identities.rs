//! Generated rules that tell clients apart, and clients that some of them mean.

use countersign_rules::{Feature, NameAttribute, Rule, RuleTree, SanKind, Satisfy};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::request::Request;
use super::{behavior, criterion, feature, request, top};

/// Values that clients and rules of [`identity_tree`] share.
fn units() -> Vec<String> {
    (0..24).map(|index| format!("unit-{index}")).collect()
}

/// A criterion about who the client is, mostly one that names exact values.
fn identity_criterion() -> impl Strategy<Value = Feature> {
    let named = |name: &'static str, fixed: Value, values: BoxedStrategy<Vec<String>>| {
        let operators = &["IS_ONE_OF", "IS_ONE_OF", "IS_ONE_OF", "IS_NOT_ONE_OF"][..];
        feature(
            name,
            (select(operators), values).prop_map(move |(operator, values)| {
                let mut options = fixed.clone();
                options["matchOperator"] = json!(operator);
                options["values"] = json!(values);
                options
            }),
        )
    };
    let some = |all: Vec<String>| subsequence(all, 1..=2).boxed();
    let texts = |all: &[&str]| some(all.iter().map(|text| (*text).to_owned()).collect());
    let digests = || {
        some(vec![
            "ab".repeat(32),
            ["CD"; 32].join(":"),
            "ef".repeat(32),
            "12".repeat(32),
        ])
    };
    let unit = json!({ "attribute": "ORGANIZATIONAL_UNIT" });
    let common_name = json!({ "attribute": "COMMON_NAME" });
    let none = || json!({});
    prop_oneof![
        6 => named("clientSubject", unit.clone(), some(units())),
        2 => named("clientSubject", common_name.clone(), texts(&["alice", "Alice", "bob"])),
        2 => named("clientIssuer", common_name, texts(&["Example CA", "example CA", "alice"])),
        1 => named("clientIssuer", unit, some(units())),
        2 => named("clientSan", json!({ "type": "URI" }), texts(&["spiffe:a", "spiffe:b", "SPIFFE:a"])),
        1 => named("clientSan", json!({ "type": "DNS" }), texts(&["a.example.com", "A.example.com"])),
        1 => named("clientSan", json!({ "type": "IP" }), texts(&["192.0.2.7", "192.0.2.8"])),
        1 => named("clientFingerprint", none(), digests()),
        1 => named("clientSpki", none(), digests()),
        2 => named("clientSerial", none(), texts(&["a1b", "0A:1B", "00:0a:1b", "1a", "0", "ff"])),
        1 => named("clientReason", none(), texts(&["missing", "unknown_issuer", "expired"])),
    ]
}

/// A tree whose rules tell clients apart, with the check in force changing between them.
pub(crate) fn identity_tree() -> impl Strategy<Value = RuleTree> {
    let criteria = proptest::collection::vec(
        prop_oneof![8 => identity_criterion().boxed(), 1 => criterion(false).boxed()],
        0..=3,
    );
    let behaviors = proptest::collection::vec(behavior(), 1..=2);
    let header = "modifyIncomingRequestHeader";
    let child = (criteria, behaviors, any::<bool>(), 0_u32..1000).prop_map(
        move |(criteria, mut behaviors, all, name)| {
            // What every rule leaves behind, so that none can be forgotten unnoticed.
            let mark = [
                ("action", json!("ADD")),
                ("customHeaderName", json!(format!("x-{}", name % 24))),
                ("headerValue", json!(name.to_string())),
            ];
            behaviors.push(Feature::new(header, mark));
            Rule {
                name: format!("r{name}"),
                criteria,
                criteria_must_satisfy: if all { Satisfy::All } else { Satisfy::Any },
                behaviors,
                ..Rule::default()
            }
        },
    );
    let children = proptest::collection::vec(child, 8..=60);
    children.prop_map(|children| top("latest", children))
}

/// A client with many names, of which several, or more than the program looks up, are in the rules.
pub(crate) fn client_request() -> impl Strategy<Value = Request> {
    let many = subsequence(units(), 0..=24);
    let digest = select(&[0xab_u8, 0xcd, 0xef, 0x77][..]);
    let serial = select(vec![
        vec![0, 0x0a, 0x1b],
        vec![0x1a],
        vec![0],
        vec![0, 0xff],
        vec![0x0a, 0x1b, 0],
    ]);
    (request(), many, digest, serial, any::<bool>()).prop_map(
        |(mut request, many, digest, serial, twice)| {
            if request.fingerprint.is_some() {
                let unit = |name: &String| (NameAttribute::OrganizationalUnit, name.clone());
                request.subject.extend(many.iter().map(unit));
                if twice {
                    request.subject.extend_from_within(..);
                    request.issuer.extend(many.iter().map(unit));
                    request.sans.push((SanKind::Dns, b"a.example.com".to_vec()));
                    request.sans.push((SanKind::Ip, vec![192, 0, 2, 7]));
                }
                request.fingerprint = Some([digest; 32]);
                request.spki = Some([digest ^ 0x66; 32]);
                request.serial = Some(serial);
            }
            request
        },
    )
}
