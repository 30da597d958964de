//! Every criterion, on both sides.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "support/request.rs"]
mod request;

use std::net::IpAddr;

use countersign_rules::{
    CertificateState, NameAttribute, Outcome, Protocol, RuleTree, SanKind, compile,
};
use request::Request;
use serde_json::{Value, json};

/// Whether a rule with this one criterion matches; its trace must say the same.
fn holds_in(format: &str, name: &str, options: Value, request: &Request) -> bool {
    let document = json!({ "ruleFormat": format, "rules": { "name": "default", "children": [{
        "name": "it", "criteria": [{ "name": name, "options": options }],
        "behaviors": [{ "name": "denyAccess", "options": { "reason": "it", "enabled": true } }] }] } });
    let tree = RuleTree::from_json(&document.to_string())
        .unwrap_or_else(|problems| panic!("{problems:#?}"));
    let program = compile(&tree).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let holds = matches!(program.decide(request).outcome, Outcome::Deny(_));
    let (_, trace) = program.explain(request);
    let criterion = &trace.rules[1].criteria[0];
    assert_eq!(criterion.matched, holds);
    assert!(!criterion.expected.is_empty() && !criterion.actual.is_empty());
    holds
}

fn holds(name: &str, options: Value, request: &Request) -> bool {
    holds_in("latest", name, options, request)
}

#[track_caller]
fn check(name: &str, options: Value, request: &Request, expected: bool) {
    assert_eq!(
        holds(name, options.clone(), request),
        expected,
        "{name} {options} on {request:?}"
    );
}

fn alice() -> Request {
    Request::default().with_certificate(&["one"])
}

#[test]
fn hostname() {
    let host = |name: &str| Request {
        hostname: name.to_owned(),
        ..Request::default()
    };
    for (values, name, expected) in [
        (json!(["www.example.com"]), "www.example.com", true),
        (json!(["WWW.Example.Com"]), "www.example.com", true),
        (json!(["example.com"]), "www.example.com", false),
        (json!(["*.example.com"]), "a.b.example.com", true),
        (json!(["*.example.com"]), "example.com", false),
        (json!(["w?w.example.com"]), "www.example.com", true),
        (json!(["a.test", "b.test"]), "b.test", true),
        (json!(["192.0.2.1"]), "192.0.2.1", true),
    ] {
        check(
            "hostname",
            json!({ "matchOperator": "IS_ONE_OF", "values": values }),
            &host(name),
            expected,
        );
        check(
            "hostname",
            json!({ "matchOperator": "IS_NOT_ONE_OF", "values": values }),
            &host(name),
            !expected,
        );
    }
}

#[test]
fn path() {
    for (pattern, path, case_sensitive, expected) in [
        ("/admin/*", "/admin/x", true, true),
        ("/admin/*", "/admin", true, false),
        ("/admin/*", "/ADMIN/x", true, false),
        ("/admin/*", "/ADMIN/x", false, true),
        ("/admin*", "/administrator", true, true),
        ("/a?c", "/abc", true, true),
        ("/a?c", "/ac", true, false),
        ("*.jpg", "/x/y.jpg", true, true),
        // RFC 3986 §6.2.2.1: the case of hexadecimal digits carries no meaning, whatever the rule says about case.
        ("/caf%C3%A9", "/caf%c3%a9", true, true),
        ("/caf%c3%a9", "/caf%C3%A9", true, true),
        ("/Caf%c3%a9", "/caf%C3%A9", true, false),
        // Nothing else is interpreted: such paths never reach a rule, and if they did they would be what they are.
        ("/admin", "/%61dmin", true, false),
        ("/admin", "//admin", true, false),
        ("/admin", "/x/../admin", true, false),
    ] {
        let options = |operator: &str, normalize: bool| {
            json!({ "matchOperator": operator, "values": [pattern], "matchCaseSensitive": case_sensitive,
                "normalize": normalize })
        };
        check(
            "path",
            options("MATCHES_ONE_OF", false),
            &Request::to(path),
            expected,
        );
        check(
            "path",
            options("DOES_NOT_MATCH_ONE_OF", false),
            &Request::to(path),
            !expected,
        );
        // `normalize` neither widens nor narrows what matches.
        check(
            "path",
            options("MATCHES_ONE_OF", true),
            &Request::to(path),
            expected,
        );
    }
}

#[test]
fn request_method_and_protocol() {
    let request = Request {
        method: "DELETE".to_owned(),
        ..Request::default()
    };
    check(
        "requestMethod",
        json!({ "matchOperator": "IS", "value": "HTTP_DELETE" }),
        &request,
        true,
    );
    check(
        "requestMethod",
        json!({ "matchOperator": "IS", "value": "DELETE" }),
        &request,
        true,
    );
    check(
        "requestMethod",
        json!({ "matchOperator": "IS_NOT", "value": "GET" }),
        &request,
        true,
    );
    check(
        "requestMethod",
        json!({ "matchOperator": "IS", "value": "GET" }),
        &request,
        false,
    );
    let propfind = Request {
        method: "PROPFIND".to_owned(),
        ..Request::default()
    };
    check(
        "requestMethod",
        json!({ "value": "DAV_PROPFIND" }),
        &propfind,
        true,
    );
    check(
        "requestProtocol",
        json!({ "value": "HTTPS" }),
        &request,
        true,
    );
    check(
        "requestProtocol",
        json!({ "value": "HTTP" }),
        &request,
        false,
    );
    let plain = Request {
        protocol: Protocol::Http,
        ..Request::default()
    };
    check("requestProtocol", json!({ "value": "HTTP" }), &plain, true);
}

#[test]
fn request_header() {
    let headers = [
        ("x-zone", "Blue"),
        ("x-zone", "green"),
        ("accept", "text/html"),
    ];
    let headers = headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let request = Request {
        headers,
        ..Request::default()
    };
    for (options, expected) in [
        (json!({ "headerName": "X-Zone", "values": ["green"] }), true),
        (json!({ "headerName": "X-Zone", "values": ["blue"] }), true),
        (
            json!({ "headerName": "X-Zone", "values": ["blue"], "matchCaseSensitiveValue": true }),
            false,
        ),
        (json!({ "headerName": "X-Zone", "values": ["gr*"] }), false),
        (
            json!({ "headerName": "X-Zone", "values": ["gr*"], "matchWildcardValue": true }),
            true,
        ),
        (json!({ "headerName": "X-*", "values": ["green"] }), false),
        (
            json!({ "headerName": "X-*", "values": ["green"], "matchWildcardName": true }),
            true,
        ),
        (
            json!({ "headerName": "X-*", "values": ["text/html"], "matchWildcardName": true }),
            false,
        ),
        (
            json!({ "headerName": "X-Zone", "matchOperator": "EXISTS" }),
            true,
        ),
        (
            json!({ "headerName": "X-Other", "matchOperator": "EXISTS" }),
            false,
        ),
        (
            json!({ "headerName": "X-Other", "matchOperator": "DOES_NOT_EXIST" }),
            true,
        ),
        (
            json!({ "headerName": "X-Zone", "matchOperator": "IS_NOT_ONE_OF", "values": ["red"] }),
            true,
        ),
        (
            json!({ "headerName": "X-Zone", "matchOperator": "IS_NOT_ONE_OF", "values": ["red", "green"] }),
            false,
        ),
        (
            json!({ "headerName": "X-Other", "matchOperator": "IS_NOT_ONE_OF", "values": ["red"] }),
            true,
        ),
    ] {
        check("requestHeader", options, &request, expected);
    }
}

#[test]
fn query_string_parameter() {
    let request = Request {
        query: Some("q=a%20b&q=c+d&N=17&%61=1&flag&bad=%zz".to_owned()),
        ..Request::default()
    };
    for (options, expected) in [
        (json!({ "parameterName": "q", "values": ["a b"] }), true),
        (json!({ "parameterName": "q", "values": ["C D"] }), true),
        (
            json!({ "parameterName": "q", "values": ["C D"], "matchCaseSensitiveValue": true }),
            false,
        ),
        (json!({ "parameterName": "q", "values": ["a%20b"] }), false),
        (json!({ "parameterName": "a", "values": ["1"] }), true),
        (json!({ "parameterName": "n", "values": ["17"] }), true),
        (
            json!({ "parameterName": "n", "values": ["17"], "matchCaseSensitiveName": true }),
            false,
        ),
        (
            json!({ "parameterName": "?", "values": ["17"], "matchWildcardName": true }),
            true,
        ),
        (
            json!({ "parameterName": "flag", "matchOperator": "EXISTS" }),
            true,
        ),
        (
            json!({ "parameterName": "flags", "matchOperator": "DOES_NOT_EXIST" }),
            true,
        ),
        (
            json!({ "parameterName": "q", "matchOperator": "IS_NOT_ONE_OF", "values": ["a b"] }),
            false,
        ),
        (json!({ "parameterName": "bad", "values": ["%zz"] }), true),
        (
            json!({ "parameterName": "n", "matchOperator": "IS_LESS_THAN", "upperBound": 18 }),
            true,
        ),
        (
            json!({ "parameterName": "n", "matchOperator": "IS_LESS_THAN", "upperBound": 17 }),
            false,
        ),
        (
            json!({ "parameterName": "n", "matchOperator": "IS_MORE_THAN", "lowerBound": 16 }),
            true,
        ),
        (
            json!({ "parameterName": "n", "matchOperator": "IS_MORE_THAN", "lowerBound": "17" }),
            false,
        ),
        (
            json!({ "parameterName": "n", "matchOperator": "IS_BETWEEN", "lowerBound": 17, "upperBound": 17 }),
            true,
        ),
        (
            json!({ "parameterName": "q", "matchOperator": "IS_BETWEEN", "lowerBound": 0, "upperBound": 99 }),
            false,
        ),
    ] {
        check("queryStringParameter", options, &request, expected);
    }
}

#[test]
fn client_ip() {
    let from = |address: &str| Request {
        client_ip: address.parse::<IpAddr>().unwrap(),
        ..Request::default()
    };
    for (values, address, expected) in [
        (json!(["192.0.2.0/24", "2001:db8::/32"]), "192.0.2.9", true),
        (
            json!(["192.0.2.0/24", "2001:db8::/32"]),
            "2001:db8::9",
            true,
        ),
        (json!(["192.0.2.0/24"]), "192.0.3.9", false),
        (json!(["192.0.2.0/24"]), "::ffff:192.0.2.9", true),
        (json!(["::/0"]), "::ffff:192.0.2.9", false),
    ] {
        check(
            "clientIp",
            json!({ "matchOperator": "IS_ONE_OF", "values": values }),
            &from(address),
            expected,
        );
        check(
            "clientIp",
            json!({ "matchOperator": "IS_NOT_ONE_OF", "values": values }),
            &from(address),
            !expected,
        );
    }
}

#[test]
fn client_certificate_of_the_first_generation() {
    let (missing, invalid, valid) = (
        Request::default(),
        Request::default().with_certificate(&[]),
        alice(),
    );
    for (options, expected) in [
        (json!({}), [false, true, true]),
        (
            json!({ "isCertificatePresent": false }),
            [true, false, false],
        ),
        (
            json!({ "isCertificatePresent": false, "isCertificateValid": "VALID" }),
            [true, false, false],
        ),
        (
            json!({ "isCertificateValid": "VALID" }),
            [false, false, true],
        ),
        (
            json!({ "isCertificateValid": "INVALID" }),
            [false, true, false],
        ),
        (
            json!({ "isCertificateValid": "IGNORE" }),
            [false, true, true],
        ),
        (
            json!({ "isCertificatePresent": true, "isCertificateValid": "VALID", "enforceMtls": true }),
            [true, true, false],
        ),
    ] {
        let found = [&missing, &invalid, &valid]
            .map(|request| holds_in("v2026-01-09", "clientCertificate", options.clone(), request));
        assert_eq!(found, expected, "{options}");
    }
}

#[test]
fn client_certificate_of_the_second_generation() {
    let (missing, invalid, valid) = (
        Request::default(),
        Request::default().with_certificate(&[]),
        alice(),
    );
    for (options, expected) in [
        (json!({}), [true, true, false]),
        (json!({ "enforceMtls": "FAIL" }), [true, true, false]),
        (json!({ "enforceMtls": "PASS" }), [false, false, true]),
        (
            json!({ "enforceMtls": "PASS", "certificateState": "MISSING" }),
            [false, false, true],
        ),
        (
            json!({ "enforceMtls": "IGNORE", "certificateState": "MISSING" }),
            [true, false, false],
        ),
        (
            json!({ "enforceMtls": "IGNORE", "certificateState": "PRESENT" }),
            [false, true, true],
        ),
        (
            json!({ "enforceMtls": "IGNORE", "certificateState": "PRESENT_VALID" }),
            [false, false, true],
        ),
        (
            json!({ "enforceMtls": "IGNORE", "certificateState": "PRESENT_INVALID" }),
            [false, true, false],
        ),
    ] {
        for format in ["v2026-02-16", "v2026-07-21", "latest"] {
            let found = [&missing, &invalid, &valid]
                .map(|request| holds_in(format, "clientCertificate", options.clone(), request));
            assert_eq!(found, expected, "{options}");
        }
    }
}

#[test]
fn client_subject_and_issuer() {
    for (name, options, expected) in [
        (
            "clientSubject",
            json!({ "attribute": "COMMON_NAME", "values": ["alice"] }),
            true,
        ),
        (
            "clientSubject",
            json!({ "attribute": "COMMON_NAME", "values": ["Alice"] }),
            false,
        ),
        (
            "clientSubject",
            json!({ "attribute": "COMMON_NAME", "values": ["ali*"] }),
            false,
        ),
        (
            "clientSubject",
            json!({ "attribute": "ORGANIZATION", "values": ["alice"] }),
            false,
        ),
        (
            "clientSubject",
            json!({ "attribute": "ORGANIZATIONAL_UNIT", "values": ["operations"] }),
            true,
        ),
        (
            "clientSubject",
            json!({ "attribute": "ORGANIZATIONAL_UNIT", "values": ["payments, operations"] }),
            false,
        ),
        (
            "clientIssuer",
            json!({ "attribute": "COMMON_NAME", "values": ["Example CA"] }),
            true,
        ),
        (
            "clientIssuer",
            json!({ "attribute": "COMMON_NAME", "values": ["alice"] }),
            false,
        ),
    ] {
        check(name, options.clone(), &alice(), expected);
        let mut negated = options;
        negated["matchOperator"] = json!("IS_NOT_ONE_OF");
        check(name, negated, &alice(), !expected);
    }
}

/// Threats C3.3: a name of one type is not a name of another, and octets are compared as they are.
#[test]
fn client_san_is_compared_by_type_and_octet_by_octet() {
    let mut request = alice();
    request
        .sans
        .push((SanKind::Dns, b"admin.example.com\0.evil.test".to_vec()));
    request
        .sans
        .push((SanKind::Uri, b"bob.example.com".to_vec()));
    request
        .sans
        .push((SanKind::Upn, "zo\u{eb}@example".as_bytes().to_vec()));
    for (kind, value, expected) in [
        ("DNS", "alice.example.com", true),
        ("DNS", "ALICE.example.com", false),
        ("DNS", "admin.example.com", false),
        ("DNS", "bob.example.com", false),
        ("URI", "spiffe://example/alice", true),
        ("URI", "spiffe://example/", false),
        ("IP", "192.0.2.7", true),
        ("IP", "192.0.2.70", false),
        ("IP", "::ffff:192.0.2.7", false),
        ("UPN", "zo\u{eb}@example", true),
        ("EMAIL", "alice@example.com", false),
    ] {
        check(
            "clientSan",
            json!({ "type": kind, "values": [value] }),
            &request,
            expected,
        );
    }
}

#[test]
fn client_digests_serial_and_days() {
    let colons = vec!["AB"; 32].join(":");
    for (name, options, expected) in [
        (
            "clientFingerprint",
            json!({ "values": ["ab".repeat(32)] }),
            true,
        ),
        ("clientFingerprint", json!({ "values": [colons] }), true),
        (
            "clientFingerprint",
            json!({ "values": ["cd".repeat(32)] }),
            false,
        ),
        ("clientSpki", json!({ "values": ["cd".repeat(32)] }), true),
        ("clientSpki", json!({ "values": ["ab".repeat(32)] }), false),
        ("clientSerial", json!({ "values": ["0a1b"] }), true),
        ("clientSerial", json!({ "values": ["A1B"] }), true),
        ("clientSerial", json!({ "values": ["00:0A:1B"] }), true),
        ("clientSerial", json!({ "values": ["0a1b00"] }), false),
        (
            "clientDaysLeft",
            json!({ "matchOperator": "IS_LESS_THAN", "value": 13 }),
            true,
        ),
        (
            "clientDaysLeft",
            json!({ "matchOperator": "IS_LESS_THAN", "value": 12 }),
            false,
        ),
        (
            "clientDaysLeft",
            json!({ "matchOperator": "IS_MORE_THAN", "value": 11 }),
            true,
        ),
        (
            "clientDaysLeft",
            json!({ "matchOperator": "IS_MORE_THAN", "value": 12 }),
            false,
        ),
    ] {
        check(name, options, &alice(), expected);
    }
}

#[test]
fn client_ca_set_and_reason_speak_of_verdicts() {
    let request = Request::default().with_certificate(&["one", "two"]);
    check(
        "clientCaSet",
        json!({ "values": ["three", "two"] }),
        &request,
        true,
    );
    check(
        "clientCaSet",
        json!({ "values": ["three"] }),
        &request,
        false,
    );
    check(
        "clientCaSet",
        json!({ "matchOperator": "IS_NOT_ONE_OF", "values": ["three"] }),
        &request,
        true,
    );
    check(
        "clientReason",
        json!({ "values": ["expired"] }),
        &request,
        false,
    );
    let expired = Request {
        refusal: Some("expired".to_owned()),
        ..Request::default().with_certificate(&[])
    };
    check(
        "clientReason",
        json!({ "values": ["expired", "revoked"] }),
        &expired,
        true,
    );
    check(
        "clientReason",
        json!({ "values": ["missing"] }),
        &Request::default(),
        true,
    );
}

/// Anybody can write any name into a certificate of their own.
#[test]
fn names_and_keys_of_an_unverified_certificate_match_no_allowlist() {
    let forged = Request {
        state: CertificateState::Invalid,
        ..alice()
    };
    for (name, options) in [
        (
            "clientSubject",
            json!({ "attribute": "COMMON_NAME", "values": ["alice"] }),
        ),
        (
            "clientIssuer",
            json!({ "attribute": "COMMON_NAME", "values": ["Example CA"] }),
        ),
        (
            "clientSan",
            json!({ "type": "DNS", "values": ["alice.example.com"] }),
        ),
        ("clientFingerprint", json!({ "values": ["ab".repeat(32)] })),
        ("clientSpki", json!({ "values": ["cd".repeat(32)] })),
        ("clientSerial", json!({ "values": ["0a1b"] })),
        (
            "clientDaysLeft",
            json!({ "matchOperator": "IS_MORE_THAN", "value": 0 }),
        ),
    ] {
        check(name, options.clone(), &alice(), true);
        check(name, options.clone(), &forged, false);
        if name != "clientDaysLeft" {
            let mut negated = options;
            negated["matchOperator"] = json!("IS_NOT_ONE_OF");
            check(name, negated, &forged, true);
        }
    }
    assert_eq!(
        forged.subject[0],
        (NameAttribute::CommonName, "alice".to_owned())
    );
}
