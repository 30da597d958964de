//! What edges sign requests with, under `/v1`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_api::v1::forwarding_keys as v1;
use countersign_snapshot::Network;
use http::StatusCode;

use super::call::{Call, Reply};
use super::operation::{Body, Operation, Verb};
use super::{body, wire};
use crate::app::{ErrorCode, ServiceError};
use crate::model::ForwardingKey;
use crate::{BoxFuture, Role};

const PATH: &str = "/v1/forwarding-keys/{network}";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "listForwardingKeys",
        method: Verb::Get,
        path: PATH,
        summary: "Shows the public keys by which origins check the signatures of a network's edges, as a JWK Set (RFC 7517).",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("ForwardingKeys"))],
        errors: &[ErrorCode::NotFound],
        handler: list,
    },
    Operation {
        id: "rotateForwardingKey",
        method: Verb::Post,
        path: PATH,
        summary: "Makes a key that the edges of a network sign with after some time, in which origins can learn of it.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("ForwardingKeyRotation"),
        answers: &[(201, Some("ForwardingKeys"))],
        errors: &[ErrorCode::InvalidField, ErrorCode::NotFound],
        handler: rotate,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.forwarding_keys();
        let keys = service.list(network(&call)?).await?;
        Reply::json(StatusCode::OK, &view(&keys))
    })
}

fn rotate(call: Call) -> Answer {
    Box::pin(async move {
        let network = network(&call)?;
        let wanted: v1::ForwardingKeyRotation = body::typed(body::parse(&call.body)?)?;
        let after = Duration::from_secs(wanted.use_after_seconds.into());
        let service = call.controller.forwarding_keys();
        let keys = service.rotate(&call.caller, network, after).await?;
        Reply::json(StatusCode::CREATED, &view(&keys))
    })
}

fn network(call: &Call) -> Result<Network, ServiceError> {
    let text = call.parameter("network");
    let known = Network::ALL.into_iter().find(|it| it.as_str() == text);
    known.ok_or_else(|| {
        ServiceError::new(
            ErrorCode::NotFound,
            "The networks are called `staging` and `production`.",
        )
    })
}

fn view(keys: &[ForwardingKey]) -> v1::ForwardingKeys {
    let until = keys.iter().skip(1).map(|next| wire::time(next.used_from));
    let until = until.map(Some).chain([None]);
    let jwk = |(key, used_until): (&ForwardingKey, _)| v1::ForwardingKey {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: URL_SAFE_NO_PAD.encode(&key.public_key),
        kid: key.id.clone(),
        alg: "EdDSA".to_owned(),
        key_use: "sig".to_owned(),
        used_from: wire::time(key.used_from),
        used_until,
    };
    v1::ForwardingKeys {
        keys: keys.iter().zip(until).map(jwk).collect(),
    }
}
