//! Headers to origins. What a client says about itself stands in them only as far as it is verified.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use countersign_snapshot::{Peer, TlsVersion};
use countersign_tls::TlsFacts;
use countersign_trust::ValidChain;

use super::crc32c::crc32c;
use super::{CRC32C, Ends, PROXY, SIGNATURE, TCP4, TCP6};

/// Everything that version 2 can tell.
pub(crate) struct Told<'a> {
    pub(crate) ends: Ends,
    pub(crate) server_name: &'a str,
    /// What was negotiated by ALPN.
    pub(crate) alpn: Option<&'a [u8]>,
    /// By which the log names the connection.
    pub(crate) id: &'a str,
    /// None without TLS.
    pub(crate) tls: Option<&'a TlsFacts>,
    pub(crate) peer: &'a Peer,
    /// The chain of the client, when it was let in on the strength of one.
    pub(crate) valid: Option<&'a ValidChain>,
    /// The certificate of that client itself, where it is wanted.
    pub(crate) certificate: Option<&'a [u8]>,
}

/// The certificate and the rest have more octets together than a header can have.
#[derive(Debug)]
pub(crate) struct TooLong;

/// §2.2.7: the types of extensions.
const ALPN: u8 = 0x01;
const AUTHORITY: u8 = 0x02;
const UNIQUE_ID: u8 = 0x05;
const SSL: u8 = 0x20;
const SSL_VERSION: u8 = 0x21;
const SSL_CN: u8 = 0x22;
const SSL_CIPHER: u8 = 0x23;
const SSL_SIG_ALG: u8 = 0x24;
const SSL_KEY_ALG: u8 = 0x25;
const SSL_GROUP: u8 = 0x26;
const SSL_CLIENT_CERT: u8 = 0x28;
/// §2.2.7: what the client did.
const CLIENT_SSL: u8 = 0x01;
const CLIENT_CERT_CONN: u8 = 0x02;
const CLIENT_CERT_SESS: u8 = 0x04;

/// A common name beyond that is left out: X.520 allows 64 characters, and receivers bound the header.
const CN_MAX_BYTES: usize = 256;

/// §2.1: one line.
pub(crate) fn version_1(ends: Ends) -> Vec<u8> {
    let (client, local) = of_one_family(ends);
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    format!(
        "PROXY {family} {} {} {} {}\r\n",
        client.ip(),
        local.ip(),
        client.port(),
        local.port()
    )
    .into_bytes()
}

/// §2.2: in binary, with extensions.
pub(crate) fn version_2(told: &Told<'_>) -> Result<Vec<u8>, TooLong> {
    let (client, local) = of_one_family(told.ends);
    let mut rest = Vec::with_capacity(256);
    for address in [client, local] {
        match address.ip() {
            IpAddr::V4(ip) => rest.extend(ip.octets()),
            IpAddr::V6(ip) => rest.extend(ip.octets()),
        }
    }
    rest.extend(client.port().to_be_bytes());
    rest.extend(local.port().to_be_bytes());
    if let Some(alpn) = told.alpn {
        append(&mut rest, ALPN, alpn)?;
    }
    append(&mut rest, AUTHORITY, told.server_name.as_bytes())?;
    append(&mut rest, UNIQUE_ID, told.id.as_bytes())?;
    if let Some(tls) = told.tls {
        append(&mut rest, SSL, &ssl(told, tls)?)?;
    }
    // §2.2.3: the checksum is that of the header in which it is zero. As the last extension it is known where it stands.
    append(&mut rest, CRC32C, &[0; 4])?;
    let mut header = SIGNATURE.to_vec();
    header.push(PROXY);
    header.push(if client.is_ipv4() { TCP4 } else { TCP6 });
    let length = u16::try_from(rest.len()).map_err(|_| TooLong)?;
    header.extend(length.to_be_bytes());
    let checksum = crc32c(&[&header, &rest]);
    rest.truncate(rest.len() - 4);
    header.extend(rest);
    header.extend(checksum.to_be_bytes());
    Ok(header)
}

fn ssl(told: &Told<'_>, tls: &TlsFacts) -> Result<Vec<u8>, TooLong> {
    let presented = !matches!(told.peer, Peer::Absent);
    let client = match (presented, tls.resumed) {
        (false, _) => CLIENT_SSL,
        // "the client provided a certificate at least once over the TLS session this connection belongs to".
        (true, true) => CLIENT_SSL | CLIENT_CERT_SESS,
        (true, false) => CLIENT_SSL | CLIENT_CERT_CONN | CLIENT_CERT_SESS,
    };
    // "zero if the client presented a certificate and it was successfully verified, and non-zero otherwise".
    let verify = u32::from(told.valid.is_none());
    let mut ssl = vec![client];
    ssl.extend(verify.to_be_bytes());
    let version = match tls.version {
        TlsVersion::Tls12 => "TLSv1.2",
        TlsVersion::Tls13 => "TLSv1.3",
    };
    append(&mut ssl, SSL_VERSION, version.as_bytes())?;
    // Origins that look at the name and not at `verify` must not be led astray.
    let name = told
        .valid
        .and_then(|chain| chain.identity().subject().common_name())
        .filter(|name| name.len() <= CN_MAX_BYTES);
    if let Some(name) = name {
        append(&mut ssl, SSL_CN, name.as_bytes())?;
    }
    append(&mut ssl, SSL_CIPHER, openssl_name(tls.cipher).as_bytes())?;
    if let Some(group) = tls.group {
        append(&mut ssl, SSL_GROUP, openssl_name(group).as_bytes())?;
    }
    if let Some(certificate) = &tls.presented {
        append(
            &mut ssl,
            SSL_SIG_ALG,
            certificate.signature_algorithm.as_bytes(),
        )?;
        append(&mut ssl, SSL_KEY_ALG, certificate.key_algorithm.as_bytes())?;
    }
    if let Some(certificate) = told.certificate {
        append(&mut ssl, SSL_CLIENT_CERT, certificate)?;
    }
    Ok(ssl)
}

/// One extension: its type, its length, its value.
fn append(to: &mut Vec<u8>, kind: u8, value: &[u8]) -> Result<(), TooLong> {
    let length = u16::try_from(value.len()).map_err(|_| TooLong)?;
    to.push(kind);
    to.extend(length.to_be_bytes());
    to.extend(value);
    Ok(())
}

/// Receivers know cipher suites and groups by OpenSSL's names, where they differ from IANA's.
fn openssl_name(name: &str) -> &str {
    match name {
        "X25519" => "x25519",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" => "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" => "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" => "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" => "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" => "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" => "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        other => other,
    }
}

/// A header has one family; where a front tells of two, IPv4 is written as IPv6 (RFC 4291 §2.5.5.2).
fn of_one_family(ends: Ends) -> (SocketAddr, SocketAddr) {
    let canonical =
        |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (client, local) = (canonical(ends.client), canonical(ends.local));
    if client.is_ipv4() == local.is_ipv4() {
        return (client, local);
    }
    let mapped = |address: SocketAddr| {
        let ip: Ipv6Addr = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        SocketAddr::new(ip.into(), address.port())
    };
    (mapped(client), mapped(local))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(client: &str, local: &str, expected: &str) {
        let ends = Ends {
            client: client.parse().unwrap(),
            local: local.parse().unwrap(),
        };
        assert_eq!(version_1(ends), expected.as_bytes());
    }

    #[test]
    fn a_line_has_one_family() {
        check(
            "192.0.2.1:5000",
            "198.51.100.1:443",
            "PROXY TCP4 192.0.2.1 198.51.100.1 5000 443\r\n",
        );
        check(
            "[::ffff:192.0.2.1]:5000",
            "[::ffff:198.51.100.1]:443",
            "PROXY TCP4 192.0.2.1 198.51.100.1 5000 443\r\n",
        );
        check(
            "192.0.2.1:5000",
            "[2001:db8::2]:443",
            "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 5000 443\r\n",
        );
    }
}
