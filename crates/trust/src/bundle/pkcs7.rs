//! PKCS#7 files of certificates (RFC 2315 §9.1, RFC 5652 §5.1 and RFC 8551 §3.2.2 "certs-only"): what `.p7b` and `.p7c` files are.

use crate::der::{
    DerError, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET, context_constructed, single,
};

/// 1.2.840.113549.1.7.2 `signedData`
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

/// The certificates, DER, of a file that holds them and nothing else. One that signs something, or brings CRLs along, says more than we would
/// take from it, so that it is refused like one that cannot be read.
pub(super) fn certificates(input: &[u8]) -> Result<Vec<&[u8]>, DerError> {
    let mut content_info = single(input, SEQUENCE)?.reader();
    if content_info.expect(OBJECT_IDENTIFIER)?.contents != SIGNED_DATA {
        return Err(DerError);
    }
    let content = content_info.expect(context_constructed(0))?;
    content_info.end()?;
    let mut signed_data = single(content.contents, SEQUENCE)?.reader();
    signed_data.expect(INTEGER)?;
    signed_data.expect(SET)?;
    let mut encapsulated = signed_data.sequence()?;
    encapsulated.expect(OBJECT_IDENTIFIER)?;
    encapsulated.end()?;
    let certificates = signed_data.expect(context_constructed(0))?;
    let crls = signed_data.optional(context_constructed(1))?;
    let signers = signed_data.expect(SET)?;
    signed_data.end()?;
    if !signers.contents.is_empty() || crls.is_some_and(|crls| !crls.contents.is_empty()) {
        return Err(DerError);
    }
    // Other choices than a certificate have tags of their own.
    let certificates = Reader::new(certificates.contents)
        .each(|reader| reader.expect(SEQUENCE).map(|certificate| certificate.whole))?;
    if certificates.is_empty() {
        return Err(DerError);
    }
    Ok(certificates)
}
