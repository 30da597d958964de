//! The wire form of a manifest: append only, or raise [`FORMAT`].

use countersign_trust::{
    Fingerprint, ManualRevocation, Owner, ParseFingerprintError, SerialNumber, Sha1Signatures,
    UnixTime,
};
use serde::{Deserialize, Serialize};

use super::{BodyDigest, CrlReference, OcspReference, OwnedRevocation, RevocationManifest};
use crate::RevocationSequence;
use crate::wire::encode_infallibly;
use crate::wire::sections::{self, Sections};

/// The format that this release writes and reads.
const FORMAT: u16 = 1;

/// Why a signed body cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeRevocationsError {
    /// A fingerprint is none.
    #[error("a fingerprint in the revocations is invalid")]
    Fingerprint(#[from] ParseFingerprintError),
    /// Written by another release in a form that this one does not know.
    #[error("the revocations have format {0}, this version reads format {FORMAT}")]
    Format(u16),
    /// The structure does not hold.
    #[error("the structure of the revocations is broken")]
    Structure,
}

pub(super) fn encode(manifest: &RevocationManifest) -> Vec<u8> {
    let mut bytes = FORMAT.to_be_bytes().to_vec();
    bytes.extend(encode_infallibly(&Body::from(manifest)));
    // A new section goes to the end, here and in `decode`.
    sections::append(&mut bytes, [encode_infallibly(&owners(&manifest.manual))]);
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Result<RevocationManifest, DecodeRevocationsError> {
    let (format, body) = bytes
        .split_first_chunk::<2>()
        .ok_or(DecodeRevocationsError::Structure)?;
    let format = u16::from_be_bytes(*format);
    if format != FORMAT {
        return Err(DecodeRevocationsError::Format(format));
    }
    let (wire, rest): (Body, _) =
        postcard::take_from_bytes(body).map_err(|_| DecodeRevocationsError::Structure)?;
    let mut manifest: RevocationManifest = wire.try_into()?;
    let broken = |_| DecodeRevocationsError::Structure;
    let mut sections = Sections::new(rest);
    let owners: Vec<Option<String>> = sections.take().map_err(broken)?;
    sections.end().map_err(broken)?;
    if !owners.is_empty() {
        if owners.len() != manifest.manual.len() {
            return Err(DecodeRevocationsError::Structure);
        }
        for (revocation, owner) in manifest.manual.iter_mut().zip(owners) {
            revocation.owner = owner.as_deref().map(Owner::new);
        }
    }
    Ok(manifest)
}

/// Appended to the body: whose each revocation by hand is, in their order. Nothing when that is known of none.
fn owners(manual: &[OwnedRevocation]) -> Vec<Option<&str>> {
    if manual.iter().all(|revocation| revocation.owner.is_none()) {
        return Vec::new();
    }
    manual
        .iter()
        .map(|revocation| revocation.owner.as_ref().map(Owner::as_str))
        .collect()
}

#[derive(Debug, Deserialize, Serialize)]
struct Body {
    sequence: u64,
    created_micros: i64,
    manual: Vec<Manual>,
    crls: Vec<Crl>,
    answers: Vec<Answer>,
    certificates: Vec<Vec<u8>>,
}

/// Fingerprints are in their text form, the one that they can be read back from.
#[derive(Debug, Deserialize, Serialize)]
enum Manual {
    Certificate(String),
    Key(String),
    IssuedBefore {
        issuer_key: String,
        before_micros: i64,
    },
    Serial {
        issuer_key: String,
        serial: Vec<u8>,
    },
}

#[derive(Debug, Deserialize, Serialize)]
struct Crl {
    body: [u8; 32],
    signer: Vec<u8>,
    allow_sha1: bool,
}

#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    body: [u8; 32],
    certificate: Vec<u8>,
    issuer: Vec<u8>,
    received_micros: i64,
    allow_sha1: bool,
}

impl From<&RevocationManifest> for Body {
    fn from(manifest: &RevocationManifest) -> Self {
        Self {
            sequence: manifest.sequence.number(),
            created_micros: manifest.created.as_micros(),
            manual: manifest.manual.iter().map(|it| (&it.what).into()).collect(),
            crls: manifest.crls.iter().map(Into::into).collect(),
            answers: manifest.answers.iter().map(Into::into).collect(),
            certificates: manifest.certificates.clone(),
        }
    }
}

impl TryFrom<Body> for RevocationManifest {
    type Error = DecodeRevocationsError;

    fn try_from(wire: Body) -> Result<Self, DecodeRevocationsError> {
        Ok(Self {
            sequence: RevocationSequence::new(wire.sequence),
            created: UnixTime::from_micros(wire.created_micros),
            manual: wire
                .manual
                .into_iter()
                .map(|what| {
                    Ok(OwnedRevocation {
                        owner: None,
                        what: what.try_into()?,
                    })
                })
                .collect::<Result<_, DecodeRevocationsError>>()?,
            crls: wire.crls.into_iter().map(Into::into).collect(),
            answers: wire.answers.into_iter().map(Into::into).collect(),
            certificates: wire.certificates,
        })
    }
}

impl From<&ManualRevocation> for Manual {
    fn from(revocation: &ManualRevocation) -> Self {
        match revocation {
            ManualRevocation::Certificate(fingerprint) => {
                Self::Certificate(fingerprint.to_string())
            }
            ManualRevocation::Key(fingerprint) => Self::Key(fingerprint.to_string()),
            ManualRevocation::IssuedBefore { issuer_key, before } => Self::IssuedBefore {
                issuer_key: issuer_key.to_string(),
                before_micros: before.as_micros(),
            },
            ManualRevocation::Serial { issuer_key, serial } => Self::Serial {
                issuer_key: issuer_key.to_string(),
                serial: serial.as_bytes().to_vec(),
            },
        }
    }
}

impl TryFrom<Manual> for ManualRevocation {
    type Error = DecodeRevocationsError;

    fn try_from(wire: Manual) -> Result<Self, DecodeRevocationsError> {
        let fingerprint = |text: String| text.parse::<Fingerprint>();
        Ok(match wire {
            Manual::Certificate(text) => Self::Certificate(fingerprint(text)?),
            Manual::Key(text) => Self::Key(fingerprint(text)?),
            Manual::IssuedBefore {
                issuer_key,
                before_micros,
            } => Self::IssuedBefore {
                issuer_key: fingerprint(issuer_key)?,
                before: UnixTime::from_micros(before_micros),
            },
            Manual::Serial { issuer_key, serial } => Self::Serial {
                issuer_key: fingerprint(issuer_key)?,
                serial: SerialNumber::from_bytes(&serial),
            },
        })
    }
}

impl From<&CrlReference> for Crl {
    fn from(crl: &CrlReference) -> Self {
        Self {
            body: *crl.body.as_bytes(),
            signer: crl.signer.clone(),
            allow_sha1: crl.sha1 == Sha1Signatures::Allow,
        }
    }
}

impl From<Crl> for CrlReference {
    fn from(wire: Crl) -> Self {
        Self {
            body: BodyDigest::from_bytes(wire.body),
            signer: wire.signer,
            sha1: sha1(wire.allow_sha1),
        }
    }
}

impl From<&OcspReference> for Answer {
    fn from(answer: &OcspReference) -> Self {
        Self {
            body: *answer.body.as_bytes(),
            certificate: answer.certificate.clone(),
            issuer: answer.issuer.clone(),
            received_micros: answer.received.as_micros(),
            allow_sha1: answer.sha1 == Sha1Signatures::Allow,
        }
    }
}

impl From<Answer> for OcspReference {
    fn from(wire: Answer) -> Self {
        Self {
            body: BodyDigest::from_bytes(wire.body),
            certificate: wire.certificate,
            issuer: wire.issuer,
            received: UnixTime::from_micros(wire.received_micros),
            sha1: sha1(wire.allow_sha1),
        }
    }
}

fn sha1(allow: bool) -> Sha1Signatures {
    if allow {
        Sha1Signatures::Allow
    } else {
        Sha1Signatures::Refuse
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest(owners: [Option<&str>; 4]) -> RevocationManifest {
        let key = Fingerprint::of(b"key");
        RevocationManifest {
            sequence: RevocationSequence::new(7),
            created: UnixTime::from_secs(1_700_000_000),
            manual: [
                ManualRevocation::Certificate(Fingerprint::of(b"certificate")),
                ManualRevocation::Key(key),
                ManualRevocation::IssuedBefore {
                    issuer_key: key,
                    before: UnixTime::from_secs(5),
                },
                ManualRevocation::Serial {
                    issuer_key: key,
                    serial: SerialNumber::from_bytes(&[0x80, 1]),
                },
            ]
            .into_iter()
            .zip(owners)
            .map(|(what, owner)| OwnedRevocation {
                owner: owner.map(Owner::new),
                what,
            })
            .collect(),
            crls: vec![CrlReference {
                body: BodyDigest::of(b"crl"),
                signer: vec![1, 2],
                sha1: Sha1Signatures::Refuse,
            }],
            answers: vec![OcspReference {
                body: BodyDigest::of(b"answer"),
                certificate: vec![3],
                issuer: vec![4],
                received: UnixTime::from_secs(9),
                sha1: Sha1Signatures::Allow,
            }],
            certificates: vec![vec![5]],
        }
    }

    #[test]
    fn a_manifest_comes_back_as_it_was() {
        for owners in [
            [None; 4],
            [Some("A-1"), Some("A-2"), Some("A-1"), Some("")],
            [None, None, Some("A-1"), None],
        ] {
            let manifest = manifest(owners);
            assert_eq!(decode(&encode(&manifest)), Ok(manifest));
        }
    }

    /// The manifest that is in use while a node is upgraded.
    #[test]
    fn what_was_written_before_there_were_owners_counts_for_everybody() {
        let manifest = manifest([None; 4]);
        let mut before = FORMAT.to_be_bytes().to_vec();
        before.extend(encode_infallibly(&Body::from(&manifest)));
        assert_eq!(encode(&manifest), before, "and stays the same bytes");
        assert_eq!(decode(&before), Ok(manifest));
    }

    #[test]
    fn owners_of_other_revocations_than_there_are_are_refused() {
        let body = encode(&manifest([None; 4]));
        for owners in [
            vec![Some("A-1"); 3],
            vec![Some("A-1"); 5],
            vec![None::<&str>; 0],
        ] {
            let bytes = [body.clone(), encode_infallibly(&owners)].concat();
            assert_eq!(decode(&bytes), Err(DecodeRevocationsError::Structure));
        }
    }

    #[test]
    fn a_format_of_another_release_is_named() {
        assert_eq!(decode(&[0, 9, 0]), Err(DecodeRevocationsError::Format(9)));
        assert_eq!(decode(&[0]), Err(DecodeRevocationsError::Structure));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&[&FORMAT.to_be_bytes()[..], &bytes].concat());
        }
    }
}
