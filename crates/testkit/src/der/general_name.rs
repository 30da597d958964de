//! `GeneralName`s, for subject alternative names, name constraints and distribution points.

use std::net::IpAddr;

use super::{content, explicit, implicit, oid, tlv, utf8_string};

/// `dNSName`.
pub fn dns(name: &str) -> Vec<u8> {
    implicit(2, name)
}

/// `rfc822Name`.
pub fn email(address: &str) -> Vec<u8> {
    implicit(1, address)
}

/// `uniformResourceIdentifier`.
pub fn uri(uri: &str) -> Vec<u8> {
    implicit(6, uri)
}

/// `iPAddress` of one host.
pub fn ip(address: IpAddr) -> Vec<u8> {
    implicit(7, octets(address))
}

/// `iPAddress` of a name constraint: address and mask.
pub fn ip_range(address: IpAddr, mask: IpAddr) -> Vec<u8> {
    implicit(7, [octets(address), octets(mask)].concat())
}

/// `directoryName` of a whole `Name` element.
pub fn directory_name(name: &[u8]) -> Vec<u8> {
    explicit(4, name)
}

/// `registeredID`.
pub fn registered_id(dotted: &str) -> Vec<u8> {
    implicit(8, content(&oid(dotted)))
}

/// `otherName` with a whole element as its value.
pub fn other_name(dotted: &str, value: &[u8]) -> Vec<u8> {
    tlv(0xa0, [oid(dotted), explicit(0, value)].concat())
}

/// `otherName` with a Microsoft user principal name (1.3.6.1.4.1.311.20.2.3).
pub fn upn(principal: &str) -> Vec<u8> {
    other_name("1.3.6.1.4.1.311.20.2.3", &utf8_string(principal))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(four) => four.octets().to_vec(),
        IpAddr::V6(six) => six.octets().to_vec(),
    }
}
