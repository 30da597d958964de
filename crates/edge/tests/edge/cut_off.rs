//! Whom a change of trust ends, and whom it does not even look at (design §3.5).

use std::time::Duration;

use countersign_edge::Admin;
use countersign_snapshot::{Binding, CaSet, ClientAuthMode};
use countersign_testkit::{Ca, Credential, HttpClient, NOW, Pki, wait};
use countersign_trust::{Certificate, ManualRevocation, Policy, RevocationMode, RevocationPolicy};
use http::StatusCode;

use crate::metrics::{admin, sample};
use crate::world::{CLIENTS, World, ca_set};

/// A CA set of several CAs that looks at revocations.
fn set(cas: &[&Ca]) -> CaSet {
    CaSet {
        certificates: cas.iter().map(|ca| ca.der().to_vec()).collect(),
        policy: Policy {
            revocation: RevocationPolicy {
                mode: RevocationMode::Prefer,
                ..RevocationPolicy::default()
            },
            ..Policy::default()
        },
        ..ca_set(CLIENTS, "clients", cas[0])
    }
}

fn binding(world: &World) -> Binding {
    world.binding("a", &["a.test"], ClientAuthMode::Require, &[CLIENTS])
}

async fn activate(world: &World, cas: &[&Ca]) {
    world
        .activate_with(&[binding(world)], |snapshot| {
            snapshot.ca_sets[0] = set(cas);
        })
        .await;
}

/// A connection that was used once and is idle.
async fn idle(world: &World, credential: &Credential) -> HttpClient {
    let mut http = world.http1_as("a.test", credential).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    http
}

/// Until everybody was told what changed: whom nothing concerns is judged no more for it, and so many are left.
async fn connections(world: &World, expected: usize) {
    tokio::time::timeout(wait::PATIENCE, world.edge.swept())
        .await
        .expect("a sweep");
    wait::until_async("connections", async || match world.edge.connections() {
        open if open == expected => Ok(()),
        open => Err(open),
    })
    .await;
}

/// How many verdicts were asked for.
async fn judged(admin: &Admin) -> f64 {
    let mut sum = 0.0;
    for outcome in ["hit", "miss"] {
        sum += sample(
            admin,
            &format!(
                "countersign_edge_verdict_cache_lookups_total{{network=\"staging\",outcome=\"{outcome}\"}}"
            ),
        )
        .await;
    }
    sum
}

async fn ended(admin: &Admin, cause: &str) -> f64 {
    sample(
        admin,
        &format!(
            "countersign_edge_cut_off_duration_seconds_count{{network=\"staging\",cause=\"{cause}\"}}"
        ),
    )
    .await
}

/// Two CAs with two clients each, all connected.
struct Scene {
    world: World,
    admin: Admin,
    first: Ca,
    second: Ca,
    of_first: [HttpClient; 2],
    of_second: [HttpClient; 2],
    credential: Credential,
}

impl Scene {
    async fn new() -> Self {
        let world = World::empty().await;
        let (first, second) = (Pki::new().root("First"), Pki::new().root("Second"));
        activate(&world, &[&first, &second]).await;
        let credential = first.client("one").issue();
        Self {
            admin: admin(&world),
            of_first: [
                idle(&world, &credential).await,
                idle(&world, &first.client("two").issue()).await,
            ],
            of_second: [
                idle(&world, &second.client("three").issue()).await,
                idle(&world, &second.client("four").issue()).await,
            ],
            world,
            first,
            second,
            credential,
        }
    }

    /// Checks that all of the second CA's are served, and were not judged since.
    async fn second_is_untouched(&mut self, judged_before: f64) {
        for http in &mut self.of_second {
            assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
        }
        assert!((judged(&self.admin).await - judged_before).abs() < 0.5);
    }
}

#[tokio::test]
async fn an_activation_ends_the_connections_of_the_ca_that_is_gone_and_looks_at_no_other() {
    let mut scene = Scene::new().await;
    let before = judged(&scene.admin).await;
    activate(&scene.world, &[&scene.second]).await;
    connections(&scene.world, 2).await;
    for http in scene.of_first.iter_mut() {
        assert!(http.get("/").await.is_err());
    }
    // The two that are gone were judged; those that stay are with their next request, since the version is another.
    assert!((judged(&scene.admin).await - before - 2.0).abs() < 0.5);
    scene.second_is_untouched(before + 4.0).await;
    assert!((ended(&scene.admin, "activation").await - 2.0).abs() < 0.5);
    // An activation that changes nothing about them is not noticed at all.
    let before = judged(&scene.admin).await;
    activate(&scene.world, &[&scene.second]).await;
    scene.second_is_untouched(before).await;
}

#[tokio::test]
async fn a_crl_is_looked_up_for_the_clients_of_its_ca_alone() {
    let mut scene = Scene::new().await;
    let before = judged(&scene.admin).await;
    let crl = scene.first.crl().revoke(&scene.credential).issue();
    scene.world.revoke(Vec::new(), &[(&scene.first, crl)]).await;
    connections(&scene.world, 3).await;
    let [one, two] = &mut scene.of_first;
    assert!(one.get("/").await.is_err());
    assert_eq!(two.get("/").await.unwrap().status, StatusCode::OK);
    // Only whom it lists.
    scene.second_is_untouched(before + 1.0).await;
    assert!((ended(&scene.admin, "revocation").await - 1.0).abs() < 0.5);
}

#[tokio::test]
async fn a_revocation_by_hand_judges_the_client_that_it_names() {
    let mut scene = Scene::new().await;
    let before = judged(&scene.admin).await;
    let leaf = Certificate::from_der(scene.credential.der()).unwrap();
    let revocation = ManualRevocation::Key(leaf.spki_fingerprint());
    scene.world.revoke(vec![revocation], &[]).await;
    connections(&scene.world, 3).await;
    let [one, two] = &mut scene.of_first;
    assert!(one.get("/").await.is_err());
    assert_eq!(two.get("/").await.unwrap().status, StatusCode::OK);
    scene.second_is_untouched(before + 1.0).await;
}

#[tokio::test]
async fn whom_another_ca_of_the_set_vouches_for_as_well_stays() {
    let world = World::empty().await;
    let (old, new) = (Pki::new().root("Old"), Pki::new().root("New"));
    let issuing = old.intermediate("Issuing");
    let cross = new.cross_sign(&issuing);
    let credential = issuing.client("one").issue().sending_also(&cross);
    activate(&world, &[&old, &new]).await;
    let mut http = idle(&world, &credential).await;
    let mut lost = idle(&world, &old.client("two").issue()).await;
    activate(&world, &[&new]).await;
    connections(&world, 1).await;
    assert_eq!(http.get("/").await.unwrap().status, StatusCode::OK);
    assert!(lost.get("/").await.is_err());
    // Its place is that of the path that it has now.
    activate(&world, &[&old]).await;
    connections(&world, 1).await;
    activate(&world, &[&new]).await;
    connections(&world, 1).await;
    activate(&world, &[&Pki::new().root("Other")]).await;
    connections(&world, 0).await;
}

#[tokio::test]
async fn a_revoked_intermediate_ends_everybody_below_it() {
    let world = World::empty().await;
    let root = Pki::new().root("Root");
    let (bad, good) = (root.intermediate("Bad"), root.intermediate("Good"));
    activate(&world, &[&root]).await;
    let mut lost = idle(&world, &bad.client("one").issue()).await;
    let mut kept = idle(&world, &good.client("two").issue()).await;
    let crl = root.crl().revoke_ca(&bad).issue();
    world.revoke(Vec::new(), &[(&root, crl)]).await;
    connections(&world, 1).await;
    assert!(lost.get("/").await.is_err());
    assert_eq!(kept.get("/").await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn certificates_end_one_after_the_other_and_each_takes_its_connections_along() {
    let world = World::empty().await;
    let root = Pki::new().root("Root");
    activate(&world, &[&root]).await;
    let admin = admin(&world);
    let mut open = Vec::new();
    for seconds in [20, 10, 30] {
        let credential = root
            .client("short")
            .valid(NOW - 1000, NOW + seconds)
            .issue();
        open.push((seconds, idle(&world, &credential).await));
    }
    open.sort_by_key(|(seconds, _)| *seconds);
    for (seconds, mut http) in open {
        world.clock.set(NOW + seconds);
        assert_eq!(
            http.get("/").await.unwrap().status,
            StatusCode::OK,
            "the last second counts (RFC 5280 §4.1.2.5)"
        );
        world.clock.set(NOW + seconds + 1);
        tokio::time::timeout(Duration::from_secs(5), http.closed())
            .await
            .expect("the connection to end")
            .unwrap();
    }
    connections(&world, 0).await;
    assert!((ended(&admin, "expiry").await - 3.0).abs() < 0.5);
}
