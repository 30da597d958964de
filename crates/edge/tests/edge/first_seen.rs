//! Clients that were never seen before: their CA is asked after the handshake, for a limited time, and the policy decides (threats C3.2).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign_snapshot::{
    AskedStatus, Binding, ClientAuthMode, OcspResponse, ProxyProtocol, StatusAnswer,
    StatusQuestion, StatusSource,
};
use countersign_testkit::client::{Http3Client, alert, quic_alert};
use countersign_testkit::ocsp::{Status, response};
use countersign_testkit::{Ca, Credential, DAY, NOW, Origin, Pki, wait};
use countersign_trust::{
    Clock as _, RevocationMode, RevocationPolicy, RevocationScope, Sha1Signatures, UnixTime,
};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::metrics::{admin, sample};
use crate::tcp::{Peer, tcp, to};
use crate::world::{CLIENTS, TestClock, World};

const HOUR: i64 = 3_600;

/// A controller that knows what the CA of the clients says.
#[derive(Debug)]
pub(crate) struct Source {
    ca: Ca,
    clients: Mutex<Vec<(Credential, Status)>>,
    clock: Arc<TestClock>,
    takes: Mutex<Duration>,
    asked: AtomicUsize,
}

impl Source {
    pub(crate) fn hand_to(world: &World) -> Arc<Self> {
        let source = Arc::new(Self {
            ca: world.clients.clone(),
            clients: Mutex::default(),
            clock: Arc::clone(&world.clock),
            takes: Mutex::default(),
            asked: AtomicUsize::new(0),
        });
        world
            .edge
            .ask_statuses_of(Arc::clone(&source) as Arc<dyn StatusSource>);
        source
    }

    pub(crate) fn says(&self, credential: &Credential, status: Status) {
        let mut clients = self.clients.lock().unwrap();
        clients.retain(|(known, _)| known.der() != credential.der());
        clients.push((credential.clone(), status));
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl StatusSource for Source {
    fn ask(&self, question: StatusQuestion) -> AskedStatus<'_> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let takes = *self.takes.lock().unwrap();
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            let now = self.clock.now();
            let clients = self.clients.lock().unwrap().clone();
            let known = clients
                .iter()
                .find(|(known, _)| known.der() == question.certificate.der());
            let ocsp = known.map(|(credential, status)| OcspResponse {
                body: response(
                    &self.ca,
                    credential,
                    *status,
                    now.as_secs() - 10,
                    now.as_secs() + HOUR,
                ),
                received: now,
                sha1: Sha1Signatures::Refuse,
            });
            StatusAnswer {
                ocsp,
                again_at: now.saturating_add(Duration::from_secs(3_600)),
            }
        })
    }
}

fn looking(world: &World, mode: ClientAuthMode, revocation: RevocationMode) -> Binding {
    let mut binding = world.binding("a", &["a.test"], mode, &[CLIENTS]);
    binding.client_auth.policy.revocation = RevocationPolicy {
        mode: revocation,
        scope: RevocationScope::Leaf,
        stale_grace: Duration::ZERO,
    };
    binding
}

async fn world(mode: ClientAuthMode, revocation: RevocationMode) -> (World, Arc<Source>) {
    let world = World::empty().await;
    world.activate(&[looking(&world, mode, revocation)]).await;
    let source = Source::hand_to(&world);
    (world, source)
}

/// What one request over HTTP/1.1, HTTP/2 and HTTP/3 gets; none when the connection was refused.
async fn statuses(world: &World, credential: &Credential) -> [Option<StatusCode>; 3] {
    let client = world.client("a.test").presenting(credential);
    let mut found = [None; 3];
    for (place, alpn) in ["http/1.1", "h2"].into_iter().enumerate() {
        let client = client.clone().alpn(&[alpn]).with_fresh_sessions();
        if let Ok(connection) = client.connect(world.edge.local_addr()).await
            && let Ok(mut http) = connection.http().await
        {
            found[place] = http.get("/").await.ok().map(|answer| answer.status);
        }
    }
    let client = client.alpn(&["h3"]).with_fresh_sessions();
    if let Ok(connection) = client.quic(world.quic_addr()).await
        && let Ok(mut http) = connection.http3().await
    {
        found[2] = get(&mut http).await;
    }
    found
}

async fn get(http: &mut Http3Client) -> Option<StatusCode> {
    http.get("https://a.test/")
        .await
        .ok()
        .map(|answer| answer.status)
}

/// Threats C3.2.
#[tokio::test]
async fn who_is_revoked_by_ocsp_is_refused_over_every_version_at_the_first_attempt() {
    // Where a certificate is required, whoever is known as revoked does not come through the handshake.
    for (mode, known) in [
        (ClientAuthMode::Require, None),
        (ClientAuthMode::Request, Some(StatusCode::FORBIDDEN)),
    ] {
        for revocation in [RevocationMode::Prefer, RevocationMode::Require] {
            let (world, source) = world(mode, revocation).await;
            // Each version sees a client that nobody saw before, and one that was seen.
            for place in 0..3 {
                let mallory = world.clients.client("mallory").issue();
                source.says(&mallory, Status::Revoked);
                let good = world.clients.client("good").issue();
                source.says(&good, Status::Good);
                let first = version(&world, &mallory, place).await;
                let told = Some(StatusCode::FORBIDDEN);
                assert_eq!(first, told, "{mode:?} {revocation:?} {place}");
                assert_eq!(statuses(&world, &mallory).await, [known; 3]);
                let first = version(&world, &good, place).await;
                assert_eq!(
                    first,
                    Some(StatusCode::OK),
                    "{mode:?} {revocation:?} {place}"
                );
                assert_eq!(statuses(&world, &good).await, [Some(StatusCode::OK); 3]);
            }
            assert_eq!(source.asked(), 6);
            let records = world.records().await;
            assert!(records.iter().any(|record| record["reason"] == "revoked"));
            assert!(
                records
                    .iter()
                    .any(|record| record["status"] == 200 && record["revocation"] == "good")
            );
        }
    }
}

async fn version(world: &World, credential: &Credential, place: usize) -> Option<StatusCode> {
    let client = world.client("a.test").presenting(credential);
    if place == 2 {
        let connection = client.alpn(&["h3"]).quic(world.quic_addr()).await.ok()?;
        return get(&mut connection.http3().await.ok()?).await;
    }
    let client = client.alpn(&[["http/1.1", "h2"][place]]);
    let connection = client.connect(world.edge.local_addr()).await.ok()?;
    let mut http = connection.http().await.ok()?;
    http.get("/").await.ok().map(|answer| answer.status)
}

/// The handshake is over when the answer comes, so that the first request is what gets the reason.
#[tokio::test]
async fn a_first_refusal_says_why_and_ends_the_connection_over_every_version() {
    let (world, source) = world(ClientAuthMode::Require, RevocationMode::Require).await;
    let unknown = || world.clients.client("unknown").issue();
    let revoked = || {
        let mallory = world.clients.client("mallory").issue();
        source.says(&mallory, Status::Revoked);
        mallory
    };
    let told = |status: StatusCode, body: serde_json::Value, reason: &str| {
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(body["reason"], reason);
    };
    for (make, reason) in [
        (&revoked as &dyn Fn() -> Credential, "revoked"),
        (&unknown, "revocation_unknown"),
    ] {
        for version in ["http/1.1", "h2"] {
            let client = world.client("a.test").presenting(&make()).alpn(&[version]);
            let mut http = world.connect(&client).await.http().await.unwrap();
            let answer = http.get("/").await.unwrap();
            told(answer.status, answer.json(), reason);
            http.closed().await.unwrap();
        }
        let mut http = world.http3("a.test", Some(&make())).await;
        let answer = http.get("https://a.test/").await.unwrap();
        told(answer.status, answer.json(), reason);
        assert!(http.closed().await.is_h3_no_error());
    }
    let records = world.records().await;
    for reason in ["revoked", "revocation_unknown"] {
        let of_it = records.iter().filter(|record| record["reason"] == reason);
        assert_eq!(of_it.count(), 3, "one record of each refusal");
    }
}

#[tokio::test]
async fn a_refused_client_that_says_nothing_is_recorded_and_not_kept() {
    let world = World::with(
        |limits| limits.request_head = Duration::from_millis(100),
        Origin::start().await,
    )
    .await;
    let binding = looking(&world, ClientAuthMode::Require, RevocationMode::Prefer);
    world.activate(&[binding]).await;
    let source = Source::hand_to(&world);
    for version in ["http/1.1", "h2"] {
        let mallory = world.clients.client(version).issue();
        source.says(&mallory, Status::Revoked);
        let client = world.client("a.test").presenting(&mallory).alpn(&[version]);
        let http = world.connect(&client).await.http().await.unwrap();
        let end = tokio::time::timeout(wait::PATIENCE, http.closed()).await;
        let _ = end.expect("the end");
        let subject = format!("CN={version}");
        let record = world
            .record("the refusal", |record| record["client_subject"] == subject)
            .await;
        assert_eq!(record["event"], "handshake_refused");
        assert_eq!(record["reason"], "revoked");
    }
}

/// Threats C3.2: where bytes are passed on there is no request to answer, and the origin never hears of the client.
#[tokio::test]
async fn over_bytes_that_are_passed_on_the_same_is_asked_and_decided() {
    for revocation in [RevocationMode::Prefer, RevocationMode::Require] {
        let (world, peer) = (World::empty().await, Peer::start().await);
        let binding = Binding {
            service: tcp(ProxyProtocol::Off),
            ..looking(&world, ClientAuthMode::Require, revocation)
        };
        world.activate_with(&[binding], to(peer.port())).await;
        let source = Source::hand_to(&world);
        let client = |name: &str, status: Option<Status>| {
            let credential = world.clients.client(name).issue();
            if let Some(status) = status {
                source.says(&credential, status);
            }
            let client = world.client("a.test").presenting(&credential).alpn(&[]);
            (credential, client)
        };
        let (alice, good) = client("alice", Some(Status::Good));
        let mut of_alice = world.connect(&good).await.stream;
        let mut origin = peer.accept().await;
        of_alice.write_all(b"hello").await.unwrap();
        let mut got = [0; 5];
        origin.read_exact(&mut got).await.unwrap();

        let mut refused = vec![("revoked", client("mallory", Some(Status::Revoked)).1)];
        if revocation == RevocationMode::Require {
            refused.push(("revocation_unknown", client("nobody", None).1));
        }
        for (reason, client) in refused {
            let mut stream = world.connect(&client).await.stream;
            // A clean end: nothing was passed on.
            assert_eq!(stream.read(&mut got).await.unwrap(), 0, "{reason}");
            drop(stream);
            let record = world
                .record("the refusal", |record| record["reason"] == reason)
                .await;
            assert_eq!(record["event"], "connection");
        }
        assert!(!peer.has_a_connection().await);

        // The connection that was let in outlasts its first answer, and not the one that says that its client is revoked.
        source.says(&alice, Status::Revoked);
        world.clock.set(NOW + HOUR / 2 + 60);
        assert!(
            origin.read(&mut got).await.is_err(),
            "the end of both sides"
        );
        assert!(!matches!(of_alice.read(&mut got).await, Ok(1..)));
    }
}

#[tokio::test]
async fn who_is_known_as_revoked_gets_the_alert_that_says_so() {
    let (world, source) = world(ClientAuthMode::Require, RevocationMode::Prefer).await;
    let mallory = world.clients.client("mallory").issue();
    source.says(&mallory, Status::Revoked);
    let first = version(&world, &mallory, 0).await;
    assert_eq!(first, Some(StatusCode::FORBIDDEN));
    assert_eq!(statuses(&world, &mallory).await, [None; 3]);
    let client = world.client("a.test").presenting(&mallory).tls12();
    let error = client.connect(world.edge.local_addr()).await.unwrap_err();
    assert_eq!(
        alert(&error),
        Some(countersign_testkit::client::AlertDescription::CertificateRevoked)
    );
    let client = world.client("a.test").presenting(&mallory).alpn(&["h3"]);
    let connection = client.quic(world.quic_addr()).await;
    let error = match connection {
        Err(error) => error,
        Ok(connection) => connection.settled().await.unwrap_err(),
    };
    assert_eq!(
        quic_alert(&error),
        Some(countersign_testkit::client::AlertDescription::CertificateRevoked)
    );
}

/// A slow CA costs the budget and no more, and its answer is there for the next connection.
#[tokio::test]
async fn a_client_waits_no_longer_than_the_budget_and_the_policy_decides() {
    for (revocation, first) in [
        (RevocationMode::Prefer, Some(StatusCode::OK)),
        (RevocationMode::Require, Some(StatusCode::FORBIDDEN)),
    ] {
        let world = World::with(
            |limits| limits.status_wait = Duration::from_millis(200),
            Origin::start().await,
        )
        .await;
        world
            .activate(&[looking(&world, ClientAuthMode::Require, revocation)])
            .await;
        let source = Source::hand_to(&world);
        *source.takes.lock().unwrap() = Duration::from_secs(2);
        let alice = world.alice();
        source.says(&alice, Status::Good);
        let began = Instant::now();
        assert_eq!(version(&world, &alice, 0).await, first, "{revocation:?}");
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(200), "{took:?}");
        assert!(took < Duration::from_secs(2), "{took:?}");
        wait::until_async("the answer to count", async || {
            let status = version(&world, &alice, 1).await;
            let records = world.records().await;
            let known = records.iter().any(|it| it["revocation"] == "good");
            if known { Ok(()) } else { Err(status) }
        })
        .await;
        assert_eq!(source.asked(), 1, "{revocation:?}");
    }
}

/// Who did not wait for the answer is not forgotten when it comes: this connection ends, and nobody else's.
#[tokio::test]
async fn an_answer_that_comes_later_ends_the_connections_of_whom_it_revokes() {
    let world = World::with(
        |limits| limits.status_wait = Duration::from_millis(50),
        Origin::start().await,
    )
    .await;
    let binding = looking(&world, ClientAuthMode::Require, RevocationMode::Prefer);
    world.activate(&[binding]).await;
    let source = Source::hand_to(&world);
    *source.takes.lock().unwrap() = Duration::from_secs(1);
    let (alice, bob) = (world.alice(), world.clients.client("bob").issue());
    source.says(&alice, Status::Revoked);
    source.says(&bob, Status::Good);
    let mut of_bob = world.http1_as("a.test", &bob).await;
    // Two connections of one client, of which only the first made the node ask.
    let mut of_alice = [
        world.http1_as("a.test", &alice).await,
        world.http1_as("a.test", &alice).await,
    ];
    for http in &mut of_alice {
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    }
    for http in of_alice {
        tokio::time::timeout(wait::PATIENCE, http.closed())
            .await
            .expect("the connection to end")
            .unwrap();
    }
    assert_eq!(of_bob.get("/").await.unwrap().status, StatusCode::OK);
    assert_eq!(source.asked(), 2);
    let cut_off =
        "countersign_edge_cut_off_duration_seconds_count{network=\"staging\",cause=\"revocation\"}";
    assert!((sample(&admin(&world), cut_off).await - 2.0).abs() < 0.5);
}

/// Invariant I9: it is asked about once, and its CA's silence is no other client's trouble.
#[tokio::test]
async fn about_whom_nothing_can_be_known_is_refused_only_where_that_is_required() {
    for (revocation, expected) in [
        (RevocationMode::Off, Some(StatusCode::OK)),
        (RevocationMode::Prefer, Some(StatusCode::OK)),
        (RevocationMode::Require, Some(StatusCode::FORBIDDEN)),
    ] {
        let (world, source) = world(ClientAuthMode::Require, revocation).await;
        let (alice, bob) = (world.alice(), world.clients.client("bob").issue());
        source.says(&bob, Status::Good);
        assert_eq!(
            statuses(&world, &alice).await,
            [expected; 3],
            "{revocation:?}"
        );
        assert_eq!(statuses(&world, &bob).await, [Some(StatusCode::OK); 3]);
        let asked = if revocation == RevocationMode::Off {
            0
        } else {
            2
        };
        assert_eq!(source.asked(), asked, "{revocation:?}");
    }
}

/// Threats C3.5: nobody is asked about a certificate whose path was not verified.
#[tokio::test]
async fn nobody_is_asked_about_strangers() {
    let (world, source) = world(ClientAuthMode::Request, RevocationMode::Require).await;
    for stranger in [
        world.others.client("mallory").issue(),
        Pki::new().root("Clients Root").client("alice").issue(),
        Pki::new().self_signed("nobody").issue(),
    ] {
        let refused = [Some(StatusCode::FORBIDDEN); 3];
        assert_eq!(statuses(&world, &stranger).await, refused);
    }
    assert_eq!(source.asked(), 0);
}

#[tokio::test]
async fn a_restart_without_a_controller_goes_on_with_what_was_answered() {
    let (world, source) = world(ClientAuthMode::Require, RevocationMode::Require).await;
    let (alice, bob) = (world.alice(), world.clients.client("bob").issue());
    source.says(&alice, Status::Good);
    source.says(&bob, Status::Good);
    assert_eq!(version(&world, &alice, 0).await, Some(StatusCode::OK));
    let answers = world.state.path().join("staging.ocsp-answers");
    let answers = if answers.exists() {
        answers
    } else {
        world.state.path().join("production.ocsp-answers")
    };
    wait::until_async("the answer on disk", async || {
        let files = std::fs::read_dir(&answers).unwrap().count();
        if files == 1 { Ok(()) } else { Err(files) }
    })
    .await;
    let edge = world.restart().await;
    for (client, let_in) in [(&alice, true), (&bob, false)] {
        let client = world.client("a.test").presenting(client);
        let status = async {
            let connection = client.connect(edge.local_addr()).await.ok()?;
            let mut http = connection.http().await.ok()?;
            http.get("/").await.ok().map(|answer| answer.status)
        };
        assert_eq!(status.await == Some(StatusCode::OK), let_in);
    }
}

/// As for CRLs, there is an alarm before clients notice.
#[tokio::test]
async fn an_answer_that_nobody_replaces_is_seen_before_it_is_over() {
    let (world, source) = world(ClientAuthMode::Request, RevocationMode::Prefer).await;
    let admin = admin(&world);
    let alice = world.alice();
    source.says(&alice, Status::Good);
    assert_eq!(version(&world, &alice, 0).await, Some(StatusCode::OK));
    source.clients.lock().unwrap().clear();
    for (at, state) in [
        (NOW, "good"),
        (NOW + HOUR / 2, "good"),
        (NOW + HOUR * 4 / 5, "expiring"),
        (NOW + HOUR + 1, "stale"),
    ] {
        world.clock.set(at);
        for other in ["good", "expiring", "stale"] {
            let series = "countersign_edge_ocsp_answers";
            let series = format!("{series}{{network=\"staging\",state=\"{other}\"}}");
            let expected = f64::from(u8::from(other == state));
            assert_eq!(sample(&admin, &series).await, expected, "{at} {other}");
        }
    }
}

/// A live connection outlasts its answer, since that is replaced in time; and ends when the new one says so.
#[tokio::test]
async fn answers_are_replaced_before_they_are_over_and_a_revocation_ends_the_connection() {
    let (world, source) = world(ClientAuthMode::Require, RevocationMode::Require).await;
    let (alice, bob) = (world.alice(), world.clients.client("bob").issue());
    for client in [&alice, &bob] {
        source.says(client, Status::Good);
    }
    let mut of_alice = world.http1_as("a.test", &alice).await;
    let mut of_bob = world.http1_as("a.test", &bob).await;
    for http in [&mut of_alice, &mut of_bob] {
        assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    }
    for round in 1..=3 {
        let before = source.asked();
        world.clock.set(NOW + round * (HOUR / 2 + 60));
        wait::until_async("two answers", async || {
            let asked = source.asked() - before;
            if asked >= 2 { Ok(()) } else { Err(asked) }
        })
        .await;
        // The verdicts made with the first answers are over after the second round.
        for http in [&mut of_alice, &mut of_bob] {
            wait::until_async("a request", async || {
                let status = http.get("/").await.map(|answer| answer.status);
                match status {
                    Ok(StatusCode::OK) => Ok(()),
                    other => Err(other),
                }
            })
            .await;
        }
    }
    source.says(&alice, Status::Revoked);
    world.clock.set(NOW + 4 * (HOUR / 2 + 60));
    wait::until_async("the end of one connection", async || {
        let open = world.edge.connections();
        if open == 1 { Ok(()) } else { Err(open) }
    })
    .await;
    assert_eq!(of_bob.get("/").await.unwrap().status, StatusCode::OK);
    assert!(of_alice.get("/").await.is_err());
    assert!(UnixTime::from_secs(NOW + DAY) > world.clock.now());
}
