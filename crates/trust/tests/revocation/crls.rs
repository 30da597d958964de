//! CRLs.

use countersign_testkit::der;
use countersign_testkit::pki::{Ca, Pki, RevocationReason};
use countersign_trust::{CaState, RevocationMode, RevocationScope, UnixTime, Verdict};

use crate::check::{DAY, GOOD, NOW, REVOKED, STALE, UNKNOWN, World, parsed};

#[test]
fn who_is_listed_is_refused_and_who_is_not_is_good() {
    let root = Pki::new().root("root");
    let (a, b) = (root.client("a").issue(), root.client("b").issue());
    let world = World::new(&[&root])
        .crl(&root.crl().revoke(&a).issue())
        .build();
    world.is(&a, REVOKED).is(&b, GOOD);
    match world.verdict(&a, RevocationMode::Prefer) {
        Verdict::Invalid(refusal) => assert_eq!(
            refusal.explanation(),
            format!(
                "`CN=a` was revoked by `CN=root` at {} (unspecified).",
                UnixTime::from_secs(NOW - DAY)
            )
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_crl_is_a_crl() {
    let root = Pki::new().root("root");
    World::new(&[&root])
        .crl(&root.crl().issue())
        .build()
        .is(&root.client("a").issue(), GOOD);
}

/// Invariant I9, threats C3.6.
#[test]
fn expired_crl_of_one_issuer_does_not_lock_out_another() {
    let (a, b, c) = (
        Pki::new().root("a"),
        Pki::new().root("b"),
        Pki::new().root("c"),
    );
    let world = World::new(&[&a, &b, &c])
        .crl(&a.crl().updates(NOW - 3 * DAY, Some(NOW - 2 * DAY)).issue())
        .crl(&b.crl().issue())
        .build();
    world
        .is(&a.client("of a").issue(), STALE)
        .is(&b.client("of b").issue(), GOOD)
        .is(&c.client("of c").issue(), UNKNOWN);
    let state = |ca: &Ca| {
        world
            .index
            .ca_state(&parsed(ca.der()), UnixTime::from_secs(NOW))
    };
    assert_eq!(
        state(&a),
        CaState::Stale {
            since: UnixTime::from_secs(NOW - 2 * DAY)
        }
    );
    assert_eq!(
        state(&b),
        CaState::Current {
            next_update: Some(UnixTime::from_secs(NOW + DAY))
        }
    );
    assert_eq!(state(&c), CaState::Unknown);
}

/// Threats C3.5: two CAs, the same name and the same serial number.
#[test]
fn revoking_one_of_two_namesakes_neither_affects_nor_frees_the_other() {
    let (one, other) = (Pki::new().root("root"), Pki::new().root("root"));
    let of_one = one.client("a").serial(&[7]).issue();
    let of_other = other.client("a").serial(&[7]).issue();
    World::new(&[&one, &other])
        .crl(&one.crl().revoke(&of_one).issue())
        .build()
        .is(&of_one, REVOKED)
        .is(&of_other, UNKNOWN);
    World::new(&[&one, &other])
        .crl(&one.crl().revoke(&of_one).issue())
        .crl(&other.crl().issue())
        .build()
        .is(&of_one, REVOKED)
        .is(&of_other, GOOD);
}

#[test]
fn stale_data_still_revokes_and_has_a_grace() {
    let root = Pki::new().root("root");
    let (a, b) = (root.client("a").issue(), root.client("b").issue());
    let crl = root
        .crl()
        .updates(NOW - DAY, Some(NOW - 10))
        .revoke(&a)
        .issue();
    let world = |grace| World::new(&[&root]).crl(&crl).grace(grace).build();
    world(9).is(&a, REVOKED).is(&b, STALE);
    world(10).is(&a, REVOKED).is(&b, GOOD);
}

#[test]
fn a_crl_from_the_future_is_not_used() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let world = |ahead: i64| {
        World::new(&[&root])
            .crl(&root.crl().updates(NOW + ahead, Some(NOW + 2 * DAY)).issue())
            .build()
    };
    world(300).is(&client, GOOD);
    world(301).is(&client, UNKNOWN);
}

#[test]
fn the_newer_crl_replaces_the_older_in_any_order() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let older = root.crl().number(&[9]).issue();
    let newer = root.crl().number(&[1, 0]).revoke(&client).issue();
    World::new(&[&root])
        .crl(&older)
        .crl(&newer)
        .build()
        .is(&client, REVOKED);
    World::new(&[&root])
        .crl(&newer)
        .crl(&older)
        .build()
        .is(&client, REVOKED);
    let released = root.crl().number(&[1, 1]).issue();
    World::new(&[&root])
        .crl(&newer)
        .crl(&released)
        .build()
        .is(&client, GOOD);
}

/// SHA-1 is a matter of the CA set's version, and two sets may have the same CA and the same CRL.
#[test]
fn a_crl_with_sha1_counts_for_the_ca_set_that_accepts_it_and_for_no_other() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let weak = root.crl().number(&[2]).revoke(&client).issue_with_sha1();
    let world = || World::new(&[&root]).crl(&weak);
    world().accepting_sha1().build().is(&client, REVOKED);
    let refusing = world().build();
    refusing.is(&client, UNKNOWN);
    let verdict = refusing.verdict(&client, RevocationMode::Require);
    let countersign_trust::Verdict::Invalid(refusal) = verdict else {
        panic!("{verdict:?}");
    };
    assert!(refusal.explanation().contains("SHA-1"), "{refusal:?}");
    // An older one without it stays for those who have nothing else, and is no answer to the newer one where that counts.
    let strong = root.crl().number(&[1]).issue();
    for crls in [[&strong, &weak], [&weak, &strong]] {
        let world = || World::new(&[&root]).crl(crls[0]).crl(crls[1]);
        world().accepting_sha1().build().is(&client, REVOKED);
        world().build().is(&client, GOOD);
    }
    // Released by the newer one, for those to whom it says something.
    let weak = root.crl().number(&[2]).issue_with_sha1();
    let strong = root.crl().number(&[1]).revoke(&client).issue();
    for crls in [[&strong, &weak], [&weak, &strong]] {
        let world = || World::new(&[&root]).crl(crls[0]).crl(crls[1]);
        world().accepting_sha1().build().is(&client, GOOD);
        world().build().is(&client, REVOKED);
    }
}

#[test]
fn every_certificate_of_the_path_is_looked_up_by_its_own_issuer() {
    let root = Pki::new().root("root");
    let issuing = root.intermediate("issuing");
    let client = issuing.client("a").issue();
    let world = || {
        World::new(&[&root])
            .knows(&issuing)
            .crl(&issuing.crl().issue())
    };
    world().build().is(&client, GOOD);
    world()
        .scope(RevocationScope::Path)
        .build()
        .is(&client, UNKNOWN);
    world()
        .crl(&root.crl().issue())
        .scope(RevocationScope::Path)
        .build()
        .is(&client, GOOD);
    // What is known as revoked is refused, whatever the scope.
    world()
        .crl(&root.crl().revoke_ca(&issuing).issue())
        .build()
        .is(&client, REVOKED);
}

/// Deviation: an anchor that is an intermediate is looked up as well.
#[test]
fn a_revoked_intermediate_of_the_set_vouches_for_nobody() {
    let root = Pki::new().root("root");
    let issuing = root.intermediate("issuing");
    let client = issuing.client("a").issue();
    let revoking = root.crl().revoke_ca(&issuing).issue();
    World::new(&[&root, &issuing])
        .crl(&revoking)
        .crl(&issuing.crl().issue())
        .build()
        .is(&client, REVOKED);
    // Nothing is required of anchors.
    World::new(&[&root, &issuing])
        .crl(&issuing.crl().issue())
        .scope(RevocationScope::Path)
        .build()
        .is(&client, GOOD);
}

fn issuing_distribution_point(uris: &[&str]) -> Vec<u8> {
    let names: Vec<u8> = uris.iter().flat_map(|uri| der::uri(uri)).collect();
    der::sequence([der::explicit(0, der::explicit(0, names))])
}

/// RUSTSEC-2026-0049: all distribution points are compared with the CRL's, not the first only.
#[test]
fn the_second_distribution_point_is_looked_at_too() {
    let root = Pki::new().root("root");
    let client = root
        .client("a")
        .extension("2.5.29.31", false, {
            let point = |uri| {
                let full = der::explicit(0, der::explicit(0, der::uri(uri)));
                der::sequence([full])
            };
            der::sequence([point("http://a/1.crl"), point("http://a/2.crl")])
        })
        .issue();
    let shard = |uri: &str| {
        root.crl()
            .extension("2.5.29.28", true, issuing_distribution_point(&[uri]))
            .revoke(&client)
            .issue()
    };
    World::new(&[&root])
        .crl(&shard("http://a/2.crl"))
        .build()
        .is(&client, REVOKED);
    World::new(&[&root])
        .crl(&shard("http://a/1.crl"))
        .build()
        .is(&client, REVOKED);
    World::new(&[&root])
        .crl(&shard("http://a/3.crl"))
        .build()
        .is(&client, UNKNOWN);
}

#[test]
fn a_delta_adds_and_releases() {
    let root = Pki::new().root("root");
    let (a, b, c) = (
        root.client("a").issue(),
        root.client("b").issue(),
        root.client("c").issue(),
    );
    let hold = Some(RevocationReason::CertificateHold);
    let base = root
        .crl()
        .number(&[5])
        .updates(NOW - 3 * DAY, Some(NOW - DAY))
        .revoke_serial(&a.serial(), NOW - 4 * DAY, hold)
        .issue();
    let delta = |of: u8| {
        root.crl()
            .number(&[7])
            .extension("2.5.29.27", true, der::integer(of.into()))
            .revoke_serial(
                &a.serial(),
                NOW - DAY,
                Some(RevocationReason::RemoveFromCrl),
            )
            .revoke(&b)
            .issue()
    };
    // The delta is of today, so that the whole is not stale.
    World::new(&[&root])
        .crl(&base)
        .crl(&delta(5))
        .build()
        .is(&a, GOOD)
        .is(&b, REVOKED)
        .is(&c, GOOD);
    // A delta to a later base cannot be used, nor one alone.
    World::new(&[&root])
        .crl(&base)
        .crl(&delta(6))
        .build()
        .is(&a, REVOKED)
        .is(&b, STALE);
    World::new(&[&root]).crl(&delta(5)).build().is(&b, UNKNOWN);
}

#[test]
fn a_crl_of_another_key_needs_the_same_anchor() {
    let root = Pki::new().root("root");
    let issuing = root.intermediate("issuing");
    let client = issuing.client("a").issue();
    // The CA's other certificate, for CRLs.
    let signing = root.intermediate("issuing");
    // Somebody else's CA that calls itself the same.
    let stranger = Pki::new().root("stranger").intermediate("issuing");
    let world = |signer: &Ca| {
        World::new(&[&root])
            .knows(&issuing)
            .knows(signer)
            .crl(&signer.crl().revoke(&client).issue())
            .build()
    };
    world(&signing).is(&client, REVOKED);
    world(&stranger).is(&client, UNKNOWN);
}

#[test]
fn a_revoked_crl_signer_is_not_believed() {
    let root = Pki::new().root("root");
    let issuing = root.intermediate("issuing");
    let client = issuing.client("a").issue();
    let signing = root.intermediate("issuing");
    World::new(&[&root])
        .knows(&issuing)
        .knows(&signing)
        .crl(&signing.crl().issue())
        .crl(&root.crl().revoke_ca(&signing).issue())
        .build()
        .is(&client, UNKNOWN);
}

#[test]
fn a_verdict_holds_until_the_data_that_it_needs_is_too_old() {
    let root = Pki::new().root("root");
    let client = root.client("a").valid(NOW - DAY, NOW + 9 * DAY).issue();
    let world = World::new(&[&root])
        .crl(&root.crl().issue())
        .grace(60)
        .build();
    let until = |mode| match world.verdict(&client, mode) {
        Verdict::Valid(chain) => {
            assert_eq!(chain.valid_until().as_secs(), NOW + 9 * DAY);
            chain.holds_until().as_secs()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(until(RevocationMode::Require), NOW + DAY + 60);
    // Where it is not needed, what is said about its state is another thing then.
    assert_eq!(until(RevocationMode::Prefer), NOW + DAY + 60);
    assert_eq!(until(RevocationMode::Off), NOW + 9 * DAY);
}
