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
