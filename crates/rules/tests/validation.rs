//! What is refused, where, and with which remedy.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use countersign_rules::{Feature, Problem, Rule, RuleTree, Severity, compile};
use serde_json::{Value, json};

fn problems(document: &str) -> Vec<Problem> {
    match RuleTree::from_json(document) {
        Err(problems) => problems,
        Ok(tree) => match compile(&tree) {
            Err(problems) => problems,
            Ok(program) => program.warnings().to_vec(),
        },
    }
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems
        .iter()
        .map(|problem| format!("{} {}", problem.pointer, problem.code))
        .collect()
}

#[track_caller]
fn check_document(document: &Value, expected: &[&str]) {
    assert_eq!(
        lines(&problems(&document.to_string())),
        expected,
        "{document}"
    );
}

fn with_rule(format: &str, criteria: Value, behaviors: Value) -> Value {
    json!({ "ruleFormat": format, "rules": { "name": "default", "children": [
        { "name": "it", "criteria": criteria, "behaviors": behaviors }] } })
}

#[track_caller]
fn check_criterion(name: &str, options: Value, expected: &[&str]) {
    let document = with_rule(
        "latest",
        json!([{ "name": name, "options": options }]),
        json!([]),
    );
    let found = problems(&document.to_string());
    let expected: Vec<String> = expected
        .iter()
        .map(|line| format!("/rules/children/0/criteria/0{line}"))
        .collect();
    assert_eq!(lines(&found), expected, "{name} {options} {found:#?}");
}

#[track_caller]
fn check_behavior_in(format: &str, name: &str, options: Value, expected: &[&str]) {
    let document = with_rule(
        format,
        json!([]),
        json!([{ "name": name, "options": options }]),
    );
    let found = problems(&document.to_string());
    let expected: Vec<String> = expected
        .iter()
        .map(|line| format!("/rules/children/0/behaviors/0{line}"))
        .collect();
    assert_eq!(lines(&found), expected, "{name} {options} {found:#?}");
}

#[track_caller]
fn check_behavior(name: &str, options: Value, expected: &[&str]) {
    check_behavior_in("latest", name, options, expected);
}

#[test]
fn form_of_the_document() {
    for (document, expected) in [
        ("{", vec![" malformed_json"]),
        (
            r#"{"ruleFormat":"latest","ruleFormat":"v2025-10-16","rules":{"name":"default"}}"#,
            vec![" malformed_json"],
        ),
        ("[]", vec![" wrong_type"]),
        (
            "{}",
            vec!["/ruleFormat rule_format_missing", " rules_missing"],
        ),
        (
            r#"{"ruleFormat":"v2026-08-01","rules":{"name":"default"}}"#,
            vec!["/ruleFormat unknown_rule_format"],
        ),
        (
            r#"{"ruleFormat":"v2022-01-01","rules":{"name":"default"}}"#,
            vec!["/ruleFormat unknown_rule_format"],
        ),
        (
            r#"{"ruleFormat":"v2026-13-01","rules":{"name":"default"}}"#,
            vec!["/ruleFormat unknown_rule_format"],
        ),
        (
            r#"{"ruleFormat":"2026-02-16","rules":{"name":"default"}}"#,
            vec!["/ruleFormat unknown_rule_format"],
        ),
        (
            r#"{"ruleFormat":"latest","rules":{"name":"default"},"rule":1}"#,
            vec!["/rule unknown_field"],
        ),
        (
            r#"{"ruleFormat":"latest","rules":{}}"#,
            vec!["/rules name_missing"],
        ),
        (
            r#"{"ruleFormat":"latest","rules":{"name":"top"}}"#,
            vec!["/rules/name top_rule_name"],
        ),
        (
            r#"{"ruleFormat":"latest","rules":{"name":"default","criteriaMustSatisfy":"some"}}"#,
            vec!["/rules/criteriaMustSatisfy unknown_value"],
        ),
        (
            r#"{"ruleFormat":"latest","rules":{"name":"default","behaviours":[]}}"#,
            vec!["/rules/behaviours unknown_field"],
        ),
        (
            r#"{"ruleFormat":"latest","rules":{"name":"default","children":{}}}"#,
            vec!["/rules/children wrong_type"],
        ),
        (
            r#"{"ruleFormat":"latest","rules":{"name":"default","behaviors":[{"name":"denyAccess","option":{}}]}}"#,
            vec!["/rules/behaviors/0/option unknown_field"],
        ),
        (
            r#"{"ruleFormat":"latest","rules":{"name":"default","advancedOverride":"<x/>"}}"#,
            vec!["/rules/advancedOverride unsupported_override"],
        ),
        (
            r#"{"ruleFormat":"latest","rules":{"name":"default","variables":[{"name":"PMUSER_A"}]}}"#,
            vec!["/rules/variables unsupported_variables"],
        ),
        (
            r#"{"ruleFormat":"latest","rules":{"name":"default","options":{"is_secure":1}}}"#,
            vec!["/rules/options/is_secure wrong_type"],
        ),
    ] {
        assert_eq!(lines(&problems(document)), expected, "{document}");
    }
}

#[test]
fn a_document_copied_from_the_vendors_api_is_read() {
    let document = json!({ "accountId": "act_1", "contractId": "ctr_1", "groupId": "grp_1", "propertyId": "prp_1",
        "propertyVersion": 3, "etag": "abc", "ruleFormat": "v2025-10-16", "comments": "note",
        "errors": [], "warnings": [],
        "rules": { "name": "default", "uuid": "default", "options": { "is_secure": true }, "variables": [],
            "advancedOverride": "", "criteriaLocked": false, "criteria": [],
            "behaviors": [{ "name": "origin", "locked": false, "uuid": "x", "options": { "originId": "a" } }] } });
    check_document(&document, &[]);
    let tree = RuleTree::from_json(&document.to_string()).unwrap();
    assert!(tree.rules.options.is_secure);
    assert_eq!(tree.comments.as_deref(), Some("note"));
}

#[test]
fn unknown_names_come_with_the_nearest_one() {
    let remedy = |document: Value| problems(&document.to_string())[0].remedy.clone();
    let criterion = |name: &str| with_rule("latest", json!([{ "name": name }]), json!([]));
    let behavior = |name: &str, options: Value| {
        with_rule(
            "latest",
            json!([]),
            json!([{ "name": name, "options": options }]),
        )
    };
    assert_eq!(remedy(criterion("hostName")), "Did you mean `hostname`?");
    assert_eq!(
        remedy(criterion("clientCertificates")),
        "Did you mean `clientCertificate`?"
    );
    assert_eq!(
        remedy(behavior("enforceMtlsSetting", json!({}))),
        "Did you mean `enforceMtlsSettings`?"
    );
    assert_eq!(
        remedy(behavior(
            "denyAccess",
            json!({ "reason": "x", "enable": true })
        )),
        "Did you mean `enabled`?"
    );
    assert!(
        remedy(behavior("caching", json!({}))).starts_with("Known here: `clientCertificateAuth`, ")
    );
    assert_eq!(
        remedy(with_rule(
            "latest",
            json!([{ "name": "hostname", "options": { "matchOperator": "IS_ONEOF", "values": ["a"] } }]),
            json!([])
        )),
        "Did you mean `IS_ONE_OF`?"
    );
    let long = "x".repeat(5_000);
    let found = &problems(&criterion(&long).to_string())[0];
    assert!(
        found.detail.len() < 200,
        "outside text is cut: {}",
        found.detail
    );
}

#[test]
fn an_allowlist_of_nothing_is_refused() {
    for (name, options) in [
        ("hostname", json!({})),
        ("path", json!({})),
        ("clientIp", json!({})),
        ("requestHeader", json!({ "headerName": "x" })),
        ("queryStringParameter", json!({ "parameterName": "x" })),
        ("clientSubject", json!({ "attribute": "COMMON_NAME" })),
        ("clientIssuer", json!({ "attribute": "COMMON_NAME" })),
        ("clientSan", json!({ "type": "DNS" })),
        ("clientFingerprint", json!({})),
        ("clientSpki", json!({})),
        ("clientSerial", json!({})),
        ("clientCaSet", json!({})),
        ("clientReason", json!({})),
    ] {
        check_criterion(name, options.clone(), &["/options/values no_values"]);
        let mut empty = options.clone();
        empty["values"] = json!([]);
        check_criterion(name, empty, &["/options/values no_values"]);
        let mut blank = options;
        blank["values"] = json!([""]);
        check_criterion(name, blank, &["/options/values/0 empty_value"]);
    }
}

#[test]
fn criteria_that_could_never_do_what_they_say_are_refused() {
    for (name, options, expected) in [
        (
            "hostname",
            json!({ "values": ["a.test:443"] }),
            "/options/values/0 bad_hostname",
        ),
        (
            "hostname",
            json!({ "values": ["b\u{fc}cher.example"] }),
            "/options/values/0 bad_hostname",
        ),
        (
            "hostname",
            json!({ "values": ["a.test", "b.test."] }),
            "/options/values/1 bad_hostname",
        ),
        (
            "hostname",
            json!({ "values": "a.test" }),
            "/options/values wrong_type",
        ),
        (
            "hostname",
            json!({ "values": [1] }),
            "/options/values/0 wrong_type",
        ),
        (
            "path",
            json!({ "values": ["admin"] }),
            "/options/values/0 bad_path",
        ),
        (
            "path",
            json!({ "values": ["/a b"] }),
            "/options/values/0 bad_path",
        ),
        (
            "path",
            json!({ "values": ["/caf\u{e9}"] }),
            "/options/values/0 bad_path",
        ),
        (
            "path",
            json!({ "values": ["/a#b"] }),
            "/options/values/0 bad_path",
        ),
        (
            "path",
            json!({ "values": ["/a"], "matchCaseSensitive": "yes" }),
            "/options/matchCaseSensitive wrong_type",
        ),
        (
            "requestMethod",
            json!({ "value": "get" }),
            "/options/value bad_method",
        ),
        (
            "requestMethod",
            json!({ "value": "AKAMAI_PURGE" }),
            "/options/value bad_method",
        ),
        ("requestMethod", json!({}), "/options/value option_missing"),
        (
            "requestProtocol",
            json!({ "value": "HTTP/2" }),
            "/options/value unknown_value",
        ),
        (
            "requestHeader",
            json!({ "headerName": "a b", "values": ["x"] }),
            "/options/headerName bad_header_name",
        ),
        (
            "clientIp",
            json!({ "values": ["10.0.0.1/8"] }),
            "/options/values/0 bad_network",
        ),
        (
            "clientIp",
            json!({ "values": ["10.0.0.0/8"], "useHeaders": true }),
            "/options/useHeaders client_ip_from_headers",
        ),
        (
            "queryStringParameter",
            json!({ "parameterName": "a", "values": ["x"], "escapeValue": true }),
            "/options/escapeValue escaped_values_unsupported",
        ),
        (
            "queryStringParameter",
            json!({ "parameterName": "a", "matchOperator": "IS_BETWEEN", "lowerBound": 2, "upperBound": 1 }),
            "/options/upperBound number_out_of_range",
        ),
        (
            "queryStringParameter",
            json!({ "parameterName": "a", "matchOperator": "IS_LESS_THAN" }),
            "/options/upperBound option_missing",
        ),
        (
            "clientCertificate",
            json!({ "enforceMtls": true }),
            "/options/enforceMtls wrong_type",
        ),
        (
            "clientCertificate",
            json!({ "isCertificatePresent": true, "enforceMtls": "IGNORE", "certificateState": "PRESENT" }),
            "/options/isCertificatePresent unknown_option",
        ),
        (
            "clientCertificate",
            json!({ "enforceMtls": "IGNORE" }),
            "/options/certificateState option_missing",
        ),
        (
            "clientSubject",
            json!({ "values": ["a"] }),
            "/options/attribute option_missing",
        ),
        (
            "clientSubject",
            json!({ "attribute": "CN", "values": ["a"] }),
            "/options/attribute unknown_value",
        ),
        (
            "clientSan",
            json!({ "type": "DNS", "values": ["https://a"] }),
            "/options/values/0 bad_name",
        ),
        (
            "clientSan",
            json!({ "type": "IP", "values": ["10.0.0.0/8"] }),
            "/options/values/0 bad_name",
        ),
        (
            "clientSan",
            json!({ "type": "EMAIL", "values": ["alice"] }),
            "/options/values/0 bad_name",
        ),
        (
            "clientFingerprint",
            json!({ "values": ["abcd"] }),
            "/options/values/0 bad_digest",
        ),
        (
            "clientSerial",
            json!({ "values": ["xyz"] }),
            "/options/values/0 bad_serial",
        ),
        (
            "clientReason",
            json!({ "values": ["Expired!"] }),
            "/options/values/0 bad_reason",
        ),
        (
            "clientDaysLeft",
            json!({ "matchOperator": "IS_LESS_THAN" }),
            "/options/value option_missing",
        ),
    ] {
        check_criterion(name, options, &[expected]);
    }
}

#[test]
fn the_options_of_one_generation_are_refused_in_the_other() {
    let first = json!({ "isCertificatePresent": true, "isCertificateValid": "VALID", "enforceMtls": false });
    let second = json!({ "enforceMtls": "IGNORE", "certificateState": "PRESENT_VALID" });
    let count = |format: &str, options: &Value| {
        let document = with_rule(
            format,
            json!([{ "name": "clientCertificate", "options": options }]),
            json!([]),
        );
        problems(&document.to_string())
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .count()
    };
    assert_eq!(count("v2026-01-09", &first), 0);
    assert_eq!(count("v2026-02-16", &second), 0);
    assert!(count("v2026-01-09", &second) > 0);
    assert!(count("v2026-02-16", &first) > 0);
    let forward = json!({ "enableAuthSet": true, "certificateAuthoritySet": ["1"], "enableDenyRequest": true,
        "enableCompleteClientCertificate": true });
    check_behavior_in("v2026-02-16", "enforceMtlsSettings", forward.clone(), &[]);
    let expected = ["/options/enableCompleteClientCertificate unknown_option"];
    check_behavior_in("v2026-01-09", "enforceMtlsSettings", forward, &expected);
}

#[test]
fn enforcement_never_rests_on_a_default() {
    for format in ["v2025-10-16", "latest"] {
        check_behavior_in(
            format,
            "enforceMtlsSettings",
            json!({ "enableAuthSet": false }),
            &[],
        );
        for (options, expected) in [
            (
                json!({ "enableAuthSet": true, "certificateAuthoritySet": ["1"] }),
                "/options/enableDenyRequest option_missing",
            ),
            (
                json!({ "enableAuthSet": true, "enableDenyRequest": true }),
                "/options/certificateAuthoritySet no_values",
            ),
            (
                json!({ "enableAuthSet": true, "certificateAuthoritySet": [], "enableDenyRequest": true }),
                "/options/certificateAuthoritySet no_values",
            ),
            (
                json!({ "enableAuthSet": true, "certificateAuthoritySet": [1], "enableDenyRequest": true }),
                "/options/certificateAuthoritySet/0 wrong_type",
            ),
        ] {
            check_behavior_in(format, "enforceMtlsSettings", options, &[expected]);
        }
    }
    let ocsp = json!({ "enableOcspStatus": true, "enableDenyRequest": true });
    check_behavior_in("v2025-10-16", "enforceMtlsSettings", ocsp.clone(), &[]);
    check_behavior(
        "enforceMtlsSettings",
        ocsp,
        &[
            "/options/enableOcspStatus needs_auth_set",
            "/options/enableDenyRequest needs_auth_set",
        ],
    );
    check_behavior_in(
        "v2025-10-16",
        "enforceMtlsSettings",
        json!({ "enableDenyRequest": true }),
        &["/options/enableDenyRequest denies_without_check"],
    );
}

#[test]
fn behaviors_that_could_not_do_what_they_say_are_refused() {
    let header =
        |name: &str| json!({ "action": "ADD", "customHeaderName": name, "headerValue": "x" });
    for (name, options, expected) in [
        ("denyAccess", json!({}), "/options/reason option_missing"),
        (
            "denyAccess",
            json!({ "reason": "two words" }),
            "/options/reason bad_reason",
        ),
        (
            "clientCertificateAuth",
            json!({ "enable": true }),
            "/options/enable forwards_nothing",
        ),
        (
            "clientCertificateAuth",
            json!({ "enable": true, "clientCertificateAttributes": ["SERIAL"] }),
            "/options/clientCertificateAttributes/0 unknown_value",
        ),
        (
            "forwardClientIdentity",
            json!({}),
            "/options/presets no_values",
        ),
        (
            "forwardClientIdentity",
            json!({ "presets": ["RFC9400"] }),
            "/options/presets/0 unknown_value",
        ),
        (
            "logCustom",
            json!({ "logCustomLogField": true }),
            "/options/customLogField option_missing",
        ),
        (
            "logCustom",
            json!({ "customLogField": "x".repeat(1_001) }),
            "/options/customLogField value_too_long",
        ),
        (
            "logCustom",
            json!({ "customLogField": "{{builtin.AK_HOSTS}}" }),
            "/options/customLogField bad_variable",
        ),
        (
            "logCustom",
            json!({ "customLogField": "{{user.PMUSER_A}}" }),
            "/options/customLogField bad_variable",
        ),
        (
            "logCustom",
            json!({ "customLogField": "{{builtin.AK_HOST" }),
            "/options/customLogField bad_variable",
        ),
        (
            "constructResponse",
            json!({ "responseCode": 302 }),
            "/options/responseCode unknown_value",
        ),
        (
            "constructResponse",
            json!({ "body": "x".repeat(2_001) }),
            "/options/body value_too_long",
        ),
        (
            "mtlsOriginKeystore",
            json!({ "enable": true }),
            "/options/clientCertificateVersionGuid option_missing",
        ),
        ("origin", json!({}), "/options/hostname option_missing"),
        (
            "origin",
            json!({ "originId": "a:1" }),
            "/options/originId bad_origin_id",
        ),
        (
            "origin",
            json!({ "hostname": "a.test:443" }),
            "/options/hostname bad_hostname",
        ),
        (
            "origin",
            json!({ "originType": "NET_STORAGE", "hostname": "a" }),
            "/options/originType unknown_value",
        ),
        (
            "origin",
            json!({ "hostname": "a", "verificationMode": "CUSTOM" }),
            "/options/verificationMode unknown_value",
        ),
        ("redirect", json!({}), "/options redirect_loop"),
        (
            "redirect",
            json!({ "destinationHostname": "OTHER", "destinationHostnameOther": "a/b" }),
            "/options/destinationHostnameOther bad_redirect",
        ),
        (
            "redirect",
            json!({ "destinationPath": "OTHER", "destinationPathOther": "x" }),
            "/options/destinationPathOther bad_path",
        ),
        (
            "redirect",
            json!({ "destinationPath": "OTHER", "destinationPathOther": "/x", "responseCode": 305 }),
            "/options/responseCode unknown_value",
        ),
        (
            "rateLimitPerIdentity",
            json!({ "name": "a", "requests": 0, "seconds": 1 }),
            "/options/requests number_out_of_range",
        ),
        (
            "rateLimitPerIdentity",
            json!({ "name": "a", "requests": 1 }),
            "/options/seconds option_missing",
        ),
        (
            "modifyIncomingRequestHeader",
            json!({ "action": "ADD", "customHeaderName": "x" }),
            "/options/headerValue option_missing",
        ),
        (
            "modifyIncomingRequestHeader",
            json!({ "action": "ADD", "customHeaderName": "x", "headerValue": "a\r\nb" }),
            "/options/headerValue bad_header_value",
        ),
        (
            "modifyIncomingRequestHeader",
            header("a b"),
            "/options/customHeaderName bad_header_name",
        ),
        (
            "modifyOutgoingResponseHeader",
            json!({ "action": "REGEX", "customHeaderName": "x" }),
            "/options/action unknown_value",
        ),
        (
            "denyAccess",
            json!({ "reason": "a", "enabled": "no" }),
            "/options/enabled wrong_type",
        ),
    ] {
        check_behavior(name, options, &[expected]);
    }
    // Invariant I3: identity headers are the edge's alone, however they are spelled; nor may messages be reframed.
    for name in [
        "Client-Cert",
        "client_cert_chain",
        "X-Forwarded-Client-Cert",
        "Akamai-CC-DER",
        "X-Amzn-Mtls-Clientcert",
        "ssl-client-verify",
        "X_SSL_Client_Cert",
        "Client-to-Edge-HTTP-Auth",
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
    ] {
        for behavior in [
            "modifyIncomingRequestHeader",
            "modifyOutgoingResponseHeader",
        ] {
            check_behavior(
                behavior,
                header(name),
                &["/options/customHeaderName reserved_header"],
            );
        }
    }
}

#[test]
fn what_may_surprise_is_warned_of() {
    check_criterion(
        "path",
        json!({ "values": ["/a"], "normalize": true }),
        &["/options/normalize normalize_has_no_effect"],
    );
    check_criterion(
        "clientCertificate",
        json!({ "enforceMtls": "PASS" }),
        &[" no_enforcement_before"],
    );
    check_behavior(
        "denyAccess",
        json!({ "reason": "a", "enabled": false }),
        &["/options/reason cancels_nothing"],
    );
    let enforce = json!([{ "name": "enforceMtlsSettings", "options": { "enableAuthSet": true,
        "certificateAuthoritySet": ["1"], "enableDenyRequest": true } }]);
    let header =
        json!([{ "name": "requestHeader", "options": { "headerName": "x", "values": ["y"] } }]);
    check_document(
        &with_rule("latest", header, enforce),
        &["/rules/children/0/behaviors/0 client_chooses_enforcement"],
    );
}

#[test]
fn all_problems_are_reported_at_once_with_remedies() {
    let document = with_rule(
        "latest",
        json!([{ "name": "hostnam" }, { "name": "path", "options": { "values": [] } }]),
        json!([{ "name": "denyAccess", "options": { "reason": "a b", "a/b": 1 } }]),
    );
    let found = problems(&document.to_string());
    assert_eq!(
        lines(&found),
        [
            "/rules/children/0/criteria/0/name unknown_criterion",
            "/rules/children/0/criteria/1/options/values no_values",
            "/rules/children/0/behaviors/0/options/a~1b unknown_option",
            "/rules/children/0/behaviors/0/options/reason bad_reason",
        ]
    );
    for problem in &found {
        assert!(!problem.detail.is_empty() && !problem.remedy.is_empty());
        assert_eq!(problem.severity, Severity::Error);
    }
    assert_eq!(
        found[0].to_string(),
        "/rules/children/0/criteria/0/name: There is no criterion `hostnam` (unknown_criterion). \
         Did you mean `hostname`?"
    );
}

#[test]
fn size_and_depth_are_limited() {
    let nested = |depth: usize| {
        let mut rule = Rule {
            name: "r".to_owned(),
            ..Rule::default()
        };
        for _ in 0..depth {
            rule = Rule {
                name: "r".to_owned(),
                children: vec![rule],
                ..Rule::default()
            };
        }
        rule.name = "default".to_owned();
        RuleTree {
            rules: rule,
            rule_format: "latest".parse().unwrap(),
            comments: None,
        }
    };
    assert!(compile(&nested(10)).is_ok());
    assert_eq!(compile(&nested(11)).unwrap_err()[0].code, "too_deep");
    assert!(RuleTree::from_json(&nested(10).to_json()).is_ok());
    assert_eq!(
        RuleTree::from_json(&nested(11).to_json()).unwrap_err()[0].code,
        "too_deep"
    );
    // Far too deep for a parser's stack.
    let document = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        RuleTree::from_json(&document).unwrap_err()[0].code,
        "malformed_json"
    );

    let wide = |count: usize| {
        let child = Rule {
            name: "r".to_owned(),
            ..Rule::default()
        };
        let rules = Rule {
            name: "default".to_owned(),
            children: vec![child; count],
            ..Rule::default()
        };
        RuleTree {
            rules,
            rule_format: "latest".parse().unwrap(),
            comments: None,
        }
    };
    assert!(compile(&wide(4_999)).is_ok());
    assert_eq!(
        lines(&compile(&wide(6_000)).unwrap_err()),
        ["/rules/children/4999 too_many_rules"]
    );

    let deny = |index: usize| Feature::new("denyAccess", [("reason", json!(format!("r{index}")))]);
    let mut reasons = wide(300);
    for (index, child) in reasons.rules.children.iter_mut().enumerate() {
        child.behaviors.push(deny(index));
    }
    assert_eq!(compile(&reasons).unwrap_err()[0].code, "too_many_reasons");
    assert_eq!(
        RuleTree::from_json(&" ".repeat(5_000_000)).unwrap_err()[0].code,
        "document_too_large"
    );
}

#[test]
fn serde_reads_and_writes_the_same_document() {
    let document = with_rule(
        "v2025-10-16",
        json!([]),
        json!([{ "name": "origin", "options": { "originId": "a" } }]),
    );
    let tree: RuleTree = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(tree, RuleTree::from_json(&document.to_string()).unwrap());
    assert_eq!(serde_json::to_string(&tree).unwrap(), tree.to_json());
    assert_eq!(RuleTree::from_value(tree.to_value()).unwrap(), tree);
    let error = serde_json::from_str::<RuleTree>("{}")
        .unwrap_err()
        .to_string();
    assert!(error.contains("rule_format_missing"), "{error}");
}
