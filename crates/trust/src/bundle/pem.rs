//! PEM (RFC 7468), read as leniently as is safe.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Bundle, BundleEntry, ParseBundleError, WrongContent, der_input};
use crate::Certificate;

/// Reads all blocks. Private keys are looked for first, so that they are named whatever else is wrong.
pub(super) fn parse(input: &[u8]) -> Result<Bundle, ParseBundleError> {
    let blocks: Vec<_> = Blocks::new(input).collect();
    if blocks.is_empty() {
        return Err(ParseBundleError::NoCertificate);
    }
    let wrong = |block: &Block<'_>| {
        block
            .wrong_content()
            .map(|what| ParseBundleError::WrongContent {
                line: block.line,
                what,
            })
    };
    let key = blocks.iter().find(|block| block.is_key());
    if let Some(error) = key
        .and_then(wrong)
        .or_else(|| blocks.iter().find_map(wrong))
    {
        return Err(error);
    }
    if blocks.len() > Bundle::MAX_CERTIFICATES {
        return Err(ParseBundleError::TooManyCertificates);
    }
    let mut certificates = Vec::new();
    for block in &blocks {
        let der = block.decode()?;
        if block.is_pkcs7() {
            certificates.extend(der_input::from_pkcs7(&der, block.line)?);
            continue;
        }
        let certificate =
            Certificate::from_der(&der).map_err(|cause| ParseBundleError::Certificate {
                line: block.line,
                cause,
            })?;
        certificates.push(BundleEntry {
            certificate,
            line: block.line,
        });
    }
    Bundle::bounded(certificates)
}

/// The contents of the first block with this label.
pub(crate) fn decode_block(input: &[u8], label: &[u8]) -> Option<Vec<u8>> {
    Blocks::new(input)
        .find(|block| block.label == label)
        .and_then(|block| block.decode().ok())
}

/// What is between a `BEGIN` and the `END` of the same label.
struct Block<'a> {
    label: &'a [u8],
    /// `None` when there is no `END`.
    body: Option<&'a [u8]>,
    line: usize,
}

impl Block<'_> {
    fn is_key(&self) -> bool {
        self.label.ends_with(b"PRIVATE KEY")
    }

    fn is_pkcs7(&self) -> bool {
        matches!(self.label, b"CMS" | b"PKCS #7 SIGNED DATA" | b"PKCS7")
    }

    fn wrong_content(&self) -> Option<WrongContent> {
        // RFC 1421 §4.6.1.1: `Proc-Type: 4,ENCRYPTED`, as `openssl genrsa -des3` writes it.
        let encrypted = || self.body.is_some_and(|body| contains(body, b"ENCRYPTED"));
        match self.label {
            b"CERTIFICATE" | b"X509 CERTIFICATE" => None,
            b"ENCRYPTED PRIVATE KEY" => Some(WrongContent::EncryptedPrivateKey),
            _ if self.is_key() && encrypted() => Some(WrongContent::EncryptedPrivateKey),
            _ if self.is_key() => Some(WrongContent::PrivateKey),
            b"CERTIFICATE REQUEST" | b"NEW CERTIFICATE REQUEST" => {
                Some(WrongContent::CertificateRequest)
            }
            _ if self.is_pkcs7() => None,
            b"TRUSTED CERTIFICATE" => Some(WrongContent::TrustedCertificate),
            b"X509 CRL" => Some(WrongContent::Crl),
            _ if self.label.ends_with(b"PUBLIC KEY") => Some(WrongContent::PublicKey),
            _ => Some(WrongContent::Other),
        }
    }

    fn decode(&self) -> Result<Vec<u8>, ParseBundleError> {
        let body = self
            .body
            .ok_or(ParseBundleError::Unterminated { line: self.line })?;
        let text: Vec<u8> = without_headers(body)
            .iter()
            .copied()
            .filter(|octet| !octet.is_ascii_whitespace())
            .collect();
        BASE64
            .decode(text)
            .map_err(|_| ParseBundleError::NotBase64 { line: self.line })
    }
}

/// Padding may be missing; everything else is as RFC 4648 says.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What follows the RFC 1421 headers (`Name: value` lines and an empty one), which some tools write into certificates too.
fn without_headers(body: &[u8]) -> &[u8] {
    if !body.contains(&b':') {
        return body;
    }
    let end = body
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .map(|at| at + 2)
        .or_else(|| {
            body.windows(4)
                .position(|four| four == b"\r\n\r\n")
                .map(|at| at + 4)
        });
    end.and_then(|end| body.get(end..)).unwrap_or(body)
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// Finds the blocks from left to right, in time linear in the input.
struct Blocks<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Blocks<'a> {
    fn new(input: &'a [u8]) -> Self {
        Self {
            rest: input,
            line: 1,
        }
    }

    /// Splits what is left at the needle and drops it; counts the lines that are passed.
    fn until(&mut self, needle: &[u8]) -> Option<&'a [u8]> {
        let at = self
            .rest
            .windows(needle.len())
            .position(|window| window == needle)?;
        let before = self.rest.get(..at)?;
        self.line += count_lines(before);
        self.rest = self.rest.get(at + needle.len()..)?;
        Some(before)
    }
}

/// Line feeds, and carriage returns that no line feed follows.
fn count_lines(text: &[u8]) -> usize {
    let feeds = text.iter().filter(|octet| **octet == b'\n').count();
    let returns = text.iter().filter(|octet| **octet == b'\r').count();
    feeds.max(returns)
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        self.until(BEGIN)?;
        let line = self.line;
        let label = match self.rest.iter().position(|octet| *octet == b'-') {
            Some(end)
                if self
                    .rest
                    .get(end..)
                    .is_some_and(|rest| rest.starts_with(DASHES)) =>
            {
                self.rest.get(..end)?
            }
            _ => {
                return Some(Block {
                    label: b"",
                    body: None,
                    line,
                });
            }
        };
        self.rest = self.rest.get(label.len() + DASHES.len()..)?;
        // A block without an END must not swallow the next one.
        let dashes = self
            .rest
            .windows(DASHES.len())
            .position(|window| window == DASHES);
        let body = dashes
            .filter(|at| {
                self.rest
                    .get(*at..)
                    .is_some_and(|rest| rest.starts_with(END))
            })
            .and_then(|at| self.rest.get(..at));
        if body.is_some() {
            self.until(END)?;
        }
        Some(Block { label, body, line })
    }
}
