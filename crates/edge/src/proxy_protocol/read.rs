//! Headers from trusted fronts. Not a byte behind the header is read, since TLS begins there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::crc32c::crc32c;
use super::{CRC32C, Ends, LOCAL, PROXY, SIGNATURE, TCP4, TCP6, UNSPECIFIED};

/// §2.1: "a 108-byte buffer is always enough to store all the line and a trailing zero".
const LINE_MAX_BYTES: usize = 107;
/// What other receivers take too; a header with a client's certificate has about 1,000.
const BINARY_MAX_BYTES: usize = 4096;

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the connection of a trusted front does not begin with a PROXY header")]
    Absent,
    #[error("the PROXY header is broken")]
    Broken,
    #[error("the checksum of the PROXY header is wrong")]
    Checksum,
    #[error("the PROXY header has {0} bytes")]
    TooLong(usize),
    #[error("the PROXY header is for another protocol than TCP")]
    NotTcp,
    #[error("the connection broke before the end of the PROXY header")]
    Connection(#[from] io::Error),
}

/// Reads a header of either version. `None` when the front speaks for itself, as for its health checks.
pub(crate) async fn read(io: &mut (impl AsyncRead + Unpin)) -> Result<Option<Ends>, ReadError> {
    // The shortest line has 15 bytes, so that as many as a signature has can be read without knowing the version.
    let mut start = [0; SIGNATURE.len()];
    io.read_exact(&mut start).await?;
    if start == SIGNATURE {
        binary(io).await
    } else if start.starts_with(b"PROXY ") {
        line(io, &start).await
    } else {
        Err(ReadError::Absent)
    }
}

/// §2.2.
async fn binary(io: &mut (impl AsyncRead + Unpin)) -> Result<Option<Ends>, ReadError> {
    let [command, family] = [io.read_u8().await?, io.read_u8().await?];
    let length = usize::from(io.read_u16().await?);
    if length > BINARY_MAX_BYTES {
        return Err(ReadError::TooLong(length));
    }
    let mut rest = vec![0; length];
    io.read_exact(&mut rest).await?;
    let (ends, extensions) = match (command, family) {
        // "The receiver must accept this connection as valid and must use the real connection endpoints and discard the protocol block".
        (LOCAL, _) => return Ok(None),
        (PROXY, UNSPECIFIED) => (None, rest.as_slice()),
        (PROXY, TCP4) => addresses::<4>(&rest, |octets| Ipv4Addr::from(octets).into())?,
        (PROXY, TCP6) => addresses::<16>(&rest, |octets| Ipv6Addr::from(octets).into())?,
        (PROXY, _) => return Err(ReadError::NotTcp),
        _ => return Err(ReadError::Broken),
    };
    let [high, low] = u16::try_from(length).unwrap_or_default().to_be_bytes();
    let start = [&SIGNATURE[..], &[command, family, high, low]].concat();
    check(&start, &rest, extensions)?;
    Ok(ends)
}

/// Source and destination, and then the ports of both; what follows are extensions.
fn addresses<const OCTETS: usize>(
    bytes: &[u8],
    ip: fn([u8; OCTETS]) -> IpAddr,
) -> Result<(Option<Ends>, &[u8]), ReadError> {
    let read = || {
        let (client, rest) = bytes.split_first_chunk::<OCTETS>()?;
        let (local, rest) = rest.split_first_chunk::<OCTETS>()?;
        let (client_port, rest) = rest.split_first_chunk::<2>()?;
        let (local_port, rest) = rest.split_first_chunk::<2>()?;
        let ends = Ends {
            client: SocketAddr::new(ip(*client), u16::from_be_bytes(*client_port)),
            local: SocketAddr::new(ip(*local), u16::from_be_bytes(*local_port)),
        };
        Some((Some(ends), rest))
    };
    read().ok_or(ReadError::Broken)
}

/// Nothing here depends on an extension. But they have to be whole, and the header has the checksum that one of them says: "If it is not,
/// the receiver MUST treat the TCP connection providing the header as invalid" (§2.2.3).
fn check(start: &[u8], rest: &[u8], mut extensions: &[u8]) -> Result<(), ReadError> {
    let mut checksum = None;
    while let Some((&[kind, high, low], after)) = extensions.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (value, after) = after.split_at_checked(length).ok_or(ReadError::Broken)?;
        if kind == CRC32C {
            let told = <[u8; 4]>::try_from(value).map_err(|_| ReadError::Broken)?;
            let is_second = checksum.replace((told, after)).is_some();
            if is_second {
                return Err(ReadError::Broken);
            }
        }
        extensions = after;
    }
    if !extensions.is_empty() {
        return Err(ReadError::Broken);
    }
    let Some((told, after)) = checksum else {
        return Ok(());
    };
    let before = rest.len().saturating_sub(after.len() + told.len());
    let before = rest.get(..before).unwrap_or_default();
    if u32::from_be_bytes(told) == crc32c(&[start, before, &[0; 4], after]) {
        Ok(())
    } else {
        Err(ReadError::Checksum)
    }
}

/// §2.1. `start` is what was read of it.
async fn line(io: &mut (impl AsyncRead + Unpin), start: &[u8]) -> Result<Option<Ends>, ReadError> {
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() == LINE_MAX_BYTES {
            return Err(ReadError::TooLong(line.len() + 1));
        }
        line.push(io.read_u8().await?);
    }
    let text = std::str::from_utf8(&line).map_err(|_| ReadError::Broken)?;
    let mut fields = text.trim_end_matches("\r\n").split(' ').skip(1);
    let mut next = || fields.next().ok_or(ReadError::Broken);
    let ends = match next()? {
        // "the receiver must ignore anything presented before the CRLF".
        "UNKNOWN" => return Ok(None),
        "TCP4" => ends::<Ipv4Addr>([next()?, next()?, next()?, next()?])?,
        "TCP6" => ends::<Ipv6Addr>([next()?, next()?, next()?, next()?])?,
        _ => return Err(ReadError::NotTcp),
    };
    if fields.next().is_some() {
        return Err(ReadError::Broken);
    }
    Ok(Some(ends))
}

fn ends<A: FromStr + Into<IpAddr>>(fields: [&str; 4]) -> Result<Ends, ReadError> {
    let [client, local, client_port, local_port] = fields;
    let ip = |text: &str| text.parse::<A>().map_err(|_| ReadError::Broken);
    let port = |text: &str| text.parse::<u16>().map_err(|_| ReadError::Broken);
    Ok(Ends {
        client: SocketAddr::new(ip(client)?.into(), port(client_port)?),
        local: SocketAddr::new(ip(local)?.into(), port(local_port)?),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(bytes: &[u8]) -> (Result<Option<Ends>, ReadError>, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut rest = bytes;
        let result = runtime.block_on(read(&mut rest));
        (result, rest.len())
    }

    fn check(bytes: &[u8], expected: Option<(&str, &str)>) {
        let (result, left) = run(&[bytes, b"\x16\x03\x01"].concat());
        let ends = expected.map(|(client, local)| Ends {
            client: client.parse().unwrap(),
            local: local.parse().unwrap(),
        });
        assert_eq!(result.unwrap(), ends, "{bytes:?}");
        assert_eq!(left, 3, "what follows stays: {bytes:?}");
    }

    fn refused(bytes: &[u8], expected: &str) {
        let error = run(bytes).0.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}: {bytes:?}");
    }

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    #[test]
    fn both_versions_say_where_the_client_is() {
        check(
            b"PROXY TCP4 192.0.2.1 198.51.100.1 5000 443\r\n",
            Some(("192.0.2.1:5000", "198.51.100.1:443")),
        );
        check(
            b"PROXY TCP6 2001:db8::1 2001:db8::2 5000 443\r\n",
            Some(("[2001:db8::1]:5000", "[2001:db8::2]:443")),
        );
        check(
            &binary(
                0x21,
                0x11,
                b"\xc0\x00\x02\x01\xc6\x33\x64\x01\x13\x88\x01\xbb\x04\x00\x01x",
            ),
            Some(("192.0.2.1:5000", "198.51.100.1:443")),
        );
        let [one, two] =
            [1, 2].map(|last| "2001:db8::".parse::<Ipv6Addr>().unwrap().to_bits() | last);
        let ipv6 = [
            &one.to_be_bytes()[..],
            &two.to_be_bytes(),
            &[0x13, 0x88, 1, 0xbb],
        ]
        .concat();
        check(
            &binary(0x21, 0x21, &ipv6),
            Some(("[2001:db8::1]:5000", "[2001:db8::2]:443")),
        );
    }

    /// Addresses with this behind them.
    fn extended(extensions: &[u8]) -> Vec<u8> {
        let addresses = b"\xc0\x00\x02\x01\xc6\x33\x64\x01\x13\x88\x01\xbb";
        binary(0x21, 0x11, &[addresses, extensions].concat())
    }

    #[test]
    fn extensions_are_whole_and_the_checksum_is_right() {
        let ends = Some(("192.0.2.1:5000", "198.51.100.1:443"));
        check(&extended(b"\x04\x00\x00\xea\x00\x02ab"), ends);
        for broken in [
            &b"\x04"[..],
            b"\x04\x00",
            b"\x04\x00\x01",
            b"\x04\x00\x01ab",
            b"\x03\x00\x03abc",
            b"\x03\x00\x04\0\0\0\0\x03\x00\x04\0\0\0\0",
        ] {
            refused(&extended(broken), "broken");
        }
        // The checksum stands between others.
        let mut header = extended(b"\x05\x00\x01a\x03\x00\x04\0\0\0\0\x04\x00\x01b");
        refused(&header, "checksum");
        let sum = crc32c(&[&header]).to_be_bytes();
        let at = header.len() - 8;
        header[at..at + 4].copy_from_slice(&sum);
        check(&header, ends);
        // Octet 32 says that there is a checksum at all.
        for at in (16..header.len()).filter(|at| *at != 32) {
            let mut changed = header.clone();
            changed[at] ^= 0x10;
            assert!(run(&changed).0.is_err(), "octet {at}");
        }
    }

    #[test]
    fn a_front_may_speak_for_itself() {
        check(b"PROXY UNKNOWN\r\n", None);
        check(
            b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
            None,
        );
        check(&binary(0x20, 0x00, b""), None);
        check(&binary(0x21, 0x00, b"\x04\x00\x00"), None);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        refused(
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00",
            "does not begin",
        );
        refused(b"GET / HTTP/1.1\r\n", "does not begin");
        refused(b"PROXY TCP4 192.0.2.1 198.51.100.1 5000\r\n", "broken");
        refused(
            b"PROXY TCP4 192.0.2.1 198.51.100.1 5000 443 1\r\n",
            "broken",
        );
        refused(
            b"PROXY TCP4 192.0.2.1 198.51.100.1 5000 70000\r\n",
            "broken",
        );
        refused(
            b"PROXY TCP4 2001:db8::1 198.51.100.1 5000 443\r\n",
            "broken",
        );
        refused(
            b"PROXY UDP4 192.0.2.1 198.51.100.1 5000 443\r\n",
            "another protocol",
        );
        refused(&[&b"PROXY TCP4 "[..], &[b'1'; 200]].concat(), "108 bytes");
        refused(&binary(0x21, 0x11, b"\xc0\x00\x02\x01"), "broken");
        refused(&binary(0x31, 0x11, &[0; 12]), "broken");
        refused(&binary(0x22, 0x11, &[0; 12]), "broken");
        refused(&binary(0x21, 0x12, &[0; 12]), "another protocol");
        refused(&binary(0x21, 0x11, &[0; 5000]), "5000 bytes");
        refused(b"PROXY TCP4 192", "connection broke");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 0..3) {
            let start: &[u8] = match version { 0 => b"", 1 => b"PROXY TCP4 ", _ => &SIGNATURE };
            let _ = run(&[start, &bytes].concat());
        }
    }
}
