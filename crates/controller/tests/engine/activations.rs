//! From a request to an enforced version, or to the reason why not.

use std::time::Duration;

use countersign_controller::{ActivationStatus, Limits};
use countersign_snapshot::{Network, VersionNumber};
use countersign_testkit::Pki;

use crate::support::{Mood, World, until};

const STAGING: Network = Network::Staging;
const PRODUCTION: Network = Network::Production;

#[tokio::test]
async fn an_activation_is_complete_only_after_every_live_node_enforces_it() {
    let world = World::new().await;
    let id = world.ca_set("partners", &[&Pki::new().root("Root")]).await;
    until("the first snapshot is there", || {
        world
            .fleet
            .with("staging-1", |node| node.enforced.is_some())
    })
    .await;
    world.fleet.open(STAGING, false);
    let before = *world.fleet.offers.borrow();
    let activation = world.activate(id, 1, STAGING).await;
    let mut offers = world.fleet.offers.subscribe();
    offers.wait_for(|count| *count > before).await.unwrap();
    assert_eq!(
        world.look(&activation).await.status,
        ActivationStatus::InProgress
    );
    world.fleet.open(STAGING, true);
    let ended = world.ended(&activation).await;
    assert_eq!(
        (ended.status, ended.percent),
        (ActivationStatus::Complete, 100)
    );
    assert_eq!(
        world.fleet.version("staging-1", id),
        Some(VersionNumber::new(1))
    );
    let set = world
        .controller
        .ca_sets()
        .find(&world.caller, id)
        .await
        .unwrap();
    assert_eq!(set.staging_version, Some(VersionNumber::new(1)));
    // Invariant I5: who, when, what.
    let entries = world
        .controller
        .audit()
        .list(&world.caller, None, 10)
        .await
        .unwrap();
    assert_eq!(entries[0].action, "ca-set.activation.end");
    assert_eq!(
        world.controller.audit().verify().await.unwrap().broken_at,
        None
    );
}

#[tokio::test]
async fn a_node_that_refuses_fails_the_activation_and_all_nodes_go_back() {
    let world = World::new().await;
    let roots = [Pki::new().root("One"), Pki::new().root("Two")];
    let good = world.active_ca_set("good", STAGING).await;
    world
        .fleet
        .join(STAGING, "staging-2", Mood::Refusing("partners"));
    let id = world.ca_set("partners", &[&roots[0], &roots[1]]).await;
    let activation = world.activate(id, 1, STAGING).await;
    let ended = world.ended(&activation).await;
    assert_eq!(ended.status, ActivationStatus::Failed);
    assert_eq!(
        ended.failure_reason.as_deref(),
        Some("The edge node `staging-2` refused it: No memory for partners.")
    );
    // The willing node had taken it up and was given the state before under a newer generation.
    assert_eq!(world.fleet.version("staging-1", id), None);
    assert_eq!(
        world.fleet.version("staging-1", good),
        Some(VersionNumber::new(1))
    );
    let history = world.fleet.with("staging-1", |node| node.history.clone());
    assert!(history.is_sorted() && history.len() >= 4, "{history:?}");
    let set = world
        .controller
        .ca_sets()
        .find(&world.caller, id)
        .await
        .unwrap();
    assert_eq!(set.staging_version, None);
    // It can be asked for again once the node is better.
    world.fleet.leave("staging-2");
    let again = world.activate(id, 2, STAGING).await;
    assert_eq!(world.ended(&again).await.status, ActivationStatus::Complete);
    assert_eq!(
        world.fleet.version("staging-1", id),
        Some(VersionNumber::new(2))
    );
}

#[tokio::test]
async fn a_node_that_does_not_answer_in_time_fails_the_activation_and_is_named() {
    let world = World::idle(Limits {
        acknowledgement_deadline: Duration::from_millis(200),
        ..Limits::default()
    })
    .await;
    world.fleet.join(STAGING, "staging-2", Mood::Silent);
    world.controller.start().await;
    let id = world.ca_set("partners", &[&Pki::new().root("Root")]).await;
    let activation = world.activate(id, 1, STAGING).await;
    let ended = world.ended(&activation).await;
    assert_eq!(ended.status, ActivationStatus::Failed);
    assert_eq!(ended.percent, 50);
    assert!(ended.failure_reason.unwrap().contains("`staging-2`"));
    assert_eq!(world.fleet.version("staging-1", id), None);
    assert_eq!(world.fleet.version("staging-2", id), None);
}

#[tokio::test]
async fn one_bad_change_does_not_take_the_others_with_it() {
    let world = World::idle(Limits::default()).await;
    world
        .fleet
        .with("staging-1", |node| node.mood = Mood::Refusing("bad"));
    let mut activations = Vec::new();
    for name in ["one", "two", "bad", "three", "four"] {
        let id = world.ca_set(name, &[&Pki::new().root(name)]).await;
        activations.push((name, world.activate(id, 1, STAGING).await));
    }
    world.controller.start().await;
    for (name, activation) in activations {
        let expected = if name == "bad" {
            ActivationStatus::Failed
        } else {
            ActivationStatus::Complete
        };
        assert_eq!(world.ended(&activation).await.status, expected, "{name}");
    }
}

#[tokio::test]
async fn the_networks_do_not_wait_for_each_other() {
    let world = World::new().await;
    let id = world.ca_set("partners", &[&Pki::new().root("Root")]).await;
    world.fleet.open(PRODUCTION, false);
    let stuck = world.activate(id, 1, PRODUCTION).await;
    let activation = world.activate(id, 1, STAGING).await;
    assert_eq!(
        world.ended(&activation).await.status,
        ActivationStatus::Complete
    );
    assert_eq!(
        world.look(&stuck).await.status,
        ActivationStatus::InProgress
    );
    assert_eq!(world.fleet.version("production-1", id), None);
    world.fleet.open(PRODUCTION, true);
    assert_eq!(world.ended(&stuck).await.status, ActivationStatus::Complete);
}

#[tokio::test]
async fn without_live_nodes_an_activation_completes_and_whoever_joins_gets_it() {
    let world = World::new().await;
    world.fleet.leave("staging-1");
    let id = world.active_ca_set("partners", STAGING).await;
    let current = world
        .controller
        .current_snapshot(STAGING)
        .await
        .unwrap()
        .unwrap();
    let snapshot = current
        .verify(&world.controller.verifying_key(), STAGING)
        .unwrap();
    assert_eq!(snapshot.ca_sets[0].id, id);
    world.fleet.join(STAGING, "staging-9", Mood::Willing);
    until("the new node enforces the current snapshot", || {
        world.fleet.version("staging-9", id).is_some()
    })
    .await;
}

#[tokio::test]
async fn deactivation_takes_the_set_away() {
    let world = World::new().await;
    let id = world.active_ca_set("partners", STAGING).await;
    let activation = world.deactivate(id, 1, STAGING).await;
    assert_eq!(
        world.ended(&activation).await.status,
        ActivationStatus::Complete
    );
    assert_eq!(world.fleet.version("staging-1", id), None);
}

#[tokio::test]
async fn hundreds_of_changes_at_once_are_one_snapshot() {
    let world = World::idle(Limits::default()).await;
    let mut activations = Vec::new();
    for number in 0..150 {
        let id = world
            .ca_set(&format!("set-{number}"), &[&Pki::new().root("Root")])
            .await;
        activations.push(world.activate(id, 1, STAGING).await);
    }
    world.controller.start().await;
    for activation in &activations {
        let ended = world.ended(activation).await;
        assert_eq!(ended.status, ActivationStatus::Complete);
    }
    let history = world.fleet.with("staging-1", |node| node.history.clone());
    assert_eq!(history.len(), 1, "{history:?}");
}
