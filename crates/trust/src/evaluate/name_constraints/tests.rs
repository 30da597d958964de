use super::host::{dns, email, uri};
use super::*;

#[test]
fn dns_names_are_compared_by_labels() {
    let permitted = |name, base| dns(name, base, Subtrees::Permitted);
    for (name, base, expected) in [
        ("example.com", "example.com", Some(true)),
        ("a.b.example.com", "example.com", Some(true)),
        ("EXAMPLE.com", "example.COM", Some(true)),
        ("badexample.com", "example.com", Some(false)),
        ("example.com.evil", "example.com", Some(false)),
        ("example.com", ".example.com", Some(false)),
        ("a.example.com", ".example.com", Some(true)),
        ("anything.at.all", "", Some(true)),
        ("example.com.", "example.com", None),
        ("a..example.com", "example.com", None),
        ("*.example.com", "example.com", Some(true)),
        // RUSTSEC-2026-0099: a wildcard is not inside one of the names that it stands for.
        ("*.example.com", "a.example.com", Some(false)),
        ("a.*.example.com", "example.com", None),
    ] {
        assert_eq!(permitted(name, base), expected, "{name} {base}");
    }
}

#[test]
fn a_wildcard_that_covers_an_excluded_name_is_excluded() {
    let excluded = |name, base| dns(name, base, Subtrees::Excluded);
    assert_eq!(excluded("*.example.com", "a.example.com"), Some(true));
    assert_eq!(excluded("*.example.com", "b.a.example.com"), Some(false));
    assert_eq!(excluded("a.example.com", "b.example.com"), Some(false));
}

#[test]
fn mail_constraints_are_mailbox_host_or_domain() {
    for (address, base, expected) in [
        ("a@example.com", "a@example.com", Some(true)),
        ("a@EXAMPLE.com", "a@example.com", Some(true)),
        ("A@example.com", "a@example.com", Some(false)),
        ("a@example.com", "example.com", Some(true)),
        ("a@mail.example.com", "example.com", Some(false)),
        ("a@mail.example.com", ".example.com", Some(true)),
        ("a@example.com", ".example.com", Some(false)),
        ("\"a@evil.com\"@example.com", "evil.com", Some(false)),
        ("a@b@example.com", "example.com", None),
        ("example.com", "example.com", None),
        ("@example.com", "example.com", None),
    ] {
        assert_eq!(email(address, base), expected, "{address} {base}");
    }
}

#[test]
fn uri_constraints_apply_to_the_host() {
    for (name, base, expected) in [
        ("spiffe://example.com/a", "example.com", Some(true)),
        (
            "https://a.example.com:443/x?y#z",
            ".example.com",
            Some(true),
        ),
        ("https://a.example.com", "example.com", Some(false)),
        ("https://example.com@evil.com/", "example.com", Some(false)),
        ("https://evil.com/@example.com", "example.com", Some(false)),
        ("https://evil.com\\@example.com", "example.com", None),
        ("https://192.0.2.1/", "example.com", None),
        ("https://[2001:db8::1]/", "example.com", None),
        ("urn:uuid:1", "example.com", None),
        ("https:///x", "example.com", None),
    ] {
        assert_eq!(uri(name, base), expected, "{name} {base}");
    }
}

#[test]
fn addresses_are_masked_and_families_do_not_mix() {
    let net = [192, 0, 2, 0, 255, 255, 255, 0];
    assert!(masked(&[192, 0, 2, 77], &net));
    assert!(!masked(&[192, 0, 3, 77], &net));
    assert!(!masked(&[0; 16], &net));
}

#[test]
fn what_cannot_be_compared_is_never_let_through() {
    let name = GeneralName::Unreadable {
        tag: TAG_DNS,
        contents: b"a\0.example"[..].into(),
    };
    let base = || GeneralSubtree::Dns("example".to_owned());
    let permitted = NameConstraints {
        permitted: vec![base()],
        excluded: Vec::new(),
    };
    let excluded = NameConstraints {
        permitted: Vec::new(),
        excluded: vec![base()],
    };
    let check = |constraints| outside(&name, constraints, &mut Budget::default()).unwrap();
    assert_eq!(check(&permitted), Some("outside the permitted subtrees"));
    assert_eq!(check(&excluded), Some("inside the excluded subtrees"));
    assert_eq!(check(&NameConstraints::default()), None);
}
