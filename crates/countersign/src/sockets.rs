//! Listening sockets that whoever started the process handed in: systemd's socket activation, or the process before this one.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use anyhow::{Result, bail};
use countersign_edge::Listen;
use listenfd::ListenFd;

/// Sockets that wait to be used. A setting gets the one that listens at its address; an address without one is bound.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    tcp: Vec<TcpListener>,
    udp: Vec<UdpSocket>,
}

impl Inherited {
    /// Takes what `LISTEN_FDS` tells of.
    ///
    /// # Errors
    /// When a socket is neither TCP nor UDP.
    pub(crate) fn from_environment() -> Result<Self> {
        let mut handed_in = ListenFd::from_env();
        let mut inherited = Self::default();
        for index in 0..handed_in.len() {
            if let Ok(Some(listener)) = handed_in.take_tcp_listener(index) {
                inherited.tcp.push(listener);
            } else if let Ok(Some(socket)) = handed_in.take_udp_socket(index) {
                inherited.udp.push(socket);
            } else {
                bail!(
                    "of the sockets that were handed in (LISTEN_FDS), number {index} is neither TCP nor UDP"
                );
            }
        }
        Ok(inherited)
    }

    /// A listener that this process has already.
    pub(crate) fn of(listener: OwnedFd) -> Self {
        Self {
            tcp: vec![TcpListener::from(listener)],
            udp: Vec::new(),
        }
    }

    pub(crate) fn tcp(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let listens_there = |listener: &TcpListener| is_at(listener.local_addr(), address);
        let place = self.tcp.iter().position(listens_there)?;
        Some(self.tcp.swap_remove(place))
    }

    fn udp(&mut self, address: SocketAddr) -> Option<UdpSocket> {
        let place = self
            .udp
            .iter()
            .position(|socket| is_at(socket.local_addr(), address))?;
        Some(self.udp.swap_remove(place))
    }

    /// Where an edge listens for TCP.
    pub(crate) fn listen(&mut self, address: SocketAddr) -> Listen {
        self.tcp(address)
            .map_or(Listen::Address(address), Listen::Listener)
    }

    /// Where an edge listens for HTTP without TLS.
    pub(crate) fn listen_http(&mut self, address: SocketAddr) -> Listen {
        self.tcp(address)
            .map_or(Listen::Plain(address), Listen::PlainListener)
    }

    /// Where an edge listens for HTTP/3.
    pub(crate) fn listen_http3(&mut self, address: SocketAddr) -> Listen {
        self.udp(address)
            .map_or(Listen::Quic(address), Listen::QuicSocket)
    }

    /// Closes what no setting names, and says so.
    pub(crate) fn close_the_rest(self) {
        let tcp = self.tcp.iter().map(TcpListener::local_addr);
        for address in tcp
            .chain(self.udp.iter().map(UdpSocket::local_addr))
            .flatten()
        {
            tracing::warn!(%address, "a socket was handed in that no setting names; it is closed");
        }
    }
}

fn is_at(known: std::io::Result<SocketAddr>, address: SocketAddr) -> bool {
    known.is_ok_and(|known| known == address)
}
