//! Whatever is interrupted is done again, or was never begun (invariant I8).

use countersign_controller::{ActivationStatus, Limits};
use countersign_snapshot::{Network, VersionNumber};
use countersign_testkit::Pki;

use crate::support::{Mood, World, until};

const STAGING: Network = Network::Staging;

#[tokio::test]
async fn an_activation_that_was_asked_for_before_a_restart_ends_after_it() {
    let world = World::idle(Limits::default()).await;
    let id = world.ca_set("partners", &[&Pki::new().root("Root")]).await;
    let activation = world.activate(id, 1, STAGING).await;
    let world = world.reopen().await;
    world.controller.start().await;
    assert_eq!(
        world.ended(&activation).await.status,
        ActivationStatus::Complete
    );
    assert_eq!(
        world.fleet.version("staging-1", id),
        Some(VersionNumber::new(1))
    );
}

#[tokio::test]
async fn stopped_between_the_offer_and_its_end_nothing_is_half_done() {
    let world = World::new().await;
    let first = world.active_ca_set("first", STAGING).await;
    // The silent node takes it up, the other has it too, and the controller never hears of it.
    world.fleet.join(STAGING, "staging-2", Mood::Silent);
    let id = world.ca_set("partners", &[&Pki::new().root("Root")]).await;
    let activation = world.activate(id, 1, STAGING).await;
    until("a node enforces what is not committed", || {
        world.fleet.version("staging-2", id).is_some()
    })
    .await;
    let world = world.reopen().await;
    let seen = world.look(&activation).await;
    assert_eq!(seen.status, ActivationStatus::InProgress);
    let set = world
        .controller
        .ca_sets()
        .find(&world.caller, id)
        .await
        .unwrap();
    assert_eq!(set.staging_version, None);
    let ahead = world
        .fleet
        .with("staging-2", |node| node.history.last().copied());
    world
        .fleet
        .with("staging-2", |node| node.mood = Mood::Willing);
    world.controller.start().await;
    assert_eq!(
        world.ended(&activation).await.status,
        ActivationStatus::Complete
    );
    for node in ["staging-1", "staging-2"] {
        assert_eq!(world.fleet.version(node, id), Some(VersionNumber::new(1)));
        assert_eq!(
            world.fleet.version(node, first),
            Some(VersionNumber::new(1))
        );
    }
    let after = world
        .fleet
        .with("staging-2", |node| node.history.last().copied());
    assert!(after > ahead, "the same number never names two snapshots");
}

#[tokio::test]
async fn nodes_that_are_ahead_of_the_store_are_taken_back_when_the_change_fails_after_a_restart() {
    let world = World::new().await;
    world.active_ca_set("first", STAGING).await;
    world.fleet.join(STAGING, "staging-2", Mood::Silent);
    let id = world.ca_set("partners", &[&Pki::new().root("Root")]).await;
    let activation = world.activate(id, 1, STAGING).await;
    until("a node enforces what is not committed", || {
        world.fleet.version("staging-2", id).is_some()
    })
    .await;
    let world = world.reopen().await;
    for node in ["staging-1", "staging-2"] {
        world
            .fleet
            .with(node, |node| node.mood = Mood::Refusing("partners"));
    }
    world.controller.start().await;
    assert_eq!(
        world.ended(&activation).await.status,
        ActivationStatus::Failed
    );
    for node in ["staging-1", "staging-2"] {
        assert_eq!(world.fleet.version(node, id), None, "{node}");
    }
}

#[tokio::test]
async fn a_restart_without_changes_offers_the_same_snapshot_again() {
    let world = World::new().await;
    let id = world.active_ca_set("partners", STAGING).await;
    let before = world
        .controller
        .current_snapshot(STAGING)
        .await
        .unwrap()
        .unwrap();
    let world = world.reopen().await;
    // A node that lost its disk.
    world.fleet.leave("staging-1");
    world.fleet.join(STAGING, "staging-1", Mood::Willing);
    world.controller.start().await;
    until("the node has it again", || {
        world.fleet.version("staging-1", id).is_some()
    })
    .await;
    let after = world
        .controller
        .current_snapshot(STAGING)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(before.digest(), after.digest());
}

#[tokio::test]
async fn killed_at_any_moment_a_started_engine_leaves_every_change_whole() {
    let mut world = World::idle(Limits::default()).await;
    let mut asked = Vec::new();
    for round in 0..12_u64 {
        let name = format!("set-{round}");
        let id = world.ca_set(&name, &[&Pki::new().root(&name)]).await;
        let activation = world.activate(id, 1, STAGING).await;
        asked.push((id, activation));
        world.controller.start().await;
        // Somewhere between the first look and the commit.
        for _ in 0..round * 7 {
            tokio::task::yield_now().await;
        }
        world = world.reopen().await;
        for (id, activation) in &asked {
            let status = world.look(activation).await.status;
            let set = world
                .controller
                .ca_sets()
                .find(&world.caller, *id)
                .await
                .unwrap();
            // The flip of the active version and the end of the activation are one.
            assert_eq!(
                set.staging_version.is_some(),
                status == ActivationStatus::Complete
            );
            assert_ne!(status, ActivationStatus::Failed);
        }
    }
    world.controller.start().await;
    for (id, activation) in &asked {
        assert_eq!(
            world.ended(activation).await.status,
            ActivationStatus::Complete
        );
        assert!(world.fleet.version("staging-1", *id).is_some());
    }
    let history = world.fleet.with("staging-1", |node| node.history.clone());
    assert!(history.is_sorted());
}

#[tokio::test]
async fn a_stored_snapshot_that_was_altered_is_never_offered_but_made_anew() {
    let world = World::new().await;
    let id = world.active_ca_set("partners", STAGING).await;
    let before = world
        .fleet
        .with("staging-1", |node| node.history.last().copied());
    world.controller.close().await;
    alter_snapshots(world.directory.path()).await;
    let world = world.reopen().await;
    world.fleet.leave("staging-1");
    world.fleet.join(STAGING, "staging-1", Mood::Willing);
    world.controller.start().await;
    until("the node enforces the set again", || {
        world.fleet.version("staging-1", id).is_some()
    })
    .await;
    let after = world
        .fleet
        .with("staging-1", |node| node.history.last().copied());
    assert!(after > before);
}

/// Turns one bit of every stored snapshot.
async fn alter_snapshots(directory: &std::path::Path) {
    use sqlx::Connection as _;
    let url = format!("sqlite://{}", directory.join("controller.sqlite").display());
    let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let stored: Vec<(String, Vec<u8>)> = sqlx::query_as("SELECT network, body FROM snapshots")
        .fetch_all(&mut database)
        .await
        .unwrap();
    assert!(!stored.is_empty());
    for (network, mut body) in stored {
        *body.last_mut().unwrap() ^= 1;
        sqlx::query("UPDATE snapshots SET body = ? WHERE network = ?")
            .bind(body)
            .bind(network)
            .execute(&mut database)
            .await
            .unwrap();
    }
    database.close().await.unwrap();
}
