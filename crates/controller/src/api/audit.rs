//! The audit log.

use std::str::FromStr as _;

use countersign_api::control;
use countersign_trust::Fingerprint;
use http::StatusCode;
use serde_json::Value;

use super::call::{Call, Reply};
use super::operation::{Body, Operation, Parameter, ParameterKind, Verb};
use super::wire;
use crate::app::{AuditEntry, ErrorCode, ServiceError};
use crate::{BoxFuture, Role};

const PAGE: u32 = 100;

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "listAudit",
        method: Verb::Get,
        path: "/v1/audit",
        summary: "Lists who changed what in the account, newest first.",
        role: Role::Approver,
        query: &[
            Parameter {
                name: "before",
                kind: ParameterKind::Integer(1),
                summary: "Only entries before this sequence number.",
            },
            Parameter {
                name: "limit",
                kind: ParameterKind::Integer(1),
                summary: "How many entries; 100 when absent, at most 1,000. A page has fewer when they are long; nextBefore says where the next one begins.",
            },
        ],
        body: Body::Ignored,
        answers: &[(200, Some("AuditEntries"))],
        errors: &[ErrorCode::TypeMismatch],
        handler: list,
    },
    Operation {
        id: "verifyAudit",
        method: Verb::Get,
        path: "/v1/audit/verify",
        summary: "Checks the chain of hashes of the audit log, 20,000 entries at a time: until nextAfter is null, ask again with it and head.",
        role: Role::Approver,
        query: &[
            Parameter {
                name: "after",
                kind: ParameterKind::Integer(1),
                summary: "Only entries after the one with this sequence number; wants `head`.",
            },
            Parameter {
                name: "head",
                kind: ParameterKind::Text,
                summary: "The hash of that entry, hexadecimal; the log is broken where it has another one.",
            },
            Parameter {
                name: "limit",
                kind: ParameterKind::Integer(1),
                summary: "How many entries; 20,000 when absent, and at most.",
            },
        ],
        body: Body::Ignored,
        answers: &[(200, Some("AuditCheck"))],
        errors: &[ErrorCode::InvalidField, ErrorCode::TypeMismatch],
        handler: verify,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let before = call.query.number("before").map(i64::unsigned_abs);
        let limit = number(&call, "limit").unwrap_or(PAGE);
        let entries = call
            .controller
            .audit()
            .list(&call.caller, before, limit)
            .await?;
        let next_before = entries
            .last()
            .map(|entry| entry.sequence)
            .filter(|sequence| *sequence > 1);
        Reply::json(
            StatusCode::OK,
            &control::AuditEntries {
                entries: entries.into_iter().map(entry).collect(),
                next_before,
            },
        )
    })
}

fn entry(entry: AuditEntry) -> control::AuditEntry {
    // Stored by this program as JSON; a text that is not is shown as a text.
    let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    control::AuditEntry {
        sequence: entry.sequence,
        at: wire::time(entry.at),
        actor: entry.actor,
        role: entry.role,
        source: entry.source,
        action: entry.action,
        resource: entry.resource,
        before: entry.before.map(json),
        after: entry.after.map(json),
        hash: hexadecimal(&entry.hash),
    }
}

fn verify(call: Call) -> Answer {
    Box::pin(async move {
        let (after, limit) = (after(&call)?, number(&call, "limit"));
        let audit = call.controller.audit();
        let check = audit.verify_page(after, limit.unwrap_or(u32::MAX)).await?;
        Reply::json(
            StatusCode::OK,
            &control::AuditCheck {
                intact: check.broken_at.is_none(),
                entries: check.entries,
                head: hexadecimal(&check.head),
                broken_at: check.broken_at,
                next_after: check.next_after,
            },
        )
    })
}

/// The entry after which the check begins, with its hash.
fn after(call: &Call) -> Result<Option<(u64, Vec<u8>)>, ServiceError> {
    let sequence = call.query.number("after").map(i64::unsigned_abs);
    let head = call.query.text("head");
    let hash = head.and_then(|head| Fingerprint::from_str(head).ok());
    match (sequence, hash) {
        (None, None) if head.is_none() => Ok(None),
        (Some(sequence), Some(hash)) => Ok(Some((sequence, hash.as_bytes().to_vec()))),
        _ => Err(ServiceError::new(
            ErrorCode::InvalidField,
            "`after` and `head` belong together: the number of an entry and its hash, 64 hexadecimal digits.",
        )
        .with("parameter", "head")),
    }
}

fn number(call: &Call, name: &str) -> Option<u32> {
    let number = call.query.number(name)?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
