//! What is found in CA sets: each rule with a good and a bad certificate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::process::Command;

use countersign_testkit::der;
use countersign_testkit::pki::{Ca, KeyKind, KeyUsage, Pki, eku};
use countersign_trust::{
    CaSetVersion, Certificate, EmptyCaSet, Finding, Severity, Sha1Signatures, UnixTime,
    parse_bundle, validate_ca_set,
};

/// 2027-01-15T08:00:00Z
const NOW: i64 = 1_800_000_000;

fn validate(certificates: &[Vec<u8>], sha1: Sha1Signatures) -> Vec<Finding> {
    let certificates: Vec<_> = certificates
        .iter()
        .map(|der| Certificate::from_der(der).unwrap())
        .collect();
    validate_ca_set(&certificates, sha1, UnixTime::from_secs(NOW))
}

/// Checks the findings, each as `code` or `code@position`, warnings with a `?`.
#[track_caller]
fn check_der(certificates: &[Vec<u8>], sha1: Sha1Signatures, expected: &[&str]) -> Vec<Finding> {
    let findings = validate(certificates, sha1);
    let shown: Vec<_> = findings
        .iter()
        .map(|finding| {
            let mark = if finding.severity == Severity::Warning {
                "?"
            } else {
                ""
            };
            let position = finding.position.map(|position| format!("@{position}"));
            format!("{}{}{mark}", finding.code, position.unwrap_or_default())
        })
        .collect();
    assert_eq!(shown, expected, "{findings:#?}");
    for finding in &findings {
        assert!(
            finding.detail.ends_with('.') && finding.remedy.ends_with('.'),
            "{finding:?}"
        );
    }
    findings
}

#[track_caller]
fn check(cas: &[&Ca], expected: &[&str]) -> Vec<Finding> {
    let der: Vec<_> = cas.iter().map(|ca| ca.der().to_vec()).collect();
    check_der(&der, Sha1Signatures::Refuse, expected)
}

#[test]
fn roots_and_intermediates_are_good() {
    for kind in [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Ed25519,
        KeyKind::Rsa2048,
        KeyKind::MlDsa65,
    ] {
        let root = Pki::new().keys(kind).root("root");
        check(&[&root, &root.intermediate("issuing")], &[]);
    }
}

#[test]
fn an_empty_set_cannot_be_made() {
    assert_eq!(
        CaSetVersion::new(Vec::new(), Sha1Signatures::Refuse).unwrap_err(),
        EmptyCaSet
    );
}

#[test]
fn all_findings_come_at_once_in_the_order_of_the_certificates() {
    let root = Pki::new().root("root");
    let expired = Pki::new()
        .request_root("old")
        .expired(NOW)
        .key_usage(&[])
        .issue_ca();
    let leaf = root.client("client").issue();
    let findings = check_der(
        &[
            expired.der().to_vec(),
            root.der().to_vec(),
            leaf.der().to_vec(),
            root.der().to_vec(),
        ],
        Sha1Signatures::Refuse,
        &[
            "no_key_usage@0?",
            "expired@0",
            "not_a_ca@2",
            "key_usage@2",
            "duplicate_certificate@3?",
        ],
    );
    assert_eq!(
        findings[1].detail,
        "`CN=old` expired at 2027-01-15T07:59:59Z; it is 2027-01-15T08:00:00Z."
    );
}

#[test]
fn what_is_no_ca_is_refused_with_the_name_of_its_issuer() {
    let root = Pki::new().root("root");
    let no_constraints = root
        .request_intermediate("x")
        .no_basic_constraints()
        .issue_ca();
    let findings = check(&[&root, &no_constraints], &["not_a_ca@1"]);
    assert!(findings[0].remedy.contains("`CN=root`"));
    let ca_false = root
        .request_intermediate("x")
        .basic_constraints(false)
        .issue_ca();
    check(&[&root, &ca_false], &["not_a_ca@1"]);
    let version_1 = Pki::new()
        .request_root("old")
        .edit(|tbs| tbs.make_version_1())
        .issue_ca();
    check(&[&version_1], &["unsupported_version@0"]);
}

#[test]
fn key_usage_must_allow_signing_or_be_absent() {
    let no_sign = Pki::new()
        .request_root("x")
        .key_usage(&[KeyUsage::CrlSign])
        .issue_ca();
    check(&[&no_sign], &["key_usage@0"]);
    let absent = Pki::new().request_root("x").key_usage(&[]).issue_ca();
    check(&[&absent], &["no_key_usage@0?"]);
}

#[test]
fn time_is_looked_at_with_a_warning_before_it_is_over() {
    let valid = |from: i64, to: i64| {
        Pki::new()
            .request_root("x")
            .valid(NOW + from, NOW + to)
            .issue_ca()
    };
    check(&[&valid(1, 100)], &["not_yet_valid@0"]);
    check(&[&valid(0, 100)], &[]);
    check(&[&valid(-70, 30)], &[]);
    check(&[&valid(-71, 29)], &["near_expiry@0?"]);
    check(&[&valid(-100, 0)], &["near_expiry@0?"]);
    check(&[&valid(-100, -1)], &["expired@0"]);
}

fn openssl_root(key: &str, arguments: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let run = |line: String| {
        let output = Command::new("openssl")
            .args(line.split_whitespace())
            .current_dir(directory.path())
            .output()
            .expect("openssl is needed for this test");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    run(format!("genpkey {key} -out key.pem"));
    // The end is far away, whatever the time at which the test runs.
    run(format!(
        "req -x509 -key key.pem -subj /CN=root -days 9000 {arguments} -out root.pem"
    ));
    let pem = std::fs::read(directory.path().join("root.pem")).unwrap();
    parse_bundle(&pem).unwrap().certificates[0]
        .certificate
        .der()
        .to_vec()
}

const RSA: &str = "-algorithm rsa -pkeyopt rsa_keygen_bits:2048";

#[track_caller]
fn check_codes(certificates: &[Vec<u8>], sha1: Sha1Signatures, expected: &[&str]) {
    let codes: Vec<_> = validate(certificates, sha1)
        .iter()
        .map(|finding| finding.code)
        // openssl's clock is the machine's, and its defaults leave out key usage.
        .filter(|code| !["no_key_usage", "not_yet_valid"].contains(code))
        .collect();
    assert_eq!(codes, expected);
}

#[test]
fn sha_1_needs_permission_and_md5_never_gets_it() {
    let sha1 = openssl_root(RSA, "-sha1");
    check_codes(
        std::slice::from_ref(&sha1),
        Sha1Signatures::Refuse,
        &["weak_signature"],
    );
    check_codes(std::slice::from_ref(&sha1), Sha1Signatures::Allow, &[]);
    check_codes(
        &[openssl_root(RSA, "-md5")],
        Sha1Signatures::Allow,
        &["weak_signature"],
    );
    let good = Pki::new().root("root").der().to_vec();
    check_codes(
        &[sha1, good],
        Sha1Signatures::Allow,
        &["mixed_signature_levels"],
    );
}

#[test]
fn keys_must_be_strong_and_known() {
    let check = |key: &str, expected| {
        check_codes(
            &[openssl_root(key, "")],
            Sha1Signatures::Refuse,
            &[expected],
        )
    };
    check("-algorithm rsa -pkeyopt rsa_keygen_bits:1024", "weak_key");
    check(
        "-algorithm ec -pkeyopt ec_paramgen_curve:secp224r1",
        "weak_key",
    );
    check(
        "-algorithm ec -pkeyopt ec_paramgen_curve:secp256k1",
        "unsupported_algorithm",
    );
    check("-algorithm ed448", "unsupported_algorithm");
}

#[test]
fn an_altered_root_is_found_and_a_re_keyed_one_is_not() {
    let root = Pki::new().root("root");
    let mut altered = root.der().to_vec();
    *altered.last_mut().unwrap() ^= 1;
    check_der(&[altered], Sha1Signatures::Refuse, &["bad_signature@0"]);
    let new_with_old = root.request_intermediate("root").issue_ca();
    check(&[&root, &new_with_old], &[]);
}

#[test]
fn extensions_that_would_refuse_every_client_are_found() {
    let root = Pki::new()
        .request_root("x")
        .extension("1.2.3.4", true, vec![5, 0])
        .issue_ca();
    check(&[&root], &["unknown_critical_extension@0"]);
    let twice = Pki::new()
        .request_root("x")
        .extension("2.5.29.14", false, vec![4, 1, 0])
        .issue_ca();
    check(&[&twice], &["malformed@0"]);
}

#[test]
fn a_server_certificate_with_the_ca_bit_is_suspicious() {
    let named = Pki::new()
        .request_root("www")
        .dns("www.example.com")
        .issue_ca();
    check(&[&named], &["leaf_like_ca@0?"]);
    let enciphers = Pki::new()
        .request_root("x")
        .key_usage(&[KeyUsage::KeyCertSign, KeyUsage::KeyEncipherment])
        .issue_ca();
    check(&[&enciphers], &["leaf_like_ca@0?"]);
}

#[test]
fn a_ca_for_other_purposes_is_found() {
    let root = Pki::new().root("root");
    let with = |purposes: &[&str]| {
        root.request_intermediate("x")
            .extended_key_usage(purposes)
            .issue_ca()
    };
    check(&[&root, &with(&[eku::SERVER_AUTH])], &["no_client_auth@1?"]);
    check(&[&root, &with(&[eku::SERVER_AUTH, eku::CLIENT_AUTH])], &[]);
    check(&[&root, &with(&[eku::ANY])], &[]);
}

#[test]
fn public_web_cas_are_named() {
    let public = Pki::new()
        .request_root("")
        .subject(&[("C", "US"), ("O", "Let's Encrypt"), ("CN", "E7")])
        .issue_ca();
    check(&[&public], &["public_web_ca@0?"]);
    let private = Pki::new()
        .request_root("")
        .subject(&[("O", "Let us encrypt")])
        .issue_ca();
    check(&[&private], &[]);
}

#[test]
fn name_constraints_are_told() {
    let limited = Pki::new()
        .request_root("x")
        .permit(der::dns("example.com"))
        .exclude(der::implicit(7, [192, 0, 2, 0, 255, 255, 255, 0]))
        .issue_ca();
    let findings = check(&[&limited], &["name_constraints@0?"]);
    assert_eq!(
        findings[0].detail,
        "`CN=x` may issue only for names inside `DNS:example.com`, and not for names inside `IP:192.0.2.0/255.255.255.0`. Clients with other names are refused (`name_constraint`)."
    );
}

#[test]
fn an_intermediate_alone_is_told() {
    let root = Pki::new().root("root");
    let issuing = root.intermediate("issuing");
    check(&[&issuing], &["missing_issuer@0?"]);
    check(&[&issuing, &root], &[]);
    // Another CA of the same name is not the issuer.
    check(
        &[&issuing, &Pki::new().root("root")],
        &["missing_issuer@0?"],
    );
}

#[test]
fn the_index_keeps_each_certificate_and_each_subject_once() {
    let root = Pki::new().root("root");
    let other = Pki::new().root("root");
    let certificates = [&root, &other, &root]
        .iter()
        .map(|ca| Certificate::from_der(ca.der()).unwrap())
        .collect();
    let set = CaSetVersion::new(certificates, Sha1Signatures::Refuse).unwrap();
    assert_eq!(set.certificates().len(), 2);
    assert_eq!(set.subjects().collect::<Vec<_>>(), [root.subject_der()]);
}
