//! The schemas of properties.

use serde_json::{Value, json};

use super::sites::{deployment, texts};
use super::{boolean, choice, integer, list, nullable, object, reference, some, text, time};

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let mut schemas = requests();
    schemas.extend(answers());
    schemas
}

fn requests() -> Vec<(&'static str, Value)> {
    vec![
        (
            "PropertyRequest",
            object(&[
                (
                    "cloneFrom?",
                    object(&[("propertyId", text()), ("version", integer())]),
                ),
                ("propertyName", text()),
                ("ruleFormat?", text()),
            ]),
        ),
        (
            "PropertyVersionRequest",
            object(&[
                ("createFromVersion?", integer()),
                (
                    "note?",
                    json!({"type": ["string", "null"], "maxLength": 255}),
                ),
            ]),
        ),
        (
            "PropertyHostnames",
            object(&[("hostnames", some("PropertyHostname"))]),
        ),
        (
            "PropertyHostname",
            object(&[("edgeCertificateIds?", texts()), ("hostname", text())]),
        ),
        ("PropertyOrigins", object(&[("origins", origins())])),
        (
            "RuleTree",
            json!({"type": "object", "additionalProperties": true,
                "description": "A rule tree, as `/v1/properties/rule-schema` describes it.", "required": ["ruleFormat", "rules"]}),
        ),
        (
            "RuleSchema",
            json!({"type": "object", "additionalProperties": true}),
        ),
    ]
}

fn answers() -> Vec<(&'static str, Value)> {
    let mut activation = deployment();
    activation.push(("validation?", reference("Validation")));
    vec![
        (
            "Property",
            object(&[
                ("createdBy", text()),
                ("createdDate", time()),
                ("latestVersion", integer()),
                ("production", nullable(reference("Deployed"))),
                ("propertyId", text()),
                ("propertyLink", text()),
                ("propertyName", text()),
                ("staging", nullable(reference("Deployed"))),
            ]),
        ),
        ("Properties", object(&[("properties", list("Property"))])),
        (
            "PropertyVersion",
            object(&[
                ("createdBy", text()),
                ("createdDate", time()),
                ("createdFromVersion", nullable(integer())),
                ("etag", text()),
                ("hostnames", list("PropertyHostname")),
                ("isEditable", boolean()),
                ("modifiedBy", nullable(text())),
                ("modifiedDate", nullable(time())),
                ("note", nullable(text())),
                ("origins", origins()),
                ("productionStatus", status()),
                ("propertyId", text()),
                ("propertyName", text()),
                ("propertyVersion", integer()),
                ("ruleFormat", text()),
                ("stagingStatus", status()),
                ("versionLink", text()),
            ]),
        ),
        (
            "PropertyVersions",
            object(&[("versions", list("PropertyVersion"))]),
        ),
        (
            "PropertyRules",
            object(&[
                ("comments?", text()),
                ("errors", list("RuleProblem")),
                ("etag", text()),
                ("propertyId", text()),
                ("propertyVersion", integer()),
                ("ruleFormat", text()),
                (
                    "rules",
                    json!({"type": "object", "additionalProperties": true}),
                ),
                ("warnings", list("RuleProblem")),
            ]),
        ),
        (
            "RuleProblem",
            object(&[
                ("detail", text()),
                ("errorLocation", text()),
                ("remedy", text()),
                ("type", text()),
            ]),
        ),
        ("PropertyActivation", object(&activation)),
    ]
}

/// By the id that rules choose them by.
fn origins() -> Value {
    json!({"type": "object", "additionalProperties": reference("SiteOrigin")})
}

fn status() -> Value {
    choice(&["ACTIVE", "INACTIVE", "PENDING"])
}
