//! What rule trees mean: order, ancestors, overriding, and the vendor guide's examples.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "support/request.rs"]
mod request;

use countersign_rules::{
    CertificateState, Decision, Denial, EnforcementResult, ForwardHost, IdentityPresets, Outcome,
    Program, RuleTree, compile,
};
use request::Request;
use serde_json::{Value, json};

fn program_of(format: &str, rules: Value) -> Program {
    let document = json!({ "ruleFormat": format, "rules": rules }).to_string();
    let tree = RuleTree::from_json(&document).unwrap_or_else(|problems| panic!("{problems:#?}"));
    compile(&tree).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn latest(rules: Value) -> Program {
    program_of("latest", rules)
}

/// A top rule with children that have one criterion and one behavior each.
fn children(children: &[(Value, Value)]) -> Value {
    let children: Vec<Value> = children
        .iter()
        .enumerate()
        .map(|(index, (criterion, behavior))| {
            json!({ "name": format!("rule {index}"), "criteria": [criterion], "behaviors": [behavior] })
        })
        .collect();
    json!({ "name": "default", "children": children })
}

fn path(pattern: &str) -> Value {
    json!({ "name": "path", "options": { "values": [pattern] } })
}

fn deny(reason: &str) -> Value {
    json!({ "name": "denyAccess", "options": { "reason": reason, "enabled": true } })
}

fn allow(reason: &str) -> Value {
    json!({ "name": "denyAccess", "options": { "reason": reason, "enabled": false } })
}

fn enforce(ca_sets: &[&str], denies: bool) -> Value {
    json!({ "name": "enforceMtlsSettings", "options": {
        "enableAuthSet": true, "certificateAuthoritySet": ca_sets, "enableDenyRequest": denies } })
}

fn log(text: &str) -> Value {
    json!({ "name": "logCustom", "options": { "logCustomLogField": true, "customLogField": text } })
}

fn logged(decision: &Decision<'_>, request: &Request) -> Option<String> {
    decision.custom_log.map(|template| {
        let mut text = String::new();
        template.render_for_log(request, &mut text).unwrap();
        text
    })
}

fn outcome(program: &Program, request: &Request) -> &'static str {
    let decision = program.decide(request);
    let (explained, _) = program.explain(request);
    assert_eq!(
        decision.outcome, explained.outcome,
        "explain decides as decide does"
    );
    match decision.outcome {
        Outcome::Deny(Denial::AccessDenied { .. }) => "denied by rule",
        Outcome::Deny(Denial::CertificateRequired { .. }) => "certificate required",
        Outcome::Forward => "forwarded",
        Outcome::Redirect(_) => "redirected",
        Outcome::Respond(_) => "answered",
    }
}

/// The vendor guide's first example: one rule by hostname that enforces and denies.
#[test]
fn guide_example_hostname_rule_enforces_and_denies() {
    for format in ["v2025-10-16", "v2026-01-09", "v2026-02-16", "latest"] {
        let mut options = json!({ "enableAuthSet": true, "certificateAuthoritySet": ["524125"],
            "enableOcspStatus": false, "enableDenyRequest": true });
        let second_generation = ["v2026-02-16", "latest"].contains(&format);
        if second_generation {
            options["enableCompleteClientCertificate"] = json!(true);
            options["edgeChecksTitle"] = json!("");
        }
        let program = program_of(
            format,
            json!({ "name": "default", "children": [{
                "name": "mTLS", "criteriaMustSatisfy": "all",
                "criteria": [{ "name": "hostname", "options": {
                    "matchOperator": "IS_ONE_OF", "values": ["mtls.example.com"] } }],
                "behaviors": [{ "name": "enforceMtlsSettings", "options": options }],
            }] }),
        );
        assert!(program.warnings().is_empty(), "{:?}", program.warnings());
        assert_eq!(program.ca_sets(), ["524125"]);
        let host = |name: &str| Request {
            hostname: name.to_owned(),
            ..Request::default()
        };
        assert_eq!(
            outcome(&program, &host("mtls.example.com")),
            "certificate required"
        );
        assert_eq!(
            outcome(&program, &host("mtls.example.com").with_certificate(&[])),
            "certificate required"
        );
        assert_eq!(
            outcome(
                &program,
                &host("mtls.example.com").with_certificate(&["999"])
            ),
            "certificate required"
        );
        assert_eq!(
            outcome(
                &program,
                &host("mtls.example.com").with_certificate(&["999", "524125"])
            ),
            "forwarded"
        );
        assert_eq!(outcome(&program, &host("www.example.com")), "forwarded");
        let request = host("mtls.example.com");
        let complete = program.decide(&request).forward_identity.presets;
        assert_eq!(
            complete.contains(IdentityPresets::AKAMAI_CC_DER),
            second_generation
        );
        let Outcome::Deny(denial) = program.decide(&request).outcome else {
            panic!()
        };
        assert_eq!(denial.rule(), "default / mTLS");
    }
}

fn guide_example_with_children(format: &str) -> Program {
    let (valid, failed) = if format == "latest" {
        (
            json!({ "enforceMtls": "PASS" }),
            json!({ "enforceMtls": "FAIL" }),
        )
    } else {
        (
            json!({ "isCertificatePresent": true, "isCertificateValid": "VALID", "enforceMtls": false }),
            json!({ "isCertificatePresent": true, "isCertificateValid": "IGNORE", "enforceMtls": true }),
        )
    };
    program_of(
        format,
        json!({ "name": "default", "children": [{
            "name": "mTLS",
            "criteria": [{ "name": "hostname", "options": {
                "matchOperator": "IS_ONE_OF", "values": ["mtls.example.com"] } }],
            "behaviors": [enforce(&["524125"], false)],
            "children": [
                { "name": "valid client",
                  "criteria": [{ "name": "clientCertificate", "options": valid }],
                  "behaviors": [{ "name": "clientCertificateAuth", "options": { "enable": true,
                      "enableCompleteClientCertificate": true, "clientCertificateAttributes": [],
                      "enableClientCertificateValidationStatus": true } }] },
                { "name": "failed check",
                  "criteria": [{ "name": "clientCertificate", "options": failed }],
                  "behaviors": [log("mtls failed: {{builtin.CS_CLIENT_REASON}}")] },
            ],
        }] }),
    )
}

/// The vendor guide's second example: the parent does not deny; one child forwards the identity of valid clients, the
/// other writes the custom log field for clients that failed the check.
#[test]
fn guide_example_children_see_the_result_of_their_parents_check() {
    for format in ["v2025-10-16", "latest"] {
        let program = guide_example_with_children(format);
        assert!(program.warnings().is_empty(), "{:?}", program.warnings());
        let host = Request {
            hostname: "mtls.example.com".to_owned(),
            ..Request::default()
        };

        let request = host.clone().with_certificate(&["524125"]);
        let decision = program.decide(&request);
        assert_eq!(decision.outcome, Outcome::Forward);
        assert!(
            decision
                .forward_identity
                .presets
                .contains(IdentityPresets::AKAMAI_CC_DER)
        );
        assert!(decision.forward_identity.validation_status);
        assert!(decision.client_verified);
        assert_eq!(logged(&decision, &request), None);

        // No certificate, a bad one, and a good one of another CA set: all failed the parent's check.
        for (request, text) in [
            (host.clone(), "mtls failed: missing"),
            (
                host.clone().with_certificate(&[]),
                "mtls failed: unknown_issuer",
            ),
            (host.clone().with_certificate(&["999"]), "mtls failed: "),
        ] {
            let decision = program.decide(&request);
            assert_eq!(decision.outcome, Outcome::Forward);
            assert!(decision.forward_identity.is_nothing());
            assert!(!decision.client_verified);
            assert_eq!(logged(&decision, &request).as_deref(), Some(text));
            let enforced = decision.enforced.unwrap();
            assert_eq!(
                (enforced.result, enforced.denies),
                (EnforcementResult::Failed, false)
            );
        }
    }
}

#[test]
fn a_certificate_of_another_ca_set_is_not_valid_below_a_check() {
    let program = latest(json!({ "name": "default",
        "behaviors": [enforce(&["a"], false)],
        "children": [
            { "name": "state", "criteria": [{ "name": "clientCertificate", "options": {
                "enforceMtls": "IGNORE", "certificateState": "PRESENT_INVALID" } }], "behaviors": [log("invalid")] },
            { "name": "subject", "criteria": [{ "name": "clientSubject", "options": {
                "attribute": "COMMON_NAME", "values": ["alice"] } }], "behaviors": [log("alice")] },
        ] }));
    let request = Request::default().with_certificate(&["b"]);
    assert_eq!(
        logged(&program.decide(&request), &request).as_deref(),
        Some("invalid")
    );
    let request = Request::default().with_certificate(&["a"]);
    assert_eq!(
        logged(&program.decide(&request), &request).as_deref(),
        Some("alice")
    );
}

#[test]
fn revocation_that_is_not_known_to_be_good_fails_where_it_is_asked_for() {
    let program = latest(
        json!({ "name": "default", "behaviors": [{ "name": "enforceMtlsSettings", "options": {
        "enableAuthSet": true, "certificateAuthoritySet": ["a"], "enableOcspStatus": true,
        "enableDenyRequest": true } }] }),
    );
    let request = Request::default().with_certificate(&["a"]);
    let decision = program.decide(&request);
    assert!(matches!(
        decision.outcome,
        Outcome::Deny(Denial::CertificateRequired {
            revocation_only: true,
            ..
        })
    ));
    let good = Request {
        revocation_good: true,
        ..request
    };
    assert_eq!(outcome(&program, &good), "forwarded");
    let other = Request {
        satisfied: vec!["b".to_owned()],
        ..good
    };
    assert_eq!(outcome(&program, &other), "certificate required");
}

#[test]
fn contradicting_facts_do_not_let_in() {
    let program = latest(json!({ "name": "default", "behaviors": [enforce(&["a"], true)] }));
    let request = Request {
        state: CertificateState::Invalid,
        ..Request::default().with_certificate(&["a"])
    };
    assert_eq!(outcome(&program, &request), "certificate required");
}

#[test]
fn children_apply_only_where_all_ancestors_matched() {
    let program = latest(json!({ "name": "default", "children": [{
        "name": "a", "criteria": [path("/a*")], "behaviors": [],
        "children": [{ "name": "x", "criteria": [path("*x")], "behaviors": [deny("x")] }],
    }] }));
    assert_eq!(outcome(&program, &Request::to("/a/x")), "denied by rule");
    assert_eq!(outcome(&program, &Request::to("/b/x")), "forwarded");
    assert_eq!(outcome(&program, &Request::to("/a/y")), "forwarded");
}

#[test]
fn all_wants_every_criterion_and_any_wants_one() {
    let rule = |satisfy: &str| {
        latest(json!({ "name": "default", "children": [{
            "name": "a", "criteriaMustSatisfy": satisfy,
            "criteria": [path("/a*"), { "name": "requestMethod", "options": { "matchOperator": "IS", "value": "POST" } }],
            "behaviors": [deny("x")],
        }] }))
    };
    let get = Request::to("/a");
    let post = Request {
        method: "POST".to_owned(),
        ..get.clone()
    };
    assert_eq!(outcome(&rule("all"), &get), "forwarded");
    assert_eq!(outcome(&rule("all"), &post), "denied by rule");
    assert_eq!(outcome(&rule("any"), &get), "denied by rule");
    assert_eq!(outcome(&rule("any"), &Request::to("/b")), "forwarded");
}

#[test]
fn a_later_behavior_of_the_same_name_takes_the_place_of_an_earlier_one() {
    let program = latest(children(&[
        (path("/*"), log("first")),
        (path("/a*"), log("second")),
    ]));
    for (path, text) in [("/a", "second"), ("/b", "first")] {
        let request = Request::to(path);
        assert_eq!(
            logged(&program.decide(&request), &request).as_deref(),
            Some(text)
        );
    }
}

#[test]
fn a_denial_is_cancelled_only_by_the_same_reason_and_only_later() {
    let open = path("/public/*");
    for (rules, expected) in [
        (
            vec![(path("/*"), deny("no")), (open.clone(), allow("no"))],
            "forwarded",
        ),
        (
            vec![(open.clone(), allow("no")), (path("/*"), deny("no"))],
            "denied by rule",
        ),
        (
            vec![(path("/*"), deny("no")), (open.clone(), allow("other"))],
            "denied by rule",
        ),
        (
            vec![
                (path("/*"), deny("no")),
                (path("/*"), deny("other")),
                (open.clone(), allow("no")),
            ],
            "denied by rule",
        ),
    ] {
        let program = latest(children(&rules));
        assert_eq!(
            outcome(&program, &Request::to("/public/x")),
            expected,
            "{rules:?}"
        );
        assert_eq!(
            outcome(&program, &Request::to("/private")),
            "denied by rule"
        );
    }
}

#[test]
fn a_later_check_takes_the_place_of_an_earlier_one() {
    let off = json!({ "name": "enforceMtlsSettings", "options": { "enableAuthSet": false } });
    let program = latest(children(&[
        (path("/*"), enforce(&["a"], true)),
        (path("/open/*"), off),
        (path("/open/admin/*"), enforce(&["b"], true)),
    ]));
    assert_eq!(
        outcome(&program, &Request::to("/x")),
        "certificate required"
    );
    assert_eq!(outcome(&program, &Request::to("/open/x")), "forwarded");
    assert_eq!(
        outcome(&program, &Request::to("/open/admin/x")),
        "certificate required"
    );
    let a = Request::to("/open/admin/x").with_certificate(&["a"]);
    assert_eq!(outcome(&program, &a), "certificate required");
    let b = Request::to("/open/admin/x").with_certificate(&["b"]);
    assert_eq!(outcome(&program, &b), "forwarded");
}

/// Threats C3.8: what is recorded is what would have been denied.
#[test]
fn recording_and_denying_come_to_the_same_result() {
    let with =
        |denies| latest(json!({ "name": "default", "behaviors": [enforce(&["a"], denies)] }));
    let (denying, recording) = (with(true), with(false));
    for request in [
        Request::default(),
        Request::default().with_certificate(&[]),
        Request::default().with_certificate(&["a"]),
        Request::default().with_certificate(&["b"]),
    ] {
        let (denied, recorded) = (denying.decide(&request), recording.decide(&request));
        assert_eq!(recorded.outcome, Outcome::Forward);
        assert_eq!(
            denied.enforced.unwrap().result,
            recorded.enforced.unwrap().result
        );
        assert_eq!(
            matches!(denied.outcome, Outcome::Deny(_)),
            recorded.enforced.unwrap().result == EnforcementResult::Failed
        );
    }
}

#[test]
fn a_denial_wins_over_responses_and_redirects() {
    let respond = json!({ "name": "constructResponse", "options": { "enabled": true, "body": "x", "responseCode": 200 } });
    let redirect = json!({ "name": "redirect", "options": {
        "destinationHostname": "OTHER", "destinationHostnameOther": "b.example.com" } });
    let tree = |behaviors: Value| latest(json!({ "name": "default", "behaviors": behaviors }));
    let request = Request::default();
    assert_eq!(
        outcome(&tree(json!([respond, redirect, deny("no")])), &request),
        "denied by rule"
    );
    assert_eq!(
        outcome(
            &tree(json!([respond, redirect, enforce(&["a"], true)])),
            &request
        ),
        "certificate required"
    );
    assert_eq!(
        outcome(&tree(json!([respond, redirect])), &request),
        "answered"
    );
    assert_eq!(outcome(&tree(json!([redirect])), &request), "redirected");
}

#[test]
fn redirects_keep_what_they_are_told_to_keep() {
    let location = |options: Value, request: &Request| {
        let program = latest(
            json!({ "name": "default", "behaviors": [{ "name": "redirect", "options": options }] }),
        );
        let Outcome::Redirect(redirect) = program.decide(request).outcome else {
            panic!()
        };
        let mut text = String::new();
        redirect.write_location(request, &mut text).unwrap();
        format!("{} {text}", redirect.status)
    };
    let request = Request {
        query: Some("q=1".to_owned()),
        ..Request::to("/a/b")
    };
    for (options, expected) in [
        (
            json!({ "destinationHostname": "OTHER", "destinationHostnameOther": "b.example.com" }),
            "302 https://b.example.com/a/b?q=1",
        ),
        (
            json!({ "destinationHostname": "SUBDOMAIN", "destinationHostnameSubdomain": "m", "responseCode": 301 }),
            "301 https://m.www.example.com/a/b?q=1",
        ),
        (
            json!({ "destinationHostname": "SIBLING", "destinationHostnameSibling": "m", "queryString": "IGNORE" }),
            "302 https://m.example.com/a/b",
        ),
        (
            json!({ "destinationPath": "PREFIX_REQUEST", "destinationPathPrefix": "/v2/" }),
            "302 https://www.example.com/v2/a/b?q=1",
        ),
        (
            json!({ "destinationPath": "OTHER", "destinationPathOther": "/x?y=2", "responseCode": 308 }),
            "308 https://www.example.com/x?y=2&q=1",
        ),
    ] {
        assert_eq!(location(options, &request), expected);
    }
}

#[test]
fn header_changes_are_one_per_header_and_can_be_taken_back() {
    let change =
        |options: Value| json!({ "name": "modifyIncomingRequestHeader", "options": options });
    let program = latest(json!({ "name": "default",
        "behaviors": [
            change(json!({ "action": "ADD", "standardAddHeaderName": "OTHER", "customHeaderName": "X-Zone", "headerValue": "a" })),
            change(json!({ "action": "DELETE", "standardDeleteHeaderName": "VIA" })),
        ],
        "children": [{ "name": "b", "criteria": [path("/b")], "behaviors": [
            change(json!({ "action": "MODIFY", "standardModifyHeaderName": "OTHER", "customHeaderName": "x-zone", "newHeaderValue": "b" })),
            change(json!({ "action": "PASS", "standardPassHeaderName": "OTHER", "customHeaderName": "Via" })),
        ] }],
    }));
    let names = |path: &str| {
        let request = Request::to(path);
        let decision = program.decide(&request);
        decision
            .request_headers
            .iter()
            .map(|change| format!("{} {:?}", change.name, change.operation))
            .collect::<Vec<_>>()
    };
    let at_a = names("/a");
    assert_eq!(at_a.len(), 2);
    assert!(
        at_a[0].starts_with("x-zone Add") && at_a[1].starts_with("via Delete"),
        "{at_a:?}"
    );
    let at_b = names("/b");
    assert_eq!(at_b.len(), 1);
    assert!(at_b[0].starts_with("x-zone Set"), "{at_b:?}");
}

#[test]
fn origins_credentials_and_limits_come_from_the_last_rule_that_applied() {
    let program = latest(json!({ "name": "default",
        "behaviors": [
            { "name": "origin", "options": { "originType": "CUSTOMER", "hostname": "Origin.example.com", "httpPort": 80,
                "httpsPort": 8443, "forwardHostHeader": "ORIGIN_HOSTNAME", "originSni": true,
                "verificationMode": "PLATFORM_SETTINGS" } },
            { "name": "mtlsOriginKeystore", "options": { "enable": true, "clientCertificateVersionGuid": "guid-1" } },
            { "name": "rateLimitPerIdentity", "options": { "name": "api", "requests": 100, "seconds": 60 } },
        ],
        "children": [{ "name": "b", "criteria": [path("/b")], "behaviors": [
            { "name": "origin", "options": { "originId": "b" } },
            { "name": "mtlsOriginKeystore", "options": { "enable": false } },
        ] }],
    }));
    let keys: Vec<&str> = program
        .origins()
        .iter()
        .map(|origin| origin.key.as_str())
        .collect();
    assert_eq!(keys, ["origin.example.com:8443", "b"]);
    let request = Request::to("/");
    let decision = program.decide(&request);
    assert_eq!(decision.origin, Some("origin.example.com:8443"));
    assert_eq!(decision.forward_host, Some(ForwardHost::Origin));
    assert_eq!(decision.origin_credential.unwrap().version_guid, "guid-1");
    assert_eq!(decision.rate_limit.unwrap().requests, 100);
    let request = Request::to("/b");
    let decision = program.decide(&request);
    assert_eq!(decision.origin, Some("b"));
    assert_eq!(
        decision.forward_host, None,
        "the origin's own setting holds"
    );
    assert!(decision.origin_credential.is_none());
    assert_eq!(decision.rate_limit.unwrap().name, "api");
}

/// Threats C4.2: nothing in a certificate or a path can end a header.
#[test]
fn values_from_clients_cannot_break_out_of_a_header() {
    let program = latest(
        json!({ "name": "default", "behaviors": [{ "name": "modifyIncomingRequestHeader", "options": {
        "action": "ADD", "customHeaderName": "X-Who",
        "headerValue": "{{builtin.CS_CLIENT_SUBJECT}} at {{ builtin.AK_PATH }}" } }] }),
    );
    let mut request = Request::to("/caf%C3%A9").with_certificate(&["a"]);
    request.subject = vec![(
        countersign_rules::NameAttribute::CommonName,
        "a\r\nX-Admin: 1\u{e9}%".to_owned(),
    )];
    let render = |verified| {
        let decision = program.decide(&request);
        let countersign_rules::HeaderOperation::Add(template) =
            &decision.request_headers.iter().next().unwrap().operation
        else {
            panic!()
        };
        let mut text = String::new();
        template
            .render_for_header(&request, verified, &mut text)
            .unwrap();
        text
    };
    assert_eq!(
        render(true),
        "COMMON_NAME=a%0D%0AX-Admin: 1%C3%A9%25; at /caf%C3%A9"
    );
    assert_eq!(render(false), " at /caf%C3%A9");
}

#[test]
fn the_trace_shows_the_values_that_were_compared() {
    let program = guide_example_with_children("latest");
    let request = Request {
        hostname: "mtls.example.com".to_owned(),
        ..Request::default()
    };
    let (_, trace) = program.explain(&request);
    let text = trace.to_string();
    let expected = "\
default: matched
  mTLS: matched
    ✓ hostname: wants `mtls.example.com`; has `mtls.example.com`
    → checks for a certificate of `524125`, without denying
    valid client: not matched
      ✗ clientCertificate: wants a mutual-TLS check that passed; has no certificate (`missing`); the check failed
    failed check: matched
      ✓ clientCertificate: wants a mutual-TLS check that failed; has no certificate (`missing`); the check failed
      → writes the custom log field `mtls failed: {{builtin.CS_CLIENT_REASON}}`
Forwarded; no rule names an origin; the check of the rule `default / mTLS` failed and does not deny
";
    assert_eq!(text, expected);
}

/// Threats C5.1: some origins serve `/admin` for `/admin;x=1`, others do not.
#[test]
fn a_path_with_parameters_is_decided_in_both_readings_and_the_stricter_one_holds() {
    let off = json!({ "name": "enforceMtlsSettings", "options": { "enableAuthSet": false } });
    let program = latest(children(&[
        (path("/admin/*"), enforce(&["a"], true)),
        (path("/admin"), enforce(&["a"], true)),
        (path("/admin/health"), off.clone()),
        (path("/admin/open;*"), off),
        (path("/secret"), deny("secret")),
        (path("*;v=1"), deny("version")),
    ]));
    for (path, expected) in [
        ("/admin;x=1", "certificate required"),
        ("/admin;x=1/y", "certificate required"),
        ("/admin/;x", "certificate required"),
        // Open only if both readings are.
        ("/admin/health", "forwarded"),
        ("/admin/health;x", "certificate required"),
        ("/admin/open;x", "certificate required"),
        ("/secret;a;b", "denied by rule"),
        ("/other;v=1", "denied by rule"),
        ("/other;v=2/x;y", "forwarded"),
    ] {
        assert_eq!(outcome(&program, &Request::to(path)), expected, "{path}");
    }
    let (_, trace) = program.explain(&Request::to("/secret;a"));
    assert!(
        trace
            .conclusion
            .ends_with("; decided for `/secret`, as which some origins read the path"),
        "{}",
        trace.conclusion
    );

    // What is recorded is the stricter reading too.
    let recording = latest(children(&[(path("/admin"), enforce(&["a"], false))]));
    let request = Request::to("/admin;x").with_certificate(&["b"]);
    let decision = recording.decide(&request);
    assert_eq!(decision.enforced.unwrap().result, EnforcementResult::Failed);
    assert!(!decision.client_verified);
}
