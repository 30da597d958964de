//! What attackers do (threats to an edge, not to be pointed at anybody else's): each kind as fast as one core makes it.

mod connections;
mod http2;
mod requests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Target;

/// Which attack on which server.
#[derive(Clone, Debug, Args)]
pub(crate) struct Attack {
    /// What is done.
    #[arg(long, value_enum)]
    kind: Kind,
    #[command(flatten)]
    target: Target,
    /// Attackers at the same time.
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// From how many addresses of 127.1.0.0/16.
    #[arg(long, default_value_t = 1)]
    sources: u32,
    /// How long.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

/// One attack.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Kind {
    /// Handshakes that are begun with a few octets, and held.
    Begun,
    /// Connections that are closed at once.
    Churn,
    /// HTTP/2: a head that never ends.
    Continuation,
    /// Connections that do not speak TLS.
    Garbage,
    /// Full handshakes of a client with a certificate, without a request.
    Handshakes,
    /// One ClientHello again and again: the server signs, the attacker computes nothing.
    Hellos,
    /// HTTP/2: few octets that stand for megabytes of headers.
    Hpack,
    /// Requests with as many headers as are taken.
    LargeHeads,
    /// HTTP/2: requests that break the protocol, so that the server resets them (CVE-2025-8671).
    MadeYouReset,
    /// HTTP/2: frames that want an answer each.
    Pings,
    /// Datagrams that look like QUIC's first.
    Quic,
    /// HTTP/2: requests that are taken back at once (CVE-2023-44487).
    RapidReset,
    /// Bodies that come octet by octet.
    SlowBodies,
    /// Heads that come octet by octet.
    SlowHeads,
}

/// Attacks until the time is over.
pub(crate) async fn run(attack: Attack) -> Result<()> {
    if !attack.target.address.ip().is_loopback() {
        bail!("attacks are for servers on this machine");
    }
    let attack = Rc::new(attack);
    let mut attackers = JoinSet::new();
    for number in 0..attack.connections {
        attackers.spawn_local(one(Rc::clone(&attack), number));
    }
    let span = Duration::from_secs_f64(attack.seconds);
    // Attackers go on for ever, unless they cannot begin.
    match timeout(span, attackers.join_next()).await {
        Ok(Some(ended)) => ended?,
        _ => Ok(()),
    }
}

async fn one(attack: Rc<Attack>, number: u32) -> Result<()> {
    match attack.kind {
        Kind::Begun => connections::begun(&attack, number).await,
        Kind::Churn => connections::churn(&attack, number).await,
        Kind::Garbage => connections::garbage(&attack, number).await,
        Kind::Handshakes => connections::handshakes(&attack, number).await,
        Kind::Hellos => connections::hellos(&attack, number).await,
        Kind::LargeHeads => requests::large_heads(&attack, number).await,
        Kind::SlowBodies => requests::slow_bodies(&attack, number).await,
        Kind::SlowHeads => requests::slow_heads(&attack, number).await,
        Kind::Quic => quic(attack.target.address).await,
        Kind::Continuation | Kind::Hpack | Kind::MadeYouReset | Kind::Pings | Kind::RapidReset => {
            http2::attack(&attack, number).await
        }
    }
}

impl Attack {
    /// The address of an attacker's next connection.
    fn source(&self, number: u32) -> IpAddr {
        let [_, _, high, low] = (number % self.sources.max(1)).to_be_bytes();
        Ipv4Addr::new(127, 1, high, low.max(1)).into()
    }
}

/// RFC 9000 §17.2.2: a long header of version 1 with connection ids that change, and nothing that decrypts.
async fn quic(address: SocketAddr) -> Result<()> {
    const AT_A_TIME: u64 = 64;
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    for first in (0_u64..).step_by(64) {
        for number in first..first + AT_A_TIME {
            let mut datagram = vec![0xc3, 0, 0, 0, 1, 8];
            datagram.extend(number.to_be_bytes());
            // No source connection id, no token, a length of 1,180 octets.
            datagram.extend([0, 0, 0x44, 0x9c]);
            datagram.resize(1200, 0x5a);
            let _ = socket.send_to(&datagram, address).await;
        }
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
