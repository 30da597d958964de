//! Several certificates in one column: DER, each with its length before it (4 bytes, big endian).

use countersign_trust::Certificate;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::decode;

/// The stored form.
pub(super) fn frame(chain: &[Certificate]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for certificate in chain {
        let der = certificate.der();
        // A certificate of 4 GiB cannot have come in.
        bytes.extend(u32::try_from(der.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(der);
    }
    bytes
}

/// Reads a column with at least one certificate.
pub(super) fn column(row: &SqliteRow, column: &'static str) -> sqlx::Result<Vec<Certificate>> {
    read(row.try_get(column)?).ok_or_else(|| decode::corrupt(column))
}

/// Reads the stored form of at least one certificate.
pub(super) fn read(mut bytes: &[u8]) -> Option<Vec<Certificate>> {
    let mut chain = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (der, rest) = rest.split_at_checked(length)?;
        chain.push(Certificate::from_der(der).ok()?);
        bytes = rest;
    }
    (!chain.is_empty()).then_some(chain)
}
