//! Threats C4.2: what each convention writes about a client is read back here by its own rules, whatever the client is called.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_snapshot::{Binding, ClientAuthMode};
use countersign_testkit::origin::Received;
use countersign_testkit::{Credential, OpenSsl, der};
use http::StatusCode;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use crate::identity::{assert_nothing_forged, forged_request};
use crate::world::{CLIENTS, World};

/// Every header that says something about a verified client.
const TOLD: &[&str] = &[
    "akamai-cc-common-name",
    "akamai-cc-der",
    "akamai-cc-issuer",
    "akamai-cc-sha256-fingerprint",
    "akamai-cc-subject",
    "client-cert",
    "client-cert-chain",
    "client-to-edge-http-auth",
    "countersign-client-verdict",
    "ssl-client-cert",
    "ssl-client-issuer-dn",
    "ssl-client-subject-dn",
    "ssl-client-verify",
    "x-amzn-mtls-clientcert-issuer",
    "x-amzn-mtls-clientcert-leaf",
    "x-amzn-mtls-clientcert-serial-number",
    "x-amzn-mtls-clientcert-subject",
    "x-amzn-mtls-clientcert-validity",
    "x-forwarded-client-cert",
];

/// Names that have broken something somewhere.
const HOSTILE: &[&str] = &[
    "alice",
    "a\";By=\"spiffe://evil",
    "a\\",
    "a\\\"",
    "\\",
    "\"",
    "alice,O=evil",
    "alice, O=evil+OU=x;DC=y<z>",
    "a\r\nX-Injected: yes",
    "a\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
    "a\nb\tc\u{b}d",
    "a\0b",
    "Müller 100% 真",
    "%0D%0AX-Injected:%20yes",
    "\\0D\\0A",
    " spaces around ",
    " ",
    "#3003020101",
    "right\u{202e}left\u{200b}",
    "\u{7f}\u{85}\u{2028}",
    ":AAAA:",
    "Hash=00;Subject=\"CN=admin\"",
];

#[tokio::test]
async fn whoever_the_client_is_every_convention_says_exactly_that() {
    let world = told().await;
    let issuing = world.clients.intermediate("Issuing \"CA\", Inc.\\");
    for name in HOSTILE {
        let subject = [("C", "DE"), ("O", name), ("CN", "outer"), ("CN", name)];
        let client = issuing
            .client("x")
            .subject(&subject)
            .dns("x.test")
            .uri("spiffe://test/x")
            .issue();
        for mut http in world.both("a.test", Some(&client)).await {
            let response = http.send(forged_request()).await.unwrap();
            assert_eq!(response.status, StatusCode::OK, "{name:?}");
            let received = world.origin.last();
            assert_nothing_forged(&world);
            assert_tells(&received, &client, &texts(&subject));
            assert_eq!(
                byte_sequences(&received, "client-cert-chain"),
                [issuing.der()]
            );
            let told = xfcc(&one(&received, "x-forwarded-client-cert"), QuoteOnly);
            assert_eq!(values(&told, "URI"), ["spiffe://test/x"]);
            assert_eq!(values(&told, "DNS"), ["x.test"]);
        }
    }
}

#[tokio::test]
async fn names_of_every_string_type_and_several_in_one_are_told_as_openssl_tells_them() {
    let world = told().await;
    let long = "ü\"\\,".repeat(2_500);
    let names = [
        der::name_with(&[("CN", der::bmp_string("Zoë, \"北\"\\"))]),
        der::name_with(&[("CN", der::teletex_string(b"M\xfcller=\r\n"))]),
        der::name_with(&[("E", der::ia5_string("a@b.test\0,c"))]),
        der::name_with(&[("1.2.3.4.5", der::utf8_string("a\";By=b"))]),
        der::sequence([der::rdn(&[
            ("CN", der::utf8_string("a+b")),
            ("UID", der::utf8_string("\\+\"")),
        ])]),
        der::name(&[("CN", &long)]),
        der::name(&[]),
    ];
    for name in names {
        let client = world
            .clients
            .client("x")
            .subject_der(name)
            .uri("urn:x")
            .issue();
        let mut http = world.http1_as("a.test", &client).await;
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        assert_is_told(&world.origin.last(), &client);
    }
}

#[tokio::test]
async fn alternative_names_are_told_exactly_or_not_at_all() {
    let world = told().await;
    let client = world
        .clients
        .client("x")
        .uri("spiffe://test/a,b;c=d")
        .dns("x.test")
        .uri("https://x.test/%22%0D%0A?q=1")
        .uri("spiffe://test/x\";By=\"evil")
        .uri("spiffe://test/x\\")
        .uri("spiffe://test/a b")
        .name(der::implicit(6, b"spiffe://test/x\r\nX-Injected: yes"))
        .name(der::implicit(2, b"x.test\0.evil"))
        .name(der::implicit(2, "mü.test"))
        .issue();
    let mut http = world.http1_as("a.test", &client).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    let received = world.origin.last();
    for reading in [QuoteOnly, AnyBackslash] {
        let told = xfcc(&one(&received, "x-forwarded-client-cert"), reading);
        let uris = ["spiffe://test/a,b;c=d", "https://x.test/%22%0D%0A?q=1"];
        assert_eq!(values(&told, "URI"), uris);
        assert_eq!(values(&told, "DNS"), ["x.test"]);
    }
}

#[test]
fn any_name_survives_every_convention() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(told());
    let kinds = prop::sample::select(vec!["CN", "O", "OU", "L", "ST", "UID", "STREET"]);
    let hostile = prop::sample::select(
        "\"\\,;=+<># %\r\n\t\0:/aF09.-_'`{}()é真\u{202e}\u{7f}"
            .chars()
            .collect::<Vec<_>>(),
    );
    let text = prop::collection::vec(prop_oneof![4 => hostile, 1 => any::<char>()], 1..40)
        .prop_map(String::from_iter);
    let names = prop::collection::vec((kinds, text), 1..6);
    TestRunner::new(Config {
        cases: 150,
        failure_persistence: None,
        ..Config::default()
    })
    .run(&names, |names| {
        runtime.block_on(async {
            let subject: Vec<_> = names.iter().map(|(kind, it)| (*kind, &**it)).collect();
            let client = world.clients.client("x").subject(&subject).issue();
            let mut http = world.http1_as("a.test", &client).await;
            assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
            let told = directory_name(&one(&world.origin.last(), "ssl-client-subject-dn"));
            assert_eq!(told, texts(&subject));
            let element = one(&world.origin.last(), "x-forwarded-client-cert");
            let told = xfcc(&element, QuoteOnly);
            assert_eq!(
                directory_name(&values(&told, "Subject")[0]),
                texts(&subject)
            );
            let keys = |reading| {
                xfcc(&element, reading)
                    .into_iter()
                    .map(|(key, _)| key)
                    .collect::<Vec<_>>()
            };
            assert_eq!(keys(QuoteOnly), keys(AnyBackslash));
            assert_eq!(keys(QuoteOnly), ["Hash", "Cert", "Chain", "Subject"]);
        });
        Ok(())
    })
    .unwrap();
}

/// A host that tells its origin everything, in every convention.
async fn told() -> World {
    let world = World::empty().await;
    let rules = json!({"ruleFormat": "latest", "rules": {"name": "default", "behaviors": [
        {"name": "enforceMtlsSettings", "options": {
            "enableAuthSet": true, "certificateAuthoritySet": [CLIENTS.to_string()], "enableDenyRequest": true,
            "clientCertificateAttributes": ["SUBJECT", "COMMON_NAME", "SHA256_FINGERPRINT", "ISSUER"]}},
        {"name": "forwardClientIdentity", "options": {"enabled": true,
            "presets": ["RFC9440", "AKAMAI_CC_DER", "CLIENT_TO_EDGE", "XFCC", "ALB", "NGINX"]}},
    ]}});
    let binding = Binding {
        rules: rules.to_string(),
        ..world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS])
    };
    world.activate(&[binding]).await;
    world
}

/// Everything about a client whose subject is these texts, first to last as in the certificate.
fn assert_tells(received: &Received, client: &Credential, subject: &[(String, Vec<u8>)]) {
    assert_is_told(received, client);
    for header in [
        "ssl-client-subject-dn",
        "x-amzn-mtls-clientcert-subject",
        "akamai-cc-subject",
    ] {
        assert_eq!(directory_name(&one(received, header)), subject, "{header}");
    }
    let told = xfcc(&one(received, "x-forwarded-client-cert"), QuoteOnly);
    assert_eq!(directory_name(&values(&told, "Subject")[0]), subject);
    let common_name = percent_decoded(&one(received, "akamai-cc-common-name"));
    assert_eq!(&common_name, &subject.last().unwrap().1);
}

/// Everything that OpenSSL and the certificate itself say.
fn assert_is_told(received: &Received, client: &Credential) {
    let mut told: Vec<&str> = received
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| countersign_snapshot::is_identity_header(&name.parse().unwrap()))
        .collect();
    told.sort_unstable();
    let expected: Vec<&str> = TOLD
        .iter()
        .copied()
        .filter(|name| told.contains(name) || !OPTIONAL.contains(name))
        .collect();
    assert_eq!(told, expected, "each once, and no other");
    assert!(received.header("x-injected").is_empty());

    for header in ["client-cert", "akamai-cc-der", "client-to-edge-http-auth"] {
        assert_eq!(byte_sequences(received, header), [client.der()], "{header}");
    }
    for header in ["ssl-client-cert", "x-amzn-mtls-clientcert-leaf"] {
        let written = one(received, header);
        assert_eq!(pem(&written), [client.der()], "{header}");
        // AWS leaves these three as they are, nginx none of them.
        let kept = header.starts_with('x');
        assert_eq!(written.contains(['+', '=', '/']), kept, "{header}");
    }
    assert_eq!(one(received, "countersign-client-verdict"), "valid");
    assert_eq!(one(received, "ssl-client-verify"), "SUCCESS");

    let openssl = OpenSsl::new();
    openssl.write("client.pem", &client.pem());
    let text = openssl.run(
        "x509 -in client.pem -noout -nameopt RFC2253 -dateopt iso_8601 -subject -issuer -serial -dates -fingerprint -sha256",
    );
    let said = |what: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(what));
        value.unwrap_or_else(|| panic!("{what} {text}")).to_owned()
    };
    // A space at the end would not arrive.
    let name = |what| {
        let name = said(what);
        match name.strip_suffix("\\ ") {
            Some(rest) => format!("{rest}\\20"),
            None => name,
        }
    };
    let (subject, issuer) = (name("subject="), name("issuer="));
    for (header, expected) in [
        ("ssl-client-subject-dn", &subject),
        ("ssl-client-issuer-dn", &issuer),
        ("x-amzn-mtls-clientcert-subject", &subject),
        ("x-amzn-mtls-clientcert-issuer", &issuer),
        ("akamai-cc-subject", &subject),
        ("akamai-cc-issuer", &issuer),
        ("x-amzn-mtls-clientcert-serial-number", &said("serial=")),
    ] {
        assert_eq!(one(received, header), *expected, "{header}");
    }
    let digest = said("sha256 Fingerprint=").replace(':', "").to_lowercase();
    assert_eq!(one(received, "akamai-cc-sha256-fingerprint"), digest);
    let time = |what| said(what).replace(' ', "T");
    assert_eq!(
        one(received, "x-amzn-mtls-clientcert-validity"),
        format!(
            "NotBefore={};NotAfter={}",
            time("notBefore="),
            time("notAfter=")
        )
    );

    let element = one(received, "x-forwarded-client-cert");
    for reading in [QuoteOnly, AnyBackslash] {
        let told = xfcc(&element, reading);
        assert_eq!(values(&told, "Hash"), [digest.as_str()]);
        assert_eq!(pem(&values(&told, "Cert")[0]), [client.der()]);
        assert_eq!(pem(&values(&told, "Chain")[0]), client.chain_der());
        assert_eq!(values(&told, "Subject").len(), 1);
        assert!(values(&told, "By").is_empty());
    }
}

/// What not every client has something for.
const OPTIONAL: &[&str] = &["akamai-cc-common-name", "client-cert-chain"];

fn one(received: &Received, header: &str) -> String {
    let [value] = &received.header(header)[..] else {
        panic!("{header}: {:?}", received.header(header));
    };
    (*value).to_owned()
}

/// RFC 8941 §4.2: a list of byte sequences; a single one is a list of one.
fn byte_sequences(received: &Received, header: &str) -> Vec<Vec<u8>> {
    one(received, header)
        .split(", ")
        .map(|member| {
            let member = member.strip_prefix(':').unwrap().strip_suffix(':').unwrap();
            STANDARD.decode(member).unwrap()
        })
        .collect()
}

fn pem(escaped: &str) -> Vec<Vec<u8>> {
    let text = String::from_utf8(percent_decoded(escaped)).unwrap();
    der::pem_blocks(&text)
        .into_iter()
        .map(|(label, der)| {
            assert_eq!(label, "CERTIFICATE");
            der
        })
        .collect()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut octets = text.bytes();
    std::iter::from_fn(|| {
        Some(match octets.next()? {
            b'%' => {
                let digits = [octets.next().unwrap(), octets.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            octet => octet,
        })
    })
    .collect()
}

/// What a subject should be read as.
fn texts(subject: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    subject
        .iter()
        .map(|(kind, text)| (kind.to_lowercase(), text.as_bytes().to_vec()))
        .collect()
}

/// RFC 4514 §3, single-valued names with keywords: in the order of the certificate, which is the reverse of the text's.
fn directory_name(text: &str) -> Vec<(String, Vec<u8>)> {
    assert!(text.bytes().all(|octet| (b' '..=b'~').contains(&octet)));
    let mut names = vec![(String::new(), Vec::new())];
    let (mut in_value, mut octets) = (false, text.bytes());
    while let Some(octet) = octets.next() {
        let (kind, value) = names.last_mut().unwrap();
        match octet {
            b'=' if !in_value => in_value = true,
            _ if !in_value => kind.push(char::from(octet).to_ascii_lowercase()),
            b',' => {
                names.push((String::new(), Vec::new()));
                in_value = false;
            }
            b'\\' => value.push(match octets.next().unwrap() {
                digit if digit.is_ascii_hexdigit() => {
                    let digits = [digit, octets.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                special => {
                    assert!(b" \"#+,;<=>\\".contains(&special), "{text}");
                    special
                }
            }),
            b'"' | b'+' | b';' | b'<' | b'>' => panic!("unescaped in {text}"),
            _ => value.push(octet),
        }
    }
    names.reverse();
    names
}

/// How backslashes between quotes are understood: Envoy's documents know `\"` alone, and some readers take any.
#[derive(Clone, Copy, Debug)]
enum Reading {
    QuoteOnly,
    AnyBackslash,
}
use Reading::{AnyBackslash, QuoteOnly};

/// The pairs of the only element of an `x-forwarded-client-cert`.
fn xfcc(element: &str, reading: Reading) -> Vec<(String, String)> {
    let mut pairs = vec![(String::new(), String::new())];
    let (mut in_value, mut quoted) = (false, false);
    let mut characters = element.chars().peekable();
    while let Some(character) = characters.next() {
        let (key, value) = pairs.last_mut().unwrap();
        match character {
            '"' if in_value => quoted = !quoted,
            '\\' if quoted => match (reading, characters.peek()) {
                (QuoteOnly, Some('"')) | (AnyBackslash, Some(_)) => {
                    value.push(characters.next().unwrap());
                }
                _ => value.push('\\'),
            },
            ',' if !quoted => panic!("a second element in {element}"),
            ';' if !quoted => {
                pairs.push((String::new(), String::new()));
                in_value = false;
            }
            '=' if !in_value => in_value = true,
            _ if in_value => value.push(character),
            _ => key.push(character),
        }
    }
    assert!(!quoted, "{element}");
    pairs
}

fn values(pairs: &[(String, String)], key: &str) -> Vec<String> {
    pairs
        .iter()
        .filter(|(name, _)| name == key)
        .map(|(_, value)| value.clone())
        .collect()
}
