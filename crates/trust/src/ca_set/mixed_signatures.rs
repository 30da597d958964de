//! SHA-1 beside better signatures.

use super::{Check, Found, Rule, Set, Severity, Sha1Signatures, found};
use crate::{Certificate, Hash};

/// SHA-1 is allowed for a version as a whole: the clients of its good CAs may then have SHA-1 signatures too.
pub(super) const RULE: Rule = Rule {
    code: "mixed_signature_levels",
    severity: Severity::Warning,
    title: "SHA-1 beside better signatures",
    check: Check::Set(check),
};

fn check(set: Set<'_>) -> Option<Found> {
    let is_sha1 =
        |certificate: &&Certificate| certificate.signature_algorithm().hash() == Some(Hash::Sha1);
    let weak = set.certificates.iter().filter(is_sha1).count();
    let first = set.certificates.iter().find(is_sha1)?;
    let strong = set.certificates.len() - weak;
    if set.sha1 == Sha1Signatures::Refuse || strong == 0 {
        return None;
    }
    found(
        format!(
            "{weak} of {} CA certificates are signed with SHA-1 ({} is the first). Because SHA-1 is allowed for this version, it is accepted below all of them.",
            set.certificates.len(),
            crate::text::subject(first)
        ),
        "Put the CAs that need SHA-1 into a CA set of their own.",
    )
}
