//! What attacks cost those who behave: their 99th percentile while an attack runs, as a multiple of what it is without one, and the memory of
//! the process. A benchmark: `docs/performance.md` says how to run it and what it showed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;

use crate::http2_attacks::{
    CONTINUATION, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, Raw, frame, get,
};
use crate::world::World;

const CALM: Duration = Duration::from_secs(3);
const ATTACK: Duration = Duration::from_secs(4);
/// Attackers' connections at the same time.
const ATTACKERS: usize = 16;
const CLIENTS: usize = 4;

/// Something that an attacker does until it is told to stop.
type Attack = fn(Arc<World>, Arc<AtomicBool>) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

const ATTACKS: [(&str, Attack); 7] = [
    ("handshakes that are begun and left", |world, stop| {
        Box::pin(async move {
            while !stop.load(Ordering::Relaxed) {
                if let Ok(mut stream) = TcpStream::connect(world.edge.local_addr()).await {
                    let _ = stream.write_all(b"\x16\x03\x01\x02\x00\x01").await;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        })
    }),
    ("full handshakes without a request", |world, stop| {
        Box::pin(async move {
            while !stop.load(Ordering::Relaxed) {
                let client = world.client("open.test").with_fresh_sessions();
                let _ = client.connect(world.edge.local_addr()).await;
            }
        })
    }),
    ("heads that come octet by octet", |world, stop| {
        Box::pin(async move {
            while !stop.load(Ordering::Relaxed) {
                let client = world.client("open.test");
                let Ok(mut connection) = client.connect(world.edge.local_addr()).await else {
                    continue;
                };
                let mut head = b"GET / HTTP/1.1\r\nHost: open.test\r\n".to_vec();
                while !stop.load(Ordering::Relaxed)
                    && connection.stream.write_all(&head).await.is_ok()
                    && connection.stream.flush().await.is_ok()
                {
                    head = b"X".to_vec();
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        })
    }),
    ("requests that are taken back (HTTP/2)", |world, stop| {
        Box::pin(async move {
            while !stop.load(Ordering::Relaxed) {
                let mut raw = Raw::open(&world).await;
                let mut going_on = true;
                while going_on && !stop.load(Ordering::Relaxed) {
                    let stream = raw.stream_id();
                    let both = [
                        frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/")),
                        frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()),
                    ];
                    going_on = raw.send(&both.concat()).await;
                }
            }
        })
    }),
    ("headers without end (HTTP/2)", |world, stop| {
        Box::pin(async move {
            while !stop.load(Ordering::Relaxed) {
                let mut raw = Raw::open(&world).await;
                raw.send(&frame(HEADERS, 0, 1, &get("/"))).await;
                let more = frame(CONTINUATION, 0, 1, &[0x82; 1024]);
                while !stop.load(Ordering::Relaxed) && raw.send(&more).await {}
            }
        })
    }),
    ("what is no TLS", |world, stop| {
        Box::pin(async move {
            while !stop.load(Ordering::Relaxed) {
                if let Ok(mut stream) = TcpStream::connect(world.edge.local_addr()).await {
                    let _ = stream.write_all(&[0x41; 8192]).await;
                    let _ = stream.read(&mut [0; 64]).await;
                }
            }
        })
    }),
    ("what is no QUIC", |world, stop| {
        Box::pin(async move {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let mut datagram = [0x5a; 1200];
            datagram[0] = 0xc3;
            datagram[1..5].copy_from_slice(&[0, 0, 0, 1]);
            while !stop.load(Ordering::Relaxed) {
                for number in 0..100_u8 {
                    datagram[7] = number;
                    let _ = socket.send_to(&datagram, world.quic_addr()).await;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    }),
];

/// Those who behave: a request every few milliseconds each. The 99th percentile of the times, and their number.
async fn behave(world: &Arc<World>, span: Duration) -> (Duration, usize) {
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let world = Arc::clone(world);
        clients.spawn(async move {
            let mut http = world.http1("open.test").await;
            let (began, mut times) = (Instant::now(), Vec::new());
            while began.elapsed() < span {
                let asked = Instant::now();
                assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
                times.push(asked.elapsed());
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            times
        });
    }
    let mut times = Vec::new();
    while let Some(of_one) = clients.join_next().await {
        times.extend(of_one.unwrap());
    }
    times.sort_unstable();
    (times[times.len() * 99 / 100], times.len())
}

/// MiB of this process that are in memory.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a benchmark, for a release build: docs/performance.md"]
async fn those_who_behave_are_served_while_others_attack() {
    let world = Arc::new(World::open().await);
    behave(&world, Duration::from_millis(500)).await;
    for (what, attack) in ATTACKS {
        let (calm, _) = behave(&world, CALM).await;
        let before = resident();
        let stop = Arc::new(AtomicBool::new(false));
        let mut attackers = JoinSet::new();
        for _ in 0..ATTACKERS {
            attackers.spawn(attack(Arc::clone(&world), Arc::clone(&stop)));
        }
        let (attacked, requests) = behave(&world, ATTACK).await;
        stop.store(true, Ordering::Relaxed);
        attackers.abort_all();
        while attackers.join_next().await.is_some() {}
        println!(
            "{what}: p99 {:.2} ms, attacked {:.2} ms ({:.1} times; {requests} requests); memory {before:.0} MiB, then {:.0}",
            calm.as_secs_f64() * 1e3,
            attacked.as_secs_f64() * 1e3,
            attacked.as_secs_f64() / calm.as_secs_f64(),
            resident(),
        );
    }
}
