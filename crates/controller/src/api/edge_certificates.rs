//! Edge certificates under `/v1`.

use countersign_api::ValidityDate;
use countersign_api::v1::edge_certificates as v1;
use countersign_snapshot::Network;
use countersign_trust::{UnixTime, to_pem};
use http::StatusCode;
use http::header::LOCATION;

use super::call::{Call, Reply};
use super::operation::{Body, Operation, Parameter, ParameterKind, Verb};
use super::{activations, body, deployments, wire};
use crate::app::{ErrorCode, HostnameImpact, ServiceError, certificate_names};
use crate::model::{
    DeploymentKind, EdgeCertificate, EdgeCertificateId, KeyPair, KeyRequest, Warning,
};
use crate::{BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "createEdgeCertificate",
        method: Verb::Post,
        path: "/v1/edge-certificates",
        summary: "Takes up certificates with their keys, and how the edge speaks TLS with them; no network presents them yet.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("EdgeCertificateRequest"),
        answers: &[(201, Some("EdgeCertificate"))],
        errors: INPUT_ERRORS,
        handler: create,
    },
    Operation {
        id: "listEdgeCertificates",
        method: Verb::Get,
        path: "/v1/edge-certificates",
        summary: "Lists the edge certificates of the account, by name.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("EdgeCertificates"))],
        errors: &[],
        handler: list,
    },
    Operation {
        id: "getEdgeCertificate",
        method: Verb::Get,
        path: ONE,
        summary: "Shows an edge certificate, never its keys.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("EdgeCertificate"))],
        errors: &[ErrorCode::EdgeCertificateNotFound],
        handler: show,
    },
    Operation {
        id: "updateEdgeCertificate",
        method: Verb::Put,
        path: ONE,
        summary: "Changes settings, and the certificates when some are given; networks follow when it is deployed.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("EdgeCertificateRequest"),
        answers: &[(200, Some("EdgeCertificate"))],
        errors: &[
            ErrorCode::EdgeCertificateNameNotUnique,
            ErrorCode::EdgeCertificateNotFound,
            ErrorCode::EdgeCertificateValidationFailure,
            ErrorCode::InvalidField,
        ],
        handler: update,
    },
    Operation {
        id: "deleteEdgeCertificate",
        method: Verb::Delete,
        path: ONE,
        summary: "Removes an edge certificate that no network and no site has, with its keys.",
        role: Role::Operator,
        query: &[],
        body: Body::Ignored,
        answers: &[(204, None)],
        errors: &[
            ErrorCode::EdgeCertificateInUse,
            ErrorCode::EdgeCertificateNotFound,
            ErrorCode::StillDeployed,
        ],
        handler: delete,
    },
    Operation {
        id: "getEdgeCertificateImpact",
        method: Verb::Get,
        path: "/v1/edge-certificates/{edgeCertificateId}/impact",
        summary: "Says for which hostnames it changes who may come in when a network presents it as it is now; changes nothing.",
        role: Role::Viewer,
        query: &[Parameter {
            name: "network",
            kind: ParameterKind::Choice(&["PRODUCTION", "STAGING"]),
            summary: "Where it would be deployed; required.",
        }],
        body: Body::Ignored,
        answers: &[(200, Some("EdgeCertificateImpact"))],
        errors: &[
            ErrorCode::CaSetNotActive,
            ErrorCode::EdgeCertificateNotFound,
            ErrorCode::EdgeCertificateValidationFailure,
            ErrorCode::InvalidField,
            ErrorCode::MissingQueryParameter,
            ErrorCode::TypeMismatch,
        ],
        handler: impact,
    },
    Operation {
        id: "deployEdgeCertificate",
        method: Verb::Post,
        path: "/v1/edge-certificates/{edgeCertificateId}/deploy",
        summary: "Asks a network to present it as it is now.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("DeployRequest"),
        answers: &[(202, Some("Deployment"))],
        errors: &[
            ErrorCode::CaSetNotActive,
            ErrorCode::DeploymentInProgress,
            ErrorCode::EdgeCertificateNotFound,
            ErrorCode::EdgeCertificateValidationFailure,
        ],
        handler: deploy,
    },
    Operation {
        id: "removeEdgeCertificate",
        method: Verb::Post,
        path: "/v1/edge-certificates/{edgeCertificateId}/remove",
        summary: "Asks a network to forget it, when no site presents it there.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("DeployRequest"),
        answers: &[(202, Some("Deployment"))],
        errors: &[
            ErrorCode::DeploymentInProgress,
            ErrorCode::EdgeCertificateInUse,
            ErrorCode::EdgeCertificateNotFound,
            ErrorCode::NotDeployed,
        ],
        handler: remove,
    },
    Operation {
        id: "listEdgeCertificateDeployments",
        method: Verb::Get,
        path: "/v1/edge-certificates/{edgeCertificateId}/deployments",
        summary: "Lists its deployments, newest first.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Deployments"))],
        errors: &[ErrorCode::EdgeCertificateNotFound],
        handler: deployments_of,
    },
    Operation {
        id: "getEdgeCertificateDeployment",
        method: Verb::Get,
        path: "/v1/edge-certificates/{edgeCertificateId}/deployments/{deploymentId}",
        summary: "Shows how far a deployment came: 200 ended, 202 in progress with Retry-After.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Deployment")), (202, Some("Deployment"))],
        errors: &[
            ErrorCode::DeploymentNotFound,
            ErrorCode::EdgeCertificateNotFound,
            ErrorCode::TypeMismatch,
        ],
        handler: deployment,
    },
];

const ONE: &str = "/v1/edge-certificates/{edgeCertificateId}";
const INPUT_ERRORS: &[ErrorCode] = &[
    ErrorCode::EdgeCertificateNameNotUnique,
    ErrorCode::EdgeCertificateValidationFailure,
    ErrorCode::InvalidField,
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn create(call: Call) -> Answer {
    Box::pin(async move {
        let input = body::typed(body::parse(&call.body)?)?;
        let service = call.controller.edge_certificates();
        let (certificate, warnings) = service.create(&call.caller, &input).await?;
        let link = link(certificate.id);
        Reply::json(
            StatusCode::CREATED,
            &view(&certificate, Some(warnings), call.controller.now()),
        )?
        .with(LOCATION, &link)
    })
}

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let certificates = call
            .controller
            .edge_certificates()
            .list(&call.caller)
            .await?;
        let now = call.controller.now();
        let edge_certificates = certificates.iter().map(|it| view(it, None, now)).collect();
        Reply::json(StatusCode::OK, &v1::EdgeCertificates { edge_certificates })
    })
}

fn show(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.edge_certificates();
        let certificate = service.find(&call.caller, id(&call)?).await?;
        Reply::json(
            StatusCode::OK,
            &view(&certificate, None, call.controller.now()),
        )
    })
}

fn update(call: Call) -> Answer {
    Box::pin(async move {
        let input = body::typed(body::parse(&call.body)?)?;
        let service = call.controller.edge_certificates();
        let (certificate, warnings) = service.replace(&call.caller, id(&call)?, &input).await?;
        Reply::json(
            StatusCode::OK,
            &view(&certificate, Some(warnings), call.controller.now()),
        )
    })
}

fn delete(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.edge_certificates();
        service.delete(&call.caller, id(&call)?).await?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    })
}

fn deploy(call: Call) -> Answer {
    Box::pin(async move {
        let (id, network) = (id(&call)?, activations::network(&call)?);
        let service = call.controller.edge_certificates();
        let deployment = service.deploy(&call.caller, id, network).await?;
        deployments::accepted(&call.controller, &deployment)
    })
}

fn impact(call: Call) -> Answer {
    Box::pin(async move {
        let id = id(&call)?;
        let network = match call.query.text("network") {
            Some("PRODUCTION") => Network::Production,
            Some(_) => Network::Staging,
            None => {
                let detail = "The query parameter `network` says where: `STAGING` or `PRODUCTION`.";
                return Err(ServiceError::new(ErrorCode::MissingQueryParameter, detail)
                    .with("parameter", "network"));
            }
        };
        let service = call.controller.edge_certificates();
        let (certificate, affected) = service.impact(&call.caller, id, network).await?;
        let affected = affected.into_iter().map(on_hostname).collect();
        let view = v1::EdgeCertificateImpact {
            edge_certificate_id: id.to_string(),
            version: certificate.version,
            network: wire::network(network),
            affected,
        };
        Reply::json(StatusCode::OK, &view)
    })
}

fn on_hostname(impact: HostnameImpact) -> v1::HostnameImpact {
    let changes = impact.changes.into_iter().map(|it| v1::AdmissionChange {
        code: it.code.to_owned(),
        detail: it.detail,
    });
    v1::HostnameImpact {
        hostname: impact.hostname,
        used_by: impact.used_by,
        changes: changes.collect(),
    }
}

fn remove(call: Call) -> Answer {
    Box::pin(async move {
        let (id, network) = (id(&call)?, activations::network(&call)?);
        let service = call.controller.edge_certificates();
        let deployment = service.remove(&call.caller, id, network).await?;
        deployments::accepted(&call.controller, &deployment)
    })
}

fn deployments_of(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.edge_certificates();
        let list = service.deployments(&call.caller, id(&call)?).await?;
        deployments::list(&list)
    })
}

fn deployment(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.edge_certificates();
        let number = deployments::number(&call)?;
        let deployment = service.deployment(&call.caller, id(&call)?, number).await?;
        deployments::show(&call.controller, &deployment)
    })
}

fn id(call: &Call) -> Result<EdgeCertificateId, ServiceError> {
    let code = ErrorCode::EdgeCertificateNotFound;
    let from_text = EdgeCertificateId::from_text;
    call.thing("edgeCertificateId", from_text, "edge certificate", code)
}

fn link(id: EdgeCertificateId) -> String {
    deployments::subject_link(DeploymentKind::EdgeCertificate, id.number())
}

fn view(
    certificate: &EdgeCertificate,
    warnings: Option<Vec<Warning>>,
    now: UnixTime,
) -> v1::EdgeCertificate {
    v1::EdgeCertificate {
        edge_certificate_id: certificate.id.to_string(),
        edge_certificate_link: link(certificate.id),
        name: certificate.name.clone(),
        version: certificate.version,
        certificates: certificate
            .key_pairs
            .iter()
            .filter_map(|pair| describe(pair, now))
            .collect(),
        key_requests: certificate.key_requests.iter().map(open_request).collect(),
        settings: certificate.settings.clone(),
        owner_site_id: certificate.owner_site.map(|id| id.to_string()),
        staging: deployments::on(certificate, Network::Staging),
        production: deployments::on(certificate, Network::Production),
        created_date: wire::time(certificate.created_at),
        created_by: certificate.created_by.clone(),
        modified_date: certificate.modified_at.map(wire::time),
        modified_by: certificate.modified_by.clone(),
        validation: warnings.map(wire::validation),
    }
}

fn open_request(request: &KeyRequest) -> v1::KeyRequest {
    v1::KeyRequest {
        request_pem: request.request_pem.clone(),
        created_date: wire::time(request.created_at),
        created_by: request.created_by.clone(),
    }
}

fn describe(pair: &KeyPair, now: UnixTime) -> Option<v1::CertificateDescription> {
    let leaf = pair.chain.first()?;
    let date = |time: UnixTime| ValidityDate::from_micros(time.as_micros());
    Some(v1::CertificateDescription {
        certificate_pem: pair.chain.iter().map(|it| to_pem(it.der())).collect(),
        subject: leaf.subject().to_java_string(),
        issuer: leaf.issuer().to_java_string(),
        names: certificate_names(leaf)
            .iter()
            .map(ToString::to_string)
            .collect(),
        key_algorithm: leaf.public_key().algorithm.to_string(),
        fingerprint: leaf.fingerprint().to_string(),
        start_date: date(leaf.validity().not_before),
        end_date: date(leaf.validity().not_after),
        expiring: leaf.validity().ends_soon(now),
    })
}
