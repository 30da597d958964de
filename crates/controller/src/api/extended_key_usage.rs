//! What the extended key usage of a CA set's clients must say, under `/v1`.

use countersign_api::v1::extended_key_usage::ExtendedKeyUsage;
use countersign_trust::ExtendedKeyUsageRule;
use http::StatusCode;

use super::body::{self, Reader};
use super::call::{Call, Reply};
use super::operation::{Body, Operation, Verb};
use super::wire;
use crate::app::{ErrorCode, ServiceError};
use crate::store::extended_key_usage::{RULES, rule, text};
use crate::{BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "getExtendedKeyUsage",
        method: Verb::Get,
        path: "/v1/ca-sets/{caSetId}/extended-key-usage",
        summary: "Shows what the extended key usage of a CA set's clients must say.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("ExtendedKeyUsage"))],
        errors: &[ErrorCode::CaSetNotFound],
        handler: show,
    },
    Operation {
        id: "setExtendedKeyUsage",
        method: Verb::Put,
        path: "/v1/ca-sets/{caSetId}/extended-key-usage",
        summary: "Says what the extended key usage of a CA set's clients must say, on every network that enforces it.",
        role: Role::Approver,
        query: &[],
        body: Body::Json("ExtendedKeyUsage"),
        answers: &[(200, Some("ExtendedKeyUsage"))],
        errors: &[ErrorCode::CaSetNotFound, ErrorCode::InvalidField],
        handler: set,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn show(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.extended_key_usage_rules();
        let rule = service.of(&call.caller, call.ca_set()?).await?;
        Reply::json(StatusCode::OK, &form(rule))
    })
}

fn set(call: Call) -> Answer {
    Box::pin(async move {
        let ca_set = call.ca_set()?;
        let rule = read(&call.body)?;
        let service = call.controller.extended_key_usage_rules();
        service.set(&call.caller, ca_set, rule).await?;
        Reply::json(StatusCode::OK, &form(rule))
    })
}

fn read(bytes: &[u8]) -> Result<ExtendedKeyUsageRule, ServiceError> {
    let value = body::parse(bytes)?;
    let mut reader = Reader::default();
    let root = reader.root(&value);
    reader.only(root, &["rule", "until"], &[]);
    let name = reader.choice(root, "rule", &RULES.map(|name| (name, name)));
    let until = reader.time(root, "until");
    let rule = name.and_then(|name| rule(name, until));
    if let (Some(name), None) = (name, rule) {
        let detail = match until {
            Some(_) => format!("`{name}` has no end; leave it out"),
            None => format!("`{name}` needs the time at which `serverAuth` stops being enough"),
        };
        reader.problem(root, "until", detail);
    }
    reader.finish()?;
    rule.ok_or_else(|| ServiceError::new(ErrorCode::InvalidField, "There is no rule."))
}

fn form(rule: ExtendedKeyUsageRule) -> ExtendedKeyUsage {
    let (text, until) = text(rule);
    ExtendedKeyUsage {
        rule: text.to_owned(),
        until: until.map(wire::time),
    }
}
