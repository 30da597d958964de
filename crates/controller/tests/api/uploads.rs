//! What people paste: every problem is named at once, with its place, cause and remedy, and no secret is kept or repeated.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_testkit::{NOW, OpenSsl, Pki};
use serde_json::{Value, json};

use crate::support::{PREFIX, World, root_pem, version_of};

async fn validate(world: &World, texts: &[&str]) -> crate::support::Answer {
    world
        .post(
            &format!("{PREFIX}/certificates/validate"),
            version_of(texts),
        )
        .await
}

fn item<'a>(body: &'a Value, pointer: &str, slug: &str) -> &'a Value {
    body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| {
            item["pointer"] == pointer
                && item["type"]
                    .as_str()
                    .unwrap()
                    .ends_with(&format!("/{slug}"))
        })
        .unwrap_or_else(|| panic!("no {slug} at {pointer}: {body:#}"))
}

#[tokio::test]
async fn every_problem_of_every_certificate_is_named_at_once() {
    let world = World::new().await;
    let root = Pki::new().root("Good");
    let expired = Pki::new().request_root("Old").expired(NOW).issue_ca();
    let leaf = root.client("alice").issue();
    let answer = validate(&world, &[&root.pem(), &expired.pem(), &leaf.pem(), "hello"]).await;
    answer.problem(400, "certificate-validation-failure");
    let expired_item = item(&answer.body, "/certificates/1", "expired-certificate");
    assert_eq!(expired_item["contextInfo"]["subject"], "CN=Old");
    assert_eq!(
        expired_item["contextInfo"]["fingerPrint"]
            .as_str()
            .unwrap()
            .len(),
        64
    );
    assert!(
        !expired_item["contextInfo"]["remedy"]
            .as_str()
            .unwrap()
            .is_empty()
    );
    item(&answer.body, "/certificates/2", "not-a-ca");
    let unreadable = item(&answer.body, "/certificates/3", "unparsable-certificate");
    assert!(
        unreadable["detail"]
            .as_str()
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
    let pointers: Vec<_> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["pointer"].as_str().unwrap())
        .collect();
    assert!(pointers.is_sorted(), "{pointers:?}");
}

#[tokio::test]
async fn base64_of_der_is_taken_for_what_it_is() {
    let world = World::new().await;
    let root = Pki::new().root("Root");
    let answer = validate(&world, &[&STANDARD.encode(root.der())]).await;
    assert_eq!(
        answer.expect(200).body["certificates"][0]["certificatePem"],
        root.pem()
    );
}

#[tokio::test]
async fn other_formats_are_named_with_the_command_that_converts_them() {
    let world = World::new().await;
    let not_der = STANDARD.encode([
        0x30, 0x0f, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, 0xa0, 0x02,
        0x30, 0x00,
    ]);
    let p12 = STANDARD.encode([0x30, 0x05, 0x02, 0x01, 0x03, 0x30, 0x00]);
    for (text, command) in [
        (
            "-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n",
            "openssl pkcs7",
        ),
        (not_der.as_str(), "add `-inform DER`"),
        (p12.as_str(), "openssl pkcs12"),
        ("hello", "openssl x509 -inform DER"),
        (
            "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n",
            "the CA made from it",
        ),
        (
            "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n",
            "revocation information of its CA",
        ),
    ] {
        let answer = validate(&world, &[text]).await;
        answer.problem(400, "certificate-validation-failure");
        let remedy = answer.body["errors"][0]["contextInfo"]["remedy"]
            .as_str()
            .unwrap();
        assert!(remedy.contains(command), "{text}: {remedy}");
    }
}

#[tokio::test]
async fn a_pkcs7_file_of_one_certificate_is_taken_as_pem_and_as_base64_of_der() {
    let world = World::new().await;
    let root = Pki::new().root("Root");
    let openssl = OpenSsl::new();
    let crl2pkcs7 = |form: &str, pem: &str| {
        std::fs::write(openssl.path().join("pem"), pem).unwrap();
        openssl
            .try_run(&format!(
                "crl2pkcs7 -nocrl -certfile pem -outform {form} -out p7b"
            ))
            .unwrap();
        std::fs::read(openssl.path().join("p7b")).unwrap()
    };
    let pem = String::from_utf8(crl2pkcs7("PEM", &root.pem())).unwrap();
    let der = STANDARD.encode(crl2pkcs7("DER", &root.pem()));
    for text in [pem, der] {
        let answer = validate(&world, &[&text]).await;
        assert_eq!(
            answer.expect(200).body["certificates"][0]["certificatePem"],
            root.pem()
        );
    }
    let both = format!("{}{}", root.pem(), root_pem("Two"));
    let both = String::from_utf8(crl2pkcs7("PEM", &both)).unwrap();
    let answer = validate(&world, &[&both]).await;
    item(&answer.body, "/certificates/0", "several-certificates");
}

#[tokio::test]
async fn several_certificates_in_one_entry_are_refused() {
    let world = World::new().await;
    let both = format!("{}{}", root_pem("One"), root_pem("Two"));
    let answer = validate(&world, &[&both]).await;
    answer.problem(400, "certificate-validation-failure");
    item(&answer.body, "/certificates/0", "several-certificates");
}

#[tokio::test]
async fn a_private_key_is_named_and_neither_kept_nor_repeated() {
    let world = World::new().await;
    let link = world.ca_set("partners").await;
    let client = Pki::new().root("Root").client("alice").issue();
    let key = client.key_pem();
    let secret = key.lines().nth(1).unwrap().to_owned();
    let der = STANDARD.encode(client.key_der());
    let both = format!("{}{key}", client.pem());
    let encrypted = encrypted(&key);
    for text in [key.as_str(), both.as_str(), der.as_str(), &encrypted] {
        let body = json!({"certificates": [{"certificatePem": text, "description": "mine"}]});
        let answer = world.post(&format!("{link}/versions"), body).await;
        answer.problem(400, "certificate-validation-failure-create");
        item(&answer.body, "/certificates/0", "private-key-submitted");
        let shown = answer.body.to_string();
        assert!(!shown.contains(&secret) && !shown.contains(&der));
        let is_encrypted = shown.contains("an encrypted private key");
        assert_eq!(is_encrypted, text == encrypted);
    }
    let body = json!({"caSetName": "others", "description": format!("x {key}").chars().take(200).collect::<String>()});
    let refused = world.post(&format!("{PREFIX}/ca-sets"), body).await;
    refused.problem(400, "json-schema-validation-error");
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("private key")
    );
    world.controller.close().await;
    for entry in std::fs::read_dir(world.path().join("data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let found = bytes
            .windows(32)
            .any(|window| window == &secret.as_bytes()[..32]);
        assert!(!found, "the key is in the store");
    }
}

fn encrypted(key: &str) -> String {
    let openssl = OpenSsl::new();
    std::fs::write(openssl.path().join("key"), key).unwrap();
    openssl
        .try_run("pkcs8 -topk8 -in key -passout pass:secret -out encrypted")
        .unwrap();
    std::fs::read_to_string(openssl.path().join("encrypted")).unwrap()
}
