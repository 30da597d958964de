//! Ranges of IP addresses.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// All addresses that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`, or one address.
///
/// An IPv4 address and the IPv6 address that maps it (RFC 4291 §2.5.5.2) are the same.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IpRange {
    first: IpAddr,
    prefix: u8,
}

/// Why a text is no range.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseIpRangeError {
    /// There is no IP address before the `/`.
    #[error("no IP address")]
    Address,
    /// The number behind the `/` is none, or larger than the address has bits.
    #[error("no prefix length for this kind of address")]
    Prefix,
    /// Bits behind the prefix are set: probably another range was meant.
    #[error("the address has bits set behind the prefix")]
    HostBits,
}

impl IpRange {
    /// The range of these first bits.
    ///
    /// # Errors
    /// When the prefix is longer than the address, or the address has bits set behind it.
    pub fn new(first: IpAddr, prefix: u8) -> Result<Self, ParseIpRangeError> {
        if prefix > bits(first) {
            return Err(ParseIpRangeError::Prefix);
        }
        let range = Self { first, prefix };
        if wide(first) & !range.mask() != 0 {
            return Err(ParseIpRangeError::HostBits);
        }
        Ok(range)
    }

    /// The lowest address.
    #[must_use]
    pub const fn first(&self) -> IpAddr {
        self.first
    }

    /// How many bits all addresses have in common.
    #[must_use]
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether the address is one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && wide(address) & self.mask() == wide(self.first)
    }

    fn mask(&self) -> u128 {
        let fixed = 128 - u32::from(bits(self.first)) + u32::from(self.prefix);
        u128::MAX
            .checked_shl(128_u32.saturating_sub(fixed))
            .unwrap_or(0)
    }
}

const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => Ipv6Addr::from(u128::from(u32::from(address))).to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl FromStr for IpRange {
    type Err = ParseIpRangeError;

    fn from_str(text: &str) -> Result<Self, ParseIpRangeError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ParseIpRangeError::Address)?;
        let prefix = match prefix {
            None => bits(address),
            // The number's own parser would take a sign.
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map_err(|_| ParseIpRangeError::Prefix)?
            }
            Some(_) => return Err(ParseIpRangeError::Prefix),
        };
        Self::new(address, prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &str, address: &str, expected: bool) {
        let range: IpRange = range.parse().unwrap();
        assert_eq!(
            range.contains(address.parse().unwrap()),
            expected,
            "{range} {address}"
        );
        assert_eq!(range.to_string().parse(), Ok(range));
    }

    #[test]
    fn a_range_holds_the_addresses_that_begin_alike() {
        check("10.0.0.0/8", "10.255.1.2", true);
        check("10.0.0.0/8", "11.0.0.0", false);
        check("10.0.0.0/8", "::ffff:10.1.1.1", true);
        check("10.0.0.0/8", "::10.1.1.1", false);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.6", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("::/0", "2001:db8::1", true);
        check("2001:db8::/33", "2001:db8:7fff::1", true);
        check("2001:db8::/33", "2001:db8:8000::1", false);
        check("2001:db8::1", "2001:db8::1", true);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for (text, error) in [
            ("", ParseIpRangeError::Address),
            ("a.test/8", ParseIpRangeError::Address),
            ("10.0.0.0/33", ParseIpRangeError::Prefix),
            ("10.0.0.0/+8", ParseIpRangeError::Prefix),
            ("10.0.0.0/", ParseIpRangeError::Prefix),
            ("::/129", ParseIpRangeError::Prefix),
            ("10.0.0.1/8", ParseIpRangeError::HostBits),
            ("2001:db8::1/64", ParseIpRangeError::HostBits),
        ] {
            assert_eq!(text.parse::<IpRange>(), Err(error), "{text}");
        }
    }
}
