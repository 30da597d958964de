//! Which addresses are fetched from (threats C3.5: a URL must not make the controller a door into its own network).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a host at this address may be asked. Judged by the resolved address that is then connected to, so that a name cannot mean one
/// address when it is judged and another one afterwards.
pub(super) fn is_allowed(address: IpAddr, private_network: bool) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            is_public_v4(address)
                || private_network && (address.is_private() || address.is_loopback())
        }
        IpAddr::V6(address) => {
            is_public_v6(address)
                || private_network && (address.is_unique_local() || address.is_loopback())
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || address.is_loopback()
        // Where clouds keep the credentials of their machines; never, whatever is configured.
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        // RFC 6598, RFC 6890, RFC 2544, RFC 1112 §4
        || a == 100 && (64..128).contains(&b)
        || a == 192 && b == 0 && c == 0
        || a == 198 && (18..20).contains(&b)
        || a >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // RFC 4291 §2.4: global unicast is 2000::/3. Of it, documentation, Teredo and 6to4 carry other addresses inside or lead nowhere.
    first & 0xe000 == 0x2000
        && !(first == 0x2001 && (second == 0xdb8 || second == 0))
        && first != 0x2002
        && !(first == 0x3fff && second < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_asked_and_private_ones_only_when_configured() {
        for (address, public, configured) in [
            ("93.184.216.34", true, true),
            ("2606:2800:220:1:248:1893:25c8:1946", true, true),
            ("10.1.2.3", false, true),
            ("192.168.0.1", false, true),
            ("172.16.0.1", false, true),
            ("127.0.0.1", false, true),
            ("::1", false, true),
            ("fd00::1", false, true),
            ("::ffff:10.0.0.1", false, true),
            ("169.254.169.254", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("fe80::1", false, false),
            ("0.0.0.0", false, false),
            ("::", false, false),
            ("100.64.0.1", false, false),
            ("198.18.0.1", false, false),
            ("224.0.0.1", false, false),
            ("255.255.255.255", false, false),
            ("64:ff9b::a00:1", false, false),
            ("2002:a00:1::1", false, false),
            ("2001:db8::1", false, false),
            ("ff02::1", false, false),
        ] {
            let parsed: IpAddr = address.parse().unwrap();
            assert_eq!(is_allowed(parsed, false), public, "{address}");
            assert_eq!(
                is_allowed(parsed, true),
                configured,
                "{address}, configured"
            );
        }
    }
}
