//! Revocation: by hand and by CRLs, on new connections, resumed ones and open ones.

use countersign_snapshot::{
    AcknowledgementOutcome, Binding, BodyDigest, CaSet, ClientAuthMode, RevocationBodies, Snapshot,
};
use countersign_testkit::client::alert;
use countersign_testkit::{Credential, DAY, HttpClient, NOW, TlsClient, wait};
use countersign_trust::{
    Certificate, ManualRevocation, RevocationMode, RevocationPolicy, RevocationScope,
    Sha1Signatures,
};
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;

use crate::metrics::{admin, sample};
use crate::world::{CLIENTS, OTHERS, World, ca_set};

fn by_certificate(credential: &Credential) -> ManualRevocation {
    ManualRevocation::Certificate(certificate(credential).fingerprint())
}

fn certificate(credential: &Credential) -> Certificate {
    Certificate::from_der(credential.der()).unwrap()
}

async fn is_let_in(world: &World, client: &TlsClient) -> bool {
    let Ok(connection) = client.connect(world.edge.local_addr()).await else {
        return false;
    };
    match connection.http().await {
        Ok(mut http) => http
            .get("/")
            .await
            .is_ok_and(|answer| answer.status == StatusCode::OK),
        Err(_) => false,
    }
}

async fn ok(http: &mut HttpClient) {
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
}

async fn connections(world: &World, expected: usize) {
    wait::until_async("connections", async || match world.edge.connections() {
        open if open == expected => Ok(()),
        open => Err(open),
    })
    .await;
}

#[tokio::test]
async fn a_revocation_by_hand_ends_exactly_the_connections_of_that_client() {
    for mode in [ClientAuthMode::Require, ClientAuthMode::Request] {
        let world = World::site(mode).await;
        let (alice, bob) = (world.alice(), world.clients.client("bob").issue());
        let mut of_alice = world.both("a.test", Some(&alice)).await;
        let mut of_bob = world.both("a.test", Some(&bob)).await;
        for http in of_alice.iter_mut().chain(&mut of_bob) {
            ok(http).await;
        }
        assert_eq!(world.edge.connections(), 4);
        let answer = world.revoke(vec![by_certificate(&alice)], &[]).await;
        assert_eq!(answer.outcome, AcknowledgementOutcome::Enforced);
        connections(&world, 2).await;
        for http in &mut of_bob {
            ok(http).await;
        }
        for http in &mut of_alice {
            assert!(http.get("/").await.is_err());
        }
        let client = world.client("a.test");
        assert!(!is_let_in(&world, &client.clone().presenting(&alice)).await);
        assert!(is_let_in(&world, &client.presenting(&bob)).await);
        // Ended, the revocation binds nobody any more.
        world.revoke(Vec::new(), &[]).await;
        let client = world.client("a.test").presenting(&alice);
        assert!(is_let_in(&world, &client).await);
    }
}

#[tokio::test]
async fn every_way_to_name_a_certificate_revokes_it_and_no_other() {
    let world = World::site(ClientAuthMode::Request).await;
    let (alice, bob) = (world.alice(), world.clients.client("bob").issue());
    let authority = Certificate::from_der(world.clients.der()).unwrap();
    let (leaf, issuer_key) = (certificate(&alice), authority.spki_fingerprint());
    for what in [
        ManualRevocation::Certificate(leaf.fingerprint()),
        ManualRevocation::Key(leaf.spki_fingerprint()),
        ManualRevocation::Serial {
            issuer_key,
            serial: leaf.serial().clone(),
        },
    ] {
        world.revoke(vec![what.clone()], &[]).await;
        let client = world.client("a.test");
        let revoked = client.clone().presenting(&alice);
        assert!(!is_let_in(&world, &revoked).await, "{what:?}");
        assert!(
            is_let_in(&world, &client.presenting(&bob)).await,
            "{what:?}"
        );
    }
    let before = leaf.validity().not_before;
    for (before, is_good) in [
        (before, true),
        (before.saturating_add(Duration::from_secs(1)), false),
    ] {
        let what = ManualRevocation::IssuedBefore { issuer_key, before };
        world.revoke(vec![what], &[]).await;
        let client = world.client("a.test").presenting(&alice);
        assert_eq!(is_let_in(&world, &client).await, is_good);
    }
}

/// Threats C1.3.
#[tokio::test]
async fn a_revoked_client_does_not_come_back_with_an_old_session() {
    for by_hand in [true, false] {
        for client in [world_client as fn(&World) -> TlsClient, |world| {
            world_client(world).tls12()
        }] {
            let world = World::empty().await;
            world.activate(&[prefer(&world, &[CLIENTS])]).await;
            let alice = world.alice();
            let client = client(&world).presenting(&alice);
            assert!(is_let_in(&world, &client).await);
            let again = client.connect(world.edge.local_addr()).await.unwrap();
            assert!(again.resumed());
            drop(again);
            if by_hand {
                world.revoke(vec![by_certificate(&alice)], &[]).await;
            } else {
                let crl = world.clients.crl().revoke(&alice).issue();
                world.revoke(Vec::new(), &[(&world.clients, crl)]).await;
            }
            assert!(!is_let_in(&world, &client).await, "by hand: {by_hand}");
        }
    }
}

fn world_client(world: &World) -> TlsClient {
    world.client("a.test")
}

#[tokio::test]
async fn a_required_certificate_that_is_revoked_is_refused_with_the_alert_of_revocation() {
    let world = World::site(ClientAuthMode::Require).await;
    let alice = world.alice();
    world.revoke(vec![by_certificate(&alice)], &[]).await;
    let client = world.client("a.test").presenting(&alice);
    let error = match client.connect(world.edge.local_addr()).await {
        Ok(mut connection) => connection
            .exchange(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            .await
            .unwrap_err(),
        Err(error) => error,
    };
    // certificate_revoked
    assert_eq!(alert(&error).map(u8::from), Some(44), "{error}");
    world
        .record("the refusal", |record| {
            record["event"] == "handshake_refused" && record["reason"] == "revoked"
        })
        .await;
}

fn with_mode(world: &World, ca_sets: &[u64], mode: RevocationMode) -> Binding {
    let mut binding = world.binding("a", &["a.test"], ClientAuthMode::Request, ca_sets);
    binding.client_auth.policy.revocation = RevocationPolicy {
        mode,
        scope: RevocationScope::Leaf,
        stale_grace: Duration::from_secs(60),
    };
    binding
}

fn prefer(world: &World, ca_sets: &[u64]) -> Binding {
    with_mode(world, ca_sets, RevocationMode::Prefer)
}

/// Threats C3.6.
#[tokio::test]
async fn the_crl_of_one_authority_touches_nobody_else() {
    let world = World::empty().await;
    world.activate(&[prefer(&world, &[CLIENTS, OTHERS])]).await;
    let (alice, bob) = (world.alice(), world.clients.client("bob").issue());
    let carol = world.others.client("carol").issue();
    let mut of_alice = world.both("a.test", Some(&alice)).await;
    let mut of_carol = world.both("a.test", Some(&carol)).await;
    for http in of_alice.iter_mut().chain(&mut of_carol) {
        ok(http).await;
    }
    let crl = world.clients.crl().revoke(&alice).issue();
    let answer = world.revoke(Vec::new(), &[(&world.clients, crl)]).await;
    assert_eq!(answer.outcome, AcknowledgementOutcome::Enforced);
    connections(&world, 2).await;
    for http in &mut of_carol {
        ok(http).await;
    }
    for (credential, is_good) in [(&alice, false), (&bob, true), (&carol, true)] {
        let client = world.client("a.test").presenting(credential);
        assert_eq!(is_let_in(&world, &client).await, is_good);
    }
    // An empty one and an expired one lock out nobody either.
    let empty = world.clients.crl().number(&[2]).issue();
    world.revoke(Vec::new(), &[(&world.clients, empty)]).await;
    let client = world.client("a.test").presenting(&alice);
    assert!(is_let_in(&world, &client).await);
    let old = world
        .clients
        .crl()
        .updates(NOW - 9 * DAY, Some(NOW - 8 * DAY))
        .issue();
    world.revoke(Vec::new(), &[(&world.clients, old)]).await;
    assert!(is_let_in(&world, &client).await);
    let client = world.client("a.test").presenting(&carol);
    assert!(is_let_in(&world, &client).await);
}

#[tokio::test]
async fn revocations_outlive_the_controller_and_a_damaged_file_lets_nobody_in() {
    let world = World::site(ClientAuthMode::Request).await;
    let alice = world.alice();
    let crl = world.others.crl().issue();
    world
        .revoke(vec![by_certificate(&alice)], &[(&world.others, crl)])
        .await;
    let restarted = world.restart().await;
    let client = world.client("a.test").presenting(&alice);
    let connection = client.connect(restarted.local_addr()).await.unwrap();
    let refused = connection.http().await.unwrap().get("/").await.unwrap();
    assert_eq!(refused.json()["reason"], "revoked");
    let path = world.state.path().join("staging.revocations");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let restarted = world.restart().await;
    assert_eq!(restarted.generation(), None);
    assert!(client.connect(restarted.local_addr()).await.is_err());
}

/// Whether SHA-1 is admitted changes with versions of CA sets, after the CRL was fetched: what is known about everybody else stays in force.
#[tokio::test]
async fn a_crl_with_sha1_that_is_not_admitted_any_more_is_left_out_and_nothing_else() {
    for mode in [RevocationMode::Prefer, RevocationMode::Require] {
        let world = World::empty().await;
        let binding = with_mode(&world, &[CLIENTS, OTHERS], mode);
        let accepting = |snapshot: &mut Snapshot| {
            for set in &mut snapshot.ca_sets {
                set.sha1 = Sha1Signatures::Allow;
            }
        };
        world.activate_with(&[binding], accepting).await;
        let admin = admin(&world);
        let disregarded = async || {
            const NAME: &str = "countersign_edge_revocation_data_disregarded";
            sample(&admin, &format!("{NAME}{{network=\"staging\"}}")).await
        };
        let (alice, bob) = (world.alice(), world.clients.client("bob").issue());
        let carol = world.others.client("carol").issue();
        let old = world.clients.crl().revoke(&alice).issue_with_sha1();
        let new = world.others.crl().issue();
        let crls = [(&world.clients, old), (&world.others, new)];
        // Alice by the CRL, bob by hand, carol not at all.
        let is_let_in = async || {
            let mut found = [false; 3];
            for (place, credential) in [&alice, &bob, &carol].into_iter().enumerate() {
                let client = world.client("a.test").presenting(credential);
                found[place] = is_let_in(&world, &client).await;
            }
            found
        };
        let offer = async |sha1| {
            let manual = vec![by_certificate(&bob)];
            let (signed, bodies) = world.revocations_with(manual, &crls, sha1);
            let answer = world.edge.offer_revocations(signed, bodies).await;
            assert_eq!(answer.outcome, AcknowledgementOutcome::Enforced);
        };
        offer(Sha1Signatures::Allow).await;
        assert_eq!(is_let_in().await, [false, false, true]);
        assert_eq!(disregarded().await, 0.0);
        offer(Sha1Signatures::Refuse).await;
        let by_the_policy = mode == RevocationMode::Prefer;
        assert_eq!(is_let_in().await, [by_the_policy, false, true]);
        assert_eq!(disregarded().await, 1.0);
        // A restart without a controller finds everything that the manifest names.
        let restarted = world.restart().await;
        let client = world.client("a.test").presenting(&carol);
        let connection = client.connect(restarted.local_addr()).await.unwrap();
        ok(&mut connection.http().await.unwrap()).await;
        offer(Sha1Signatures::Allow).await;
        assert_eq!(is_let_in().await, [false, false, true]);
    }
}

/// Two CA sets have the same CA, and so the same CRL: whether SHA-1 is admitted is for each to say.
#[tokio::test]
async fn a_crl_with_sha1_counts_at_the_site_whose_ca_set_accepts_it_and_at_no_other() {
    const ACCEPTING: u64 = 77;
    let world = World::empty().await;
    let mut sites = [
        with_mode(&world, &[CLIENTS], RevocationMode::Require),
        world.binding("b", &["b.test"], ClientAuthMode::Request, &[ACCEPTING]),
    ];
    sites[1].client_auth.policy = sites[0].client_auth.policy.clone();
    let accepting = CaSet {
        sha1: Sha1Signatures::Allow,
        ..ca_set(ACCEPTING, "accepting", &world.clients)
    };
    world
        .activate_with(&sites, |snapshot| snapshot.ca_sets.push(accepting))
        .await;
    let (alice, bob) = (world.alice(), world.clients.client("bob").issue());
    let crl = world.clients.crl().revoke(&alice).issue_with_sha1();
    let crls = [(&world.clients, crl)];
    let (signed, bodies) = world.revocations_with(Vec::new(), &crls, Sha1Signatures::Allow);
    let answer = world.edge.offer_revocations(signed, bodies).await;
    assert_eq!(answer.outcome, AcknowledgementOutcome::Enforced);
    for (name, credential, expected) in [
        ("a.test", &alice, Some("revocation_unknown")),
        ("a.test", &bob, Some("revocation_unknown")),
        ("b.test", &alice, Some("revoked")),
        ("b.test", &bob, None),
    ] {
        for http in &mut world.both(name, Some(credential)).await {
            let answer = http.get("/").await.unwrap();
            match expected {
                Some(reason) => assert_eq!(answer.json()["reason"], reason, "{name}"),
                None => assert_eq!(answer.status, 200, "{name}"),
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_believed_is_refused_whole() {
    let world = World::site(ClientAuthMode::Request).await;
    let alice = world.alice();
    let (older, bodies) = world.revocations(Vec::new(), &[]);
    world.revoke(vec![by_certificate(&alice)], &[]).await;
    let refused = |answer: countersign_snapshot::RevocationAcknowledgement| match answer.outcome {
        AcknowledgementOutcome::Refused(why) => why,
        AcknowledgementOutcome::Enforced => panic!("enforced"),
    };
    let why = refused(world.edge.offer_revocations(older, bodies).await);
    assert!(why.contains("older"), "{why}");
    let forged = world.others.crl().issue();
    let why = refused(world.revoke(Vec::new(), &[(&world.clients, forged)]).await);
    assert!(why.contains("CRL"), "{why}");
    let (signed, _) = world.revocations(Vec::new(), &[(&world.clients, vec![0x30, 0])]);
    let (_, nothing) = world.revocations(Vec::new(), &[]);
    let why = refused(world.edge.offer_revocations(signed, nothing).await);
    assert!(why.contains("cannot be had"), "{why}");
    // The last good ones stay in force.
    let client = world.client("a.test").presenting(&alice);
    assert!(!is_let_in(&world, &client).await);
}

/// Whatever is asked for, these are the bytes.
#[derive(Debug)]
struct Always(Vec<u8>);

impl RevocationBodies for Always {
    fn read(&self, _: &BodyDigest) -> std::io::Result<Vec<u8>> {
        Ok(self.0.clone())
    }
}

/// Threat C3.1: an older CRL, well signed, in the place of the one that the manifest names.
#[tokio::test]
async fn a_body_with_another_digest_than_the_manifest_says_is_refused() {
    let world = World::empty().await;
    let binding = with_mode(&world, &[CLIENTS], RevocationMode::Prefer);
    world.activate(&[binding]).await;
    let alice = world.alice();
    let older = world.clients.crl().issue();
    let crl = world.clients.crl().revoke(&alice).issue();
    let (signed, bodies) = world.revocations(Vec::new(), &[(&world.clients, crl)]);
    let forged = Arc::new(Always(older));
    let answer = world.edge.offer_revocations(Arc::clone(&signed), forged);
    let AcknowledgementOutcome::Refused(why) = answer.await.outcome else {
        panic!("enforced");
    };
    assert!(why.contains("the bytes are others"), "{why}");
    let answer = world.edge.offer_revocations(signed, bodies).await;
    assert_eq!(answer.outcome, AcknowledgementOutcome::Enforced);
    let client = world.client("a.test").presenting(&alice);
    assert!(!is_let_in(&world, &client).await);
}

/// Threat C3.1: what a restart would not find is not acknowledged.
#[tokio::test]
async fn what_cannot_be_kept_on_disk_is_refused_and_the_last_good_revocations_stay() {
    let world = World::site(ClientAuthMode::Request).await;
    let (alice, bob) = (world.alice(), world.clients.client("bob").issue());
    world.revoke(vec![by_certificate(&alice)], &[]).await;
    let refused = async |why: &str| {
        let crl = world.clients.crl().revoke(&bob).issue();
        let answer = world.revoke(Vec::new(), &[(&world.clients, crl)]).await;
        let AcknowledgementOutcome::Refused(found) = answer.outcome else {
            panic!("enforced: {why}");
        };
        assert!(found.contains(why), "{found}");
        for (credential, expected) in [(&alice, false), (&bob, true)] {
            let client = world.client("a.test").presenting(credential);
            assert_eq!(is_let_in(&world, &client).await, expected, "{why}");
        }
    };
    let bodies = world.state.path().join("staging.revocation-bodies");
    std::fs::remove_dir_all(&bodies).unwrap();
    refused("cannot be had").await;
    std::fs::create_dir(&bodies).unwrap();
    let manifest = world.state.path().join("staging.revocations");
    std::fs::remove_file(&manifest).unwrap();
    std::fs::create_dir(&manifest).unwrap();
    refused("cannot be kept on disk").await;
}
