//! Start, offers, last good, drain.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_edge::{AccessLogSink, Edge, EdgeConfig, Limits, Listen, StartError};
use countersign_snapshot::{
    AcknowledgementOutcome, ClientAuthMode, Generation, Network, SealingKey, SignedSnapshot,
    SigningKey,
};
use countersign_testkit::client::{alert, body};
use countersign_testkit::origin::Reaction;
use countersign_testkit::{Origin, wait};
use http::{Request, StatusCode};

use crate::world::World;

#[tokio::test]
async fn without_a_snapshot_every_handshake_is_refused() {
    let world = World::empty().await;
    assert_eq!(world.edge.generation(), None);
    for client in [world.client("a.test"), world.client("a.test").without_sni()] {
        let error = client.connect(world.edge.local_addr()).await.unwrap_err();
        assert!(alert(&error).is_some(), "{error}");
    }
    world
        .record("a refusal", |record| {
            record["event"] == "handshake_refused" && record["reason"] == "trust_unavailable"
        })
        .await;
}

#[tokio::test]
async fn the_last_good_snapshot_serves_after_a_restart_without_a_controller() {
    let world = World::site(ClientAuthMode::Require).await;
    let restarted = world.restart().await;
    assert_eq!(restarted.generation(), Some(Generation::new(1)));
    assert_eq!(restarted.digest(), world.edge.digest());
    let client = world.client("a.test").presenting(&world.alice());
    let mut http = client
        .connect(restarted.local_addr())
        .await
        .unwrap()
        .http()
        .await
        .unwrap();
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn a_tampered_last_good_snapshot_is_never_served() {
    let world = World::site(ClientAuthMode::Require).await;
    let path = world.state.path().join("staging.snapshot");
    let good = std::fs::read(&path).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for bytes in [
        flipped,
        good[..good.len() / 2].to_vec(),
        Vec::new(),
        b"CSNAP".to_vec(),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let restarted = world.restart().await;
        assert_eq!(restarted.generation(), None, "{} bytes", bytes.len());
        assert!(
            world
                .client("a.test")
                .presenting(&world.alice())
                .connect(restarted.local_addr())
                .await
                .is_err()
        );
    }
}

fn refusal(acknowledgement: &countersign_snapshot::Acknowledgement) -> &str {
    match &acknowledgement.outcome {
        AcknowledgementOutcome::Refused(reason) => reason,
        AcknowledgementOutcome::Enforced => panic!("enforced: {acknowledgement:?}"),
    }
}

#[tokio::test]
async fn snapshots_that_cannot_be_believed_or_enforced_are_refused_whole_and_the_last_good_one_serves_on()
 {
    let world = World::site(ClientAuthMode::Require).await;
    let binding = world.binding("a", &["a.test"], ClientAuthMode::Require, &[1]);
    let (stranger, _) = SigningKey::generate().unwrap();
    let mut altered = world
        .signed(std::slice::from_ref(&binding), |_| {})
        .to_bytes();
    *altered.last_mut().unwrap() ^= 1;
    let other_key = SealingKey::generate().unwrap();
    let signed = |edit: &dyn Fn(&mut countersign_snapshot::Snapshot)| {
        world.signed(std::slice::from_ref(&binding), |snapshot| edit(snapshot))
    };
    let cases: Vec<(SignedSnapshot, &str)> = vec![
        (
            stranger.sign(&world.snapshot(std::slice::from_ref(&binding))),
            "does not trust",
        ),
        (SignedSnapshot::from_bytes(&altered).unwrap(), "altered"),
        (
            signed(&|snapshot| snapshot.network = Network::Production),
            "production",
        ),
        (
            signed(&|snapshot| snapshot.ca_sets[0].certificates.clear()),
            "no certificate",
        ),
        (signed(&|snapshot| snapshot.ca_sets.clear()), "not active"),
        (
            signed(&|snapshot| snapshot.bindings[0].rules = "{".to_owned()),
            "rules",
        ),
        (signed(&|snapshot| snapshot.origins.clear()), "origin"),
        (
            signed(&|snapshot| {
                let key = countersign_snapshot::Secret::new(b"key".to_vec());
                snapshot.server_certificates[0].key = other_key
                    .seal(countersign_snapshot::ServerCertificate::SEAL_CONTEXT, &key)
                    .unwrap();
            }),
            "cannot be opened",
        ),
    ];
    for (snapshot, expected) in cases {
        let acknowledgement = world.edge.offer(Arc::new(snapshot)).await;
        assert!(
            refusal(&acknowledgement).contains(expected),
            "{expected}: {}",
            refusal(&acknowledgement)
        );
        assert_eq!(world.edge.generation(), Some(Generation::new(1)));
        assert_eq!(
            world
                .http1_as("a.test", &world.alice())
                .await
                .get("/")
                .await
                .unwrap()
                .status,
            StatusCode::OK
        );
    }
    assert_eq!(world.restart().await.generation(), Some(Generation::new(1)));
}

#[tokio::test]
async fn an_older_generation_is_refused_and_the_enforced_one_acknowledged_again() {
    let world = World::empty().await;
    let binding = [world.open_binding("open", &["open.test"])];
    let (first, second) = (
        world.signed(&binding, |_| {}),
        world.signed(&binding, |_| {}),
    );
    world.enforce(&second).await;
    world.enforce(&second).await;
    assert!(refusal(&world.edge.offer(Arc::new(first)).await).contains("older"));
    let mut other = world.snapshot(&[world.open_binding("other", &["open.test"])]);
    other.generation = Generation::new(2);
    let other = world.signed(&[], |snapshot| *snapshot = other);
    assert!(refusal(&world.edge.offer(Arc::new(other)).await).contains("other contents"));
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_kept_is_not_acknowledged() {
    let world = World::site(ClientAuthMode::Require).await;
    // A directory in the place of the temporary file cannot be written to, whoever runs the test.
    std::fs::create_dir(world.state.path().join("staging.snapshot.new")).unwrap();
    let next = world.signed(&[world.open_binding("open", &["open.test"])], |_| {});
    assert!(refusal(&world.edge.offer(Arc::new(next)).await).contains("disk"));
    assert_eq!(world.edge.generation(), Some(Generation::new(1)));
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let world = World::empty().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (signing, _) = SigningKey::generate().unwrap();
    let error = Edge::start(EdgeConfig {
        network: Network::Staging,
        node_id: "node-2".parse().unwrap(),
        listen: vec![Listen::Address(address)],
        https_port: 443,
        proxy_protocol_from: Vec::new(),
        clock: Arc::clone(&world.clock) as Arc<dyn countersign_trust::Clock>,
        verifying_key: signing.verifying_key(),
        sealing_key: Arc::new(SealingKey::generate().unwrap()),
        state_dir: world.state.path().to_owned(),
        limits: Limits::default(),
        access_log: AccessLogSink::Off,
        otlp_logs: None,
    })
    .await
    .unwrap_err();
    assert!(
        matches!(error, StartError::AddressInUse(taken) if taken == address),
        "{error}"
    );
}

#[tokio::test]
async fn a_listener_can_be_handed_in_and_there_can_be_several() {
    let world = World::empty().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (signing, _) = SigningKey::generate().unwrap();
    let edge = Edge::start(EdgeConfig {
        network: Network::Staging,
        node_id: "node-2".parse().unwrap(),
        listen: vec![
            Listen::Listener(listener),
            Listen::Address("[::1]:0".parse().unwrap()),
        ],
        https_port: 443,
        proxy_protocol_from: Vec::new(),
        clock: Arc::clone(&world.clock) as Arc<dyn countersign_trust::Clock>,
        verifying_key: signing.verifying_key(),
        sealing_key: Arc::new(SealingKey::generate().unwrap()),
        state_dir: world.state.path().to_owned(),
        limits: Limits::default(),
        access_log: AccessLogSink::Off,
        otlp_logs: None,
    })
    .await
    .unwrap();
    assert_eq!(edge.local_addr(), address);
    assert_eq!(edge.local_addrs().len(), 2);
    for address in edge.local_addrs() {
        assert!(world.client("a.test").connect(*address).await.is_err());
    }
}

#[tokio::test]
async fn a_drain_lets_idle_connections_go_and_refuses_new_ones() {
    let world = World::open().await;
    let connections = world.both("open.test", None).await;
    let [mut one, mut two] = connections;
    assert_eq!(one.get("/").await.unwrap().status, StatusCode::OK);
    assert_eq!(two.get("/").await.unwrap().status, StatusCode::OK);
    assert_eq!(world.edge.drain(wait::PATIENCE).await, 0);
    assert!(one.closed().await.is_ok());
    assert!(two.closed().await.is_ok());
    assert!(
        world
            .client("open.test")
            .connect(world.edge.local_addr())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_client_that_just_came_is_answered_before_a_drain_ends_its_connection() {
    let world = Arc::new(World::open().await);
    let mut connections = world.both("open.test", None).await;
    let draining = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.edge.drain(wait::PATIENCE).await }
    });
    wait::until_async("the listeners to be gone", async || {
        let connected = tokio::net::TcpStream::connect(world.edge.local_addr()).await;
        connected.err().map(drop).ok_or("it accepts")
    })
    .await;
    for http in &mut connections {
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    }
    assert_eq!(draining.await.unwrap(), 0);
}

#[tokio::test]
async fn a_drain_cuts_off_what_is_left_at_its_deadline() {
    let origin = Origin::builder()
        .answer(|_| Reaction::Silence)
        .start()
        .await;
    let world = World::with(|_| {}, origin).await;
    world
        .activate(&[world.open_binding("open", &["open.test"])])
        .await;
    let mut http = world.http1("open.test").await;
    let request = tokio::spawn(async move {
        http.send(Request::get("/").body(body(Bytes::new())).unwrap())
            .await
            .map(|response| response.status)
    });
    world.origin.wait_for(1).await;
    assert_eq!(world.edge.drain(Duration::from_millis(50)).await, 1);
    assert!(request.await.unwrap().is_err());
}
