//! The schemas of what is on the wire. A test compares them with real answers.

mod client_credentials;
mod declarations;
mod explain;
mod forwarding_keys;
mod origins;
mod properties;
mod revocations;
mod sites;

use serde_json::{Map, Value, json};

/// All schemas by name.
pub(super) fn all() -> Value {
    let mut all = Map::new();
    for (name, schema) in truststore()
        .into_iter()
        .chain(control())
        .chain(sites::schemas())
        .chain(client_credentials::schemas())
        .chain(properties::schemas())
        .chain(declarations::schemas())
        .chain(revocations::schemas())
        .chain(explain::schemas())
        .chain(forwarding_keys::schemas())
    {
        all.insert(name.to_owned(), schema);
    }
    all.into()
}

fn truststore() -> Vec<(&'static str, Value)> {
    vec![
        (
            "CaSetRequest",
            object(&[
                (
                    "caSetName",
                    json!({"type": "string", "minLength": 3, "maxLength": 64, "pattern": "^[.a-zA-Z0-9_-]+$"}),
                ),
                ("description?", remark()),
            ]),
        ),
        (
            "CaSet",
            object(&[
                ("accountId", text()),
                ("caSetId", text()),
                ("caSetLink", text()),
                ("caSetName", text()),
                ("caSetStatus", ca_set_status()),
                ("createdBy", text()),
                ("createdDate", time()),
                ("deletedBy", nullable(text())),
                ("deletedDate", nullable(time())),
                ("description", nullable(text())),
                ("latestVersion", nullable(integer())),
                ("latestVersionLink", nullable(text())),
                ("productionVersion", nullable(integer())),
                ("productionVersionLink", nullable(text())),
                ("removalDate", nullable(time())),
                ("stagingVersion", nullable(integer())),
                ("stagingVersionLink", nullable(text())),
                ("versionsLink", text()),
            ]),
        ),
        ("CaSets", object(&[("caSets", list("CaSet"))])),
        (
            "DeletionStatus",
            object(&[
                ("caSetId", text()),
                ("caSetLink", text()),
                ("caSetName", text()),
                ("deletions", list("DeletionOfNetwork")),
                ("endTime", nullable(time())),
                ("estimatedEndTime", nullable(time())),
                ("failureReason", nullable(text())),
                ("removalDate", nullable(time())),
                ("resourceMethod", nullable(text())),
                ("startTime", time()),
                ("status", progress()),
                ("statusLink", text()),
            ]),
        ),
        (
            "DeletionOfNetwork",
            object(&[
                ("failureReason", nullable(text())),
                ("network", network()),
                ("percentComplete", percent()),
                ("status", progress()),
            ]),
        ),
        (
            "Activities",
            object(&[
                ("activities", list("Activity")),
                ("caSetId", text()),
                ("caSetLink", text()),
                ("caSetName", text()),
                ("caSetStatus", ca_set_status()),
                ("createdBy", text()),
                ("createdDate", time()),
                ("deletedBy", nullable(text())),
                ("deletedDate", nullable(time())),
            ]),
        ),
        (
            "Activity",
            object(&[
                ("activityBy", text()),
                ("activityDate", time()),
                ("network", nullable(network())),
                (
                    "type",
                    choice(
                        &crate::model::ActivityKind::ALL
                            .iter()
                            .map(|kind| kind.as_str())
                            .collect::<Vec<_>>(),
                    ),
                ),
                ("version", nullable(integer())),
            ]),
        ),
        (
            "Associations",
            object(&[(
                "associations",
                object(&[
                    ("enrollments", nullable(list("EnrollmentAssociation"))),
                    ("properties", nullable(list("PropertyAssociation"))),
                ]),
            )]),
        ),
        (
            "EnrollmentAssociation",
            object(&[
                ("cn", text()),
                ("enrollmentId", integer()),
                ("enrollmentLink", text()),
                ("productionSlots", integers()),
                ("stagingSlots", integers()),
            ]),
        ),
        (
            "PropertyAssociation",
            object(&[
                ("assetId", nullable(integer())),
                ("groupId", nullable(integer())),
                ("hostnames", list("HostnameAssociation")),
                ("propertyId", text()),
                ("propertyLink", text()),
                ("propertyName", nullable(text())),
            ]),
        ),
        (
            "HostnameAssociation",
            object(&[
                ("hostName", text()),
                ("network", network()),
                ("status", choice(&["ATTACHED", "ATTACHING", "DETACHING"])),
            ]),
        ),
        (
            "CertificateRequest",
            object(&[("certificatePem", text()), ("description?", remark())]),
        ),
        (
            "VersionRequest",
            object(&[
                (
                    "allowInsecureSha1?",
                    json!({"type": "boolean", "default": false}),
                ),
                ("certificates", some("CertificateRequest")),
                ("description?", remark()),
            ]),
        ),
        (
            "ValidationRequest",
            object(&[
                (
                    "allowInsecureSha1?",
                    json!({"type": "boolean", "default": false}),
                ),
                ("certificates", some("CertificateRequest")),
            ]),
        ),
        (
            "Version",
            object(&[
                ("allowInsecureSha1", boolean()),
                ("caSetId", text()),
                ("caSetName", text()),
                ("caSetVersionStatus", choice(&["NOT_DELETED", "DELETED"])),
                ("certificates", nullable(list("Certificate"))),
                ("createdBy", text()),
                ("createdDate", time()),
                ("description", nullable(text())),
                ("modifiedBy", nullable(text())),
                ("modifiedDate", nullable(time())),
                ("productionStatus", choice(&["ACTIVE", "INACTIVE"])),
                ("removalDate", nullable(time())),
                ("stagingStatus", choice(&["ACTIVE", "INACTIVE"])),
                ("validation", nullable(reference("Validation"))),
                ("version", integer()),
                ("versionLink", text()),
            ]),
        ),
        ("Versions", object(&[("versions", list("Version"))])),
        (
            "Certificate",
            object(&[
                ("certificatePem", text()),
                ("createdBy?", text()),
                ("createdDate?", time()),
                ("description", nullable(text())),
                ("endDate", time()),
                ("fingerprint", text()),
                ("issuer", text()),
                ("serialNumber", text()),
                ("signatureAlgorithm", text()),
                ("startDate", time()),
                ("subject", text()),
            ]),
        ),
        (
            "Certificates",
            object(&[
                ("caSetId", text()),
                ("caSetName", text()),
                ("certificates", list("Certificate")),
                ("version", integer()),
            ]),
        ),
        (
            "ValidationAnswer",
            object(&[
                ("allowInsecureSha1", boolean()),
                ("certificates", list("Certificate")),
                ("validation", reference("Validation")),
            ]),
        ),
        ("Validation", object(&[("warnings", list("Remark"))])),
        (
            "Remark",
            object(&[
                ("contextInfo?", evidence()),
                ("detail", text()),
                ("pointer?", text()),
                ("title", text()),
                ("type", text()),
            ]),
        ),
        ("ActivationRequest", object(&[("network", network())])),
        (
            "Activation",
            object(&[
                ("activationId", integer()),
                ("activationLink", text()),
                ("activationStatus", progress()),
                ("activationType", choice(&["ACTIVATE", "DEACTIVATE"])),
                ("caSetId", text()),
                ("caSetLink", text()),
                ("caSetName", text()),
                ("createdBy", text()),
                ("createdDate", time()),
                ("failureReason", nullable(text())),
                ("modifiedBy", nullable(text())),
                ("modifiedDate", nullable(time())),
                ("network", network()),
                ("percentComplete", percent()),
                ("validation", nullable(reference("Validation"))),
                ("version", integer()),
                ("versionLink", text()),
            ]),
        ),
        (
            "Activations",
            object(&[("activations", list("Activation"))]),
        ),
        (
            "Problem",
            json!({
                "type": "object",
                "required": ["detail", "instance", "status", "title", "type"],
                "properties": {
                    "clientIp": text(),
                    "contextInfo": evidence(),
                    "detail": text(),
                    "errors": list("Remark"),
                    "instance": text(),
                    "method": text(),
                    "pointer": text(),
                    "rateLimit": integer(),
                    "rateLimitNext": time(),
                    "requestId": text(),
                    "requestTime": time(),
                    "status": integer(),
                    "title": text(),
                    "type": text(),
                },
            }),
        ),
    ]
}

fn control() -> Vec<(&'static str, Value)> {
    vec![
        ("RollbackRequest", object(&[("network", network())])),
        (
            "AuditEntries",
            object(&[
                ("entries", list("AuditEntry")),
                ("nextBefore", nullable(integer())),
            ]),
        ),
        (
            "AuditEntry",
            object(&[
                ("action", text()),
                ("actor", text()),
                ("after", json!({})),
                ("at", time()),
                ("before", json!({})),
                ("hash", text()),
                ("resource", text()),
                ("role", role()),
                ("sequence", integer()),
                ("source", text()),
            ]),
        ),
        (
            "AuditCheck",
            object(&[
                ("brokenAt", nullable(integer())),
                ("entries", integer()),
                ("head", text()),
                ("intact", boolean()),
                ("nextAfter", nullable(integer())),
            ]),
        ),
        (
            "ApiClientRequest",
            object(&[
                ("authorities?", nullable(text())),
                ("certificate?", nullable(text())),
                ("kind", choice(&["BEARER", "EDGEGRID", "CERTIFICATE"])),
                (
                    "name",
                    json!({"type": "string", "minLength": 1, "maxLength": 64}),
                ),
                ("role", role()),
                ("subject?", nullable(text())),
            ]),
        ),
        (
            "OperatorCertificate",
            object(&[
                ("authorities", json!({"type": "array", "items": text()})),
                ("endDate", text()),
                ("fingerprint", nullable(text())),
                ("subject", text()),
            ]),
        ),
        (
            "ApiClient",
            object(&[
                ("certificate", nullable(reference("OperatorCertificate"))),
                ("createdBy", text()),
                ("createdDate", time()),
                ("id", text()),
                ("kind", choice(&["BEARER", "EDGEGRID", "CERTIFICATE"])),
                ("name", text()),
                ("revokedBy", nullable(text())),
                ("revokedDate", nullable(time())),
                ("role", role()),
            ]),
        ),
        ("ApiClients", object(&[("apiClients", list("ApiClient"))])),
        (
            "NewApiClient",
            object(&[
                ("accessToken", nullable(text())),
                ("apiClient", reference("ApiClient")),
                ("clientSecret", nullable(text())),
                ("clientToken", nullable(text())),
                ("token", nullable(text())),
            ]),
        ),
    ]
}

/// An object; fields whose names end in a question mark may be absent.
fn object(fields: &[(&str, Value)]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, schema) in fields {
        if let Some(name) = name.strip_suffix('?') {
            properties.insert(name.to_owned(), schema.clone());
        } else {
            properties.insert((*name).to_owned(), schema.clone());
            required.push(*name);
        }
    }
    json!({"type": "object", "required": required, "properties": properties})
}

fn nullable(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn list(schema: &str) -> Value {
    json!({"type": "array", "items": reference(schema)})
}

fn some(schema: &str) -> Value {
    json!({"type": "array", "minItems": 1, "items": reference(schema)})
}

fn integers() -> Value {
    json!({"type": "array", "items": integer()})
}

fn reference(schema: &str) -> Value {
    super::reference(schema)
}

fn choice(choices: &[&str]) -> Value {
    json!({"type": "string", "enum": choices})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn remark() -> Value {
    json!({"type": ["string", "null"], "minLength": 1, "maxLength": 255})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn integer() -> Value {
    json!({"type": "integer"})
}

fn boolean() -> Value {
    json!({"type": "boolean"})
}

fn evidence() -> Value {
    json!({"type": "object", "additionalProperties": true})
}

fn percent() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": 100})
}

fn network() -> Value {
    choice(&["STAGING", "PRODUCTION"])
}

fn progress() -> Value {
    choice(&["IN_PROGRESS", "COMPLETE", "FAILED"])
}

fn ca_set_status() -> Value {
    choice(&["NOT_DELETED", "DELETING", "DELETED"])
}

fn role() -> Value {
    choice(&["viewer", "operator", "approver", "admin"])
}
