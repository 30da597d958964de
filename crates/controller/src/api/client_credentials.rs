//! Client credentials under `/v1`.

use countersign_api::ValidityDate;
use countersign_api::v1::client_credentials as v1;
use countersign_snapshot::Network;
use countersign_trust::{UnixTime, to_pem};
use http::StatusCode;
use http::header::LOCATION;
use serde_json::Value;

use super::call::{Call, Reply};
use super::operation::{Body, Operation, Verb};
use super::{activations, body, deployments, wire};
use crate::app::{ErrorCode, ServiceError};
use crate::model::{
    ClientCredential, CredentialId, CredentialReference, CredentialVersion, DeploymentKind, Warning,
};
use crate::{BoxFuture, Role};

const ALL: &str = "/v1/client-credentials";
const ONE: &str = "/v1/client-credentials/{clientCredentialId}";
const ACTIVATION_ERRORS: &[ErrorCode] = &[
    ErrorCode::ClientCredentialNotFound,
    ErrorCode::ClientCredentialValidationFailure,
    ErrorCode::DeploymentInProgress,
    ErrorCode::InvalidField,
    ErrorCode::NoPreviousVersion,
];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "createClientCredential",
        method: Verb::Post,
        path: ALL,
        summary: "Takes up a certificate with its key, for showing to origins; no network has it yet.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("ClientCredentialRequest"),
        answers: &[(201, Some("ClientCredential"))],
        errors: &[
            ErrorCode::ClientCredentialNameNotUnique,
            ErrorCode::ClientCredentialValidationFailure,
            ErrorCode::InvalidField,
        ],
        handler: create,
    },
    Operation {
        id: "listClientCredentials",
        method: Verb::Get,
        path: ALL,
        summary: "Lists the client credentials of the account, by name.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("ClientCredentials"))],
        errors: &[],
        handler: list,
    },
    Operation {
        id: "getClientCredential",
        method: Verb::Get,
        path: ONE,
        summary: "Shows a client credential with its versions, never their keys.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("ClientCredential"))],
        errors: &[ErrorCode::ClientCredentialNotFound],
        handler: show,
    },
    Operation {
        id: "deleteClientCredential",
        method: Verb::Delete,
        path: ONE,
        summary: "Removes a client credential that no network has, with its keys.",
        role: Role::Operator,
        query: &[],
        body: Body::Ignored,
        answers: &[(204, None)],
        errors: &[
            ErrorCode::ClientCredentialInUse,
            ErrorCode::ClientCredentialNotFound,
            ErrorCode::StillDeployed,
        ],
        handler: delete,
    },
    Operation {
        id: "createClientCredentialVersion",
        method: Verb::Post,
        path: "/v1/client-credentials/{clientCredentialId}/versions",
        summary: "Adds the next version; networks go on with what they have until it is activated.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("ClientCredentialVersionRequest"),
        answers: &[(201, Some("ClientCredential"))],
        errors: &[
            ErrorCode::ClientCredentialNotFound,
            ErrorCode::ClientCredentialValidationFailure,
            ErrorCode::InvalidField,
        ],
        handler: add_version,
    },
    Operation {
        id: "activateClientCredential",
        method: Verb::Post,
        path: "/v1/client-credentials/{clientCredentialId}/activate",
        summary: "Asks a network to show a version to origins, the newest when none is named; what uses the credential follows by itself.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("ActivateCredentialRequest"),
        answers: &[(202, Some("Deployment"))],
        errors: ACTIVATION_ERRORS,
        handler: activate,
    },
    Operation {
        id: "rollBackClientCredential",
        method: Verb::Post,
        path: "/v1/client-credentials/{clientCredentialId}/rollback",
        summary: "Asks a network to go back to the version that it had before.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("DeployRequest"),
        answers: &[(202, Some("Deployment"))],
        errors: ACTIVATION_ERRORS,
        handler: roll_back,
    },
    Operation {
        id: "removeClientCredential",
        method: Verb::Post,
        path: "/v1/client-credentials/{clientCredentialId}/remove",
        summary: "Asks a network to forget it, when nothing uses it there.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("DeployRequest"),
        answers: &[(202, Some("Deployment"))],
        errors: &[
            ErrorCode::ClientCredentialInUse,
            ErrorCode::ClientCredentialNotFound,
            ErrorCode::DeploymentInProgress,
            ErrorCode::NotDeployed,
        ],
        handler: remove,
    },
    Operation {
        id: "listClientCredentialDeployments",
        method: Verb::Get,
        path: "/v1/client-credentials/{clientCredentialId}/deployments",
        summary: "Lists what was asked of the networks, newest first.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Deployments"))],
        errors: &[ErrorCode::ClientCredentialNotFound],
        handler: deployments_of,
    },
    Operation {
        id: "getClientCredentialDeployment",
        method: Verb::Get,
        path: "/v1/client-credentials/{clientCredentialId}/deployments/{deploymentId}",
        summary: "Shows how far it came: 200 ended, 202 in progress with Retry-After.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Deployment")), (202, Some("Deployment"))],
        errors: &[
            ErrorCode::ClientCredentialNotFound,
            ErrorCode::DeploymentNotFound,
            ErrorCode::TypeMismatch,
        ],
        handler: deployment,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn create(call: Call) -> Answer {
    Box::pin(async move {
        let input = strictly(
            body::parse(&call.body)?,
            &["name", "certificatePem", "privateKeyPem"],
        )?;
        let service = call.controller.client_credentials();
        let (credential, warnings) = service.create(&call.caller, &input).await?;
        made(&call, &credential, warnings)
    })
}

fn add_version(call: Call) -> Answer {
    Box::pin(async move {
        let input = strictly(
            body::parse(&call.body)?,
            &["certificatePem", "privateKeyPem"],
        )?;
        let service = call.controller.client_credentials();
        let (credential, warnings) = service
            .add_version(&call.caller, id(&call)?, &input)
            .await?;
        made(&call, &credential, warnings)
    })
}

fn made(
    call: &Call,
    credential: &ClientCredential,
    warnings: Vec<Warning>,
) -> Result<Reply, ServiceError> {
    let view = view(credential, Some(warnings), call.controller.now());
    Reply::json(StatusCode::CREATED, &view)?.with(LOCATION, &link(credential.id))
}

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let credentials = call
            .controller
            .client_credentials()
            .list(&call.caller)
            .await?;
        let now = call.controller.now();
        let client_credentials = credentials.iter().map(|it| view(it, None, now)).collect();
        Reply::json(
            StatusCode::OK,
            &v1::ClientCredentials { client_credentials },
        )
    })
}

fn show(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.client_credentials();
        let credential = service.find(&call.caller, id(&call)?).await?;
        let now = call.controller.now();
        Reply::json(StatusCode::OK, &view(&credential, None, now))
    })
}

fn delete(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.client_credentials();
        service.delete(&call.caller, id(&call)?).await?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    })
}

fn activate(call: Call) -> Answer {
    Box::pin(async move {
        let input: v1::ActivateCredentialInput = body::typed(body::parse(&call.body)?)?;
        let network = wire::network_of(input.network);
        let service = call.controller.client_credentials();
        let deployment = service
            .activate(&call.caller, id(&call)?, network, input.version)
            .await?;
        deployments::accepted(&call.controller, &deployment)
    })
}

fn roll_back(call: Call) -> Answer {
    Box::pin(async move {
        let (id, network) = (id(&call)?, activations::network(&call)?);
        let service = call.controller.client_credentials();
        let deployment = service.roll_back(&call.caller, id, network).await?;
        deployments::accepted(&call.controller, &deployment)
    })
}

fn remove(call: Call) -> Answer {
    Box::pin(async move {
        let (id, network) = (id(&call)?, activations::network(&call)?);
        let service = call.controller.client_credentials();
        let deployment = service.remove(&call.caller, id, network).await?;
        deployments::accepted(&call.controller, &deployment)
    })
}

fn deployments_of(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.client_credentials();
        deployments::list(&service.deployments(&call.caller, id(&call)?).await?)
    })
}

fn deployment(call: Call) -> Answer {
    Box::pin(async move {
        let (id, number) = (id(&call)?, deployments::number(&call)?);
        let service = call.controller.client_credentials();
        let deployment = service.deployment(&call.caller, id, number).await?;
        deployments::show(&call.controller, &deployment)
    })
}

/// Serde cannot refuse unknown fields of a type that has another one in line.
fn strictly<T: serde::de::DeserializeOwned>(
    value: Value,
    known: &[&str],
) -> Result<T, ServiceError> {
    let mut reader = body::Reader::default();
    let root = reader.root(&value);
    reader.only(root, known, &[]);
    reader.finish()?;
    body::typed(value)
}

fn id(call: &Call) -> Result<CredentialId, ServiceError> {
    let code = ErrorCode::ClientCredentialNotFound;
    let from_text = CredentialId::from_text;
    call.thing("clientCredentialId", from_text, "client credential", code)
}

fn link(id: CredentialId) -> String {
    deployments::subject_link(DeploymentKind::ClientCredential, id.number())
}

fn view(
    credential: &ClientCredential,
    warnings: Option<Vec<Warning>>,
    now: UnixTime,
) -> v1::ClientCredential {
    let id = credential.id;
    let version = |version| describe(id, version, now);
    v1::ClientCredential {
        client_credential_id: id.to_string(),
        client_credential_link: link(id),
        reference: CredentialReference { id, version: None }.to_string(),
        name: credential.name.clone(),
        versions: credential.versions.iter().filter_map(version).collect(),
        staging: deployments::on(credential, Network::Staging),
        production: deployments::on(credential, Network::Production),
        created_date: wire::time(credential.created_at),
        created_by: credential.created_by.clone(),
        validation: warnings.map(wire::validation),
    }
}

fn describe(
    id: CredentialId,
    version: &CredentialVersion,
    now: UnixTime,
) -> Option<v1::ClientCredentialVersion> {
    let leaf = version.chain.first()?;
    let date = |time: UnixTime| ValidityDate::from_micros(time.as_micros());
    let reference = CredentialReference {
        id,
        version: Some(version.number),
    };
    Some(v1::ClientCredentialVersion {
        version: version.number,
        reference: reference.to_string(),
        certificate_pem: version.chain.iter().map(|it| to_pem(it.der())).collect(),
        subject: leaf.subject().to_java_string(),
        issuer: leaf.issuer().to_java_string(),
        key_algorithm: leaf.public_key().algorithm.to_string(),
        fingerprint: leaf.fingerprint().to_string(),
        start_date: date(leaf.validity().not_before),
        end_date: date(leaf.validity().not_after),
        expiring: leaf.validity().ends_soon(now),
        created_date: wire::time(version.created_at),
        created_by: version.created_by.clone(),
    })
}
