//! What one index says otherwise than another.

use countersign_testkit::pki::{Ca, Credential, Pki};
use countersign_trust::{
    Certificate, Concern, ManualRevocation, RevocationChanges, RevocationIndex, RevocationMode,
    UnixTime, Verdict, crl_issuers, judge_again,
};

use crate::check::{Built, NOW, World, parsed};

const MODES: [RevocationMode; 3] = [
    RevocationMode::Off,
    RevocationMode::Prefer,
    RevocationMode::Require,
];

/// Two roots, an issuing CA below the first, and their clients.
struct Fixture {
    first: Ca,
    second: Ca,
    issuing: Ca,
    clients: Vec<(&'static str, Credential)>,
}

impl Fixture {
    fn new() -> Self {
        let (first, second) = (Pki::new().root("First"), Pki::new().root("Second"));
        let issuing = first.intermediate("Issuing");
        let clients = vec![
            ("alice", issuing.client("alice").issue()),
            ("bob", issuing.client("bob").issue()),
            ("carol", second.client("carol").issue()),
            ("dave", first.client("dave").issue()),
        ];
        Self {
            first,
            second,
            issuing,
            clients,
        }
    }

    fn client(&self, name: &str) -> &Credential {
        &self
            .clients
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap()
            .1
    }

    fn world(&self) -> World {
        World::new(&[&self.first, &self.second]).knows(&self.issuing)
    }

    /// Every kind of knowledge, with the clients that it may concern.
    fn worlds(&self) -> Vec<(&'static str, Built, &'static [&'static str])> {
        let alice = parsed(self.client("alice").der());
        let issuing = parsed(self.issuing.der());
        let manual = |revocation| self.world().manual(revocation).build();
        let crl = |ca: &Ca, revoked: &[&str], number: u8| {
            let request = revoked
                .iter()
                .fold(ca.crl().number(&[number]), |crl, name| {
                    crl.revoke(self.client(name))
                });
            self.world().crl(&request.issue()).build()
        };
        vec![
            (
                "certificate",
                manual(ManualRevocation::Certificate(alice.fingerprint())),
                &["alice"],
            ),
            (
                "key",
                manual(ManualRevocation::Key(alice.spki_fingerprint())),
                &["alice"],
            ),
            (
                "serial",
                manual(ManualRevocation::Serial {
                    issuer_key: issuing.spki_fingerprint(),
                    serial: alice.serial().clone(),
                }),
                &["alice"],
            ),
            (
                "intermediate",
                manual(ManualRevocation::Certificate(issuing.fingerprint())),
                &["alice", "bob"],
            ),
            (
                "issued before",
                manual(ManualRevocation::IssuedBefore {
                    issuer_key: issuing.spki_fingerprint(),
                    before: UnixTime::from_secs(NOW),
                }),
                &["alice", "bob"],
            ),
            (
                "CRL of the issuing CA",
                crl(&self.issuing, &["alice"], 1),
                &["alice"],
            ),
            (
                "newer CRL of the issuing CA",
                crl(&self.issuing, &["bob"], 2),
                &["bob"],
            ),
            (
                "empty CRL of the second root",
                crl(&self.second, &[], 1),
                &[],
            ),
            (
                "CRL of the first root",
                crl(&self.first, &["dave"], 1),
                &["dave"],
            ),
        ]
    }
}

fn since(later: &RevocationIndex, earlier: &RevocationIndex) -> RevocationChanges {
    later.changes_since(earlier, UnixTime::from_secs(NOW))
}

fn concerned(changes: &RevocationChanges, client: &Credential, cas: &[Certificate]) -> bool {
    let leaf = parsed(client.der());
    changes.certificates().any(|it| *it == leaf.fingerprint())
        || changes.keys().any(|it| *it == leaf.spki_fingerprint())
        || changes.serials().any(|it| it == leaf.serial())
        || match changes.concern(cas, crl_issuers(&leaf)) {
            Concern::None => false,
            Concern::Listed => changes.lists(&leaf),
            Concern::All => true,
        }
}

#[test]
fn a_change_names_whom_it_may_concern_and_no_other() {
    let fixture = Fixture::new();
    let nothing = fixture.world().build();
    assert!(since(&nothing.index, &nothing.index).is_empty());
    for (what, world, expected) in fixture.worlds() {
        // A CRL that comes tells about those that it lists; when one goes, less is known about everybody below.
        let below: &[&str] = match what {
            "CRL of the issuing CA" | "newer CRL of the issuing CA" => &["alice", "bob"],
            "empty CRL of the second root" => &["carol"],
            "CRL of the first root" => &["alice", "bob", "dave"],
            _ => expected,
        };
        for (changes, expected, is_revocation_by_hand_taken_back) in [
            (since(&world.index, &nothing.index), expected, false),
            (
                since(&nothing.index, &world.index),
                below,
                !what.contains("CRL"),
            ),
        ] {
            let found: Vec<_> = fixture
                .clients
                .iter()
                .filter(|(_, client)| {
                    let Verdict::Valid(valid) = nothing.verdict(client, RevocationMode::Off) else {
                        panic!("{what}")
                    };
                    concerned(&changes, client, &valid.path()[1..])
                })
                .map(|(name, _)| *name)
                .collect();
            if is_revocation_by_hand_taken_back {
                assert!(changes.is_empty(), "{what}: {changes:?}");
            } else {
                assert_eq!(found, expected, "{what}: {changes:?}");
            }
        }
    }
}

/// The promise that connections are spared by: who is not named has the same verdict.
#[test]
fn whoever_is_not_concerned_keeps_the_verdict() {
    let fixture = Fixture::new();
    let mut worlds = fixture.worlds();
    worlds.push(("nothing", fixture.world().build(), &[]));
    let mut spared = 0;
    for (from, earlier, _) in &worlds {
        for (to, later, _) in &worlds {
            let changes = since(&later.index, &earlier.index);
            for (name, client) in &fixture.clients {
                for mode in MODES {
                    let Verdict::Valid(valid) = earlier.verdict(client, mode) else {
                        continue;
                    };
                    if !concerned(&changes, client, &valid.path()[1..]) {
                        spared += 1;
                        assert!(
                            later.verdict(client, mode).is_valid(),
                            "{name}, {from} to {to}, {mode:?}"
                        );
                    }
                }
            }
        }
    }
    assert!(spared > 100, "{spared}");
}

/// A path that is judged again without its signatures has the verdict that a search would come to.
#[test]
fn a_path_that_is_judged_again_is_good_exactly_when_it_would_be_found() {
    let fixture = Fixture::new();
    let nothing = fixture.world().build();
    for (what, later, _) in fixture.worlds() {
        for (name, client) in &fixture.clients {
            let Verdict::Valid(valid) = nothing.verdict(client, RevocationMode::Off) else {
                panic!("{what}")
            };
            for mode in MODES {
                let again = judge_again(
                    &valid,
                    later.set(),
                    &later.index,
                    &[],
                    &later.policy(mode),
                    UnixTime::from_secs(NOW),
                );
                let found = later.verdict(client, mode);
                assert_eq!(
                    again.is_some(),
                    found.is_valid(),
                    "{what}, {name}, {mode:?}"
                );
                if let (Some(again), Verdict::Valid(found)) = (again, found) {
                    assert_eq!(again.path(), found.path());
                    assert_eq!(again.holds_until(), found.holds_until());
                }
            }
            for now in [NOW, NOW + 400 * 86_400] {
                let (mode, now) = (RevocationMode::Off, UnixTime::from_secs(now));
                let again = judge_again(
                    &valid,
                    nothing.set(),
                    &nothing.index,
                    &[],
                    &nothing.policy(mode),
                    now,
                );
                assert_eq!(
                    again.is_some(),
                    now <= valid.valid_until(),
                    "{name} at {now}"
                );
            }
            let elsewhere = World::new(&[&Pki::new().root("First")]).build();
            assert!(
                judge_again(
                    &valid,
                    elsewhere.set(),
                    &nothing.index,
                    &[],
                    &nothing.policy(RevocationMode::Off),
                    UnixTime::from_secs(NOW)
                )
                .is_none(),
                "a trust anchor that is not in the set vouches for nobody"
            );
        }
    }
}

/// What one owner revoked before does not hide that another one does so now.
#[test]
fn a_revocation_by_hand_is_a_change_for_each_owner() {
    let root = Pki::new().root("root");
    let client = parsed(root.client("a").issue().der());
    let key = parsed(root.der()).spki_fingerprint();
    for mark in [
        ManualRevocation::Certificate(client.fingerprint()),
        ManualRevocation::Key(client.spki_fingerprint()),
        ManualRevocation::Serial {
            issuer_key: key,
            serial: client.serial().clone(),
        },
        ManualRevocation::IssuedBefore {
            issuer_key: key,
            before: UnixTime::from_secs(NOW),
        },
    ] {
        let first = || World::new(&[&root]).manual_of("A", mark.clone());
        let (one, both) = (
            first().build(),
            first().manual_of("B", mark.clone()).build(),
        );
        assert!(!since(&both.index, &one.index).is_empty(), "{mark:?}");
        assert!(since(&both.index, &both.index).is_empty(), "{mark:?}");
        // Taken back: nothing that was let in has to end.
        assert!(since(&one.index, &both.index).is_empty(), "{mark:?}");
    }
}
