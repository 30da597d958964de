//! Our verdicts against those of webpki and OpenSSL on generated chains, with a reason for every difference.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::process::Command;
use std::time::Duration;

use countersign_testkit::pki::{Ca, Credential, KeyUsage, Pki, Request, eku};
use countersign_testkit::{DAY, NOW, der};
use countersign_trust::{
    CaSetVersion, Certificate, PeerChain, Policy, RevocationIndex, Sha1Signatures, UnixTime,
    evaluate,
};
use proptest::prelude::*;
use rustls_pki_types::CertificateDer;

/// How many chains are compared; OpenSSL is a process for each.
const CHAINS: u32 = 150;

/// What one certificate of a chain is like.
#[derive(Clone, Debug)]
struct Shape {
    basic_constraints: Option<bool>,
    path_length: Option<u8>,
    key_usage: Option<&'static [KeyUsage]>,
    extended_key_usage: &'static [&'static str],
    time: (i64, i64),
    permitted: Option<&'static str>,
    excluded: Option<&'static str>,
    name: Option<&'static str>,
    altered: bool,
}

const SIGNING: &[KeyUsage] = &[KeyUsage::KeyCertSign, KeyUsage::CrlSign];
const CLIENT: &[KeyUsage] = &[KeyUsage::DigitalSignature];
const VALID: (i64, i64) = (NOW - DAY, NOW + DAY);

/// Mostly good, so that what is wrong is one thing or two.
fn authority() -> impl Strategy<Value = Shape> {
    (
        prop_oneof![8 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)],
        prop_oneof![5 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(1))],
        prop_oneof![6 => Just(Some(SIGNING)), 2 => Just(None), 1 => Just(Some(CLIENT))],
        prop_oneof![6 => Just(&[][..]), 1 => Just(&[eku::CLIENT_AUTH][..]), 1 => Just(&[eku::SERVER_AUTH][..])],
        time(),
        prop_oneof![5 => Just(None), 2 => Just(Some("example.com"))],
        prop_oneof![6 => Just(None), 1 => Just(Some("b.example.com"))],
    )
        .prop_map(
            |(basic_constraints, path_length, key_usage, extended_key_usage, time, permitted, excluded)| Shape {
                basic_constraints,
                path_length: path_length.filter(|_| basic_constraints == Some(true)),
                key_usage,
                extended_key_usage,
                time,
                permitted,
                excluded,
                name: None,
                altered: false,
            },
        )
}

fn client() -> impl Strategy<Value = Shape> {
    (
        prop_oneof![5 => Just(Some(CLIENT)), 2 => Just(None), 1 => Just(Some(SIGNING))],
        prop_oneof![5 => Just(&[eku::CLIENT_AUTH][..]), 2 => Just(&[][..]), 1 => Just(&[eku::SERVER_AUTH][..])],
        time(),
        prop_oneof![
            2 => Just(None),
            3 => Just(Some("a.example.com")),
            1 => Just(Some("b.example.com")),
            1 => Just(Some("a.example.org"))
        ],
        prop_oneof![9 => Just(false), 1 => Just(true)],
    )
        .prop_map(|(key_usage, extended_key_usage, time, name, altered)| Shape {
            basic_constraints: None,
            path_length: None,
            key_usage,
            extended_key_usage,
            time,
            permitted: None,
            excluded: None,
            name,
            altered,
        })
}

fn time() -> impl Strategy<Value = (i64, i64)> {
    prop_oneof![
        12 => Just(VALID),
        1 => Just((NOW - 2 * DAY, NOW - DAY)),
        1 => Just((NOW + DAY, NOW + 2 * DAY))
    ]
}

fn shaped(request: Request, shape: &Shape) -> Request {
    let mut request = match (shape.basic_constraints, shape.path_length) {
        (_, Some(length)) => request.path_length(length),
        (Some(authority), None) => request.basic_constraints(authority),
        (None, None) => request.no_basic_constraints(),
    }
    .key_usage(shape.key_usage.unwrap_or_default())
    .extended_key_usage(shape.extended_key_usage)
    .valid(shape.time.0, shape.time.1);
    if let Some(base) = shape.permitted {
        request = request.permit(der::dns(base));
    }
    if let Some(base) = shape.excluded {
        request = request.exclude(der::dns(base));
    }
    if let Some(name) = shape.name {
        request = request.dns(name);
    }
    request
}

/// The root, what the client sends, and its certificate.
fn chain(authorities: &[Shape], client: &Shape) -> (Ca, Vec<Vec<u8>>) {
    let root = Pki::new().root("root");
    let mut ca = root.clone();
    for (number, shape) in authorities.iter().enumerate() {
        ca = shaped(ca.request_intermediate(&format!("ca {number}")), shape).issue_ca();
    }
    let leaf: Credential = shaped(ca.client("client"), client).issue();
    let mut sent = leaf.chain_der();
    if client.altered {
        *sent[0].last_mut().unwrap() ^= 1;
    }
    (root, sent)
}

fn ours(root: &Ca, sent: &[Vec<u8>]) -> String {
    let set = CaSetVersion::new(
        vec![Certificate::from_der(root.der()).unwrap()],
        Sha1Signatures::Refuse,
    )
    .unwrap();
    evaluate(
        &PeerChain::from_der(sent).unwrap(),
        &set,
        &RevocationIndex::empty(),
        &Policy::default(),
        UnixTime::from_secs(NOW),
    )
    .reason()
    .map_or_else(|| "valid".to_owned(), |reason| reason.code().to_owned())
}

fn webpki_accepts(root: &Ca, sent: &[Vec<u8>]) -> bool {
    let root = CertificateDer::from(root.der().to_vec());
    let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
    let certificates: Vec<_> = sent
        .iter()
        .map(|der| CertificateDer::from(der.clone()))
        .collect();
    let Ok(leaf) = webpki::EndEntityCert::try_from(&certificates[0]) else {
        return false;
    };
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &certificates[1..],
        rustls_pki_types::UnixTime::since_unix_epoch(Duration::from_secs(
            u64::try_from(NOW).unwrap(),
        )),
        webpki::KeyUsage::client_auth(),
        None,
        None,
    )
    .is_ok()
}

fn openssl_accepts(root: &Ca, sent: &[Vec<u8>]) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let pem = |certificates: &[Vec<u8>]| -> String {
        certificates
            .iter()
            .map(|der| der::pem("CERTIFICATE", der))
            .collect()
    };
    for (name, contents) in [
        ("root", root.pem()),
        ("sent", pem(&sent[1..])),
        ("client", pem(&sent[..1])),
    ] {
        std::fs::write(directory.path().join(name), contents).unwrap();
    }
    let mut command = Command::new("openssl");
    command
        .args([
            "verify",
            "-purpose",
            "sslclient",
            "-attime",
            &NOW.to_string(),
            "-no-CApath",
            "-no-CAstore",
        ])
        .args(["-CAfile", "root"])
        .current_dir(directory.path());
    if sent.len() > 1 {
        command.args(["-untrusted", "sent"]);
    }
    command
        .arg("client")
        .output()
        .expect("openssl is needed for this test")
        .status
        .success()
}

fn lacks(shape: &Shape, usage: KeyUsage) -> bool {
    shape
        .key_usage
        .is_some_and(|usages| !usages.contains(&usage))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CHAINS, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn verdicts_differ_from_others_for_known_reasons_only(
        authorities in prop::collection::vec(authority(), 0..3),
        client in client(),
    ) {
        let (root, sent) = chain(&authorities, &client);
        let ours = ours(&root, &sent);
        // webpki does not look at key usage at all.
        let webpki = webpki_accepts(&root, &sent)
            && !authorities.iter().any(|shape| lacks(shape, KeyUsage::KeyCertSign))
            && !lacks(&client, KeyUsage::DigitalSignature);
        prop_assert_eq!(ours == "valid", webpki, "webpki; ours: {}", ours);
        prop_assert_eq!(ours == "valid", openssl_accepts(&root, &sent), "openssl; ours: {}", ours);
    }
}
