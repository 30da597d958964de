//! What changes for clients between two versions of a CA set.

use anyhow::{Context, Result};
use countersign_api::truststore::Certificate as WireCertificate;
use countersign_trust::{Certificate, UnixTime, parse_bundle};
use serde::Serialize;

/// The differences, each list in the order of its version.
///
/// A certificate is *renewed* when another of the same subject and key takes its place: the clients below it need nothing new. With
/// another subject or another key its clients do not chain to it any more, so that it counts as removed.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Diff {
    pub(crate) added: Vec<Entry>,
    pub(crate) removed: Vec<Entry>,
    pub(crate) renewed: Vec<Renewal>,
    pub(crate) unchanged: usize,
}

/// A CA of one of the versions.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) subject: String,
    pub(crate) fingerprint: String,
    #[serde(serialize_with = "text")]
    pub(crate) end_date: UnixTime,
}

/// A CA of both versions under different certificates.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Renewal {
    pub(crate) subject: String,
    pub(crate) before: Entry,
    pub(crate) after: Entry,
    /// Whether its clients lose access at an earlier time than before.
    pub(crate) ends_earlier: bool,
}

impl Diff {
    pub(crate) fn between(before: &[WireCertificate], after: &[WireCertificate]) -> Result<Self> {
        let (before, mut after) = (read(before)?, read(after)?);
        let mut diff = Self::default();
        let mut gone = Vec::new();
        for certificate in before {
            let same = after
                .iter()
                .position(|other| other.fingerprint() == certificate.fingerprint());
            match same {
                Some(position) => {
                    after.remove(position);
                    diff.unchanged += 1;
                }
                None => gone.push(certificate),
            }
        }
        for certificate in gone {
            let renewed = after
                .iter()
                .position(|other| is_renewal(&certificate, other));
            match renewed {
                Some(position) => {
                    let (before, after) = (entry(&certificate), entry(&after.remove(position)));
                    diff.renewed.push(Renewal {
                        subject: before.subject.clone(),
                        ends_earlier: after.end_date < before.end_date,
                        before,
                        after,
                    });
                }
                None => diff.removed.push(entry(&certificate)),
            }
        }
        diff.added = after.iter().map(entry).collect();
        Ok(diff)
    }

    /// Whether anybody who comes in now may be refused, at once or earlier than before.
    pub(crate) fn takes_away(&self) -> bool {
        !self.removed.is_empty() || self.renewed.iter().any(|renewal| renewal.ends_earlier)
    }

    /// One line per CA that changes, and one for the others.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for entry in &self.added {
            text.push_str(&format!(
                "+ added    {} (until {})\n",
                entry.subject, entry.end_date
            ));
        }
        for entry in &self.removed {
            text.push_str(&format!(
                "- removed  {} (until {})\n",
                entry.subject, entry.end_date
            ));
        }
        for renewal in &self.renewed {
            let (before, after) = (renewal.before.end_date, renewal.after.end_date);
            let warning = if renewal.ends_earlier {
                ": ENDS EARLIER"
            } else {
                ""
            };
            text.push_str(&format!(
                "~ renewed  {} (same key, until {after} instead of {before}{warning})\n",
                renewal.subject
            ));
        }
        text.push_str(&format!("{} unchanged\n", self.unchanged));
        text
    }
}

fn is_renewal(before: &Certificate, after: &Certificate) -> bool {
    before.subject() == after.subject() && before.spki_fingerprint() == after.spki_fingerprint()
}

fn entry(certificate: &Certificate) -> Entry {
    Entry {
        subject: certificate.subject().to_rfc2253(),
        fingerprint: certificate.fingerprint().to_string(),
        end_date: certificate.validity().not_after,
    }
}

fn read(certificates: &[WireCertificate]) -> Result<Vec<Certificate>> {
    let mut read = Vec::new();
    for certificate in certificates {
        let bundle = parse_bundle(certificate.certificate_pem.as_bytes())
            .with_context(|| format!("cannot read the certificate of {}", certificate.subject))?;
        read.extend(
            bundle
                .certificates
                .into_iter()
                .map(|entry| entry.certificate),
        );
    }
    Ok(read)
}

fn text<S: serde::Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
