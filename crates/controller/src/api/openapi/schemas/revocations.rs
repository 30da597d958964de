//! The schemas of what is known about revoked certificates, and of how a CA set's clients are judged.

use serde_json::{Value, json};

use super::{boolean, choice, integer, list, nullable, object, remark, text, time};
use crate::model::REVOCATION_REASONS;
use crate::store::extended_key_usage::RULES;

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let sha256 = || json!({"type": "string", "pattern": "^[0-9a-fA-F:]{64,95}$"});
    let reasons: Vec<_> = REVOCATION_REASONS
        .iter()
        .map(|reason| reason.name())
        .collect();
    vec![
        (
            "RevocationRequest",
            object(&[
                ("certificateSha256?", nullable(sha256())),
                ("description?", remark()),
                ("endDate?", nullable(time())),
                ("issuedBefore?", nullable(time())),
                ("issuerCertificatePem?", nullable(text())),
                ("issuerSpkiSha256?", nullable(sha256())),
                ("reason?", nullable(choice(&reasons))),
                ("serialNumber?", nullable(text())),
                ("spkiSha256?", nullable(sha256())),
            ]),
        ),
        (
            "Revocation",
            object(&[
                ("active", boolean()),
                ("certificateSha256", nullable(text())),
                ("createdBy", text()),
                ("createdDate", time()),
                ("description", nullable(text())),
                ("endDate", nullable(time())),
                ("endedBy", nullable(text())),
                ("endedDate", nullable(time())),
                ("issuedBefore", nullable(time())),
                ("issuerSpkiSha256", nullable(text())),
                ("reason", choice(&reasons)),
                ("revocationId", text()),
                ("revocationLink", text()),
                ("serialNumber", nullable(text())),
                ("spkiSha256", nullable(text())),
            ]),
        ),
        (
            "CrlRequest",
            object(&[
                ("crl?", nullable(text())),
                ("privateNetwork?", boolean()),
                ("url?", nullable(text())),
            ]),
        ),
        (
            "Crl",
            object(&[
                ("ageSeconds", nullable(integer())),
                ("checkedDate", nullable(time())),
                ("createdBy", text()),
                ("createdDate", time()),
                ("crlId", text()),
                ("crlLink", text()),
                ("delta", nullable(boolean())),
                ("entries", nullable(integer())),
                ("error", nullable(text())),
                ("failures", integer()),
                ("fromCertificate", boolean()),
                ("issuer", nullable(text())),
                ("nextCheckDate", nullable(time())),
                ("nextUpdate", nullable(time())),
                ("number", nullable(text())),
                ("privateNetwork", boolean()),
                ("receivedDate", nullable(time())),
                ("sha256", nullable(text())),
                (
                    "state",
                    choice(&["good", "expiring", "stale", "expired", "missing"]),
                ),
                ("thisUpdate", nullable(time())),
                ("url", nullable(text())),
            ]),
        ),
        ("Crls", object(&[("crls", list("Crl"))])),
        (
            "ExtendedKeyUsage",
            object(&[("rule", choice(&RULES)), ("until?", nullable(time()))]),
        ),
        (
            "RevocationPolicy",
            object(&[
                ("mode", choice(&["off", "prefer", "require"])),
                ("scope", choice(&["leaf", "path"])),
                ("staleGraceSeconds", integer()),
            ]),
        ),
        (
            "RevocationSources",
            object(&[
                ("certIdHash?", choice(&["sha1", "sha256"])),
                ("hosts?", json!({"type": "array", "items": text()})),
                ("nonce?", choice(&["off", "prefer", "require"])),
                ("privateNetwork?", boolean()),
                ("responders?", list("OcspResponder")),
            ]),
        ),
        (
            "OcspResponder",
            object(&[
                ("issuerSpkiSha256?", nullable(sha256())),
                ("privateNetwork?", boolean()),
                ("url", text()),
            ]),
        ),
        (
            "OcspAnswer",
            object(&[
                ("ageSeconds", nullable(integer())),
                ("certificateSha256", text()),
                ("checkedDate", nullable(time())),
                ("error", nullable(text())),
                ("failures", integer()),
                ("issuer", text()),
                ("nextCheckDate", time()),
                ("nextUpdate", nullable(time())),
                ("responder", nullable(text())),
                ("revokedDate", nullable(time())),
                ("serialNumber", text()),
                (
                    "state",
                    choice(&["good", "expiring", "stale", "expired", "missing"]),
                ),
                ("status", nullable(choice(&["good", "revoked", "unknown"]))),
                ("subject", text()),
                ("thisUpdate", nullable(time())),
            ]),
        ),
        (
            "OcspAnswers",
            object(&[("answers", list("OcspAnswer")), ("total", integer())]),
        ),
        (
            "Revocations",
            object(&[("revocations", list("Revocation"))]),
        ),
    ]
}
