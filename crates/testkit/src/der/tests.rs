use super::*;

#[test]
fn lengths_take_the_shortest_form() {
    assert_eq!(tlv(0x04, [7; 3])[..2], [0x04, 3]);
    assert_eq!(tlv(0x04, [7; 127])[..2], [0x04, 0x7f]);
    assert_eq!(tlv(0x04, [7; 128])[..3], [0x04, 0x81, 0x80]);
    assert_eq!(tlv(0x04, [7; 256])[..4], [0x04, 0x82, 1, 0]);
}

#[test]
fn numbers_have_no_needless_octets() {
    assert_eq!(integer(0), [2, 1, 0]);
    assert_eq!(integer(127), [2, 1, 0x7f]);
    assert_eq!(integer(128), [2, 2, 0, 0x80]);
    assert_eq!(integer(-1), [2, 1, 0xff]);
    assert_eq!(unsigned(&[0, 0, 0x80]), [2, 2, 0, 0x80]);
    assert_eq!(unsigned(&[]), [2, 1, 0]);
}

#[test]
fn object_identifiers_and_named_bits_match_the_standards_examples() {
    assert_eq!(
        oid("1.2.840.113549"),
        [6, 6, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]
    );
    assert_eq!(oid("2.5.29.37.0"), [6, 4, 0x55, 0x1d, 0x25, 0]);
    assert_eq!(named_bits(&[5, 6]), [3, 2, 1, 0x06]);
    assert_eq!(named_bits(&[0, 8]), [3, 3, 7, 0x80, 0x80]);
}

#[test]
fn times_change_form_in_2050() {
    assert_eq!(time(2_524_607_999), b"\x17\x0d491231235959Z");
    assert_eq!(time(2_524_608_000), b"\x18\x0f20500101000000Z");
    assert_eq!(time(-631_152_001), b"\x18\x0f19491231235959Z");
}

#[test]
fn elements_and_pem_come_back_as_they_were() {
    let one = sequence([integer(1), utf8_string("two")]);
    let two = octet_string(vec![9; 300]);
    let joined = [one.clone(), two.clone()].concat();
    assert_eq!(elements(&joined), [&one[..], &two[..]]);
    assert_eq!(content(&two), [9; 300]);
    for length in 0..70_u8 {
        let bytes: Vec<u8> = (0..length).collect();
        let text = format!("text before\n{}text after\n", pem("THING", &bytes));
        assert_eq!(pem_blocks(&text), [("THING".to_owned(), bytes)]);
    }
}
