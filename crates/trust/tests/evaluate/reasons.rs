//! Which reason is told.

use countersign_testkit::der;
use countersign_testkit::pki::{KeyUsage, Pki};

use crate::check::{Case, NOW, check, explanation};

#[test]
fn no_too_many_too_large_and_unreadable_certificates_are_refused_before_anything() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue().der().to_vec();
    Case::new(Vec::new(), &[&root]).is("missing");
    Case::new(vec![client.clone(); 11], &[&root]).is("too_many_certificates");
    Case::new(vec![client.clone(); 10], &[&root]).is("valid");
    let large = root
        .client("large")
        .extension("1.2.3.4", false, vec![0; 40_000])
        .issue()
        .der()
        .to_vec();
    Case::new(vec![large.clone(), large], &[&root]).is("chain_too_large");
    Case::new(vec![vec![0x30, 0x00]], &[&root]).is("malformed");
    Case::new(vec![client, b"junk".to_vec()], &[&root]).is("malformed");
}

#[test]
fn an_issuer_that_nobody_knows_is_named() {
    let root = Pki::new().root("root");
    let stranger = Pki::new().root("stranger");
    let issuing = stranger.intermediate("issuing");
    let verdict = check(&issuing.client("a").issue(), &[&root], "unknown_issuer");
    let (explanation, remedy) = explanation(&verdict);
    assert_eq!(
        explanation,
        "`CN=issuing` was issued by `CN=stranger`, which is neither in the CA set nor among the certificates that the client sent."
    );
    assert!(remedy.contains("`CN=stranger`"), "{remedy}");
    let self_signed = check(
        &Pki::new().self_signed("me").issue(),
        &[&root],
        "unknown_issuer",
    );
    assert!(
        crate::check::explanation(&self_signed)
            .0
            .contains("signed by itself")
    );
}

#[test]
fn a_missing_issuer_of_the_owners_organisation_is_an_incomplete_chain() {
    let ours = [("C", "US"), ("O", "Example Corp"), ("CN", "root")];
    let root = Pki::new().request_root("").subject(&ours).issue_ca();
    let issuing = root
        .request_intermediate("")
        .subject(&[("O", "EXAMPLE  corp"), ("CN", "issuing")])
        .issue_ca();
    let client = issuing.client("a").issue();
    check(&client, &[&root], "valid");
    let verdict = check(
        &client.clone().without_intermediates(),
        &[&root],
        "incomplete_chain",
    );
    let (explanation, remedy) = explanation(&verdict);
    assert!(
        explanation.contains("CN=issuing,O=EXAMPLE  corp"),
        "{explanation}"
    );
    assert!(
        remedy.contains("send the certificate of `CN=issuing"),
        "{remedy}"
    );
    let theirs = Pki::new()
        .request_root("")
        .subject(&[("O", "Other"), ("CN", "root")])
        .issue_ca();
    check(
        &client.without_intermediates(),
        &[&theirs],
        "unknown_issuer",
    );
}

#[test]
fn domain_components_make_an_organisation_only_all_together() {
    let components = |last: &str| {
        let attribute = |kind: &str, value: &str| {
            der::set([der::sequence([der::oid(kind), der::utf8_string(value)])])
        };
        der::sequence([
            attribute("0.9.2342.19200300.100.1.25", "com"),
            attribute("0.9.2342.19200300.100.1.25", last),
            attribute("2.5.4.3", "ca"),
        ])
    };
    let root = Pki::new()
        .request_root("")
        .subject_der(components("example"))
        .issue_ca();
    let same = Pki::new()
        .request_root("")
        .subject_der(components("example"))
        .issue_ca();
    let other = Pki::new()
        .request_root("")
        .subject_der(components("elsewhere"))
        .issue_ca();
    let issuing = |ca: &countersign_testkit::pki::Ca, last| {
        ca.request_intermediate("")
            .subject_der({
                let mut name = components(last);
                let common = der::set([der::sequence([
                    der::oid("2.5.4.3"),
                    der::utf8_string("issuing"),
                ])]);
                name = der::sequence([der::content(&name), &common]);
                name
            })
            .issue_ca()
            .client("a")
            .issue()
            .without_intermediates()
    };
    check(&issuing(&same, "example"), &[&root], "incomplete_chain");
    check(&issuing(&other, "elsewhere"), &[&root], "unknown_issuer");
}

#[test]
fn an_unaltered_signature_is_needed() {
    let root = Pki::new()
        .request_root("root")
        .no_key_identifiers()
        .issue_ca();
    let mut der = root.client("a").issue().der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    Case::new(vec![der], &[&root]).is("bad_signature");
}

/// The order of reasons: what comes first is told when both are the case.
#[test]
fn the_farthest_failure_of_a_path_is_told() {
    let root = Pki::new().root("root");
    let stranger = Pki::new().root("stranger");
    // unknown_issuer before expired
    check(
        &stranger.client("a").expired(NOW).issue(),
        &[&root],
        "unknown_issuer",
    );
    // incomplete_chain before expired
    let corp = Pki::new()
        .request_root("")
        .subject(&[("O", "Corp")])
        .issue_ca();
    let issuing = corp
        .request_intermediate("")
        .subject(&[("O", "Corp"), ("CN", "i")])
        .issue_ca();
    check(
        &issuing
            .client("a")
            .expired(NOW)
            .issue()
            .without_intermediates(),
        &[&corp],
        "incomplete_chain",
    );
    // bad_signature before expired
    let mut der = root.client("a").expired(NOW).issue().der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    Case::new(vec![der], &[&root]).is("bad_signature");
    // eku_missing before expired
    check(
        &root
            .client("a")
            .expired(NOW)
            .extended_key_usage(&["1.3.6.1.5.5.7.3.1"])
            .issue(),
        &[&root],
        "eku_missing",
    );
    // issuer_expired before expired
    let old = root.request_intermediate("old").expired(NOW).issue_ca();
    check(
        &old.client("a").expired(NOW).issue(),
        &[&root],
        "issuer_expired",
    );
    // issuer_expired before eku_missing
    check(
        &old.client("a")
            .extended_key_usage(&["1.3.6.1.5.5.7.3.1"])
            .issue(),
        &[&root],
        "issuer_expired",
    );
    // not_a_ca before issuer_expired
    let no_ca = root
        .request_intermediate("x")
        .expired(NOW)
        .basic_constraints(false)
        .issue_ca();
    check(&no_ca.client("a").issue(), &[&root], "not_a_ca");
    // not_a_ca before key_usage: a client that issues others
    let client = root.client("issuer").basic_constraints(false).issue_ca();
    check(&client.client("a").issue(), &[&root], "not_a_ca");
    // unknown_critical_extension before name_constraint
    let limited = root
        .request_intermediate("limited")
        .permit(der::dns("example.com"))
        .issue_ca();
    check(
        &limited
            .client("a")
            .dns("evil.com")
            .extension("1.2.3.4", true, vec![5, 0])
            .issue(),
        &[&root],
        "unknown_critical_extension",
    );
    // name_constraint before expired
    check(
        &limited.client("a").dns("evil.com").expired(NOW).issue(),
        &[&root],
        "name_constraint",
    );
}

#[test]
fn of_two_paths_the_one_nearest_to_trust_gives_the_reason() {
    // One root is expired, the other one would do but for the time of the client.
    let old = Pki::new().request_root("root").expired(NOW).issue_ca();
    let new = Pki::new().request_root("root").key(old.key()).issue_ca();
    let verdict = check(
        &old.client("a").expired(NOW).issue(),
        &[&old, &new],
        "expired",
    );
    match verdict {
        countersign_trust::Verdict::Invalid(refusal) => {
            let attempts: Vec<_> = refusal
                .attempts()
                .iter()
                .map(|attempt| attempt.reason().code())
                .collect();
            assert_eq!(attempts, ["issuer_expired", "expired"]);
            assert_eq!(
                refusal.certificate().unwrap().subject().to_rfc2253(),
                "CN=a"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn issuers_out_of_time_are_refused_wherever_they_are() {
    let late = Pki::new()
        .request_root("late")
        .not_yet_valid(NOW)
        .issue_ca();
    check(&late.client("a").issue(), &[&late], "issuer_not_yet_valid");
    let root = Pki::new().root("root");
    let issuing = root
        .request_intermediate("issuing")
        .not_yet_valid(NOW)
        .issue_ca();
    check(
        &issuing.client("a").issue(),
        &[&root],
        "issuer_not_yet_valid",
    );
}

#[test]
fn cas_must_be_cas_and_may_leave_out_key_usage() {
    let root = Pki::new().root("root");
    let no_basic_constraints = root
        .request_intermediate("x")
        .no_basic_constraints()
        .issue_ca();
    check(
        &no_basic_constraints.client("a").issue(),
        &[&root],
        "not_a_ca",
    );
    let no_cert_sign = root
        .request_intermediate("x")
        .key_usage(&[KeyUsage::DigitalSignature])
        .issue_ca();
    check(&no_cert_sign.client("a").issue(), &[&root], "key_usage");
    let no_key_usage = Pki::new().request_root("root").key_usage(&[]).issue_ca();
    check(&no_key_usage.client("a").issue(), &[&no_key_usage], "valid");
    let anchor = Pki::new()
        .request_root("root")
        .key_usage(&[KeyUsage::CrlSign])
        .issue_ca();
    check(&anchor.client("a").issue(), &[&anchor], "key_usage");
    let anchor = Pki::new()
        .request_root("root")
        .basic_constraints(false)
        .issue_ca();
    check(&anchor.client("a").issue(), &[&anchor], "not_a_ca");
}

#[test]
fn unknown_critical_extensions_are_refused_and_others_ignored() {
    let root = Pki::new().root("root");
    check(
        &root
            .client("a")
            .extension("1.2.3.4", false, vec![5, 0])
            .issue(),
        &[&root],
        "valid",
    );
    check(
        &root
            .client("a")
            .extension("1.2.3.4", true, vec![5, 0])
            .issue(),
        &[&root],
        "unknown_critical_extension",
    );
    let issuing = root
        .request_intermediate("i")
        .extension("1.2.3.4", true, vec![5, 0])
        .issue_ca();
    check(
        &issuing.client("a").issue(),
        &[&root],
        "unknown_critical_extension",
    );
}

#[test]
fn malformed_extensions_are_refused() {
    let root = Pki::new().root("root");
    let twice = root
        .client("a")
        .extension(
            "2.5.29.37",
            false,
            der::sequence([der::oid("1.3.6.1.5.5.7.3.2")]),
        )
        .issue();
    check(&twice, &[&root], "malformed");
    let bad = root
        .client("a")
        .key_usage(&[])
        .extension("2.5.29.15", true, vec![4, 0])
        .issue();
    check(&bad, &[&root], "malformed");
    // The outer algorithm is the one that verifies; that the signed part names another one is refused all the same.
    let differ = root
        .client("a")
        .edit(|tbs| {
            tbs.outer_signature = Some(tbs.signature.clone());
            tbs.signature = der::sequence([der::oid("1.2.840.10045.4.3.3")]);
        })
        .issue();
    check(&differ, &[&root], "malformed");
}
