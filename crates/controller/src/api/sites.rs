//! Sites under `/v1`.

use countersign_api::v1::sites as v1;
use countersign_snapshot::Network;
use http::StatusCode;
use http::header::LOCATION;
use serde_json::{Map, Value};

use super::call::{Call, Reply};
use super::operation::{Body, Operation, Verb};
use super::{activations, body, deployments, wire};
use crate::app::sites::{MTLS_SETTINGS, hide_mtls};
use crate::app::{ErrorCode, ServiceError};
use crate::model::{DeploymentKind, Feature, Site, SiteId, Warning};
use crate::{BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "createSite",
        method: Verb::Post,
        path: "/v1/sites",
        summary: "Makes a site, with a certificate and client CAs of its own when they are given, and deploys it where that is asked for.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("SiteRequest"),
        answers: &[(201, Some("Site"))],
        errors: INPUT_ERRORS,
        handler: create,
    },
    Operation {
        id: "listSites",
        method: Verb::Get,
        path: "/v1/sites",
        summary: "Lists the sites of the account, by name.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Sites"))],
        errors: &[],
        handler: list,
    },
    Operation {
        id: "getSite",
        method: Verb::Get,
        path: "/v1/sites/{siteId}",
        summary: "Shows a site and what the networks have of it.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Site"))],
        errors: &[ErrorCode::SiteNotFound],
        handler: show,
    },
    Operation {
        id: "updateSite",
        method: Verb::Put,
        path: "/v1/sites/{siteId}",
        summary: "Changes a site, and deploys it where that is asked for; other networks keep what they have.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("SiteRequest"),
        answers: &[(200, Some("Site"))],
        errors: UPDATE_ERRORS,
        handler: update,
    },
    Operation {
        id: "deleteSite",
        method: Verb::Delete,
        path: "/v1/sites/{siteId}",
        summary: "Removes a site that no network has, and the certificate that it brought along.",
        role: Role::Operator,
        query: &[],
        body: Body::Ignored,
        answers: &[(204, None)],
        errors: &[ErrorCode::SiteNotFound, ErrorCode::StillDeployed],
        handler: delete,
    },
    Operation {
        id: "deploySite",
        method: Verb::Post,
        path: "/v1/sites/{siteId}/deploy",
        summary: "Asks a network to enforce the site as it is now.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("DeployRequest"),
        answers: &[(202, Some("Deployment"))],
        errors: &[
            ErrorCode::CaSetNotActive,
            ErrorCode::DeploymentInProgress,
            ErrorCode::EdgeCertificateValidationFailure,
            ErrorCode::HostnameTaken,
            ErrorCode::SiteNotFound,
        ],
        handler: deploy,
    },
    Operation {
        id: "removeSite",
        method: Verb::Post,
        path: "/v1/sites/{siteId}/remove",
        summary: "Asks a network to forget the site.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("DeployRequest"),
        answers: &[(202, Some("Deployment"))],
        errors: &[
            ErrorCode::DeploymentInProgress,
            ErrorCode::NotDeployed,
            ErrorCode::SiteNotFound,
        ],
        handler: remove,
    },
    Operation {
        id: "listSiteDeployments",
        method: Verb::Get,
        path: "/v1/sites/{siteId}/deployments",
        summary: "Lists its deployments, newest first.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Deployments"))],
        errors: &[ErrorCode::SiteNotFound],
        handler: deployments_of,
    },
    Operation {
        id: "getSiteDeployment",
        method: Verb::Get,
        path: "/v1/sites/{siteId}/deployments/{deploymentId}",
        summary: "Shows how far a deployment came: 200 ended, 202 in progress with Retry-After.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Deployment")), (202, Some("Deployment"))],
        errors: &[
            ErrorCode::DeploymentNotFound,
            ErrorCode::SiteNotFound,
            ErrorCode::TypeMismatch,
        ],
        handler: deployment,
    },
];

const INPUT_ERRORS: &[ErrorCode] = &[
    ErrorCode::CaSetNameNotUnique,
    ErrorCode::CaSetNotActive,
    ErrorCode::CertificateValidationFailureCreate,
    ErrorCode::ClientCredentialNameNotUnique,
    ErrorCode::ClientCredentialNotActive,
    ErrorCode::ClientCredentialValidationFailure,
    ErrorCode::EdgeCertificateValidationFailure,
    ErrorCode::FeatureNotEnabled,
    ErrorCode::HostnameTaken,
    ErrorCode::InvalidField,
    ErrorCode::SiteNameNotUnique,
];
const UPDATE_ERRORS: &[ErrorCode] = &[
    ErrorCode::CaSetNameNotUnique,
    ErrorCode::CaSetNotActive,
    ErrorCode::CertificateValidationFailureCreate,
    ErrorCode::ClientCredentialNameNotUnique,
    ErrorCode::ClientCredentialNotActive,
    ErrorCode::ClientCredentialValidationFailure,
    ErrorCode::DeploymentInProgress,
    ErrorCode::EdgeCertificateValidationFailure,
    ErrorCode::FeatureNotEnabled,
    ErrorCode::HostnameTaken,
    ErrorCode::InvalidField,
    ErrorCode::SiteNotFound,
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn create(call: Call) -> Answer {
    Box::pin(async move {
        let input = input(&call)?;
        let sites = call.controller.sites();
        let (site, warnings) = sites.create(&call.caller, &input).await?;
        let link = link(site.id);
        let view = shown(&call, &site, Some(warnings)).await?;
        Reply::json(StatusCode::CREATED, &view)?.with(LOCATION, &link)
    })
}

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let sites = call.controller.sites().list(&call.caller).await?;
        let shows_mtls = shows_mtls(&call).await?;
        let sites = sites
            .iter()
            .map(|site| view(site, None, shows_mtls))
            .collect();
        Reply::json(StatusCode::OK, &v1::Sites { sites })
    })
}

fn show(call: Call) -> Answer {
    Box::pin(async move {
        let sites = call.controller.sites();
        let site = sites.find(&call.caller, id(&call)?).await?;
        Reply::json(StatusCode::OK, &shown(&call, &site, None).await?)
    })
}

fn update(call: Call) -> Answer {
    Box::pin(async move {
        let input = input(&call)?;
        let sites = call.controller.sites();
        let (site, warnings) = sites.replace(&call.caller, id(&call)?, &input).await?;
        Reply::json(StatusCode::OK, &shown(&call, &site, Some(warnings)).await?)
    })
}

fn delete(call: Call) -> Answer {
    Box::pin(async move {
        let sites = call.controller.sites();
        sites.delete(&call.caller, id(&call)?).await?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    })
}

fn deploy(call: Call) -> Answer {
    Box::pin(async move {
        let (id, network) = (id(&call)?, activations::network(&call)?);
        let sites = call.controller.sites();
        let deployment = sites.deploy(&call.caller, id, network).await?;
        deployments::accepted(&call.controller, &deployment)
    })
}

fn remove(call: Call) -> Answer {
    Box::pin(async move {
        let (id, network) = (id(&call)?, activations::network(&call)?);
        let sites = call.controller.sites();
        let deployment = sites.remove(&call.caller, id, network).await?;
        deployments::accepted(&call.controller, &deployment)
    })
}

fn deployments_of(call: Call) -> Answer {
    Box::pin(async move {
        let sites = call.controller.sites();
        deployments::list(&sites.deployments(&call.caller, id(&call)?).await?)
    })
}

fn deployment(call: Call) -> Answer {
    Box::pin(async move {
        let (id, number) = (id(&call)?, deployments::number(&call)?);
        let sites = call.controller.sites();
        let deployment = sites.deployment(&call.caller, id, number).await?;
        deployments::show(&call.controller, &deployment)
    })
}

/// The fields of the request and those of the settings stand side by side; each half is read strictly, so that a wrong field is named.
fn input(call: &Call) -> Result<v1::SiteInput, ServiceError> {
    const REQUEST_FIELDS: [&str; 5] = [
        "name",
        "certificate",
        "deployTo",
        "clientCaPem",
        "clientCredential",
    ];
    let mut settings = match body::parse(&call.body)? {
        Value::Object(fields) => fields,
        other => {
            body::typed::<v1::SiteRequestFields>(other)?;
            Map::new()
        }
    };
    let mut request = Map::new();
    for field in REQUEST_FIELDS {
        request.extend(
            settings
                .remove(field)
                .map(|value| (field.to_owned(), value)),
        );
    }
    let request: v1::SiteRequestFields = body::typed(Value::Object(request))?;
    Ok(v1::SiteInput {
        name: request.name,
        certificate: request.certificate,
        deploy_to: request.deploy_to,
        client_ca_pem: request.client_ca_pem,
        client_credential: request.client_credential,
        settings: body::typed(Value::Object(settings))?,
    })
}

fn id(call: &Call) -> Result<SiteId, ServiceError> {
    let code = ErrorCode::SiteNotFound;
    call.thing("siteId", SiteId::from_text, "site", code)
}

fn link(id: SiteId) -> String {
    deployments::subject_link(DeploymentKind::Site, id.number())
}

/// Whether the account sees mutual TLS settings of sites.
async fn shows_mtls(call: &Call) -> Result<bool, ServiceError> {
    let features = call.controller.features();
    features.has(&call.caller, Feature::SiteConfigMtls).await
}

async fn shown(
    call: &Call,
    site: &Site,
    warnings: Option<Vec<Warning>>,
) -> Result<v1::Site, ServiceError> {
    Ok(view(site, warnings, shows_mtls(call).await?))
}

fn view(site: &Site, warnings: Option<Vec<Warning>>, shows_mtls: bool) -> v1::Site {
    let mut settings = site.settings.clone();
    let mut hidden = Vec::new();
    if !shows_mtls {
        hide_mtls(&mut settings);
        hidden.extend(MTLS_SETTINGS.map(str::to_owned));
    }
    v1::Site {
        site_id: site.id.to_string(),
        site_link: link(site.id),
        name: site.name.clone(),
        version: site.version,
        settings,
        hidden,
        staging: deployments::on(site, Network::Staging),
        production: deployments::on(site, Network::Production),
        created_date: wire::time(site.created_at),
        created_by: site.created_by.clone(),
        modified_date: site.modified_at.map(wire::time),
        modified_by: site.modified_by.clone(),
        validation: warnings.map(wire::validation),
    }
}
