//! The revocation step: what is known against the certificates of a path.

use super::failure::Failure;
use super::search::{Link, Search};
use super::{Context, CrlSigners};
use crate::revocation::{CertificateStatus, Lookup, RevocationMode, RevocationScope};
use crate::{
    CaSetVersion, Certificate, ExtendedKeyUsageRule, Policy, Reason, RevocationPolicy, text,
};

/// What revocation data says against the path.
pub(super) fn check(
    links: &[Link<'_>],
    anchor: &Certificate,
    context: &Context<'_>,
) -> Vec<Failure> {
    let issuers = links
        .iter()
        .skip(1)
        .map(|link| link.certificate)
        .chain([anchor]);
    let mut failures: Vec<_> = links
        .iter()
        .map(|link| link.certificate)
        .zip(issuers)
        .enumerate()
        .filter_map(|(height, (certificate, issuer))| {
            let required = match context.policy.revocation.scope {
                RevocationScope::Leaf => height == 0,
                RevocationScope::Path => true,
            };
            check_one(certificate, issuer, anchor, required, context)
        })
        .collect();
    failures.extend(check_anchor(anchor, context));
    failures
}

fn check_one(
    certificate: &Certificate,
    issuer: &Certificate,
    anchor: &Certificate,
    required: bool,
    context: &Context<'_>,
) -> Option<Failure> {
    if let Some(failure) = check_by_hand(certificate, Some(issuer), context) {
        return Some(failure);
    }
    let policy = &context.policy.revocation;
    if policy.mode == RevocationMode::Off {
        return None;
    }
    let lookup = Lookup {
        certificate,
        issuer,
        now: context.now,
        stale_grace: policy.stale_grace,
    };
    let status = context
        .revocation
        .status(lookup, |signer| may_speak(signer, anchor, context));
    let subject = text::subject(certificate);
    let ca = text::subject(issuer);
    let required = required && policy.mode == RevocationMode::Require;
    match status {
        CertificateStatus::Good => None,
        CertificateStatus::Revoked { at, reason } => Some(Failure::new(
            Reason::Revoked,
            certificate,
            format!("{subject} was revoked by {ca} at {at} ({reason})."),
        )),
        CertificateStatus::Stale { since } => required.then(|| {
            Failure::new(
                Reason::RevocationStale,
                certificate,
                format!(
                    "The newest revocation information of {ca} about {subject} should have been replaced by {since}; it is {}.",
                    context.now
                ),
            )
        }),
        CertificateStatus::Unknown => required.then(|| {
            Failure::new(
                Reason::RevocationUnknown,
                certificate,
                format!("There is no revocation information of {ca} about {subject}."),
            )
        }),
    }
}

/// Deviation: RFC 5280 §6.1 never asks whether a trust anchor was revoked. An intermediate in the CA set is an anchor too; when data that is
/// there says that it was revoked, it vouches for nobody. Nothing is required here.
fn check_anchor(anchor: &Certificate, context: &Context<'_>) -> Option<Failure> {
    let issuer = || {
        context
            .set
            .with_subject(anchor.issuer())
            .find(|issuer| anchor.verify_signed_by(issuer.public_key()).is_ok())
    };
    if anchor.is_self_issued() || !context.revocation.knows_something() {
        return check_by_hand(anchor, None, context);
    }
    match issuer() {
        None => check_by_hand(anchor, None, context),
        Some(issuer) => check_one(anchor, issuer, issuer, false, context),
    }
}

fn check_by_hand(
    certificate: &Certificate,
    issuer: Option<&Certificate>,
    context: &Context<'_>,
) -> Option<Failure> {
    let mark = context.revocation.revoked_by_hand(certificate, issuer)?;
    Some(Failure::new(
        Reason::Revoked,
        certificate,
        format!(
            "{} was revoked by an operator ({mark}).",
            text::subject(certificate)
        ),
    ))
}

/// RFC 5280 §6.3.3(f): "Obtain and validate the certification path for the issuer of the complete CRL. The trust anchor for the certification
/// path MUST be the same as the trust anchor used to validate the target certificate."
///
/// The signer must not be revoked itself, as far as that is known from CRLs that need no other signer again: otherwise a CRL could vouch for the
/// certificate that signs it.
fn may_speak(signer: &Certificate, anchor: &Certificate, context: &Context<'_>) -> bool {
    let Ok(set) = CaSetVersion::new(vec![anchor.clone()], context.set.sha1_signatures()) else {
        return false;
    };
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
