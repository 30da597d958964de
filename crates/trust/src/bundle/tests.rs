use std::process::{Command, Stdio};

use super::*;

/// Runs openssl; what it makes here needs no particular key.
fn openssl(arguments: &str, input: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut child = Command::new("openssl")
        .args(arguments.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is needed for this test");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments}");
    output.stdout
}

fn certificate() -> String {
    let made = openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=root -days 10",
        b"",
    );
    String::from_utf8(made).unwrap()
}

fn wrong(input: &[u8]) -> (usize, WrongContent) {
    match parse_bundle(input) {
        Err(ParseBundleError::WrongContent { line, what }) => (line, what),
        other => panic!("{other:?}"),
    }
}

#[test]
fn text_comments_and_any_line_ends_are_around_certificates() {
    let pem = certificate();
    let der = parse_bundle(pem.as_bytes()).unwrap().certificates[0]
        .certificate
        .clone();
    for (input, lines) in [
        (pem.clone(), vec![1]),
        (pem.replace('\n', "\r\n"), vec![1]),
        (pem.replace('\n', "\r"), vec![1]),
        (pem.replace('\n', " "), vec![1]),
        (format!("\u{feff}{pem}"), vec![1]),
        (
            format!("# root\n\n{pem}subject=CN = x\n{pem}tail"),
            vec![3, 3 + pem.lines().count() + 1],
        ),
        (pem.trim_end().to_owned(), vec![1]),
        (pem.replace("CERTIFICATE", "X509 CERTIFICATE"), vec![1]),
        (pem.replace('=', ""), vec![1]),
    ] {
        let bundle = parse_bundle(input.as_bytes()).unwrap();
        let found: Vec<_> = bundle.certificates.iter().map(|entry| entry.line).collect();
        assert_eq!(found, lines, "{input}");
        assert!(
            bundle
                .certificates
                .iter()
                .all(|entry| entry.certificate == der)
        );
    }
    assert_eq!(
        parse_bundle(der.der()).unwrap().certificates[0].certificate,
        der
    );
    assert_eq!(
        parse_bundle(to_pem(der.der()).as_bytes())
            .unwrap()
            .certificates
            .len(),
        1
    );
    assert_eq!(to_pem(der.der()), pem);
}

#[test]
fn duplicates_are_reported() {
    let one = certificate();
    let bundle = parse_bundle(format!("{one}{}{one}", certificate()).as_bytes()).unwrap();
    assert_eq!(bundle.certificates.len(), 3);
    let duplicates = bundle.duplicates();
    assert_eq!(duplicates.len(), 1);
    assert_eq!(duplicates[0].1.line, 1);
}

#[test]
fn what_people_paste_by_mistake_is_named() {
    let pem = certificate();
    let key = openssl("genpkey -algorithm ed25519", b"");
    let both = [pem.as_bytes(), &key].concat();
    assert_eq!(
        wrong(&both),
        (pem.lines().count() + 1, WrongContent::PrivateKey)
    );
    let rsa = openssl("genrsa -traditional 1024", b"");
    assert_eq!(wrong(&rsa), (1, WrongContent::PrivateKey));
    let encrypted = openssl("rsa -traditional -des3 -passout pass:secret", &rsa);
    assert_eq!(wrong(&encrypted), (1, WrongContent::EncryptedPrivateKey));
    let pkcs8 = openssl("pkcs8 -topk8 -passout pass:secret", &rsa);
    assert_eq!(wrong(&pkcs8), (1, WrongContent::EncryptedPrivateKey));
    let public = openssl("rsa -pubout", &rsa);
    assert_eq!(wrong(&public), (1, WrongContent::PublicKey));
    let request = openssl(
        "req -new -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=x",
        b"",
    );
    assert_eq!(wrong(&request), (1, WrongContent::CertificateRequest));
    let trusted = openssl("x509 -trustout", pem.as_bytes());
    assert_eq!(wrong(&trusted), (1, WrongContent::TrustedCertificate));

    let der = |what: &str, pem: &[u8]| openssl(&format!("{what} -outform DER"), pem);
    assert_eq!(
        wrong(&der("req", &request)).1,
        WrongContent::CertificateRequest
    );
    assert_eq!(wrong(&der("rsa", &rsa)).1, WrongContent::PrivateKey);
    assert_eq!(wrong(&der("rsa -pubout", &rsa)).1, WrongContent::PublicKey);
    assert_eq!(
        wrong(&der("pkcs8 -topk8 -passout pass:secret", &rsa)).1,
        WrongContent::EncryptedPrivateKey
    );
}

/// Runs `openssl crl2pkcs7` over files with these texts; the last one may be a CRL.
fn pkcs7(certificates: &str, crl: Option<&str>) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let certificates = path("certificates", certificates);
    let crl = crl.map_or("-nocrl".to_owned(), |crl| {
        format!("-in {}", path("crl", crl))
    });
    let made = openssl(&format!("crl2pkcs7 {crl} -certfile {certificates}"), b"");
    String::from_utf8(made).unwrap()
}

#[test]
fn pkcs7_files_of_certificates_are_read_as_pem_and_as_der() {
    let (one, two) = (certificate(), certificate());
    let expected = parse_bundle(format!("{one}{two}").as_bytes()).unwrap();
    let check = |input: &[u8], line: usize| {
        let found = parse_bundle(input).unwrap().certificates;
        assert_eq!(found.len(), 2);
        for entry in &found {
            assert_eq!(entry.line, line);
            assert!(
                expected
                    .certificates
                    .iter()
                    .any(|it| it.certificate == entry.certificate)
            );
        }
    };
    let pem = pkcs7(&format!("{one}{two}"), None);
    check(pem.as_bytes(), 1);
    check(format!("\n{}", pem.replace("PKCS7", "CMS")).as_bytes(), 2);
    check(&openssl("pkcs7 -outform DER", pem.as_bytes()), 1);
    let beside = parse_bundle(format!("{one}{pem}").as_bytes()).unwrap();
    assert_eq!(beside.certificates.len(), 3);
    assert_eq!(beside.duplicates().len(), 1);
}

#[test]
fn pkcs7_files_that_say_more_are_refused_with_the_command_that_converts_them() {
    // Made by OpenSSL 3: an empty CRL of a CA of its own.
    let root = countersign_testkit::Pki::new().root("root");
    let crl = openssl("crl -inform DER", &root.crl().issue());
    let with_crl = pkcs7(&root.pem(), Some(std::str::from_utf8(&crl).unwrap()));
    assert_eq!(wrong(with_crl.as_bytes()), (1, WrongContent::Pkcs7));
    let empty = pkcs7("", None);
    assert_eq!(wrong(empty.as_bytes()), (1, WrongContent::Pkcs7));
    let signer = root.client("signer").issue();
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [("pem", signer.pem()), ("key", signer.key_pem())] {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let place = directory.path().display();
    let signed = openssl(
        &format!("cms -sign -signer {place}/pem -inkey {place}/key -outform PEM -nodetach"),
        b"hello",
    );
    assert_eq!(wrong(&signed), (1, WrongContent::Pkcs7));
    let p12 = openssl(
        &format!("pkcs12 -export -in {place}/pem -nokeys -passout pass:secret"),
        b"",
    );
    assert_eq!(wrong(&p12), (1, WrongContent::Pkcs12));
    for what in [WrongContent::Pkcs7, WrongContent::Pkcs12] {
        assert!(what.remedy().contains("openssl pkcs"));
    }
    // Small keys are DER of less than 128 octets.
    let ed25519 = openssl("genpkey -algorithm ed25519 -outform DER", b"");
    assert_eq!(wrong(&ed25519), (1, WrongContent::PrivateKey));
}

#[test]
fn a_private_key_is_named_before_anything_else() {
    let input = b"-----BEGIN X509 CRL-----\n!!\n-----BEGIN RSA PRIVATE KEY-----\nno end";
    assert_eq!(wrong(input), (3, WrongContent::PrivateKey));
}

#[test]
fn errors_say_where_and_what() {
    let pem = certificate();
    let check = |input: &[u8], expected: ParseBundleError| {
        assert_eq!(parse_bundle(input), Err(expected));
    };
    check(b" \r\n", ParseBundleError::Empty);
    check(b"MIIB", ParseBundleError::NoCertificate);
    check(&[0xff, 0xfe, b'-', 0], ParseBundleError::Utf16);
    check(
        pem.trim_end()
            .trim_end_matches("-----END CERTIFICATE-----")
            .as_bytes(),
        ParseBundleError::Unterminated { line: 1 },
    );
    check(
        format!("x\n{}", pem.replacen("MII", "M*I", 1)).as_bytes(),
        ParseBundleError::NotBase64 { line: 2 },
    );
    check(
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ParseBundleError::Certificate {
            line: 1,
            cause: ParseCertificateError::Malformed {
                part: "outer sequence",
            },
        },
    );
    check(
        &vec![b'x'; Bundle::MAX_OCTETS + 1],
        ParseBundleError::TooLarge {
            octets: Bundle::MAX_OCTETS + 1,
        },
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        let _ = parse_bundle(&bytes);
    }

    #[test]
    fn any_pem_like_text_is_read_without_panic(
        text in "(-----BEGIN [A-Z ]{0,12}-----|-----END [A-Z ]{0,12}-----|-----|[A-Za-z0-9+/=]{0,9}|\r|\n|:){0,20}"
    ) {
        let _ = parse_bundle(text.as_bytes());
    }
}
