//! Extended key usage and the client's key usage.

use countersign_testkit::pki::{KeyUsage, Pki, eku};
use countersign_trust::{ExtendedKeyUsageRule as Rule, UnixTime, Verdict};

use crate::check::{Case, NOW};

#[test]
fn each_rule_decides_about_each_kind_of_certificate() {
    let until = |seconds| Rule::AcceptServerAuthUntil(UnixTime::from_secs(seconds));
    let root = Pki::new().root("root");
    let rules = [
        Rule::AcceptAbsent,
        Rule::RequireClientAuth,
        until(NOW),
        until(NOW - 1),
        Rule::Any,
    ];
    let cases: [(&[&str], [bool; 5]); 5] = [
        (&[], [true, false, true, true, true]),
        (&[eku::CLIENT_AUTH], [true; 5]),
        (&[eku::SERVER_AUTH, eku::CLIENT_AUTH], [true; 5]),
        (&[eku::SERVER_AUTH], [false, false, true, false, true]),
        (&[eku::ANY], [true, false, true, true, true]),
    ];
    for (purposes, expected) in cases {
        let client = root.client("a").extended_key_usage(purposes).issue();
        for (rule, good) in rules.into_iter().zip(expected) {
            let expected = if good { "valid" } else { "eku_missing" };
            Case::of(&client, &[&root]).rule(rule).is(expected);
        }
    }
}

#[test]
fn cas_that_limit_their_purpose_vouch_for_no_client() {
    let root = Pki::new().root("root");
    let check = |purposes: &[&str], rule, expected| {
        let issuing = root
            .request_intermediate("i")
            .extended_key_usage(purposes)
            .issue_ca();
        let client = issuing.client("a").issue();
        Case::of(&client, &[&root]).rule(rule).is(expected);
        // The same when it is the anchor.
        Case::of(&client, &[&issuing]).rule(rule).is(expected);
    };
    check(&[eku::CLIENT_AUTH], Rule::AcceptAbsent, "valid");
    check(&[eku::ANY], Rule::RequireClientAuth, "valid");
    check(&[eku::SERVER_AUTH], Rule::AcceptAbsent, "eku_missing");
    check(&[eku::EMAIL_PROTECTION], Rule::AcceptAbsent, "eku_missing");
    check(
        &[eku::SERVER_AUTH],
        Rule::AcceptServerAuthUntil(UnixTime::from_secs(NOW)),
        "valid",
    );
    check(&[eku::SERVER_AUTH], Rule::Any, "valid");
}

#[test]
fn a_client_key_must_be_for_signing() {
    let root = Pki::new().root("root");
    let check = |usage: &[KeyUsage], expected| {
        let client = root.client("a").key_usage(usage).issue();
        Case::of(&client, &[&root]).is(expected);
        Case::of(&client, &[&root]).rule(Rule::Any).is("valid");
    };
    check(&[], "valid");
    check(&[KeyUsage::DigitalSignature], "valid");
    check(&[KeyUsage::KeyAgreement], "valid");
    check(&[KeyUsage::KeyEncipherment], "key_usage");
    check(&[KeyUsage::KeyCertSign, KeyUsage::CrlSign], "key_usage");
}

#[test]
fn a_verdict_holds_until_server_auth_no_longer_does() {
    let root = Pki::new().root("root");
    let rule = Rule::AcceptServerAuthUntil(UnixTime::from_secs(NOW + 5));
    for (purpose, expected) in [(eku::SERVER_AUTH, Some(NOW + 5)), (eku::CLIENT_AUTH, None)] {
        let client = root.client("a").extended_key_usage(&[purpose]).issue();
        match Case::of(&client, &[&root]).rule(rule).is("valid") {
            Verdict::Valid(chain) => {
                let until = expected.unwrap_or(chain.valid_until().as_secs());
                assert_eq!(chain.holds_until().as_secs(), until);
            }
            other => panic!("{other:?}"),
        }
    }
}
