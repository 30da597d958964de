//! The PROXY protocol, as HAProxy's `proxy-protocol.txt` defines it: who the client is, told before the first byte of a connection.
//!
//! Read from fronts that the configuration names, from nobody else ([`read`]); written to origins of bindings that ask for it ([`write`]).

use std::net::SocketAddr;

mod crc32c;
pub(crate) mod read;
pub(crate) mod write;

/// §2.2: what version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// §2.2: version 2 with the commands LOCAL and PROXY.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
/// §2.2: no family; TCP over IPv4 and IPv6.
const UNSPECIFIED: u8 = 0x00;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
/// §2.2.3: the type of the extension with the checksum.
const CRC32C: u8 = 0x03;

/// The two ends of a client's connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ends {
    pub(crate) client: SocketAddr,
    /// What the client connected to.
    pub(crate) local: SocketAddr,
}
