//! What would help: the sentence, and the command that does it or begins it.

use countersign_api::v1::explain::ExplainedDecision;
use countersign_snapshot::{CheckedBinding, CheckedCaSet, Refused, Verdicts};
use countersign_trust::{Certificate, ManualRevocation, Reason, Verdict};

use super::Owner;
use super::asked::Asked;
use super::case::Case;
use crate::model::Revocation;

const BY_HAND: &str = "If the revocation was a mistake, end it; otherwise give the client a new certificate with a new key.";

/// What a remedy can refer to.
pub(super) struct Known<'a> {
    pub(super) case: &'a Case,
    pub(super) bound: Option<(&'a CheckedBinding, &'a Owner)>,
    pub(super) verdicts: Option<&'a Verdicts>,
    pub(super) asked: &'a Asked,
    /// The account's revocations by hand.
    pub(super) by_hand: &'a [Revocation],
}

/// Adds the remedy of a refusal to a decision.
pub(super) fn complete(
    mut decision: ExplainedDecision,
    refused: Option<&Refused>,
    known: &Known<'_>,
) -> ExplainedDecision {
    if let Some(refused) = refused {
        if let Some(remedy) = known.remedy(refused) {
            decision.remedy = Some(remedy);
        }
        decision.command = known.command(refused);
    }
    decision
}

impl Known<'_> {
    /// The verdict that was the reason, with its set.
    fn telling(&self, reason: Reason) -> Option<(&CheckedCaSet, &Verdict)> {
        let (binding, _) = self.bound?;
        let verdicts = self.verdicts?;
        binding.ca_sets.iter().find_map(|set| {
            let verdict = verdicts.of(set.id)?;
            (verdict.reason() == Some(reason)).then_some((&**set, verdict))
        })
    }

    /// Where the evidence says more than the reason.
    fn remedy(&self, refused: &Refused) -> Option<String> {
        if refused.reason == Reason::Revoked && self.revocation_by_hand().is_some() {
            return Some(BY_HAND.to_owned());
        }
        match self.telling(refused.reason)? {
            (_, Verdict::Invalid(refusal)) => Some(refusal.remedy()),
            (_, Verdict::Missing | Verdict::Valid(_)) => None,
        }
    }

    fn command(&self, refused: &Refused) -> Option<String> {
        let network = self.case.network;
        let set = self
            .telling(refused.reason)
            .map(|(set, _)| set)
            .or_else(|| {
                let (binding, _) = self.bound?;
                binding.ca_sets.first().map(|set| &**set)
            })
            .map(|set| word(&set.name));
        Some(match refused.reason {
            Reason::Missing => self.again("CLIENT.pem"),
            // The client's certificate has to be replaced; this tries the next one before it is rolled out.
            Reason::Malformed
            | Reason::Expired
            | Reason::NotYetValid
            | Reason::WeakSignature
            | Reason::WeakKey
            | Reason::UnsupportedAlgorithm
            | Reason::KeyUsage
            | Reason::EkuMissing
            | Reason::NameConstraint
            | Reason::CertificatePolicy
            | Reason::UnknownCriticalExtension
            | Reason::TooManyCertificates
            | Reason::ChainTooLarge => self.again("RENEWED.pem"),
            Reason::IncompleteChain => self.again("CLIENT-WITH-INTERMEDIATES.pem"),
            Reason::UnknownIssuer
            | Reason::NotInCaSet
            | Reason::BadSignature
            | Reason::NotACa
            | Reason::PathLength
            | Reason::UnsupportedVersion
            | Reason::IssuerExpired
            | Reason::IssuerNotYetValid => {
                let set = set?;
                format!(
                    "countersign ca-set version clone {set} {network} && countersign ca-set version update {set} latest --add-ca ISSUER.pem && countersign ca-set activate {set} latest --network {network}"
                )
            }
            Reason::Revoked => match self.revocation_by_hand() {
                Some(revocation) => format!("countersign revoke end {}", revocation.id),
                None => self.again("NEW.pem"),
            },
            Reason::RevocationUnknown | Reason::RevocationStale if self.was_asked_about() => {
                format!("countersign crl ocsp {}", set?)
            }
            Reason::RevocationStale => format!("countersign crl list {}", set?),
            Reason::RevocationUnknown => {
                format!("countersign crl add {} --file CRL.pem", set?)
            }
            Reason::SearchExhausted => {
                format!("countersign ca-set version show {} {network}", set?)
            }
            Reason::DeniedByRule => {
                let (_, owner) = self.bound?;
                format!(
                    "countersign {} show {}",
                    owner.kind.as_str(),
                    word(&owner.name)
                )
            }
            Reason::UnknownServerName => format!(
                "countersign site create {} --origin https://ORIGIN --client-ca CA.pem --certificate SERVER.pem --key SERVER.key --deploy {network}",
                self.case.name
            ),
            Reason::TrustUnavailable => "countersign site list".to_owned(),
            _ => return None,
        })
    }

    fn was_asked_about(&self) -> bool {
        let certificates = &self.case.certificates;
        certificates.iter().any(|it| self.asked.is_about(it))
    }

    /// The same question with another certificate.
    fn again(&self, certificate: &str) -> String {
        let case = self.case;
        let mut command = format!("countersign explain --host {}", case.name);
        if case.target() != "/" {
            command.push_str(&format!(" --path {}", word(&case.target())));
        }
        if case.method != "GET" {
            command.push_str(&format!(" --method {}", word(&case.method)));
        }
        command.push_str(&format!(" --network {} --cert {certificate}", case.network));
        command
    }

    /// The operator's revocation that is in force against a certificate of the client.
    fn revocation_by_hand(&self) -> Option<&Revocation> {
        let certificates = self.certificates();
        let issuer_of = |certificate: &Certificate| {
            certificates
                .iter()
                .find(|issuer| issuer.subject() == certificate.issuer())
                .map(|issuer| issuer.spki_fingerprint())
        };
        self.by_hand.iter().find(|revocation| {
            revocation.is_in_force(self.case.now)
                && certificates
                    .iter()
                    .any(|certificate| match &revocation.what {
                        ManualRevocation::Certificate(sha256) => {
                            certificate.fingerprint() == *sha256
                        }
                        ManualRevocation::Key(sha256) => certificate.spki_fingerprint() == *sha256,
                        ManualRevocation::Serial { issuer_key, serial } => {
                            certificate.serial() == serial
                                && issuer_of(certificate) == Some(*issuer_key)
                        }
                        ManualRevocation::IssuedBefore { issuer_key, before } => {
                            certificate.validity().not_before < *before
                                && issuer_of(certificate) == Some(*issuer_key)
                        }
                    })
        })
    }

    /// Those that the client sent and those of the paths that were tried.
    fn certificates(&self) -> Vec<Certificate> {
        let mut all = self.case.certificates.clone();
        let verdicts = self.verdicts.into_iter().flat_map(Verdicts::iter);
        for (_, verdict) in verdicts {
            if let Verdict::Invalid(refusal) = verdict {
                for attempt in refusal.attempts() {
                    all.extend_from_slice(attempt.certificates());
                }
            }
        }
        all
    }
}

/// A word of a shell command.
fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_shell_would_read_otherwise_is_quoted() {
        assert_eq!(word("/a/b-c"), "/a/b-c");
        assert_eq!(word("/a?b=c"), "'/a?b=c'");
        assert_eq!(word("it's; rm -rf"), "'it'\\''s; rm -rf'");
        assert_eq!(word(""), "''");
    }
}
