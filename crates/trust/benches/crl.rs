//! What a large CRL costs: `cargo bench -p countersign-trust --bench crl [-- ENTRIES]`. Fails when a promise is broken.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign_testkit::pki::Pki;
use countersign_testkit::{DAY, NOW, der};
use countersign_trust::{Certificate, Crl, SerialNumber, Sha1Signatures};

const ENTRIES: u64 = 10_000_000;
const LOOK_UPS: u64 = 1_000_000;
const BATCH: usize = 1_000;
const MAX_OCTETS_PER_ENTRY: f64 = 20.0;
const MAX_LOOK_UP: Duration = Duration::from_micros(1);

fn main() {
    let entries = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(ENTRIES);
    let root = Pki::new().root("root");
    let input = crl(&root, entries);
    println!("{entries} entries, {} octets of DER", input.len());

    let signer = Certificate::from_der(root.der()).unwrap();
    let started = Instant::now();
    let crl = Crl::load(
        &input,
        std::slice::from_ref(&signer),
        Sha1Signatures::Refuse,
    )
    .unwrap();
    println!("loaded and verified in {:?}", started.elapsed());
    drop(input);
    let octets = crl.entries_octets() as f64 / entries as f64;
    println!("{octets:.2} octets per entry in memory");
    assert!(octets < MAX_OCTETS_PER_ENTRY);

    // Serial numbers all over the table, every second one is listed.
    let serials: Vec<_> = (0..LOOK_UPS)
        .map(|number| serial(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (2 * entries)))
        .map(|octets| SerialNumber::from_bytes(&octets))
        .collect();
    // The best of many batches: what it costs when nothing else disturbs. Each serial number is looked up once, so that its place in the
    // table is cold.
    let mut found = 0;
    let mut each = Duration::MAX;
    for batch in serials.chunks(BATCH) {
        let started = Instant::now();
        found += batch
            .iter()
            .filter(|serial| black_box(crl.entry(signer.subject(), serial)).is_some())
            .count();
        each = each.min(started.elapsed() / u32::try_from(batch.len()).unwrap());
    }
    println!("{each:?} per look-up, {found} of {LOOK_UPS} listed");
    assert!(found > 0 && each < MAX_LOOK_UP);
}

/// 16 octets as CAs choose them at random; the first bit is clear.
fn serial(number: u64) -> [u8; 16] {
    let high = number.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 1;
    let mut octets = [0; 16];
    octets[..8].copy_from_slice(&high.to_be_bytes());
    octets[8..].copy_from_slice(&number.to_be_bytes());
    octets[0] |= 0x40;
    octets
}

fn crl(root: &countersign_testkit::pki::Ca, entries: u64) -> Vec<u8> {
    let at = der::time(NOW - DAY);
    let mut list = Vec::new();
    for number in 0..entries {
        let entry = der::sequence([&der::integer_octets(serial(number * 2)), &at]);
        list.extend(entry);
    }
    let algorithm = root.key().signature_algorithm();
    let number = der::extension("2.5.29.20", false, der::integer(1));
    let signed = der::sequence([
        der::integer(1),
        algorithm.clone(),
        root.subject_der(),
        der::time(NOW - DAY),
        der::time(NOW + DAY),
        der::tlv(0x30, list),
        der::explicit(0, der::sequence([number])),
    ]);
    let signature = der::bit_string(root.key().sign(&signed));
    der::sequence([signed, algorithm, signature])
}
