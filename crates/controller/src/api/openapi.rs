//! The OpenAPI 3.1 document, made from the table of operations.

mod schemas;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::operation::{
    BODY_ERRORS, Body, COMMON_ERRORS, Operation, Parameter, ParameterKind, Verb, operations,
};
use super::problem;
use crate::app::ErrorCode;

/// The document as a value; keys are in alphabetical order.
#[must_use]
pub fn document() -> Value {
    let mut paths = BTreeMap::<&str, Map<String, Value>>::new();
    for operation in operations() {
        paths
            .entry(operation.path)
            .or_default()
            .insert(verb(operation.method).to_owned(), describe(operation));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Countersign",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The truststore API is under /mtls-edge-truststore/v2, everything else under /v1. Errors are problem documents (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"edgegrid": []}],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "edgegrid": {"type": "http", "scheme": "EG1-HMAC-SHA256"},
            },
        },
    })
}

/// The document as the committed file has it.
pub(super) fn document_text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

fn describe(operation: &Operation) -> Value {
    let mut parameters: Vec<_> = path_parameters(operation.path)
        .map(path_parameter)
        .collect();
    parameters.extend(operation.query.iter().map(query_parameter));
    let mut description = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "x-role": operation.role.as_str(),
        "parameters": parameters,
        "responses": responses(operation),
    });
    if let Body::Json(schema) = operation.body
        && let Some(fields) = description.as_object_mut()
    {
        fields.insert(
            "requestBody".to_owned(),
            json!({
                "required": true,
                "content": {"application/json": {"schema": reference(schema)}},
            }),
        );
    }
    description
}

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    for (status, schema) in operation.answers {
        let mut response = Map::new();
        response.insert("description".to_owned(), reason(*status).into());
        if let Some(schema) = schema {
            response.insert(
                "content".to_owned(),
                json!({"application/json": {"schema": reference(schema)}}),
            );
        }
        if *status == 202 {
            response.insert(
                "headers".to_owned(),
                json!({"Retry-After": {"description": "When to look again, while in progress: an HTTP date.", "schema": {"type": "string"}}}),
            );
        }
        responses.insert(status.to_string(), response.into());
    }
    let mut by_status = BTreeMap::<u16, Vec<ErrorCode>>::new();
    for code in errors(operation) {
        let codes = by_status.entry(problem::status(code).as_u16()).or_default();
        codes.push(code);
        codes.sort_by_key(|code| code.slug());
        codes.dedup();
    }
    for (status, codes) in by_status {
        let types: Vec<_> = codes
            .iter()
            .map(|code| problem::type_of(*code, operation.path))
            .collect();
        responses.insert(
            status.to_string(),
            json!({
                "description": codes.iter().map(|code| code.title()).collect::<Vec<_>>().join(" "),
                "content": {"application/problem+json": {"schema": {
                    "allOf": [reference("Problem"), {"properties": {"type": {"enum": types}}}],
                }}},
            }),
        );
    }
    responses.into()
}

/// All errors of an operation: its own, and those that come with its form.
fn errors(operation: &Operation) -> Vec<ErrorCode> {
    let mut errors = operation.errors.to_vec();
    errors.extend(COMMON_ERRORS);
    errors.extend([ErrorCode::EdgeGridDeny, ErrorCode::EdgeGridRequest]);
    if operation.body != Body::Ignored {
        errors.extend(BODY_ERRORS);
    }
    errors
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('}')?.0))
}

fn path_parameter(name: &str) -> Value {
    let schema = match name {
        "version" | "activationId" => json!({"type": "integer", "minimum": 1}),
        _ => json!({"type": "string"}),
    };
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

fn query_parameter(parameter: &Parameter) -> Value {
    let mut description = json!({
        "name": parameter.name,
        "in": "query",
        "description": parameter.summary,
        "schema": match parameter.kind {
            ParameterKind::Boolean => json!({"type": "boolean"}),
            ParameterKind::Choice(choices) => json!({"type": "string", "enum": choices}),
            ParameterKind::Choices(choices) => json!({"type": "array", "items": {"type": "string", "enum": choices}}),
            ParameterKind::Integer(minimum) => json!({"type": "integer", "minimum": minimum}),
            ParameterKind::Text => json!({"type": "string"}),
            ParameterKind::Time => json!({"type": "string", "format": "date-time"}),
        },
    });
    if matches!(parameter.kind, ParameterKind::Choices(_))
        && let Some(fields) = description.as_object_mut()
    {
        fields.insert("style".to_owned(), "form".into());
        fields.insert("explode".to_owned(), false.into());
    }
    description
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

const fn verb(method: Verb) -> &'static str {
    match method {
        Verb::Delete => "delete",
        Verb::Get => "get",
        Verb::Post => "post",
        Verb::Put => "put",
    }
}

fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Done")
}
