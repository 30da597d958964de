//! What certificates are for: extended key usage along the path, and the key usage of the client's certificate.
//!
//! RFC 5280 §4.2.1.12 leaves open what the extension means in a CA certificate; everybody reads it as a limit to what is below
//! (CA/B BR §7.1.2.10.6), and so do we.

use super::failure::Failure;
use super::search::Link;
use crate::text;
use crate::{Certificate, ExtendedKeyUsage, ExtendedKeyUsageRule, Policy, Reason, UnixTime};

/// Until when the path is good by its purposes: where `serverAuth` had to do, that ends.
pub(super) fn holds_until(links: &[Link<'_>], anchor: &Certificate, policy: &Policy) -> UnixTime {
    let ExtendedKeyUsageRule::AcceptServerAuthUntil(until) = policy.extended_key_usage else {
        return UnixTime::MAX;
    };
    let for_clients = links
        .iter()
        .map(|link| link.certificate)
        .chain([anchor])
        .filter_map(Certificate::extended_key_usage)
        .all(|usage| usage.client_auth() || usage.any());
    if for_clients { UnixTime::MAX } else { until }
}

/// A CA that limits itself to other purposes vouches for no client.
pub(super) fn check_issuer(
    certificate: &Certificate,
    policy: &Policy,
    now: UnixTime,
) -> Option<Failure> {
    let usage = certificate.extended_key_usage()?;
    let allowed = match policy.extended_key_usage {
        ExtendedKeyUsageRule::Any => true,
        ExtendedKeyUsageRule::AcceptAbsent | ExtendedKeyUsageRule::RequireClientAuth => {
            usage.client_auth() || usage.any()
        }
        ExtendedKeyUsageRule::AcceptServerAuthUntil(until) => {
            usage.client_auth() || usage.any() || (usage.server_auth() && now <= until)
        }
    };
    (!allowed).then(|| {
        Failure::new(
            Reason::EkuMissing,
            certificate,
            format!(
                "The CA {} may issue for {usage} only, not for client authentication.",
                text::subject(certificate)
            ),
        )
    })
}

pub(super) fn check_leaf(
    certificate: &Certificate,
    policy: &Policy,
    now: UnixTime,
) -> Option<Failure> {
    if policy.extended_key_usage == ExtendedKeyUsageRule::Any {
        return None;
    }
    // RFC 5246 §7.4.6, RFC 8446 §4.4.2: the key signs the handshake. A key for static Diffie-Hellman (keyAgreement) is let through, as
    // everybody does: that it signed is proven by the handshake.
    if let Some(usage) = certificate.key_usage()
        && !usage.digital_signature()
        && !usage.key_agreement()
    {
        return Some(Failure::new(
            Reason::KeyUsage,
            certificate,
            format!(
                "The key usage of {} ({usage}) lacks digitalSignature.",
                text::subject(certificate)
            ),
        ));
    }
    let found = certificate.extended_key_usage();
    let allowed = match policy.extended_key_usage {
        ExtendedKeyUsageRule::Any => true,
        ExtendedKeyUsageRule::AcceptAbsent => {
            found.is_none_or(|usage| usage.client_auth() || usage.any())
        }
        ExtendedKeyUsageRule::AcceptServerAuthUntil(until) => found.is_none_or(|usage| {
            usage.client_auth() || usage.any() || (usage.server_auth() && now <= until)
        }),
        ExtendedKeyUsageRule::RequireClientAuth => found.is_some_and(ExtendedKeyUsage::client_auth),
    };
    (!allowed).then(|| {
        let subject = text::subject(certificate);
        let explanation = match (found, policy.extended_key_usage) {
            (None, _) => format!("{subject} has no extended key usage, and clientAuth is required."),
            (Some(usage), ExtendedKeyUsageRule::AcceptServerAuthUntil(until))
                if usage.server_auth() =>
            {
                format!(
                    "{subject} is for {usage} only; that was accepted until {until} and it is {now}."
                )
            }
            (Some(usage), _) => format!("{subject} is for {usage}, not for client authentication."),
        };
        Failure::new(Reason::EkuMissing, certificate, explanation)
    })
}
