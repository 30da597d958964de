//! The schemas of explanations.

use serde_json::{Value, json};

use super::{boolean, choice, integer, list, network, nullable, object, reference, text, time};

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let texts = || json!({"type": "array", "items": text()});
    vec![
        (
            "ExplainRequest",
            object(&[
                ("certificatePem?", nullable(text())),
                ("clientAddress?", nullable(text())),
                (
                    "headers?",
                    json!({"type": "object", "additionalProperties": text()}),
                ),
                ("hostname", text()),
                ("method?", nullable(text())),
                ("network?", nullable(network())),
                ("path?", nullable(text())),
                ("serverName?", nullable(text())),
                ("time?", nullable(time())),
            ]),
        ),
        (
            "Explanation",
            object(&[
                ("binding", nullable(reference("ExplainedBinding"))),
                ("certificates", list("ExplainedCertificate")),
                ("decision", reference("ExplainedDecision")),
                ("generation", nullable(integer())),
                ("network", network()),
                ("request", reference("ExplainedRequest")),
                ("rules", nullable(reference("ExplainedRules"))),
                ("time", time()),
                ("verdicts", list("ExplainedVerdict")),
            ]),
        ),
        (
            "ExplainedRequest",
            object(&[
                ("hostname", text()),
                ("method", text()),
                ("path", text()),
                ("query", nullable(text())),
                ("removedHeaders", texts()),
                ("serverName", text()),
            ]),
        ),
        (
            "ExplainedBinding",
            object(&[
                ("bindingId", text()),
                ("clientCertificate", choice(&["off", "request", "require"])),
                ("hostnames", texts()),
                ("kind", choice(&["property", "site"])),
                ("name", text()),
            ]),
        ),
        (
            "ExplainedCertificate",
            object(&[
                ("issuer", text()),
                ("notAfter", time()),
                ("notBefore", time()),
                ("serialNumber", text()),
                ("sha256", text()),
                ("spkiSha256", text()),
                ("subject", text()),
            ]),
        ),
        (
            "ExplainedVerdict",
            object(&[
                ("caSetId", text()),
                ("caSetName", text()),
                ("caSetVersion", integer()),
                ("cause", nullable(text())),
                ("path", list("ExplainedCertificate")),
                ("reason", nullable(text())),
                ("remedy", nullable(text())),
                ("revocation", reference("ExplainedRevocation")),
                ("tried", list("ExplainedAttempt")),
                ("validUntil", nullable(time())),
                ("verdict", choice(&["missing", "valid", "invalid"])),
            ]),
        ),
        (
            "ExplainedAttempt",
            object(&[("cause", text()), ("reason", text()), ("subjects", texts())]),
        ),
        (
            "ExplainedRevocation",
            object(&[
                ("certificates", list("ExplainedStatus")),
                ("mode", choice(&["off", "prefer", "require"])),
                ("scope", choice(&["leaf", "path"])),
                ("staleGraceSeconds", integer()),
            ]),
        ),
        (
            "ExplainedStatus",
            object(&[
                ("detail", text()),
                ("issuer", text()),
                ("required", boolean()),
                ("sources", list("ExplainedSource")),
                (
                    "state",
                    choice(&["good", "revoked", "stale", "unknown", "not_asked"]),
                ),
                ("subject", text()),
            ]),
        ),
        (
            "ExplainedSource",
            object(&[
                ("ageSeconds", integer()),
                ("kind", choice(&["crl", "delta_crl", "ocsp"])),
                ("nextUpdate", nullable(time())),
                ("number", nullable(text())),
                ("signer", text()),
                ("thisUpdate", time()),
            ]),
        ),
        (
            "ExplainedRules",
            object(&[("conclusion", text()), ("rules", list("ExplainedRule"))]),
        ),
        (
            "ExplainedRule",
            object(&[
                ("behaviors", texts()),
                ("criteria", list("ExplainedCriterion")),
                ("criteriaMustSatisfy", choice(&["all", "any"])),
                ("depth", integer()),
                (
                    "outcome",
                    choice(&["matched", "not_matched", "not_reached"]),
                ),
                ("pointer", text()),
                ("rule", text()),
            ]),
        ),
        (
            "ExplainedCriterion",
            object(&[
                ("actual", text()),
                ("expected", text()),
                ("matched", boolean()),
                ("name", text()),
            ]),
        ),
        (
            "ExplainedDecision",
            object(&[
                ("command", nullable(text())),
                ("origin", nullable(text())),
                (
                    "outcome",
                    choice(&["forwarded", "answered", "redirected", "refused"]),
                ),
                ("rateLimit", nullable(text())),
                ("reason", nullable(text())),
                (
                    "refusedAt",
                    nullable(choice(&["handshake", "request", "rules"])),
                ),
                ("remedy", nullable(text())),
                ("rule", nullable(text())),
                ("sentence", text()),
            ]),
        ),
    ]
}
