//! Revocations by hand. They count in every mode.

use countersign_testkit::pki::Pki;
use countersign_trust::{ManualRevocation, SerialNumber, UnixTime};

use crate::check::{ALWAYS_REVOKED, GOOD, NOW, World, parsed};

#[test]
fn each_mark_revokes_what_it_names_and_nothing_else() {
    let root = Pki::new().root("root");
    let twin = Pki::new().root("root");
    let client = root
        .client("a")
        .serial(&[7])
        .valid(NOW - 10, NOW + 10)
        .issue();
    let same_key = root
        .client("b")
        .key(client.key())
        .valid(NOW - 5, NOW + 10)
        .issue();
    let of_twin = twin
        .client("c")
        .serial(&[7])
        .valid(NOW - 10, NOW + 10)
        .issue();
    let certificate = parsed(client.der());
    let issuer_key = parsed(root.der()).spki_fingerprint();
    let check = |revocation, expected: [[&str; 3]; 3]| {
        let world = World::new(&[&root, &twin]).manual(revocation).build();
        world
            .is(&client, expected[0])
            .is(&same_key, expected[1])
            .is(&of_twin, expected[2]);
    };
    check(
        ManualRevocation::Certificate(certificate.fingerprint()),
        [ALWAYS_REVOKED, valid(), valid()],
    );
    check(
        ManualRevocation::Key(certificate.spki_fingerprint()),
        [ALWAYS_REVOKED, ALWAYS_REVOKED, valid()],
    );
    check(
        ManualRevocation::Serial {
            issuer_key,
            serial: SerialNumber::from_bytes(&[7]),
        },
        [ALWAYS_REVOKED, valid(), valid()],
    );
    check(
        ManualRevocation::IssuedBefore {
            issuer_key,
            before: UnixTime::from_secs(NOW - 5),
        },
        [ALWAYS_REVOKED, valid(), valid()],
    );
}

fn valid() -> [&'static str; 3] {
    // Nothing else is known about the certificate.
    ["valid", "valid", "revocation_unknown"]
}

#[test]
fn a_ca_can_be_revoked_by_hand_wherever_it_is_on_the_path() {
    let root = Pki::new().root("root");
    let issuing = root.intermediate("issuing");
    let client = issuing.client("a").issue();
    for ca in [&root, &issuing] {
        let certificate = parsed(ca.der());
        for revocation in [
            ManualRevocation::Certificate(certificate.fingerprint()),
            ManualRevocation::Key(certificate.spki_fingerprint()),
        ] {
            World::new(&[&root])
                .manual(revocation)
                .build()
                .is(&client, ALWAYS_REVOKED);
        }
    }
}

#[test]
fn what_a_crl_calls_good_can_be_revoked_by_hand() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let world = || World::new(&[&root]).crl(&root.crl().issue());
    world().build().is(&client, GOOD);
    world()
        .manual(ManualRevocation::Certificate(
            parsed(client.der()).fingerprint(),
        ))
        .build()
        .is(&client, ALWAYS_REVOKED);
}

/// What one tenant revokes keeps out none of another's clients, even where both trust the same CA.
#[test]
fn each_mark_counts_for_its_owners_ca_sets_only() {
    let root = Pki::new().root("root");
    let client = root.client("a").valid(NOW - 10, NOW + 10).issue();
    let (certificate, ca) = (parsed(client.der()), parsed(root.der()));
    for mark in [
        ManualRevocation::Certificate(certificate.fingerprint()),
        ManualRevocation::Certificate(ca.fingerprint()),
        ManualRevocation::Key(certificate.spki_fingerprint()),
        ManualRevocation::Key(ca.spki_fingerprint()),
        ManualRevocation::Serial {
            issuer_key: ca.spki_fingerprint(),
            serial: certificate.serial().clone(),
        },
        ManualRevocation::IssuedBefore {
            issuer_key: ca.spki_fingerprint(),
            before: UnixTime::from_secs(NOW),
        },
    ] {
        let world = || World::new(&[&root]).crl(&root.crl().issue());
        let of = |owner| world().manual_of(owner, mark.clone());
        of("A").owned_by("A").build().is(&client, ALWAYS_REVOKED);
        of("B").owned_by("A").build().is(&client, GOOD);
        // Where it is not known whose a set or a mark is, nobody gets in who was kept out.
        of("B").build().is(&client, ALWAYS_REVOKED);
        let of_nobody = world().manual(mark.clone()).owned_by("A");
        of_nobody.build().is(&client, ALWAYS_REVOKED);
    }
}

/// Another tenant cannot make a CA's CRL unreadable either.
#[test]
fn a_crls_signer_is_revoked_by_hand_for_its_owners_ca_sets_only() {
    let root = Pki::new().root("root");
    let issuing = root.intermediate("issuing");
    let client = issuing.client("a").issue();
    let unrelated = root.client("b").issue();
    let mark = ManualRevocation::Certificate(parsed(issuing.der()).fingerprint());
    let world = || {
        World::new(&[&root])
            .knows(&issuing)
            .crl(&issuing.crl().issue())
            .crl(&root.crl().issue())
            .manual_of("B", mark.clone())
    };
    world().owned_by("A").build().is(&client, GOOD);
    let theirs = world().owned_by("B").build();
    theirs.is(&client, ALWAYS_REVOKED).is(&unrelated, GOOD);
}
