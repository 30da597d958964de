//! What each CA set says, with every path and everything that is known about its revocation.

use countersign_api::v1::explain::{
    ExplainedAttempt, ExplainedRevocation, ExplainedSource, ExplainedStatus, ExplainedVerdict,
};
use countersign_snapshot::{CheckedBinding, CheckedCaSet, Verdicts};
use countersign_trust::{
    Certificate, Policy, Refusal, RevocationEvidence, RevocationIndex, RevocationSource,
    RevocationSourceKind, RevocationStatus, UnixTime, Verdict, revocation_evidence,
};

use super::asked::Asked;
use super::case::Case;
use super::{certificate, date, time};
use crate::store::crls::{mode_text, scope_text};

pub(super) fn all(
    binding: &CheckedBinding,
    verdicts: &Verdicts,
    case: &Case,
    revocations: &RevocationIndex,
    asked: &Asked,
) -> Vec<ExplainedVerdict> {
    let policy = &binding.binding.client_auth.policy;
    binding
        .ca_sets
        .iter()
        .filter_map(|set| {
            let verdict = verdicts.of(set.id)?;
            let policy = set.policy(policy);
            Some(one(set, verdict, &policy, case, revocations, asked))
        })
        .collect()
}

fn one(
    set: &CheckedCaSet,
    verdict: &Verdict,
    policy: &Policy,
    case: &Case,
    revocations: &RevocationIndex,
    asked: &Asked,
) -> ExplainedVerdict {
    let (word, path, refusal) = match verdict {
        Verdict::Missing => ("missing", &[] as &[Certificate], None),
        Verdict::Valid(chain) => ("valid", chain.path(), None),
        Verdict::Invalid(refusal) => ("invalid", nearest(refusal), Some(refusal)),
    };
    let (anchors, answers) = (&set.anchors, &asked.answers);
    let evidence = revocation_evidence(path, anchors, revocations, answers, policy, case.now);
    ExplainedVerdict {
        ca_set_id: set.id_text.clone(),
        ca_set_name: set.name.clone(),
        ca_set_version: set.version.number(),
        verdict: word.to_owned(),
        reason: verdict.reason().map(|reason| reason.code().to_owned()),
        cause: match (refusal, verdict.reason()) {
            (Some(refusal), _) => Some(refusal.explanation()),
            (None, reason) => reason.map(|reason| reason.sentence().to_owned()),
        },
        remedy: match (refusal, verdict.reason()) {
            (Some(refusal), _) => Some(refusal.remedy()),
            (None, reason) => reason.map(|reason| reason.remedy().to_owned()),
        },
        path: match verdict {
            Verdict::Valid(chain) => chain.path().iter().map(certificate).collect(),
            Verdict::Missing | Verdict::Invalid(_) => Vec::new(),
        },
        valid_until: match verdict {
            Verdict::Valid(chain) => Some(date(chain.valid_until())),
            Verdict::Missing | Verdict::Invalid(_) => None,
        },
        tried: refusal
            .map(|refusal| refusal.attempts())
            .unwrap_or_default()
            .iter()
            .map(|attempt| ExplainedAttempt {
                subjects: attempt
                    .certificates()
                    .iter()
                    .map(|certificate| certificate.subject().to_rfc2253())
                    .collect(),
                reason: attempt.reason().code().to_owned(),
                cause: attempt.explanation().to_owned(),
            })
            .collect(),
        revocation: ExplainedRevocation {
            mode: mode_text(policy.revocation.mode).to_owned(),
            scope: scope_text(policy.revocation.scope).to_owned(),
            stale_grace_seconds: policy.revocation.stale_grace.as_secs(),
            certificates: evidence
                .iter()
                .map(|evidence| status(evidence, asked, case.now))
                .collect(),
        },
    }
}

/// The path whose failure is the reason.
fn nearest(refusal: &Refusal) -> &[Certificate] {
    refusal
        .attempts()
        .iter()
        .find(|attempt| attempt.reason() == refusal.reason())
        .map_or(&[], |attempt| attempt.certificates())
}

fn status(evidence: &RevocationEvidence, asked: &Asked, now: UnixTime) -> ExplainedStatus {
    let asking = || asked.sentence(&evidence.certificate);
    let (state, detail) = match &evidence.status {
        RevocationStatus::Good { until } if *until == UnixTime::MAX => {
            ("good", "It is not revoked.".to_owned())
        }
        RevocationStatus::Good { until } => (
            "good",
            format!("It is not revoked; that holds until {until}."),
        ),
        RevocationStatus::NotAsked => (
            "not_asked",
            "The CA set's revocation policy is off, and no operator revoked it.".to_owned(),
        ),
        RevocationStatus::Revoked { at, reason } => {
            ("revoked", format!("Its CA revoked it at {at} ({reason})."))
        }
        RevocationStatus::RevokedByHand { mark } => {
            ("revoked", format!("An operator revoked it, by {mark}."))
        }
        RevocationStatus::Stale { since } => (
            "stale",
            format!(
                "What is known should have been replaced by {since}. {}",
                asking()
            ),
        ),
        RevocationStatus::Unknown => (
            "unknown",
            if evidence.sources.iter().all(|source| source.is_admitted) {
                format!("Nothing is known about it. {}", asking())
            } else {
                "What there is is signed with SHA-1, which this version of the CA set does not accept."
                    .to_owned()
            },
        ),
    };
    ExplainedStatus {
        subject: evidence.certificate.subject().to_rfc2253(),
        issuer: evidence.issuer.subject().to_rfc2253(),
        required: evidence.required,
        state: state.to_owned(),
        detail,
        sources: evidence
            .sources
            .iter()
            .map(|asked| source(asked, now))
            .collect(),
    }
}

fn source(source: &RevocationSource, now: UnixTime) -> ExplainedSource {
    let (kind, number) = match &source.kind {
        RevocationSourceKind::Crl(number) => ("crl", number.clone()),
        RevocationSourceKind::DeltaCrl(number) => ("delta_crl", number.clone()),
        RevocationSourceKind::Ocsp => ("ocsp", None),
    };
    ExplainedSource {
        kind: kind.to_owned(),
        number,
        signer: source.signer.to_rfc2253(),
        this_update: time(source.this_update),
        next_update: source.next_update.map(time),
        age_seconds: now.saturating_since(source.this_update).as_secs(),
    }
}
