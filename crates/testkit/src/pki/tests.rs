use super::*;
use crate::{DAY, NOW, OpenSsl};

/// What OpenSSL says of this chain, trusting `root`, at [`NOW`].
fn openssl_verify(root: &Ca, credential: &Credential, purpose: &str) -> Result<(), String> {
    OpenSsl::new().verify(&root.pem(), &credential.chain_pem(), purpose, NOW)
}

#[test]
fn openssl_accepts_what_every_kind_of_key_issues() {
    for kind in [
        KeyKind::Ed25519,
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Rsa2048,
    ] {
        let root = Pki::new().keys(kind).root("Demo Root");
        let issuing = root.intermediate("Demo Issuing");
        let client = issuing.client("alice").issue();
        let server = issuing.server(["a.test", "*.a.test"]).issue();
        assert_eq!(openssl_verify(&root, &client, "sslclient"), Ok(()));
        assert_eq!(openssl_verify(&root, &server, "sslserver"), Ok(()));
        assert!(openssl_verify(&root, &server, "sslclient").is_err());
    }
}

#[test]
fn openssl_refuses_for_the_reason_that_was_asked_for() {
    let root = Pki::new().root("Demo Root");
    let other = Pki::new().root("Demo Root");
    let short = root
        .request_intermediate("No More")
        .path_length(0)
        .issue_ca();
    let narrow = root
        .request_intermediate("Narrow")
        .permit(der::dns("a.test"))
        .exclude(der::email("evil.test"))
        .issue_ca();
    let cases = [
        (root.client("late").expired(NOW), "expired"),
        (root.client("early").not_yet_valid(NOW), "not yet valid"),
        (
            short.intermediate("One More").client("deep"),
            "path length constraint",
        ),
        (narrow.server(["b.test"]), "permitted subtree violation"),
        (
            narrow.client("e").email("a@evil.test"),
            "excluded subtree violation",
        ),
        (
            root.client("odd").extension("1.2.3.4", true, der::null()),
            "critical extension",
        ),
        (other.client("stranger"), "unable to get local issuer"),
    ];
    for (request, words) in cases {
        let credential = request.issue();
        let refusal = openssl_verify(&root, &credential, "any").err();
        let refusal = refusal.unwrap_or_else(|| panic!("accepted, expected `{words}`"));
        assert!(refusal.contains(words), "`{words}` not in {refusal}");
    }
}

#[test]
fn cross_signing_opens_a_second_way_up() {
    let old = Pki::new().root("Old Root");
    let new = Pki::new().root("New Root");
    let bridge = old.cross_sign(&new);
    let client = new.client("alice").issue().sending_also(&bridge);
    assert_eq!(openssl_verify(&new, &client, "sslclient"), Ok(()));
    assert_eq!(openssl_verify(&old, &client, "sslclient"), Ok(()));
    assert!(openssl_verify(&old, &client.without_intermediates(), "sslclient").is_err());
}

#[test]
fn every_kind_of_name_and_extension_is_readable_to_openssl() {
    let root = Pki::new().root("Demo Root");
    let client = root
        .client("ignored")
        .subject(&[("C", "US"), ("DC", "test"), ("DC", "a"), ("CN", "Älice")])
        .dns("a.test")
        .email("alice@a.test")
        .uri("spiffe://a.test/alice")
        .ip([192, 0, 2, 1])
        .upn("alice@corp.test")
        .name(der::directory_name(&der::name(&[("CN", "dir")])))
        .name(der::registered_id("1.2.3"))
        .serial(&[0xff, 1])
        .crl_distribution_point(&["http://crl.test/1"])
        .ocsp_responder("http://ocsp.test/")
        .issue();
    let text = openssl_text("x509", client.pem());
    for expected in [
        "DC = test, DC = a",
        "DNS:a.test",
        "email:alice@a.test",
        "URI:spiffe://a.test/alice",
        "IP Address:192.0.2.1",
        "othername: UPN:",
        "DirName:/CN=dir",
        "Registered ID:1.2.3",
        "Serial Number: 65281 (0xff01)",
        "URI:http://crl.test/1",
        "OCSP - URI:http://ocsp.test/",
        "TLS Web Client Authentication",
    ] {
        assert!(text.contains(expected), "`{expected}` not in {text}");
    }
}

#[test]
fn raw_edits_reach_the_signed_bytes() {
    let root = Pki::new().root("Demo Root");
    let version_1 = root.client("v1").edit(Tbs::make_version_1).issue();
    assert!(openssl_text("x509", version_1.pem()).contains("Version: 1 (0x0)"));
    assert_eq!(openssl_verify(&root, &version_1, "any"), Ok(()));
    let tbs = Tbs::of(version_1.der());
    let outer = der::elements(der::content(version_1.der()));
    assert_eq!(tbs.to_der(), outer[0]);
}

#[test]
fn revocation_lists_are_readable_to_openssl() {
    let root = Pki::new().root("Demo Root");
    let mallory = root.client("mallory").serial(&[0x4d]).issue();
    let list = root
        .crl()
        .number(&[7])
        .updates(NOW, Some(NOW + DAY))
        .revoke(&mallory)
        .revoke_serial(&[0x4e], NOW - DAY, Some(RevocationReason::KeyCompromise))
        .issue();
    let text = openssl_text("crl", der::pem("X509 CRL", &list));
    for expected in [
        "Serial Number: 4D",
        "Serial Number: 4E",
        "Key Compromise",
        "X509v3 CRL Number: \n                7",
        "Next Update: Jun  2 00:00:00 2026 GMT",
    ] {
        assert!(text.contains(expected), "`{expected}` not in {text}");
    }
}

fn openssl_text(command: &str, pem: String) -> String {
    let openssl = OpenSsl::new();
    openssl.write("in.pem", &pem);
    openssl.run(&format!(
        "{command} -noout -text -nameopt utf8,oneline -in in.pem"
    ))
}
