//! CRLs of CA sets and what is done about revocation, under `/v1`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_api::v1::crls as v1;
use countersign_trust::{RevocationMode, RevocationPolicy, RevocationScope, UnixTime};
use http::StatusCode;
use http::header::LOCATION;

use super::body::{self, Reader};
use super::call::{Call, Reply};
use super::operation::{Body, Operation, Verb};
use super::wire;
use crate::app::{ErrorCode, NewCrl, ServiceError, crls};
use crate::model::CrlSource;
use crate::store::crls::{mode_text, scope_text};
use crate::{BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "addCrl",
        method: Verb::Post,
        path: "/v1/ca-sets/{caSetId}/crls",
        summary: "Adds a CRL to a CA set, or an address to fetch one from again and again.",
        role: Role::Approver,
        query: &[],
        body: Body::Json("CrlRequest"),
        answers: &[(201, Some("Crl"))],
        errors: &[
            ErrorCode::CaSetNotFound,
            ErrorCode::CrlValidationFailure,
            ErrorCode::InvalidField,
        ],
        handler: add,
    },
    Operation {
        id: "listCrls",
        method: Verb::Get,
        path: "/v1/ca-sets/{caSetId}/crls",
        summary: "Lists the CRLs of a CA set with their states and ages.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Crls"))],
        errors: &[ErrorCode::CaSetNotFound],
        handler: list,
    },
    Operation {
        id: "removeCrl",
        method: Verb::Delete,
        path: "/v1/ca-sets/{caSetId}/crls/{crlId}",
        summary: "Forgets a CRL of a CA set; what it alone said is not known any more.",
        role: Role::Approver,
        query: &[],
        body: Body::Ignored,
        answers: &[(204, None)],
        errors: &[ErrorCode::CaSetNotFound, ErrorCode::CrlNotFound],
        handler: remove,
    },
    Operation {
        id: "getRevocationPolicy",
        method: Verb::Get,
        path: "/v1/ca-sets/{caSetId}/revocation-policy",
        summary: "Shows what is done about revocation for the clients of a CA set.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("RevocationPolicy"))],
        errors: &[ErrorCode::CaSetNotFound],
        handler: policy,
    },
    Operation {
        id: "setRevocationPolicy",
        method: Verb::Put,
        path: "/v1/ca-sets/{caSetId}/revocation-policy",
        summary: "Says what is done about revocation for the clients of a CA set, on every network that enforces it.",
        role: Role::Approver,
        query: &[],
        body: Body::Json("RevocationPolicy"),
        answers: &[(200, Some("RevocationPolicy"))],
        errors: &[ErrorCode::CaSetNotFound, ErrorCode::InvalidField],
        handler: set_policy,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn add(call: Call) -> Answer {
    Box::pin(async move {
        let ca_set = call.ca_set()?;
        let new = read(&call.body)?;
        let service = call.controller.crls();
        let added = service.add(&call.caller, ca_set, new).await?;
        let grace = service.policy(&call.caller, ca_set).await?.stale_grace;
        let shown = wire_form(&added, call.controller.now(), grace);
        let link = shown.crl_link.clone();
        Reply::json(StatusCode::CREATED, &shown)?.with(LOCATION, &link)
    })
}

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.crls();
        let (sources, policy) = service.list(&call.caller, call.ca_set()?).await?;
        let now = call.controller.now();
        let crls = sources
            .iter()
            .map(|source| wire_form(source, now, policy.stale_grace))
            .collect();
        Reply::json(StatusCode::OK, &v1::Crls { crls })
    })
}

fn remove(call: Call) -> Answer {
    Box::pin(async move {
        let text = call.parameter("crlId");
        let id = text.parse().map_err(|_| crls::not_found(text))?;
        let service = call.controller.crls();
        service.remove(&call.caller, call.ca_set()?, id).await?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    })
}

fn policy(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.crls();
        let policy = service.policy(&call.caller, call.ca_set()?).await?;
        Reply::json(StatusCode::OK, &policy_form(&policy))
    })
}

fn set_policy(call: Call) -> Answer {
    Box::pin(async move {
        let ca_set = call.ca_set()?;
        let policy = read_policy(&call.body)?;
        let service = call.controller.crls();
        let policy = service.set_policy(&call.caller, ca_set, policy).await?;
        Reply::json(StatusCode::OK, &policy_form(&policy))
    })
}

fn read(bytes: &[u8]) -> Result<NewCrl, ServiceError> {
    let value = body::parse(bytes)?;
    let mut reader = Reader::default();
    let root = reader.root(&value);
    reader.only(root, &["crl", "url", "privateNetwork"], &[]);
    let private_network = reader.boolean(root, "privateNetwork");
    let given = (
        reader.optional_text(root, "crl"),
        reader.optional_text(root, "url"),
    );
    let new = match given {
        (Some(text), None) => Some(NewCrl::Upload(decode(text))),
        (None, Some(url)) => Some(NewCrl::Url {
            url: url.to_owned(),
            private_network,
        }),
        (Some(_), Some(_)) => {
            reader.problem(
                root,
                "url",
                "`crl` is there already; add the address for itself",
            );
            None
        }
        (None, None) => {
            reader.problem(
                root,
                "crl",
                "the CRL has to be here, or a `url` to fetch it from",
            );
            None
        }
    };
    reader.finish()?;
    new.ok_or_else(|| ServiceError::new(ErrorCode::InvalidField, "There is no CRL."))
}

/// What is not base64 is PEM, or wrong, which its reader says better.
fn decode(text: &str) -> Vec<u8> {
    let plain: String = text.split_ascii_whitespace().collect();
    STANDARD
        .decode(plain)
        .unwrap_or_else(|_| text.as_bytes().to_vec())
}

fn read_policy(bytes: &[u8]) -> Result<RevocationPolicy, ServiceError> {
    const GRACE: &str = "staleGraceSeconds";
    /// Longer than any CRL lives; more would mean never.
    const GRACE_MAX: u64 = 366 * 86_400;
    let value = body::parse(bytes)?;
    let mut reader = Reader::default();
    let root = reader.root(&value);
    reader.only(root, &["mode", "scope", GRACE], &[]);
    let mode = reader.choice(
        root,
        "mode",
        &[
            RevocationMode::Off,
            RevocationMode::Prefer,
            RevocationMode::Require,
        ]
        .map(|mode| (mode_text(mode), mode)),
    );
    let scope = reader.choice(
        root,
        "scope",
        &[RevocationScope::Leaf, RevocationScope::Path].map(|scope| (scope_text(scope), scope)),
    );
    let grace = value
        .get(GRACE)
        .and_then(serde_json::Value::as_u64)
        .filter(|seconds| *seconds <= GRACE_MAX);
    if grace.is_none() {
        reader.problem(
            root,
            GRACE,
            format!("it has to be a number of seconds from 0 to {GRACE_MAX}"),
        );
    }
    reader.finish()?;
    let default = RevocationPolicy::default();
    Ok(RevocationPolicy {
        mode: mode.unwrap_or(default.mode),
        scope: scope.unwrap_or(default.scope),
        stale_grace: grace.map_or(default.stale_grace, Duration::from_secs),
    })
}

fn policy_form(policy: &RevocationPolicy) -> v1::RevocationPolicy {
    v1::RevocationPolicy {
        mode: mode_text(policy.mode).to_owned(),
        scope: scope_text(policy.scope).to_owned(),
        stale_grace_seconds: policy.stale_grace.as_secs(),
    }
}

fn wire_form(source: &CrlSource, now: UnixTime, grace: Duration) -> v1::Crl {
    let crl = source.crl.as_ref();
    v1::Crl {
        crl_id: source.id.to_string(),
        crl_link: format!("/v1/ca-sets/{}/crls/{}", source.ca_set, source.id),
        state: source.state(now, grace).as_str().to_owned(),
        url: source.url.clone(),
        private_network: source.private_network,
        from_certificate: source.from_certificate,
        issuer: crl.map(|crl| crl.issuer.clone()),
        number: crl.and_then(|crl| crl.number.clone()),
        delta: crl.map(|crl| crl.is_delta),
        entries: crl.map(|crl| crl.entries),
        this_update: crl.map(|crl| wire::time(crl.this_update)),
        next_update: crl.and_then(|crl| crl.next_update).map(wire::time),
        age_seconds: crl.map(|crl| now.as_secs().saturating_sub(crl.this_update.as_secs())),
        received_date: crl.map(|crl| wire::time(crl.received_at)),
        sha256: crl.map(|crl| crl.digest.to_string()),
        checked_date: source.checked_at.map(wire::time),
        next_check_date: source.check_at.map(wire::time),
        failures: source.failures,
        error: source.error.clone(),
        created_date: wire::time(source.created_at),
        created_by: source.created_by.clone(),
    }
}
