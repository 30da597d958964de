//! Distinguished names.

use super::{ia5_string, oid, printable_string, sequence, set, utf8_string};

/// A `Name` of single-valued RDNs, first to last as written, e.g. `[("C", "US"), ("O", "Demo"), ("CN", "alice")]`.
///
/// Types are short names (`CN`, `C`, `L`, `ST`, `O`, `OU`, `DC`, `UID`, `E`, …) or dotted identifiers. Values are
/// UTF8String, but PrintableString for `C` and `SERIALNUMBER` and IA5String for `DC` and `E`, as RFC 5280 appendix A wants.
pub fn name(attributes: &[(&str, &str)]) -> Vec<u8> {
    sequence(
        attributes
            .iter()
            .map(|(kind, text)| rdn(&[(kind, value(kind, text))])),
    )
}

/// A `Name` of single-valued RDNs with values that are whole elements, so of any string type.
pub fn name_with(attributes: &[(&str, Vec<u8>)]) -> Vec<u8> {
    sequence(
        attributes
            .iter()
            .map(|(kind, value)| rdn(&[(kind, value.clone())])),
    )
}

/// One relative distinguished name; more than one attribute makes it multi-valued (sorted, as DER wants).
pub fn rdn(attributes: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut members: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(kind, value)| sequence([attribute_type(kind), value.clone()]))
        .collect();
    members.sort();
    set(members)
}

fn value(kind: &str, text: &str) -> Vec<u8> {
    match kind {
        "C" | "SERIALNUMBER" => printable_string(text),
        "DC" | "E" => ia5_string(text),
        _ => utf8_string(text),
    }
}

fn attribute_type(kind: &str) -> Vec<u8> {
    oid(match kind {
        "CN" => "2.5.4.3",
        "SN" => "2.5.4.4",
        "SERIALNUMBER" => "2.5.4.5",
        "C" => "2.5.4.6",
        "L" => "2.5.4.7",
        "ST" => "2.5.4.8",
        "STREET" => "2.5.4.9",
        "O" => "2.5.4.10",
        "OU" => "2.5.4.11",
        "T" => "2.5.4.12",
        "GN" => "2.5.4.42",
        "DNQ" => "2.5.4.46",
        "UID" => "0.9.2342.19200300.100.1.1",
        "DC" => "0.9.2342.19200300.100.1.25",
        "E" => "1.2.840.113549.1.9.1",
        dotted => dotted,
    })
}
