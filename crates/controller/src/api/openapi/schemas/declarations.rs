//! The schemas of declarations.

use serde_json::{Value, json};

use super::{
    boolean, choice, integer, list, network, nullable, object, percent, progress, reference, text,
};

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let networks = || json!({"type": "array", "items": network()});
    let by_name =
        |schema: &str| json!({"type": "object", "additionalProperties": reference(schema)});
    vec![
        (
            "Declaration",
            object(&[
                ("caSets?", by_name("DeclaredCaSet")),
                ("clientCredentials?", by_name("DeclaredClientCredential")),
                ("edgeCertificates?", by_name("DeclaredEdgeCertificate")),
                ("properties?", by_name("DeclaredProperty")),
                ("sites?", by_name("DeclaredSite")),
            ]),
        ),
        (
            "DeclaredCaSet",
            object(&[
                ("allowInsecureSha1?", boolean()),
                ("certificatesPem", text()),
                ("description?", nullable(text())),
                ("networks?", networks()),
            ]),
        ),
        (
            "DeclaredEdgeCertificate",
            object(&[
                ("certificates", list("DeclaredCertificate")),
                ("networks?", networks()),
                ("settings?", reference("EdgeCertificateSettings")),
            ]),
        ),
        (
            "DeclaredCertificate",
            object(&[
                ("certificatePem", text()),
                (
                    "privateKeyPem?",
                    json!({"type": "string", "writeOnly": true}),
                ),
            ]),
        ),
        (
            "DeclaredClientCredential",
            object(&[
                ("certificatePem", text()),
                ("networks?", networks()),
                (
                    "privateKeyPem?",
                    json!({"type": "string", "writeOnly": true}),
                ),
            ]),
        ),
        (
            "DeclaredSite",
            object(&[
                ("networks?", networks()),
                ("settings", reference("SiteSettings")),
            ]),
        ),
        (
            "DeclaredProperty",
            object(&[
                (
                    "hostnames",
                    json!({"type": "array", "items": reference("PropertyHostname")}),
                ),
                ("networks?", networks()),
                (
                    "origins?",
                    json!({"type": "object", "additionalProperties": reference("SiteOrigin")}),
                ),
                ("rules", reference("RuleTree")),
            ]),
        ),
        (
            "ApplyRequest",
            object(&[
                ("declaration", reference("Declaration")),
                ("dryRun?", boolean()),
            ]),
        ),
        (
            "ApplyAnswer",
            object(&[
                ("affected", list("AffectedHostname")),
                ("changeSetId", nullable(integer())),
                ("changeSetLink", nullable(text())),
                ("changes", list("DeclaredChange")),
            ]),
        ),
        (
            "DeclaredChange",
            object(&[
                ("action", choice(&["CREATE", "UPDATE", "ENFORCE", "FORGET"])),
                (
                    "kind",
                    choice(&[
                        "caSet",
                        "edgeCertificate",
                        "clientCredential",
                        "site",
                        "property",
                    ]),
                ),
                ("name", text()),
                ("network", nullable(network())),
                ("version", integer()),
            ]),
        ),
        (
            "AffectedHostname",
            object(&[
                ("hostname", text()),
                ("how", choice(&["ADDED", "CHANGED", "REMOVED"])),
                ("network", network()),
            ]),
        ),
        (
            "ChangeSet",
            object(&[
                ("changeSetId", integer()),
                ("changeSetLink", text()),
                ("networks", list("ChangeSetOnNetwork")),
                ("status", progress()),
            ]),
        ),
        (
            "ChangeSetOnNetwork",
            object(&[
                ("failureReason", nullable(text())),
                ("network", network()),
                ("percentComplete", percent()),
                ("status", progress()),
            ]),
        ),
        ("SiteSettings", object(&super::sites::site_settings())),
    ]
}
