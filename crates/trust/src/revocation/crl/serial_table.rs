//! The serial numbers of a CRL, small and quick to look up.

use aws_lc_rs::digest;

use super::{CrlEntry, RevocationReason};
use crate::{DistinguishedName, SerialNumber, UnixTime};

/// Sorted records of a digest of the serial number and what is known about it.
///
/// A digest of 96 bits stands for the serial number (and its issuer, in indirect CRLs): 17 octets per entry instead of 40. In a table of ten
/// million the chance that a good certificate meets the digest of another one is 10^-22, and it would be refused, not let in.
#[derive(Debug, Default)]
pub(super) struct SerialTable {
    records: Box<[Record]>,
    /// Where the records whose digests start with each prefix begin.
    starts: Box<[u32]>,
    prefix_bits: u32,
}

type Digest = [u8; DIGEST_OCTETS];
const DIGEST_OCTETS: usize = 12;

/// Digest, seconds since the epoch (one beyond the range of `u32`, which ends in 2106, is the nearest), reason. One array, so that a look-up
/// that hits has touched all it needs.
type Record = [u8; DIGEST_OCTETS + 4 + 1];

/// Records per prefix, about: few enough to be on two or three cache lines.
const PER_PREFIX: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Builder {
    records: Vec<Record>,
}

impl Builder {
    /// Later entries for the same certificate win.
    pub(super) fn insert(
        &mut self,
        issuer: Option<&DistinguishedName>,
        serial: &SerialNumber,
        entry: CrlEntry,
    ) {
        let seconds = u32::try_from(entry.revoked_at.as_secs().max(0)).unwrap_or(u32::MAX);
        let parts = digest(issuer, serial)
            .into_iter()
            .chain(seconds.to_be_bytes())
            .chain([entry.reason.code()]);
        let mut record = [0; DIGEST_OCTETS + 5];
        for (to, from) in record.iter_mut().zip(parts) {
            *to = from;
        }
        self.records.push(record);
    }

    pub(super) fn build(mut self) -> SerialTable {
        // Stable, so that of equal digests the last in the CRL is the last here, and is kept.
        self.records.sort_by(|a, b| key(a).cmp(key(b)));
        self.records.reverse();
        self.records.dedup_by(|a, b| key(a) == key(b));
        self.records.reverse();
        let prefix_bits = (self.records.len() / PER_PREFIX)
            .checked_ilog2()
            .unwrap_or(0)
            .min(28);
        let position = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
        let mut starts = Vec::with_capacity((1 << prefix_bits) + 1);
        for (at, record) in self.records.iter().enumerate() {
            while starts.len() <= prefix(key(record), prefix_bits) {
                starts.push(position(at));
            }
        }
        starts.resize((1 << prefix_bits) + 1, position(self.records.len()));
        SerialTable {
            records: self.records.into(),
            starts: starts.into(),
            prefix_bits,
        }
    }
}

impl SerialTable {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
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
        let record = self
            .records
            .get(start..end)?
            .iter()
            .find(|record| key(record) == wanted)?;
        let (seconds, reason) = record.get(DIGEST_OCTETS..)?.split_first_chunk()?;
        Some(CrlEntry {
            revoked_at: UnixTime::from_secs(i64::from(u32::from_be_bytes(*seconds))),
            reason: RevocationReason::from_code(*reason.first()?)?,
        })
    }

    /// The octets that the table takes.
    pub(super) fn octets(&self) -> usize {
        std::mem::size_of_val(&*self.records) + std::mem::size_of_val(&*self.starts)
    }
}

fn key(record: &Record) -> &[u8] {
    record.get(..DIGEST_OCTETS).unwrap_or_default()
}

fn prefix(digest: &[u8], bits: u32) -> usize {
    let first = digest.first_chunk().copied().unwrap_or_default();
    usize::try_from(
        u32::from_be_bytes(first)
            .checked_shr(32 - bits)
            .unwrap_or(0),
    )
    .unwrap_or(0)
}

fn digest(issuer: Option<&DistinguishedName>, serial: &SerialNumber) -> Digest {
    let serial = serial.as_der_contents();
    let digest = match issuer {
        None => digest::digest(&digest::SHA256, serial),
        Some(issuer) => {
            // The length keeps name and number apart.
            let length = [u8::try_from(serial.len()).unwrap_or(u8::MAX)];
            let named = [issuer.canonical(), &length, serial].concat();
            digest::digest(&digest::SHA256, &named)
        }
    };
    digest.as_ref().first_chunk().copied().unwrap_or_default()
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
