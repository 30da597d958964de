//! The serial numbers of a CRL, small and quick to look up.

use aws_lc_rs::digest;

use super::{CrlEntry, RevocationReason};
use crate::{DistinguishedName, SerialNumber, UnixTime};

/// Sorted digests of serial numbers, with what is known about each beside.
///
/// A digest of 96 bits stands for the serial number (and its issuer, in indirect CRLs): 17 octets per entry instead of 40. In a table of ten
/// million the chance that a good certificate meets the digest of another one is 10^-22, and it would be refused, not let in.
#[derive(Debug, Default)]
pub(super) struct SerialTable {
    digests: Box<[Digest]>,
    /// Seconds since the epoch; a CRL from before or after the range of `u32` (2106) has the nearest.
    revoked_at: Box<[u32]>,
    reasons: Box<[RevocationReason]>,
    /// Where the digests that start with each prefix begin.
    starts: Box<[u32]>,
    prefix_bits: u32,
}

type Digest = [u8; 12];

/// Digests per prefix, about: few enough to look at one by one in one or two cache lines.
const PER_PREFIX: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Builder {
    entries: Vec<(Digest, u32, RevocationReason)>,
}

impl Builder {
    /// Later entries for the same certificate win.
    pub(super) fn insert(
        &mut self,
        issuer: Option<&DistinguishedName>,
        serial: &SerialNumber,
        entry: CrlEntry,
    ) {
        let seconds = entry.revoked_at.as_secs().clamp(0, i64::from(u32::MAX));
        self.entries.push((
            digest(issuer, serial),
            u32::try_from(seconds).unwrap_or(u32::MAX),
            entry.reason,
        ));
    }

    pub(super) fn build(mut self) -> SerialTable {
        // Stable, so that of equal digests the last in the CRL is the last here, and is kept.
        self.entries.sort_by_key(|(digest, ..)| *digest);
        self.entries.reverse();
        self.entries.dedup_by_key(|(digest, ..)| *digest);
        self.entries.reverse();
        let prefix_bits = (self.entries.len() / PER_PREFIX)
            .checked_ilog2()
            .unwrap_or(0)
            .min(28);
        let mut starts = Vec::with_capacity((1 << prefix_bits) + 1);
        for (position, (digest, ..)) in self.entries.iter().enumerate() {
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            while starts.len() <= prefix(digest, prefix_bits) {
                starts.push(position);
            }
        }
        starts.resize(
            (1 << prefix_bits) + 1,
            u32::try_from(self.entries.len()).unwrap_or(u32::MAX),
        );
        SerialTable {
            digests: self.entries.iter().map(|(digest, ..)| *digest).collect(),
            revoked_at: self.entries.iter().map(|(_, at, _)| *at).collect(),
            reasons: self.entries.iter().map(|(.., reason)| *reason).collect(),
            starts: starts.into(),
            prefix_bits,
        }
    }
}

impl SerialTable {
    pub(super) fn len(&self) -> usize {
        self.digests.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    pub(super) fn find(
        &self,
        issuer: Option<&DistinguishedName>,
        serial: &SerialNumber,
    ) -> Option<CrlEntry> {
        let wanted = digest(issuer, serial);
        let prefix = prefix(&wanted, self.prefix_bits);
        let start = usize::try_from(*self.starts.get(prefix)?).ok()?;
        let end = usize::try_from(*self.starts.get(prefix + 1)?).ok()?;
        let offset = self.digests.get(start..end)?.binary_search(&wanted).ok()?;
        let at = start + offset;
        Some(CrlEntry {
            revoked_at: UnixTime::from_secs(i64::from(*self.revoked_at.get(at)?)),
            reason: *self.reasons.get(at)?,
        })
    }

    /// The octets that the table takes.
    pub(super) fn octets(&self) -> usize {
        std::mem::size_of_val(&*self.digests)
            + std::mem::size_of_val(&*self.revoked_at)
            + std::mem::size_of_val(&*self.reasons)
            + std::mem::size_of_val(&*self.starts)
    }
}

fn prefix(digest: &Digest, bits: u32) -> usize {
    let [a, b, c, d, ..] = *digest;
    let first = u32::from_be_bytes([a, b, c, d]);
    usize::try_from(first.checked_shr(32 - bits).unwrap_or(0)).unwrap_or(0)
}

fn digest(issuer: Option<&DistinguishedName>, serial: &SerialNumber) -> Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    let serial = serial.as_der_contents();
    if let Some(issuer) = issuer {
        context.update(issuer.canonical());
        context.update(&[u8::try_from(serial.len()).unwrap_or(u8::MAX)]);
    }
    context.update(serial);
    let mut digest = [0; 12];
    for (to, from) in digest.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(count: u32) -> SerialTable {
        let mut builder = Builder::default();
        for number in 0..count {
            builder.insert(
                None,
                &SerialNumber::from_bytes(&(u64::from(number) * 2).to_be_bytes()),
                CrlEntry {
                    revoked_at: UnixTime::from_secs(i64::from(number)),
                    reason: RevocationReason::Superseded,
                },
            );
        }
        builder.build()
    }

    #[test]
    fn exactly_what_was_put_in_is_found() {
        for count in [0, 1, 7, 8, 9, 1_000, 20_000] {
            let table = table(count);
            assert_eq!(table.len(), usize::try_from(count).unwrap());
            for number in 0..u64::from(count) * 2 {
                let found = table.find(None, &SerialNumber::from_bytes(&number.to_be_bytes()));
                let expected = number
                    .is_multiple_of(2)
                    .then(|| UnixTime::from_secs(i64::try_from(number / 2).unwrap()));
                assert_eq!(
                    found.map(|entry| entry.revoked_at),
                    expected,
                    "{number} of {count}"
                );
            }
        }
    }

    #[test]
    fn an_entry_takes_less_than_twenty_octets() {
        let table = table(100_000);
        assert!(table.octets() < 20 * table.len(), "{}", table.octets());
    }

    #[test]
    fn the_last_entry_for_a_serial_number_counts() {
        let mut builder = Builder::default();
        for reason in [
            RevocationReason::CertificateHold,
            RevocationReason::RemoveFromCrl,
        ] {
            builder.insert(
                None,
                &SerialNumber::from_bytes(&[7]),
                CrlEntry {
                    revoked_at: UnixTime::from_secs(0),
                    reason,
                },
            );
        }
        let found = builder
            .build()
            .find(None, &SerialNumber::from_bytes(&[0, 7]));
        assert_eq!(found.unwrap().reason, RevocationReason::RemoveFromCrl);
    }
}
