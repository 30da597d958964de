//! A decision does not allocate, whatever it says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "support/request.rs"]
mod request;

use std::hint::black_box;

use allocation_counter::measure;
use countersign_rules::{NameAttribute, Outcome, RuleTree, compile};
use request::Request;
use serde_json::{Value, json};

#[test]
fn finding_rules_by_client_allocates_nothing() {
    let by_client = |index: usize, part: Value| {
        let (name, options) = part.as_object().unwrap().iter().next().unwrap();
        json!({ "name": format!("{index}"), "criteria": [{ "name": name, "options": options }], "behaviors": [
            { "name": "denyAccess", "options": { "reason": "closed" } } ] })
    };
    let children: Vec<_> = (0..100)
        .flat_map(|index| {
            let subject = json!({ "clientSubject": { "attribute": "ORGANIZATIONAL_UNIT",
                "values": [format!("unit-{index}"), format!("team-{index}")] } });
            let serial = json!({ "clientSerial": { "values": [format!("{:x}", 0x0a1b + index)] } });
            let address =
                json!({ "clientSan": { "type": "IP", "values": [format!("192.0.2.{index}")] } });
            [subject, serial, address]
        })
        .enumerate()
        .map(|(index, part)| by_client(index, part))
        .collect();
    let document =
        json!({ "ruleFormat": "latest", "rules": { "name": "default", "children": children } });
    let program = compile(&RuleTree::from_json(&document.to_string()).unwrap()).unwrap();
    let unit = |index| (NameAttribute::OrganizationalUnit, format!("unit-{index}"));
    for units in [1, 40] {
        let mut request = Request::to("/").with_certificate(&["one"]);
        request.subject = (0..units).map(unit).collect();
        let mut denied = false;
        let counted = measure(|| {
            let outcome = black_box(&program).decide(black_box(&request)).outcome;
            denied = matches!(outcome, Outcome::Deny(_));
        });
        assert!(denied, "the test is about rules that match");
        assert_eq!(counted.count_total, 0, "{units} names in the rules");
    }
}

#[test]
fn deciding_allocates_nothing() {
    let criteria = json!([
        { "name": "hostname", "options": { "values": ["*.example.com", "x.test"] } },
        { "name": "path", "options": { "values": ["/caf%c3%A9/*", "/b"] } },
        { "name": "queryStringParameter", "options": { "parameterName": "q*", "matchWildcardName": true, "values": ["a b"] } },
        { "name": "requestHeader", "options": { "headerName": "x-*", "matchWildcardName": true, "values": ["v*"],
            "matchWildcardValue": true } },
        { "name": "clientIp", "options": { "values": ["192.0.2.0/24"] } },
        { "name": "clientCertificate", "options": { "enforceMtls": "PASS" } },
        { "name": "clientSubject", "options": { "attribute": "COMMON_NAME", "values": ["alice"] } },
        { "name": "clientSan", "options": { "type": "IP", "values": ["192.0.2.7"] } },
        { "name": "clientFingerprint", "options": { "values": ["ab".repeat(32)] } },
        { "name": "clientSerial", "options": { "values": ["0A:1B"] } },
        { "name": "clientDaysLeft", "options": { "matchOperator": "IS_LESS_THAN", "value": 30 } },
    ]);
    let children: Vec<_> = (0..20)
        .map(|index| {
            json!({ "name": format!("{index}"), "criteria": criteria, "behaviors": [
            { "name": "logCustom", "options": { "customLogField": "{{builtin.AK_HOST}}" } },
            { "name": "modifyIncomingRequestHeader", "options": {
                "action": "ADD", "customHeaderName": format!("x-{index}"), "headerValue": "v" } },
            { "name": "denyAccess", "options": { "reason": format!("r{index}") } },
        ] })
        })
        .collect();
    let document = json!({ "ruleFormat": "latest", "rules": { "name": "default", "behaviors": [
        { "name": "enforceMtlsSettings", "options": { "enableAuthSet": true, "certificateAuthoritySet": ["one"],
            "enableDenyRequest": true } } ], "children": children } });
    let program = compile(&RuleTree::from_json(&document.to_string()).unwrap()).unwrap();
    let mut request = Request::to("/caf%C3%a9/x").with_certificate(&["one"]);
    request.query = Some("a=b&q1=a+b".to_owned());
    request.headers = vec![("x-a".to_owned(), "value".to_owned())];

    let mut denied = false;
    let counted = measure(|| {
        denied = matches!(
            black_box(&program).decide(black_box(&request)).outcome,
            Outcome::Deny(_)
        );
    });
    assert!(denied, "the test is about rules that match");
    assert_eq!(counted.count_total, 0);
    let counted = measure(|| drop(black_box(program.explain(&request))));
    assert!(counted.count_total > 0, "the counter counts");
}
