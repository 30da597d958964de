//! Answers on disk, one file each: a node that restarts without a controller goes on with them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use countersign_snapshot::{CaSetId, Network, OcspResponse, StatusQuestion};
use countersign_trust::{Certificate, Fingerprint, Sha1Signatures, UnixTime};

use crate::store::private_file;

const MAGIC: &[u8; 8] = b"CSOCSP\0\x01";
/// A response, and two certificates.
const FILE_MAX_BYTES: u64 = 512 << 10;

/// The directory of one network.
#[derive(Debug)]
pub(crate) struct AnswerFiles(PathBuf);

impl AnswerFiles {
    /// Names the directory and makes it.
    pub(crate) fn open(directory: &Path, network: Network) -> io::Result<Self> {
        let directory = directory.join(format!("{network}.ocsp-answers"));
        fs::create_dir_all(&directory)?;
        Ok(Self(directory))
    }

    /// Reads what is there. What cannot be read is removed: it is asked for again.
    pub(crate) fn load(&self) -> Vec<(StatusQuestion, OcspResponse)> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let small = entry.metadata().is_ok_and(|it| it.len() <= FILE_MAX_BYTES);
                let read = small
                    .then(|| fs::read(entry.path()).ok())
                    .flatten()
                    .and_then(|bytes| decode(&bytes));
                if read.is_none() {
                    let _ = fs::remove_file(entry.path());
                }
                read
            })
            .collect()
    }

    /// Keeps an answer. Not made durable: one that is lost is asked for again, and one that is cut short is not read.
    pub(crate) fn keep(
        &self,
        certificate: &Fingerprint,
        question: &StatusQuestion,
        response: &OcspResponse,
    ) {
        let path = self.0.join(certificate.to_string());
        let temporary = path.with_extension("new");
        let written = private_file(&temporary)
            .and_then(|mut file| file.write_all(&encode(question, response)))
            .and_then(|()| fs::rename(&temporary, &path));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "an OCSP answer cannot be kept on disk");
        }
    }

    pub(crate) fn remove(&self, certificate: &Fingerprint) {
        let _ = fs::remove_file(self.0.join(certificate.to_string()));
    }
}

fn encode(question: &StatusQuestion, response: &OcspResponse) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(question.ca_set.number().to_be_bytes());
    bytes.extend(response.received.as_micros().to_be_bytes());
    bytes.push(u8::from(response.sha1 == Sha1Signatures::Allow));
    for part in [
        question.certificate.der(),
        question.issuer.der(),
        &response.body,
    ] {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part);
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<(StatusQuestion, OcspResponse)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (ca_set, rest) = rest.split_first_chunk()?;
    let (received, rest) = rest.split_first_chunk()?;
    let (sha1, rest) = rest.split_first()?;
    let (certificate, rest) = part(rest)?;
    let (issuer, rest) = part(rest)?;
    let (body, rest) = part(rest)?;
    if !rest.is_empty() {
        return None;
    }
    let question = StatusQuestion {
        ca_set: CaSetId::new(u64::from_be_bytes(*ca_set)),
        certificate: Certificate::from_der(certificate).ok()?,
        issuer: Certificate::from_der(issuer).ok()?,
    };
    let response = OcspResponse {
        body: body.to_vec(),
        received: UnixTime::from_micros(i64::from_be_bytes(*received)),
        sha1: match sha1 {
            0 => Sha1Signatures::Refuse,
            1 => Sha1Signatures::Allow,
            _ => return None,
        },
    };
    Some((question, response))
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use countersign_testkit::Pki;

    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_what_is_damaged_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let root = Pki::new().root("Root");
        let certificate = Certificate::from_der(root.client("a").issue().der()).unwrap();
        let question = StatusQuestion {
            ca_set: CaSetId::new(7),
            issuer: Certificate::from_der(root.der()).unwrap(),
            certificate,
        };
        let response = OcspResponse {
            body: vec![1, 2, 3],
            received: UnixTime::from_secs(9),
            sha1: Sha1Signatures::Allow,
        };
        let files = AnswerFiles::open(directory.path(), Network::Staging).unwrap();
        let fingerprint = question.certificate.fingerprint();
        files.keep(&fingerprint, &question, &response);
        assert_eq!(files.load(), [(question.clone(), response.clone())]);
        let whole = encode(&question, &response);
        let path = files.0.join(fingerprint.to_string());
        for end in [0, 8, 20, whole.len() - 1] {
            fs::write(&path, &whole[..end]).unwrap();
            assert_eq!(files.load(), []);
            assert!(!path.exists());
        }
    }
}
