use std::slice::from_ref;

use super::*;
use crate::oid::known::{COMMON_NAME, COUNTRY, EMAIL_ADDRESS, ORGANIZATION};

const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const TELETEX: u8 = 0x14;
const BMP: u8 = 0x1e;

fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    match contents.len() {
        length @ 0..=0x7f => der.push(length as u8),
        length => der.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    der.extend(contents);
    der
}

fn attribute(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[tlv(0x06, kind), tlv(tag, value)].concat())
}

/// Each inner list is one relative name.
fn name(relative_names: &[&[Vec<u8>]]) -> DistinguishedName {
    let sets: Vec<u8> = relative_names
        .iter()
        .flat_map(|attributes| tlv(0x31, &attributes.concat()))
        .collect();
    DistinguishedName::from_der(&tlv(0x30, &sets)).unwrap()
}

fn cn(tag: u8, value: &[u8]) -> DistinguishedName {
    name(&[&[attribute(COMMON_NAME, tag, value)]])
}

#[test]
fn case_white_space_and_string_type_do_not_matter() {
    let plain = cn(PRINTABLE, b"Example CA");
    assert_eq!(plain, cn(UTF8, b"  example   ca "));
    assert_eq!(plain, cn(TELETEX, b"EXAMPLE CA"));
    assert_eq!(plain, cn(BMP, b"\0E\0x\0a\0m\0p\0l\0e\0 \0c\0a"));
    assert_ne!(plain, cn(PRINTABLE, b"ExampleCA"));
    assert_eq!(
        cn(UTF8, "Ärzte Bank".as_bytes()),
        cn(TELETEX, b"\xe4rzte\xa0bank")
    );
    assert_eq!(
        cn(UTF8, "A\u{308}rzte".as_bytes()),
        cn(UTF8, "ärzte".as_bytes())
    );
}

#[test]
fn nul_is_no_ignorable_character() {
    assert_ne!(cn(UTF8, b"admin"), cn(UTF8, b"admin\0"));
    assert_ne!(cn(UTF8, b"admin"), cn(UTF8, b"admin\0.example"));
}

#[test]
fn order_of_relative_names_matters_and_order_inside_one_does_not() {
    let o = attribute(ORGANIZATION, UTF8, b"Example");
    let c = attribute(COMMON_NAME, UTF8, b"x");
    assert_ne!(
        name(&[from_ref(&o), from_ref(&c)]),
        name(&[from_ref(&c), from_ref(&o)])
    );
    assert_eq!(
        name(&[&[o.clone(), c.clone()]]),
        name(&[&[c.clone(), o.clone()]])
    );
    assert_ne!(name(&[&[o.clone(), c.clone()]]), name(&[&[o], &[c]]));
}

#[test]
fn within_means_below_in_whole_relative_names() {
    let country = attribute(COUNTRY, PRINTABLE, b"US");
    let base = name(&[from_ref(&country), &[attribute(ORGANIZATION, UTF8, b"Ex")]]);
    let below = name(&[
        &[attribute(COUNTRY, UTF8, b"us")],
        &[attribute(ORGANIZATION, PRINTABLE, b"EX")],
        &[attribute(COMMON_NAME, UTF8, b"x")],
    ]);
    let beside = name(&[&[country], &[attribute(ORGANIZATION, UTF8, b"Example")]]);
    assert!(below.is_within(&base));
    assert!(base.is_within(&base));
    assert!(!beside.is_within(&base));
    assert!(!base.is_within(&below));
    assert!(base.is_within(&name(&[])));
}

#[test]
fn rfc_2253_text_escapes_what_could_be_structure() {
    let name = name(&[
        &[attribute(COUNTRY, PRINTABLE, b"US")],
        &[attribute(
            ORGANIZATION,
            UTF8,
            br#"Smith, Jones + "Co" \ <x>;"#,
        )],
        &[
            attribute(COMMON_NAME, UTF8, b" #x\n "),
            attribute(EMAIL_ADDRESS, 0x16, b"a@b.example"),
        ],
    ]);
    assert_eq!(
        name.to_rfc2253(),
        r#"emailAddress=a@b.example+CN=\ #x\0A\ ,O=Smith\, Jones \+ \"Co\" \\ \<x\>\;,C=US"#
    );
    assert_eq!(cn(UTF8, b"#1").to_rfc2253(), r"CN=\#1");
}

#[test]
fn java_text_quotes_and_puts_the_most_specific_first() {
    let plain = name(&[
        &[attribute(COUNTRY, PRINTABLE, b"US")],
        &[attribute(ORGANIZATION, UTF8, b"Smith, \"Jones\"")],
        &[attribute(COMMON_NAME, UTF8, b"client 1")],
        &[attribute(EMAIL_ADDRESS, 0x16, b"a@b.example")],
    ]);
    assert_eq!(
        plain.to_java_string(),
        r#"EMAILADDRESS=a@b.example, CN=client 1, O="Smith, \"Jones\"", C=US"#
    );
}

#[test]
fn types_without_a_keyword_are_numbers() {
    let odd = name(&[&[attribute(&[0x2a, 0x03], UTF8, b"x")]]);
    assert_eq!(odd.to_rfc2253(), "1.2.3=#0C0178");
    assert_eq!(odd.to_java_string(), "OID.1.2.3=x");
}

#[test]
fn attributes_are_found() {
    let name = name(&[
        &[attribute(ORGANIZATION, UTF8, b"Example")],
        &[attribute(COMMON_NAME, UTF8, b"first")],
        &[attribute(COMMON_NAME, UTF8, b"second")],
    ]);
    assert_eq!(name.common_name(), Some("second"));
    assert_eq!(name.organization(), Some("Example"));
    assert!(name.organizational_units().is_empty());
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        let _ = DistinguishedName::from_der(&bytes);
    }

    #[test]
    fn any_text_is_one_line(text in ".*") {
        proptest::prop_assert!(!cn(UTF8, text.as_bytes()).to_rfc2253().contains(char::is_control));
    }

    #[test]
    fn case_of_ascii_never_matters(text in "[ -~]*") {
        let shouted = cn(UTF8, text.to_uppercase().as_bytes());
        proptest::prop_assert_eq!(shouted, cn(PRINTABLE, text.as_bytes()));
    }
}
