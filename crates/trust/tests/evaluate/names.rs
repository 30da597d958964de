//! Names that are made to be taken for others (threats C3.3).

use countersign_testkit::der;
use countersign_testkit::pki::Pki;
use countersign_trust::{Certificate, GeneralName};

use crate::check::check;

/// The kinds of RFC 5280 §4.2.1.6 that are text, and addresses.
const EMAIL: u8 = 1;
const DNS: u8 = 2;
const URI: u8 = 6;
const IP: u8 = 7;

const VICTIM: &str = "admin.example.com";

fn read(kind: u8, contents: &[u8]) -> GeneralName {
    let root = Pki::new().root("root");
    let client = root.client("a").name(der::implicit(kind, contents)).issue();
    // The client is who the CA says; what counts is what its names are taken for.
    check(&client, &[&root], "valid");
    let certificate = Certificate::from_der(client.der()).unwrap();
    let [name] = certificate.subject_alternative_names() else {
        panic!("{:?}", certificate.subject_alternative_names());
    };
    name.clone()
}

#[test]
fn broken_alternative_names_are_no_name_that_anybody_could_configure() {
    for (kind, contents) in [
        (DNS, &b"admin.example.com\0.evil.test"[..]),
        (DNS, b"admin.example.com\0"),
        (DNS, b"admin.example.com\n"),
        (DNS, "admin.ex\u{e4}mple.com".as_bytes()),
        (DNS, b"admin.example.com\x7f"),
        (EMAIL, b"admin@example.com\0@evil.test"),
        (EMAIL, "\u{e4}dmin@example.com".as_bytes()),
        (URI, b"spiffe://example/admin\0/evil"),
        (URI, b"spiffe://example/admin\r\nX: y"),
        (IP, &[192, 0, 2, 1, 0]),
        (IP, &[192, 0, 2]),
        (IP, b""),
        (IP, b"192.0.2.1"),
    ] {
        let name = read(kind, contents);
        let expected = GeneralName::Unreadable {
            tag: kind,
            contents: contents.into(),
        };
        assert_eq!(name, expected);
        let shown = name.to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}

#[test]
fn a_name_stays_of_the_kind_that_the_certificate_gives_it() {
    let text = VICTIM.to_owned();
    assert_eq!(read(DNS, VICTIM.as_bytes()), GeneralName::Dns(text.clone()));
    assert_eq!(
        read(EMAIL, VICTIM.as_bytes()),
        GeneralName::Email(text.clone())
    );
    assert_eq!(read(URI, VICTIM.as_bytes()), GeneralName::Uri(text));
    let mapped = [&[0; 10][..], &[0xff, 0xff, 192, 0, 2, 1]].concat();
    assert_ne!(read(IP, &mapped), read(IP, &[192, 0, 2, 1]));
}

#[test]
fn a_common_name_cannot_be_shown_as_several_attributes() {
    let root = Pki::new().root("root");
    for common_name in [
        "alice,O=Admins",
        "alice/O=Admins",
        "alice+O=Admins",
        "alice\nO=Admins",
        "alice\0",
    ] {
        let client = root.client(common_name).issue();
        let certificate = Certificate::from_der(client.der()).unwrap();
        let subject = certificate.subject();
        assert_eq!(subject.common_name(), Some(common_name));
        let shown = subject.to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
        for separator in [",O=", "+O="] {
            assert!(!shown.contains(&format!("alice{separator}")), "{shown}");
        }
    }
}
