//! What a decision costs: `cargo bench -p countersign-trust --bench evaluate`. Fails when a promise is broken.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign_testkit::NOW;
use countersign_testkit::pki::{Ca, Credential, KeyKind, Pki};
use countersign_trust::{
    CaSetVersion, Certificate, PeerChain, Policy, RevocationIndex, Sha1Signatures, UnixTime,
    evaluate,
};

/// A set of 300 CAs may cost this much more than a set of one.
const MAX_RATIO: f64 = 1.2;
/// Threats C3.4.
const MAX_LOOK_ALIKES: Duration = Duration::from_millis(50);

fn main() {
    for keys in [KeyKind::P256, KeyKind::Rsa2048] {
        size_of_the_set(keys);
    }
    look_alikes();
}

fn set(cas: &[Ca]) -> CaSetVersion {
    let certificates = cas
        .iter()
        .map(|ca| Certificate::from_der(ca.der()).unwrap())
        .collect();
    CaSetVersion::new(certificates, Sha1Signatures::Refuse).unwrap()
}

/// The least of many runs: what it costs when nothing else disturbs. Runs of both sides alternate, so that both see the same machine.
fn least<const N: usize>(runs: u32, mut sides: [impl FnMut(); N]) -> [Duration; N] {
    let mut least = [Duration::MAX; N];
    for _ in 0..runs {
        for (side, least) in sides.iter_mut().zip(&mut least) {
            let started = Instant::now();
            side();
            *least = started.elapsed().min(*least);
        }
    }
    least
}

fn decide(chain: &PeerChain, set: &CaSetVersion) -> bool {
    let verdict = evaluate(
        black_box(chain),
        black_box(set),
        &RevocationIndex::empty(),
        &Policy::default(),
        UnixTime::from_secs(NOW),
    );
    black_box(verdict).is_valid()
}

fn chain(client: &Credential) -> PeerChain {
    PeerChain::from_der(&client.chain_der()).unwrap()
}

fn size_of_the_set(keys: KeyKind) {
    let root = Pki::new().keys(keys).root("root 0");
    let client = root.intermediate("issuing").client("client").issue();
    let others = (1..300).map(|number| Pki::new().root(&format!("root {number}")));
    let many: Vec<_> = others.chain([root.clone()]).collect();
    let (one, many) = (set(&[root]), set(&many));
    let chain = chain(&client);
    let sides = [&one, &many].map(|set| {
        let chain = &chain;
        move || assert!(decide(chain, set))
    });
    let [one, many] = least(2_000, sides);
    let ratio = many.as_secs_f64() / one.as_secs_f64();
    println!("{keys:?}: a chain of 3 in a set of 1: {one:?}, of 300: {many:?}, ratio {ratio:.3}");
    assert!(
        ratio <= MAX_RATIO,
        "a set of 300 costs {ratio:.2} times a set of one"
    );
}

fn look_alikes() {
    let roots: Vec<_> = (0..200)
        .map(|_| {
            Pki::new()
                .request_root("look-alike")
                .no_key_identifiers()
                .issue_ca()
        })
        .collect();
    let issuing = roots
        .last()
        .unwrap()
        .request_intermediate("issuing")
        .no_key_identifiers()
        .issue_ca();
    let mut client = issuing.client("client").no_key_identifiers().issue();
    for root in roots.iter().take(8) {
        client = client.sending_also(&root.cross_sign(&issuing));
    }
    let (set, chain) = (set(&roots), chain(&client));
    let [took] = least(20, [|| assert!(decide(&chain, &set))]);
    println!("200 cross-signed look-alikes: {took:?}");
    assert!(took < MAX_LOOK_ALIKES, "{took:?}");
}
