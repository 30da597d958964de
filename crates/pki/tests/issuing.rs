//! What the authorities issue, as OpenSSL sees it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::{fs, path::Path, process::Command};

use countersign_pki::{
    Authority, Credential, IssueError, KeyAlgorithm, LoadAuthorityError, Name, Profile,
    SigningRequest, SigningRequestError, Subject, Validity,
};
use tempfile::TempDir;

const NOW: i64 = 1_780_272_000;
const DAY: i64 = 86_400;
const P256: KeyAlgorithm = KeyAlgorithm::P256;

fn days(count: i64) -> Validity {
    Validity::new(NOW - DAY, NOW + count * DAY).unwrap()
}

fn named(name: &str) -> Subject {
    Subject::common_name(name)
}

fn root() -> Authority {
    Authority::root(&named("Demo Root"), days(1000), P256).unwrap()
}

fn names<const N: usize>(names: [&str; N]) -> Vec<Name> {
    names
        .into_iter()
        .map(|name| name.parse().unwrap())
        .collect()
}

/// Runs `openssl` in `directory`; its output, or its complaints.
fn openssl(directory: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    if output.status.success() {
        Ok(text)
    } else {
        Err(text)
    }
}

fn verify(root: &Authority, chain: &str, purpose: &str) -> Result<(), String> {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("root.pem"), root.certificate_pem()).unwrap();
    fs::write(directory.path().join("chain.pem"), chain).unwrap();
    let at = NOW.to_string();
    openssl(
        directory.path(),
        &[
            "verify",
            "-x509_strict",
            "-attime",
            &at,
            "-purpose",
            purpose,
            "-CAfile",
            "root.pem",
            "-untrusted",
            "chain.pem",
            "chain.pem",
        ],
    )
    .map(drop)
}

fn text(certificate: &str) -> String {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("in.pem"), certificate).unwrap();
    openssl(
        directory.path(),
        &["x509", "-noout", "-text", "-in", "in.pem"],
    )
    .unwrap()
}

#[test]
fn openssl_accepts_each_profile_for_its_purpose_and_no_other() {
    let root = root();
    let issuing = root
        .intermediate(&named("Demo Issuing"), days(500), P256)
        .unwrap();
    for key in [P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa2048] {
        let client = Profile::client([]);
        let server = Profile::server(names(["a.test", "*.a.test", "192.0.2.1"]));
        let alice = issuing
            .issue(&client, &named("alice"), days(90), key)
            .unwrap();
        let shop = issuing
            .issue(&server, &named("a.test"), days(90), key)
            .unwrap();
        assert_eq!(verify(&root, &alice.chain_pem(), "sslclient"), Ok(()));
        assert_eq!(verify(&root, &shop.chain_pem(), "sslserver"), Ok(()));
        assert!(verify(&root, &alice.chain_pem(), "sslserver").is_err());
        assert!(verify(&root, &shop.chain_pem(), "sslclient").is_err());
    }
    let direct = root
        .issue(&Profile::client([]), &named("direct"), days(90), P256)
        .unwrap();
    assert_eq!(direct.chain_pem(), direct.certificate_pem());
    assert_eq!(verify(&root, &direct.chain_pem(), "sslclient"), Ok(()));
}

#[test]
fn an_expired_certificate_and_one_of_an_unknown_authority_can_be_made_and_are_refused() {
    let (ours, other) = (root(), root());
    let past = Validity::new(NOW - 9 * DAY, NOW - DAY).unwrap();
    let client = Profile::client([]);
    let late = ours.issue(&client, &named("late"), past, P256).unwrap();
    let stranger = other
        .issue(&client, &named("mallory"), days(9), P256)
        .unwrap();
    let refusal = verify(&ours, &late.chain_pem(), "sslclient").unwrap_err();
    assert!(refusal.contains("certificate has expired"), "{refusal}");
    assert!(verify(&ours, &stranger.chain_pem(), "sslclient").is_err());
}

#[test]
fn certificates_contain_what_their_profile_says() {
    let root = root();
    let subject = named("shop")
        .organization("Demo")
        .organizational_unit("Web")
        .country("NL");
    let server = Profile::server(names(["a.test", "spiffe://a.test/shop", "shop@a.test"]));
    let shop = root
        .issue(&server, &subject, days(90), KeyAlgorithm::Rsa2048)
        .unwrap();
    let text = text(shop.certificate_pem());
    for expected in [
        "C = NL, O = Demo, OU = Web, CN = shop",
        "X509v3 Basic Constraints: critical\n                CA:FALSE",
        "X509v3 Key Usage: critical\n                Digital Signature, Key Encipherment",
        "X509v3 Extended Key Usage: \n                TLS Web Server Authentication",
        "DNS:a.test, URI:spiffe://a.test/shop, email:shop@a.test",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
        "Not After : Aug 30 00:00:00 2026 GMT",
    ] {
        assert!(text.contains(expected), "`{expected}` not in {text}");
    }
}

#[test]
fn serial_numbers_are_never_repeated() {
    let root = root();
    let serial = |credential: &Credential| {
        text(credential.certificate_pem())
            .split_once("Serial Number:")
            .unwrap()
            .1
            .lines()
            .nth(1)
            .unwrap()
            .trim()
            .to_owned()
    };
    let issue = || {
        root.issue(&Profile::client([]), &named("a"), days(1), P256)
            .unwrap()
    };
    let (first, second) = (serial(&issue()), serial(&issue()));
    assert_ne!(first, second);
    assert!(first.split(':').count() >= 15, "{first}");
}

#[test]
fn an_authority_issues_nothing_that_could_not_be_valid() {
    let root = root();
    let issuing = root
        .intermediate(&named("Issuing"), days(500), P256)
        .unwrap();
    let client = Profile::client([]);
    let issue =
        |subject: &Subject, validity| issuing.issue(&client, subject, validity, P256).map(drop);
    let below = issuing.intermediate(&named("Too Deep"), days(1), P256);
    assert_eq!(below.map(drop), Err(IssueError::PathLength));
    assert_eq!(
        issue(&named("a"), days(501)),
        Err(IssueError::OutlivesAuthority {
            not_after: NOW + 501 * DAY,
            authority_not_after: NOW + 500 * DAY,
        })
    );
    assert_eq!(
        issue(&named(&"x".repeat(65)), days(1)),
        Err(IssueError::SubjectLength { characters: 65 })
    );
    assert_eq!(
        issue(&named("a").country("Europe"), days(1)),
        Err(IssueError::Country)
    );
    let nameless = issuing.issue(&Profile::server([]), &named("a"), days(1), P256);
    assert_eq!(nameless.map(drop), Err(IssueError::NoNames));
    let server = Profile::server(names(["*.a.test"]));
    let long = root.issue(&server, &named("a"), days(800), P256);
    assert_eq!(
        long.map(drop),
        Err(IssueError::TooLong {
            days: 801,
            most: 800
        })
    );
    assert!(root.issue(&server, &named("a"), days(799), P256).is_ok());
    let everybody = Profile::client(names(["*.a.test"]));
    let everybody = root.issue(&everybody, &named("a"), days(1), P256);
    let name = "dns:*.a.test".to_owned();
    assert_eq!(everybody.map(drop), Err(IssueError::Wildcard { name }));
}

#[test]
fn an_authority_comes_back_from_its_pem_files() {
    let root = root();
    let issuing = root
        .intermediate(&named("Issuing"), days(500), KeyAlgorithm::P384)
        .unwrap();
    let bundle = format!("{}{}", issuing.chain_pem(), root.certificate_pem());
    let again = Authority::from_pem(&bundle, issuing.key_pem()).unwrap();
    assert_eq!(again.chain_pem(), issuing.chain_pem());
    assert_eq!(again.key_pem(), issuing.key_pem());
    let alice = again
        .issue(&Profile::client([]), &named("alice"), days(9), P256)
        .unwrap();
    assert_eq!(verify(&root, &alice.chain_pem(), "sslclient"), Ok(()));
    let below = again.intermediate(&named("Too Deep"), days(1), P256);
    assert_eq!(below.map(drop), Err(IssueError::PathLength));
}

#[test]
fn an_authority_made_with_openssl_issues_or_says_why_not() {
    let directory = TempDir::new().unwrap();
    let at = directory.path();
    let read = |name: &str| fs::read_to_string(at.join(name)).unwrap();
    let make = |arguments: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        openssl(at, &arguments).unwrap()
    };
    make(
        "req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.pem -days 3650 -subj /O=Old/CN=Root",
    );
    make("rsa -traditional -in rsa.key -out pkcs1.key");
    make("ecparam -name prime256v1 -genkey -out ec.key");
    make("req -x509 -key ec.key -out ec.pem -days 3650 -subj /CN=EC");
    for (certificate, key) in [
        ("rsa.pem", "rsa.key"),
        ("rsa.pem", "pkcs1.key"),
        ("ec.pem", "ec.key"),
    ] {
        let authority = Authority::from_pem(&read(certificate), &read(key)).unwrap();
        let alice = authority
            .issue(&Profile::client([]), &named("alice"), days(1), P256)
            .unwrap();
        fs::write(at.join("alice.pem"), alice.certificate_pem()).unwrap();
        let verified = make(&format!(
            "verify -CAfile {certificate} -no_check_time alice.pem"
        ));
        assert_eq!(verified, "alice.pem: OK\n");
        fs::write(at.join("again.key"), authority.key_pem()).unwrap();
        make("pkey -in again.key -noout");
    }

    make("pkey -in ec.key -aes256 -passout pass:secret -out locked.key");
    make(
        "req -x509 -key ec.key -out leaf.pem -subj /CN=leaf -addext basicConstraints=critical,CA:FALSE",
    );
    make("req -x509 -key ec.key -out crl.pem -subj /CN=crl -addext keyUsage=cRLSign");
    make("req -x509 -key ec.key -out twice.pem -subj /OU=a/OU=b/CN=twice");
    let load = |certificate: &str, key: &str| {
        Authority::from_pem(&read(certificate), &read(key)).map(drop)
    };
    assert_eq!(
        load("rsa.pem", "ec.key"),
        Err(LoadAuthorityError::KeyMismatch)
    );
    assert_eq!(
        load("ec.pem", "locked.key"),
        Err(LoadAuthorityError::EncryptedKey)
    );
    assert_eq!(
        load("leaf.pem", "ec.key"),
        Err(LoadAuthorityError::NotAnAuthority)
    );
    assert_eq!(load("crl.pem", "ec.key"), Err(LoadAuthorityError::KeyUsage));
    assert_eq!(
        load("ec.key", "ec.key"),
        Err(LoadAuthorityError::MalformedCertificate)
    );
    assert_eq!(
        load("ec.pem", "ec.pem"),
        Err(LoadAuthorityError::MalformedKey)
    );
    let twice = Authority::from_pem(&read("twice.pem"), &read("ec.key")).unwrap();
    let lost = twice.issue(
        &Profile::client([]),
        &named("alice"),
        Validity::new(NOW, NOW).unwrap(),
        P256,
    );
    assert_eq!(lost.map(drop), Err(IssueError::IssuerName));
}

#[test]
fn a_signing_request_gets_what_the_profile_says_and_not_what_it_asks_for() {
    let directory = TempDir::new().unwrap();
    let at = directory.path();
    let request = |arguments: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        openssl(at, &arguments).unwrap();
        SigningRequest::from_pem(&fs::read_to_string(at.join("request.pem")).unwrap())
    };
    let greedy = request(
        "req -new -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=mallory \
         -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign \
         -addext subjectAltName=DNS:bank.test,IP:192.0.2.7 -addext subjectKeyIdentifier=hash",
    )
    .unwrap();
    assert_eq!(greedy.common_name(), Some("mallory"));
    assert_eq!(greedy.names(), names(["bank.test", "192.0.2.7"]));

    let root = root();
    let chain = root
        .sign_request(&greedy, &Profile::client([]), &named("visitor"), days(9))
        .unwrap();
    assert_eq!(verify(&root, &chain, "sslclient"), Ok(()));
    let text = text(&chain);
    assert!(
        text.contains("CA:FALSE") && text.contains("CN = visitor"),
        "{text}"
    );
    assert!(
        !text.contains("bank.test") && !text.contains("Certificate Sign"),
        "{text}"
    );

    let nothing = SigningRequest::from_pem("nothing");
    assert_eq!(nothing.map(drop), Err(SigningRequestError::Malformed));
}

#[test]
fn weak_requests_are_refused_by_name() {
    let broken = |algorithm| SigningRequestError::WeakSignature { algorithm };
    let other = |kind: &str| SigningRequestError::UnsupportedKey {
        kind: kind.to_owned(),
    };
    let directory = TempDir::new().unwrap();
    for (choice, refusal) in [
        ("rsa:2048 -sha1", broken("SHA-1 and RSA")),
        ("rsa:2048 -md5", broken("MD5 and RSA")),
        (
            "rsa:2048 -sha1 -sigopt rsa_padding_mode:pss",
            broken("SHA-1 and RSA-PSS"),
        ),
        (
            "ec -pkeyopt ec_paramgen_curve:P-384 -sha1",
            broken("SHA-1 and ECDSA"),
        ),
        ("rsa:1024", SigningRequestError::WeakKey { bits: 1024 }),
        ("ec -pkeyopt ec_paramgen_curve:P-192", other("P-192")),
        ("ec -pkeyopt ec_paramgen_curve:P-224", other("P-224")),
        ("ec -pkeyopt ec_paramgen_curve:P-521", other("P-521")),
        (
            "ec -pkeyopt ec_paramgen_curve:secp256k1",
            other("secp256k1"),
        ),
        ("ed448", other("Ed448")),
    ] {
        let command =
            format!("req -newkey {choice} -nodes -keyout key.pem -out request.pem -subj /CN=weak");
        openssl(directory.path(), &command.split(' ').collect::<Vec<_>>()).unwrap();
        let request = fs::read_to_string(directory.path().join("request.pem")).unwrap();
        let refused = SigningRequest::from_pem(&request).map(drop);
        assert_eq!(refused, Err(refusal), "{choice}");
    }
}

#[test]
fn a_signing_request_with_a_wrong_signature_is_refused() {
    let directory = TempDir::new().unwrap();
    let command = "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out request.pem -subj /CN=a";
    openssl(directory.path(), &command.split(' ').collect::<Vec<_>>()).unwrap();
    let good = fs::read_to_string(directory.path().join("request.pem")).unwrap();
    let mut block = pem::parse(&good).unwrap().into_contents();
    let subject = block
        .windows(4)
        .position(|octets| octets == b"\x0c\x01a0")
        .unwrap();
    block[subject + 2] = b'b';
    let forged = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", block));
    assert!(SigningRequest::from_pem(&good).is_ok());
    assert_eq!(
        SigningRequest::from_pem(&forged).map(drop),
        Err(SigningRequestError::Signature)
    );
}
