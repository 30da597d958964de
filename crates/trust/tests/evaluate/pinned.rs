//! Certificates that were named beforehand and need nobody to vouch for them.

use countersign_testkit::DAY;
use countersign_testkit::pki::{Credential, Pki};
use countersign_trust::{
    Certificate, ManualRevocation, Policy, RevocationIndex, RevocationIndexBuilder, UnixTime,
    evaluate_pinned,
};

use crate::check::NOW;

fn check(client: &Credential, revocation: &RevocationIndex, expected: &str) {
    let certificate = Certificate::from_der(client.der()).unwrap();
    let now = UnixTime::from_secs(NOW);
    let judged = evaluate_pinned(&certificate, revocation, &Policy::default(), now);
    let found = judged.map_or_else(|refusal| refusal.reason().code(), |()| "valid");
    assert_eq!(found, expected);
}

#[test]
fn a_pinned_certificate_is_held_to_everything_but_its_issuer() {
    let root = Pki::new().root("root");
    let nothing = RevocationIndex::empty();
    let client = root.client("a").issue();
    check(&client, &nothing, "valid");
    check(&Pki::new().self_signed("a").issue(), &nothing, "valid");
    let late = root.client("a").valid(NOW - 2 * DAY, NOW - DAY).issue();
    check(&late, &nothing, "expired");
    let early = root.client("a").valid(NOW + DAY, NOW + 2 * DAY).issue();
    check(&early, &nothing, "not_yet_valid");
    check(&root.server(["a.test"]).issue(), &nothing, "eku_missing");
    let certificate = Certificate::from_der(client.der()).unwrap();
    for mark in [
        ManualRevocation::Certificate(certificate.fingerprint()),
        ManualRevocation::Key(certificate.spki_fingerprint()),
    ] {
        let mut index = RevocationIndexBuilder::new(0);
        index.manual(None, mark);
        check(&client, &index.build(), "revoked");
    }
}
