//! From access records to an `ExportLogsServiceRequest` in JSON.
//!
//! `opentelemetry/proto/collector/logs/v1/logs_service.proto` in the JSON mapping of OTLP: lowerCamelCase names, 64-bit numbers as texts,
//! enumerations as numbers. The attributes of a record are its fields, under the names that they have in every other output.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Record, Source};

/// `SEVERITY_NUMBER_INFO`: what was let in and answered.
const INFO: u8 = 9;
/// `SEVERITY_NUMBER_WARN`: what was refused or failed.
const WARN: u8 = 13;

/// The body of a request.
pub(super) fn request(source: &Source, records: &[Record]) -> Bytes {
    let request = Request {
        resource_logs: [ResourceLogs {
            resource: Resource {
                attributes: vec![
                    attribute("service.name", text("countersign")),
                    attribute("service.version", text(env!("CARGO_PKG_VERSION"))),
                    attribute("service.instance.id", text(source.node.as_str())),
                    attribute("network", text(source.network.as_str())),
                ],
            },
            scope_logs: [ScopeLogs {
                scope: Scope {
                    name: "countersign.access_log",
                },
                log_records: records.iter().filter_map(log_record).collect(),
            }],
        }],
    };
    // Plain data in memory: it cannot fail.
    serde_json::to_vec(&request).unwrap_or_default().into()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_logs: [ResourceLogs<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs<'a> {
    resource: Resource,
    scope_logs: [ScopeLogs<'a>; 1],
}

#[derive(Serialize)]
struct Resource {
    attributes: Vec<Attribute>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs<'a> {
    scope: Scope<'a>,
    log_records: Vec<LogRecord>,
}

#[derive(Serialize)]
struct Scope<'a> {
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord {
    time_unix_nano: String,
    severity_number: u8,
    severity_text: &'static str,
    event_name: String,
    body: AnyValue,
    attributes: Vec<Attribute>,
}

#[derive(Serialize)]
struct Attribute {
    key: String,
    value: AnyValue,
}

#[derive(Serialize)]
enum AnyValue {
    #[serde(rename = "arrayValue")]
    Array { values: Vec<AnyValue> },
    #[serde(rename = "boolValue")]
    Bool(bool),
    #[serde(rename = "doubleValue")]
    Double(f64),
    #[serde(rename = "intValue")]
    Int(String),
    #[serde(rename = "stringValue")]
    Text(String),
}

fn log_record(record: &Record) -> Option<LogRecord> {
    let mut fields: Map<String, Value> = serde_json::from_slice(&record.json).ok()?;
    let event = match fields.remove("event") {
        Some(Value::String(event)) => event,
        _ => String::new(),
    };
    // These say what stands elsewhere.
    for known in ["time", "network", "node"] {
        fields.remove(known);
    }
    let went_wrong = fields.get("reason").is_some_and(|reason| !reason.is_null());
    let (severity_number, severity_text) = if went_wrong {
        (WARN, "WARN")
    } else {
        (INFO, "INFO")
    };
    let nanoseconds = i128::from(record.time.as_micros()).max(0) * 1000;
    Some(LogRecord {
        time_unix_nano: nanoseconds.to_string(),
        severity_number,
        severity_text,
        body: text(&event),
        event_name: event,
        attributes: fields
            .into_iter()
            .filter_map(|(key, value)| Some(attribute(&key, any_value(value)?)))
            .collect(),
    })
}

fn attribute(key: &str, value: AnyValue) -> Attribute {
    Attribute {
        key: key.to_owned(),
        value,
    }
}

fn text(text: &str) -> AnyValue {
    AnyValue::Text(text.to_owned())
}

/// A field that is null is left out; no field is an object.
fn any_value(value: Value) -> Option<AnyValue> {
    Some(match value {
        Value::Null | Value::Object(_) => return None,
        Value::Bool(flag) => AnyValue::Bool(flag),
        Value::Number(number) if number.is_f64() => AnyValue::Double(number.as_f64()?),
        Value::Number(number) => AnyValue::Int(number.to_string()),
        Value::String(text) => AnyValue::Text(text),
        Value::Array(values) => AnyValue::Array {
            values: values.into_iter().filter_map(any_value).collect(),
        },
    })
}
