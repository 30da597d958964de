//! What many connections of strangers do to others: nothing (threat C5.5; invariant I7).

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use countersign_edge::Limits;
use countersign_testkit::{Origin, wait};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::world::World;

async fn limited(limits: fn(&mut Limits)) -> World {
    let world = World::with(limits, Origin::start().await).await;
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    world
}

/// Clients that behave come from 127.0.0.1.
const BEGUN: &[u8] = b"\x16\x03\x01\x02\x00\x01";

async fn from(last: u8, world: &World) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let address = SocketAddr::from(([127, 0, 0, last], 0));
    socket.bind(address).unwrap();
    socket.connect(world.edge.local_addr()).await.unwrap()
}

pub(crate) async fn from_elsewhere(world: &World) -> TcpStream {
    from(2, world).await
}

#[tokio::test]
async fn handshakes_that_never_end_take_no_places_from_others() {
    const PLACES: usize = 8;
    let world = limited(|limits| limits.handshakes = PLACES).await;
    let mut closed = JoinSet::new();
    for _ in 0..PLACES {
        let mut stream = from_elsewhere(&world).await;
        closed.spawn(async move {
            stream.write_all(BEGUN).await.unwrap();
            let _ = stream.read(&mut [0; 64]).await;
        });
    }
    // Connections are accepted in the order in which they came.
    for taken in 1..=3 {
        let mut http = world.http1("open.test").await;
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        let handed_back = closed.join_next();
        if taken == 1 {
            handed_back.await.unwrap().unwrap();
        }
    }
    // The place of the one whose handshake is over served the next ones.
    assert_eq!(closed.len(), PLACES - 1);
    world
        .record("the one that lost its place", |record| {
            record["client_address"] == "127.0.0.2"
                && record["detail"]
                    == "too many handshakes are running, and this one made room for another address"
        })
        .await;
}

#[tokio::test]
async fn handshakes_of_many_addresses_that_never_end_lock_out_nobody() {
    let world = limited(|limits| {
        limits.handshakes = 4;
        limits.handshake = Duration::from_secs(300);
    })
    .await;
    let mut held = Vec::new();
    for last in 2..6 {
        let mut stream = from(last, &world).await;
        stream.write_all(BEGUN).await.unwrap();
        held.push(stream);
    }
    wait::until_async("a place for one more address", async || {
        let client = world.client("open.test");
        client.connect(world.edge.local_addr()).await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_drain_closes_handshakes_that_never_end() {
    let world = limited(|limits| limits.handshake = Duration::from_secs(300)).await;
    let mut begun = from_elsewhere(&world).await;
    begun.write_all(BEGUN).await.unwrap();
    // It was accepted before this one.
    let mut http = world.http1("open.test").await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    world.edge.drain(Duration::from_millis(50)).await;
    let ended = tokio::time::timeout(wait::PATIENCE, begun.read(&mut [0; 64])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
}

#[tokio::test]
async fn known_clients_are_served_while_all_threads_of_the_reception_work() {
    const FLOOD: usize = 300;
    let world = limited(|limits| limits.handshake_threads = Some(NonZeroUsize::MIN)).await;
    let mut http = [
        world.http1("open.test").await,
        world.http2("open.test").await,
    ];
    let mut flood = JoinSet::new();
    for _ in 0..FLOOD {
        let (address, client) = (world.edge.local_addr(), world.client("open.test"));
        flood.spawn(async move { client.with_fresh_sessions().connect(address).await.is_ok() });
    }
    while !flood.is_empty() {
        for http in &mut http {
            assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        }
        while let Some(ended) = flood.try_join_next() {
            ended.unwrap();
        }
    }
}

#[tokio::test]
async fn a_flood_of_refused_handshakes_is_told_in_bounded_numbers_that_add_up() {
    const FLOOD: u64 = 400;
    let world = limited(|_| {}).await;
    let refused = async |count: u64| {
        for _ in 0..count {
            let mut stream = from_elsewhere(&world).await;
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    };
    let began = Instant::now();
    refused(FLOOD).await;
    let mut in_all = FLOOD;
    wait::until_async(
        "a record for every refusal, or a number of them",
        async || {
            refused(1).await;
            in_all += 1;
            let records = world.records().await;
            let told: u64 = records
                .iter()
                .map(|record| 1 + record["left_out"].as_u64().unwrap_or(0))
                .sum();
            if told == in_all {
                Ok(())
            } else {
                Err((told, in_all))
            }
        },
    )
    .await;
    let written = world.records().await.len() as u64;
    assert!(
        written <= 100 * (began.elapsed().as_secs() + 1),
        "{written}"
    );
}
