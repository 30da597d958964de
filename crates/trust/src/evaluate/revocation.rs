//! The revocation step: what is known against the certificates of a path.

use super::failure::Failure;
use super::search::{Link, Search};
use super::{Context, CrlSigners};
use crate::revocation::{CertificateStatus, Lookup, RevocationMode, RevocationScope};
use crate::{
    CaSetVersion, Certificate, ExtendedKeyUsageRule, Owner, Policy, Reason, RevocationIndex,
    RevocationPolicy, RevocationState, Unanswered, UnixTime, text,
};

/// What is known about a path against which nothing is known.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Until when the rest of it holds.
    pub(crate) until: UnixTime,
    /// The worst among the certificates that the policy's scope names.
    pub(crate) state: RevocationState,
    /// The certificates below the anchor about which a CA could say more.
    pub(crate) unanswered: Vec<Unanswered>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            until: UnixTime::MAX,
            state: RevocationState::NotChecked,
            unanswered: Vec::new(),
        }
    }
}

/// What revocation data says against the path; when nothing, what it says for it.
pub(super) fn check(
    links: &[Link<'_>],
    anchor: &Certificate,
    context: &Context<'_>,
) -> Result<Known, Vec<Failure>> {
    let issuers = links
        .iter()
        .skip(1)
        .map(|link| link.certificate)
        .chain([anchor]);
    let mut failures = Vec::new();
    let mut known = Known::default();
    let below = links.iter().map(|link| link.certificate).zip(issuers);
    for (height, (certificate, issuer)) in below.enumerate() {
        let required = match context.policy.revocation.scope {
            RevocationScope::Leaf => height == 0,
            RevocationScope::Path => true,
        };
        let found = check_one(certificate, issuer, anchor, required, context);
        let state = match &found {
            Ok((until, state)) => {
                known.until = known.until.min(*until);
                *state
            }
            Err(failure) if failure.reason == Reason::RevocationStale => RevocationState::Stale,
            Err(failure) if failure.reason == Reason::RevocationUnknown => RevocationState::Unknown,
            Err(_) => RevocationState::NotChecked,
        };
        if required {
            known.state = known.state.max(state);
        }
        if matches!(state, RevocationState::Stale | RevocationState::Unknown) {
            known.unanswered.push(Unanswered {
                certificate: certificate.clone(),
                issuer: issuer.clone(),
            });
        }
        failures.extend(found.err());
    }
    failures.extend(check_anchor(anchor, context).err());
    if failures.is_empty() {
        return Ok(known);
    }
    // What is revoked stays so, whatever is known about the others.
    if failures.iter().all(|failure| {
        matches!(
            failure.reason,
            Reason::RevocationStale | Reason::RevocationUnknown
        )
    }) {
        for failure in &mut failures {
            failure.unanswered.clone_from(&known.unanswered);
        }
    }
    Err(failures)
}

fn check_one(
    certificate: &Certificate,
    issuer: &Certificate,
    anchor: &Certificate,
    required: bool,
    context: &Context<'_>,
) -> Result<(UnixTime, RevocationState), Failure> {
    check_by_hand(
        certificate,
        Some(issuer),
        context.set.owner(),
        context.revocation,
    )?;
    let policy = &context.policy.revocation;
    if policy.mode == RevocationMode::Off {
        return Ok((UnixTime::MAX, RevocationState::NotChecked));
    }
    let lookup = Lookup {
        certificate,
        issuer,
        owner: context.set.owner(),
        answers: context.answers,
        now: context.now,
        stale_grace: policy.stale_grace,
        sha1: context.set.sha1_signatures(),
    };
    let status = context
        .revocation
        .status(lookup, |signer| may_speak(signer, anchor, context));
    let required = required && policy.mode == RevocationMode::Require;
    let subject = text::subject(certificate);
    let ca = text::subject(issuer);
    let (reason, explanation) = match status {
        CertificateStatus::Revoked { at, reason } => (
            Reason::Revoked,
            format!("{subject} was revoked by {ca} at {at} ({reason})."),
        ),
        CertificateStatus::Good { until } => return Ok((until, RevocationState::Good)),
        // What is not required does not speak against the path.
        CertificateStatus::Stale { .. } if !required => {
            return Ok((UnixTime::MAX, RevocationState::Stale));
        }
        CertificateStatus::Unknown if !required => {
            return Ok((UnixTime::MAX, RevocationState::Unknown));
        }
        CertificateStatus::Stale { since } => (
            Reason::RevocationStale,
            format!(
                "The newest revocation information of {ca} about {subject} should have been replaced by {since}; it is {}.",
                context.now
            ),
        ),
        CertificateStatus::Unknown => (
            Reason::RevocationUnknown,
            format!(
                "There is no revocation information of {ca} about {subject}{}.",
                context.revocation.but(lookup)
            ),
        ),
    };
    Err(Failure::new(reason, certificate, explanation))
}

/// Deviation: RFC 5280 §6.1 never asks whether a trust anchor was revoked. An intermediate in the CA set is an anchor too; when data that is
/// there says that it was revoked, it vouches for nobody. Nothing is required here.
fn check_anchor(anchor: &Certificate, context: &Context<'_>) -> Result<(), Failure> {
    let nothing_is_known = !context.revocation.knows_something() && context.answers.is_empty();
    if anchor.is_self_issued() || nothing_is_known {
        return check_by_hand(anchor, None, context.set.owner(), context.revocation);
    }
    match context.set.issuer_of(anchor) {
        None => check_by_hand(anchor, None, context.set.owner(), context.revocation),
        Some(issuer) => check_one(anchor, issuer, issuer, false, context).map(drop),
    }
}

pub(super) fn check_by_hand(
    certificate: &Certificate,
    issuer: Option<&Certificate>,
    owner: Option<&Owner>,
    known: &RevocationIndex,
) -> Result<(), Failure> {
    match known.revoked_by_hand(owner, certificate, issuer) {
        None => Ok(()),
        Some(mark) => Err(Failure::new(
            Reason::Revoked,
            certificate,
            format!(
                "{} was revoked by an operator ({mark}).",
                text::subject(certificate)
            ),
        )),
    }
}

/// RFC 5280 §6.3.3(f): "Obtain and validate the certification path for the issuer of the complete CRL. The trust anchor for the certification
/// path MUST be the same as the trust anchor used to validate the target certificate."
///
/// The signer must not be revoked itself, as far as that is known from CRLs that need no other signer again: otherwise a CRL could vouch for the
/// certificate that signs it.
pub(super) fn may_speak(signer: &Certificate, anchor: &Certificate, context: &Context<'_>) -> bool {
    let Ok(set) = CaSetVersion::new(vec![anchor.clone()], context.set.sha1_signatures()) else {
        return false;
    };
    let set = set.owned_by(context.set.owner().cloned());
    if context.signers == CrlSigners::OwnKeys {
        return false;
    }
    let policy = Policy {
        extended_key_usage: ExtendedKeyUsageRule::Any,
        revocation: RevocationPolicy {
            mode: RevocationMode::Prefer,
            ..context.policy.revocation.clone()
        },
    };
    let context = Context {
        set: &set,
        policy: &policy,
        signers: CrlSigners::OwnKeys,
        ..*context
    };
    Search::new(signer, context.revocation.certificates(), &context)
        .run()
        .is_ok()
}
