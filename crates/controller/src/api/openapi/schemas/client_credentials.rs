//! Schemas of client credentials.

use serde_json::{Value, json};

use super::{integer, list, network, nullable, object, reference, text, time};

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        (
            "ClientCredentialRequest",
            object(&[
                ("certificatePem", text()),
                ("name", text()),
                ("privateKeyPem", text()),
            ]),
        ),
        (
            "ClientCredentialVersionRequest",
            object(&[("certificatePem", text()), ("privateKeyPem", text())]),
        ),
        (
            "ActivateCredentialRequest",
            object(&[("network", network()), ("version?", nullable(integer()))]),
        ),
        (
            "ClientCredential",
            object(&[
                ("clientCredentialId", text()),
                ("clientCredentialLink", text()),
                ("createdBy", text()),
                ("createdDate", time()),
                ("name", text()),
                ("production", nullable(reference("Deployed"))),
                ("reference", text()),
                ("staging", nullable(reference("Deployed"))),
                ("validation?", reference("Validation")),
                ("versions", list("ClientCredentialVersion")),
            ]),
        ),
        (
            "ClientCredentials",
            object(&[("clientCredentials", list("ClientCredential"))]),
        ),
        (
            "ClientCredentialVersion",
            object(&[
                ("certificatePem", text()),
                ("createdBy", text()),
                ("createdDate", time()),
                ("endDate", text()),
                ("expiring", json!({"type": "boolean"})),
                ("fingerprint", text()),
                ("issuer", text()),
                ("keyAlgorithm", text()),
                ("reference", text()),
                ("startDate", text()),
                ("subject", text()),
                ("version", integer()),
            ]),
        ),
    ]
}
