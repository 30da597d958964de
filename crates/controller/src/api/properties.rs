//! Properties under `/v1`.

mod view;

use countersign_api::v1::properties as v1;
use countersign_rules::json_schema;
use http::StatusCode;
use http::header::{ETAG, LOCATION};

use super::call::{Call, Reply, no_such};
use super::operation::{Body, Operation, Verb};
use super::{activations, body, deployments};
use crate::app::{ErrorCode, NewProperty, ServiceError, VersionPart};
use crate::model::{PropertyId, PropertyVersion};
use crate::{BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "createProperty",
        method: Verb::Post,
        path: "/v1/properties",
        summary: "Makes a property with its version 1, empty or with the origins and rules of another one.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("PropertyRequest"),
        answers: &[(201, Some("Property"))],
        errors: &[
            ErrorCode::InvalidField,
            ErrorCode::PropertyNameNotUnique,
            ErrorCode::PropertyNotFound,
            ErrorCode::PropertyVersionNotFound,
        ],
        handler: create,
    },
    Operation {
        id: "listProperties",
        method: Verb::Get,
        path: "/v1/properties",
        summary: "Lists the properties of the account, by name.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Properties"))],
        errors: &[],
        handler: list,
    },
    Operation {
        id: "getRuleSchema",
        method: Verb::Get,
        path: "/v1/properties/rule-schema",
        summary: "The JSON Schema (draft 2020-12) of rule trees.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("RuleSchema"))],
        errors: &[],
        handler: schema,
    },
    Operation {
        id: "getProperty",
        method: Verb::Get,
        path: "/v1/properties/{propertyId}",
        summary: "Shows a property and what the networks have of it.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Property"))],
        errors: &[ErrorCode::PropertyNotFound],
        handler: show,
    },
    Operation {
        id: "deleteProperty",
        method: Verb::Delete,
        path: "/v1/properties/{propertyId}",
        summary: "Takes away a property that no network has.",
        role: Role::Operator,
        query: &[],
        body: Body::Ignored,
        answers: &[(204, None)],
        errors: &[ErrorCode::PropertyNotFound, ErrorCode::StillDeployed],
        handler: delete,
    },
    Operation {
        id: "createPropertyVersion",
        method: Verb::Post,
        path: "/v1/properties/{propertyId}/versions",
        summary: "Makes a version as a copy of another one; of the newest when none is named.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("PropertyVersionRequest"),
        answers: &[(201, Some("PropertyVersion"))],
        errors: &[
            ErrorCode::InvalidField,
            ErrorCode::PropertyNotFound,
            ErrorCode::PropertyVersionLimitReached,
            ErrorCode::PropertyVersionNotFound,
        ],
        handler: create_version,
    },
    Operation {
        id: "listPropertyVersions",
        method: Verb::Get,
        path: "/v1/properties/{propertyId}/versions",
        summary: "Lists the versions of a property, newest first.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("PropertyVersions"))],
        errors: &[ErrorCode::PropertyNotFound],
        handler: versions,
    },
    Operation {
        id: "getPropertyVersion",
        method: Verb::Get,
        path: "/v1/properties/{propertyId}/versions/{version}",
        summary: "Shows a version: hostnames, origins, and whether it can still be edited.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("PropertyVersion"))],
        errors: VERSION_ERRORS,
        handler: version,
    },
    Operation {
        id: "updatePropertyHostnames",
        method: Verb::Put,
        path: "/v1/properties/{propertyId}/versions/{version}/hostnames",
        summary: "Replaces the hostnames of a version that was never activated.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("PropertyHostnames"),
        answers: &[(200, Some("PropertyVersion"))],
        errors: EDIT_ERRORS,
        handler: set_hostnames,
    },
    Operation {
        id: "updatePropertyOrigins",
        method: Verb::Put,
        path: "/v1/properties/{propertyId}/versions/{version}/origins",
        summary: "Replaces the origins that the rules of a version choose by id.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("PropertyOrigins"),
        answers: &[(200, Some("PropertyVersion"))],
        errors: EDIT_ERRORS,
        handler: set_origins,
    },
    Operation {
        id: "getPropertyRules",
        method: Verb::Get,
        path: "/v1/properties/{propertyId}/versions/{version}/rules",
        summary: "Shows the rule tree of a version, with everything that is wrong with the version.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("PropertyRules"))],
        errors: VERSION_ERRORS,
        handler: rules,
    },
    Operation {
        id: "updatePropertyRules",
        method: Verb::Put,
        path: "/v1/properties/{propertyId}/versions/{version}/rules",
        summary: "Replaces the rule tree of a version. It is saved with its errors, which stand against activation only.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("RuleTree"),
        answers: &[(200, Some("PropertyRules"))],
        errors: EDIT_ERRORS,
        handler: set_rules,
    },
    Operation {
        id: "activatePropertyVersion",
        method: Verb::Post,
        path: "/v1/properties/{propertyId}/versions/{version}/activate",
        summary: "Asks a network to enforce a version, which never changes from then on.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("DeployRequest"),
        answers: &[(202, Some("PropertyActivation"))],
        errors: ACTIVATION_ERRORS,
        handler: activate,
    },
    Operation {
        id: "deactivatePropertyVersion",
        method: Verb::Post,
        path: "/v1/properties/{propertyId}/versions/{version}/deactivate",
        summary: "Asks a network to forget the property.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("DeployRequest"),
        answers: &[(202, Some("PropertyActivation"))],
        errors: &[
            ErrorCode::DeploymentInProgress,
            ErrorCode::NotDeployed,
            ErrorCode::PropertyNotFound,
            ErrorCode::PropertyVersionNotFound,
            ErrorCode::TypeMismatch,
        ],
        handler: deactivate,
    },
    Operation {
        id: "rollBackProperty",
        method: Verb::Post,
        path: "/v1/properties/{propertyId}/rollback",
        summary: "Asks a network to go back to the version that it enforced before.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("DeployRequest"),
        answers: &[(202, Some("PropertyActivation"))],
        errors: ROLLBACK_ERRORS,
        handler: roll_back,
    },
    Operation {
        id: "listPropertyActivations",
        method: Verb::Get,
        path: "/v1/properties/{propertyId}/activations",
        summary: "Lists its activations and deactivations, newest first.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Deployments"))],
        errors: &[ErrorCode::PropertyNotFound],
        handler: history,
    },
    Operation {
        id: "getPropertyActivation",
        method: Verb::Get,
        path: "/v1/properties/{propertyId}/activations/{activationId}",
        summary: "Shows how far an activation came: 200 ended, 202 in progress with Retry-After.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Deployment")), (202, Some("Deployment"))],
        errors: &[
            ErrorCode::DeploymentNotFound,
            ErrorCode::PropertyNotFound,
            ErrorCode::TypeMismatch,
        ],
        handler: activation,
    },
];

const VERSION_ERRORS: &[ErrorCode] = &[
    ErrorCode::PropertyNotFound,
    ErrorCode::PropertyVersionNotFound,
    ErrorCode::TypeMismatch,
];
const EDIT_ERRORS: &[ErrorCode] = &[
    ErrorCode::PreconditionFailed,
    ErrorCode::PropertyNotFound,
    ErrorCode::PropertyVersionFrozen,
    ErrorCode::PropertyVersionNotFound,
    ErrorCode::TypeMismatch,
];
const ACTIVATION_ERRORS: &[ErrorCode] = &[
    ErrorCode::CaSetNotActive,
    ErrorCode::DeploymentInProgress,
    ErrorCode::EdgeCertificateValidationFailure,
    ErrorCode::HostnameTaken,
    ErrorCode::PropertyNotFound,
    ErrorCode::PropertyValidationFailure,
    ErrorCode::PropertyVersionNotFound,
    ErrorCode::TypeMismatch,
];
const ROLLBACK_ERRORS: &[ErrorCode] = &[
    ErrorCode::CaSetNotActive,
    ErrorCode::DeploymentInProgress,
    ErrorCode::EdgeCertificateValidationFailure,
    ErrorCode::HostnameTaken,
    ErrorCode::NoPreviousPropertyVersion,
    ErrorCode::PropertyNotFound,
    ErrorCode::PropertyValidationFailure,
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn create(call: Call) -> Answer {
    Box::pin(async move {
        let input: v1::PropertyInput = body::typed(body::parse(&call.body)?)?;
        let new = NewProperty {
            name: input.property_name,
            rule_format: match &input.rule_format {
                None => countersign_rules::RuleFormat::Latest,
                Some(text) => text.parse().map_err(|error| {
                    ServiceError::new(ErrorCode::InvalidField, format!("The {error}."))
                        .at("/ruleFormat")
                })?,
            },
            clone_from: match &input.clone_from {
                None => None,
                Some(source) => Some((named(&source.property_id)?, source.version)),
            },
        };
        let properties = call.controller.properties();
        let property = properties.create(&call.caller, new).await?;
        let link = view::link(property.id);
        Reply::json(StatusCode::CREATED, &view::property(&property))?.with(LOCATION, &link)
    })
}

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let properties = call.controller.properties().list(&call.caller).await?;
        let properties = properties.iter().map(view::property).collect();
        Reply::json(StatusCode::OK, &v1::Properties { properties })
    })
}

fn schema(_call: Call) -> Answer {
    Box::pin(async move { Reply::json(StatusCode::OK, &json_schema()) })
}

fn show(call: Call) -> Answer {
    Box::pin(async move {
        let properties = call.controller.properties();
        let property = properties.find(&call.caller, id(&call)?).await?;
        Reply::json(StatusCode::OK, &view::property(&property))
    })
}

fn delete(call: Call) -> Answer {
    Box::pin(async move {
        let properties = call.controller.properties();
        properties.delete(&call.caller, id(&call)?).await?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    })
}

fn create_version(call: Call) -> Answer {
    Box::pin(async move {
        let input: v1::VersionInput = body::typed(body::parse(&call.body)?)?;
        let (id, properties) = (id(&call)?, call.controller.properties());
        let made = properties
            .create_version(&call.caller, id, input.create_from_version, input.note)
            .await?;
        let property = properties.find(&call.caller, id).await?;
        let view = view::version(&property, &made);
        let link = view.version_link.clone();
        tagged(Reply::json(StatusCode::CREATED, &view)?, &made)?.with(LOCATION, &link)
    })
}

fn versions(call: Call) -> Answer {
    Box::pin(async move {
        let properties = call.controller.properties();
        let (property, versions) = properties.versions(&call.caller, id(&call)?).await?;
        let versions = versions
            .iter()
            .map(|version| view::version(&property, version))
            .collect();
        Reply::json(StatusCode::OK, &v1::PropertyVersions { versions })
    })
}

fn version(call: Call) -> Answer {
    Box::pin(async move {
        let (id, number) = (id(&call)?, number(&call)?);
        let properties = call.controller.properties();
        let (property, version) = properties.version(&call.caller, id, number).await?;
        let reply = Reply::json(StatusCode::OK, &view::version(&property, &version))?;
        tagged(reply, &version)
    })
}

fn set_hostnames(call: Call) -> Answer {
    Box::pin(async move {
        let input: v1::HostnamesInput = body::typed(body::parse(&call.body)?)?;
        edit_settings(&call, VersionPart::Hostnames(input.hostnames)).await
    })
}

fn set_origins(call: Call) -> Answer {
    Box::pin(async move {
        let input: v1::OriginsInput = body::typed(body::parse(&call.body)?)?;
        edit_settings(&call, VersionPart::Origins(input.origins)).await
    })
}

async fn edit_settings(call: &Call, part: VersionPart) -> Result<Reply, ServiceError> {
    let (id, number) = (id(call)?, number(call)?);
    let seen = call.if_match.as_deref();
    let properties = call.controller.properties();
    let (property, version, _) = properties
        .edit(&call.caller, id, number, seen, part)
        .await?;
    let reply = Reply::json(StatusCode::OK, &view::version(&property, &version))?;
    tagged(reply, &version)
}

fn rules(call: Call) -> Answer {
    Box::pin(async move {
        let (id, number) = (id(&call)?, number(&call)?);
        let properties = call.controller.properties();
        let (version, findings) = properties.judged(&call.caller, id, number).await?;
        let reply = Reply::json(StatusCode::OK, &view::rules(&version, &findings)?)?;
        tagged(reply, &version)
    })
}

fn set_rules(call: Call) -> Answer {
    Box::pin(async move {
        let (id, number) = (id(&call)?, number(&call)?);
        // The reader of rules sees what a JSON value has lost: duplicate keys, line and column.
        let text = std::str::from_utf8(&call.body).map_err(|_| {
            ServiceError::new(ErrorCode::InvalidJson, "The body is not UTF-8 text.")
        })?;
        let part = VersionPart::Rules(text.to_owned());
        let seen = call.if_match.as_deref();
        let properties = call.controller.properties();
        let (_, version, findings) = properties
            .edit(&call.caller, id, number, seen, part)
            .await?;
        let reply = Reply::json(StatusCode::OK, &view::rules(&version, &findings)?)?;
        tagged(reply, &version)
    })
}

fn activate(call: Call) -> Answer {
    Box::pin(async move {
        let (id, number, network) = (id(&call)?, number(&call)?, activations::network(&call)?);
        let properties = call.controller.properties();
        let (activation, warnings) = properties
            .activate(&call.caller, id, number, network)
            .await?;
        view::accepted(&call.controller, &activation, warnings)
    })
}

fn deactivate(call: Call) -> Answer {
    Box::pin(async move {
        let (id, number, network) = (id(&call)?, number(&call)?, activations::network(&call)?);
        let properties = call.controller.properties();
        let deactivation = properties
            .deactivate(&call.caller, id, number, network)
            .await?;
        view::accepted(&call.controller, &deactivation, Vec::new())
    })
}

fn roll_back(call: Call) -> Answer {
    Box::pin(async move {
        let (id, network) = (id(&call)?, activations::network(&call)?);
        let properties = call.controller.properties();
        let (activation, warnings) = properties.roll_back(&call.caller, id, network).await?;
        view::accepted(&call.controller, &activation, warnings)
    })
}

fn history(call: Call) -> Answer {
    Box::pin(async move {
        let properties = call.controller.properties();
        deployments::list(&properties.activations(&call.caller, id(&call)?).await?)
    })
}

fn activation(call: Call) -> Answer {
    Box::pin(async move {
        let number = call
            .number("activationId")
            .map(crate::model::DeploymentId::new)?;
        let properties = call.controller.properties();
        let activation = properties
            .activation(&call.caller, id(&call)?, number)
            .await?;
        deployments::show(&call.controller, &activation)
    })
}

fn tagged(reply: Reply, version: &PropertyVersion) -> Result<Reply, ServiceError> {
    reply.with(ETAG, &format!("\"{}\"", version.tag()))
}

fn id(call: &Call) -> Result<PropertyId, ServiceError> {
    named(call.parameter("propertyId"))
}

fn named(text: &str) -> Result<PropertyId, ServiceError> {
    PropertyId::from_text(text)
        .ok_or_else(|| no_such("propertyId", text, "property", ErrorCode::PropertyNotFound))
}

fn number(call: &Call) -> Result<u32, ServiceError> {
    call.number("version")
}
