//! A panic in one connection touches no other, and nothing that it held is lost. The clock panics here, at every place that looks at it.

use std::num::NonZeroUsize;

use countersign_snapshot::ClientAuthMode::Request as Asks;
use countersign_testkit::{Credential, Origin, TlsClient, wait};

use crate::metrics::{admin, sum};
use crate::world::{CLIENTS, World};

/// A few more than run at the same time: a place that a panic kept would be missed.
const PLACES: usize = 6;
/// No connection and request looks at the clock so often.
const MANY: i64 = 500;

async fn world() -> World {
    let world = World::with(
        |limits| {
            limits.connections = PLACES;
            // A thread that ended with a panic would be missed too.
            limits.handshake_threads = Some(NonZeroUsize::MIN);
            limits.handshakes = PLACES;
            limits.handshakes_per_address = PLACES;
            limits.requests = PLACES;
        },
        Origin::start().await,
    )
    .await;
    let bindings = [world.binding("a", &["a.test"], Asks, &[CLIENTS])];
    world.activate(&bindings).await;
    world
}

#[derive(Clone, Copy, Debug)]
enum Version {
    Http1,
    Http2,
    Http3,
}

const VERSIONS: [Version; 3] = [Version::Http1, Version::Http2, Version::Http3];

/// One connection and one request, as far as they come.
async fn visit(world: &World, version: Version, alice: &Credential) -> Option<u16> {
    let client = world.client("a.test").presenting(alice);
    let tcp = async |client: TlsClient| {
        let connection = client.connect(world.edge.local_addr()).await.ok()?;
        let mut http = connection.http().await.ok()?;
        Some(http.get("/").await.ok()?.status.as_u16())
    };
    match version {
        Version::Http1 => tcp(client).await,
        Version::Http2 => tcp(client.alpn(&["h2"])).await,
        Version::Http3 => {
            let client = client.alpn(&["h3"]);
            let connection = client.quic(world.quic_addr()).await.ok()?;
            let mut http = connection.http3().await.ok()?;
            Some(http.get("/").await.ok()?.status.as_u16())
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_anywhere_in_a_connection_touches_no_other_and_gives_everything_back() {
    for version in VERSIONS {
        let world = world().await;
        let alice = world.alice();
        let mut bystander = world.http1_as("a.test", &alice).await;
        // The node has not judged it before it has answered it.
        assert_eq!(bystander.get("/").await.unwrap().status, 200);
        let mut panics = 0_u64;
        for looks in 0..MANY {
            world.clock.panic_after(looks);
            let status = visit(&world, version, &alice).await;
            let panicked = world.clock.calm();
            assert_eq!(
                bystander.get("/").await.unwrap().status,
                200,
                "{version:?} {looks}"
            );
            if !panicked {
                // Nobody looks at it so often: that was all.
                assert_eq!(status, Some(200), "{version:?} {looks}");
                break;
            }
            panics += 1;
        }
        assert!(panics >= 5, "{version:?}: {panics} panics");
        // What it is for is there again: everybody is served, all places are free.
        assert_eq!(visit(&world, version, &alice).await, Some(200));
        let admin = admin(&world);
        wait::until_async(
            "nothing but the bystander, and every panic counted",
            async || {
                let left = (
                    sum(&admin, "countersign_edge_connections_accepted_open").await,
                    sum(&admin, "countersign_edge_requests_in_flight").await,
                    sum(&admin, "countersign_edge_panics_total").await,
                );
                let (connections, requests, counted) = left;
                // quinn asks for the time of its tokens where a panic is caught without being counted.
                let may_be_missed = u64::from(matches!(version, Version::Http3));
                let all = (panics - may_be_missed..=panics).contains(&counted);
                if (connections, requests) == (1, 0) && all {
                    Ok(())
                } else {
                    Err((left, panics))
                }
            },
        )
        .await;
    }
}

/// HTTP/2 and HTTP/3 have a task for every request: the others of the same connection go on, and what broke off does not look whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_request_leaves_the_connection_to_the_others() {
    let world = world().await;
    let alice = world.alice();
    let mut http2 = {
        let client = world.client("a.test").alpn(&["h2"]).presenting(&alice);
        world.connect(&client).await.http().await.unwrap()
    };
    let mut http3 = world.http3("a.test", Some(&alice)).await;
    assert_eq!(http2.get("/").await.unwrap().status, 200);
    assert_eq!(http3.get("/").await.unwrap().status, 200);
    // The first look of a request is the first thing that it does.
    for _ in 0..3 {
        world.clock.panic_after(0);
        assert!(http2.get("/").await.is_err());
        assert!(world.clock.calm());
        assert_eq!(http2.get("/").await.unwrap().status, 200);
        world.clock.panic_after(0);
        assert!(http3.get("/").await.is_err());
        assert!(world.clock.calm());
        assert_eq!(http3.get("/").await.unwrap().status, 200);
    }
    assert_eq!(world.origin.received().len(), 8);
    assert_eq!(
        sum(
            &admin(&world),
            r#"countersign_edge_panics_total{network="staging",task="request"}"#
        )
        .await,
        6
    );
}
