//! Properties, as the API shows them.

use countersign_api::v1::properties as v1;
use countersign_snapshot::Network;
use http::header::LOCATION;
use serde_json::{Map, Value};

use crate::Controller;
use crate::api::call::Reply;
use crate::api::{activations, deployments, wire};
use crate::app::{Finding, Findings, ServiceError};
use crate::model::{
    Deployable, Deployment, DeploymentKind, Property, PropertyId, PropertyVersion, Warning,
};

/// Where a property is.
pub(super) fn link(id: PropertyId) -> String {
    deployments::subject_link(DeploymentKind::Property, id.number())
}

pub(super) fn property(property: &Property) -> v1::Property {
    v1::Property {
        property_id: property.id.to_string(),
        property_link: link(property.id),
        property_name: property.name.clone(),
        latest_version: property.latest_version,
        staging: deployments::on(property, Network::Staging),
        production: deployments::on(property, Network::Production),
        created_date: wire::time(property.created_at),
        created_by: property.created_by.clone(),
    }
}

pub(super) fn version(property: &Property, version: &PropertyVersion) -> v1::PropertyVersion {
    let document: Value = serde_json::from_str(&version.rules).unwrap_or_default();
    let rule_format = document.get("ruleFormat").and_then(Value::as_str);
    v1::PropertyVersion {
        property_id: property.id.to_string(),
        property_name: property.name.clone(),
        property_version: version.number,
        version_link: format!("{}/versions/{}", link(property.id), version.number),
        etag: version.tag(),
        rule_format: rule_format.unwrap_or_default().to_owned(),
        is_editable: version.frozen_at.is_none(),
        note: version.note.clone(),
        created_from_version: version.created_from,
        staging_status: status(property, version, Network::Staging).to_owned(),
        production_status: status(property, version, Network::Production).to_owned(),
        hostnames: version.hostnames.clone(),
        origins: version.origins.clone(),
        created_date: wire::time(version.created_at),
        created_by: version.created_by.clone(),
        modified_date: version.modified_at.map(wire::time),
        modified_by: version.modified_by.clone(),
    }
}

fn status(property: &Property, version: &PropertyVersion, network: Network) -> &'static str {
    let Some(deployed) = property.on(network) else {
        return "INACTIVE";
    };
    let running = deployed.running();
    if running.is_some_and(|running| running.version == version.number) {
        "PENDING"
    } else if deployed.version == Some(version.number) {
        "ACTIVE"
    } else {
        "INACTIVE"
    }
}

pub(super) fn rules(
    version: &PropertyVersion,
    findings: &Findings,
) -> Result<v1::PropertyRules, ServiceError> {
    let mut document: Map<String, Value> =
        serde_json::from_str(&version.rules).map_err(ServiceError::internal)?;
    let text = |value: Option<Value>| match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    Ok(v1::PropertyRules {
        property_id: version.property.to_string(),
        property_version: version.number,
        etag: version.tag(),
        rule_format: text(document.remove("ruleFormat")).unwrap_or_default(),
        rules: match document.remove("rules") {
            Some(Value::Object(rules)) => rules,
            _ => Map::new(),
        },
        comments: text(document.remove("comments")),
        errors: findings.errors.iter().map(problem).collect(),
        warnings: findings.warnings.iter().map(problem).collect(),
    })
}

fn problem(finding: &Finding) -> v1::RuleProblem {
    v1::RuleProblem {
        kind: finding.code.clone(),
        error_location: finding.pointer.clone(),
        detail: finding.detail.clone(),
        remedy: finding.remedy.clone(),
    }
}

/// The answer to a request that a reconciler ends.
pub(super) fn accepted(
    controller: &Controller,
    activation: &Deployment,
    warnings: Vec<Warning>,
) -> Result<Reply, ServiceError> {
    let view = v1::PropertyActivation {
        deployment: deployments::view(activation),
        validation: Some(wire::validation(warnings)),
    };
    activations::in_progress(controller, &view)?.with(LOCATION, &deployments::link(activation))
}
