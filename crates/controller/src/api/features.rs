//! Features of the account, under `/v1`.

use countersign_api::v1::features as v1;
use http::StatusCode;

use super::body;
use super::call::{Call, Reply};
use super::operation::{Body, Operation, Verb};
use crate::app::{ErrorCode, ServiceError};
use crate::model::Feature;
use crate::{BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "listFeatures",
        method: Verb::Get,
        path: "/v1/features",
        summary: "Lists what the account may use or not.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Features"))],
        errors: &[],
        handler: list,
    },
    Operation {
        id: "setFeature",
        method: Verb::Put,
        path: "/v1/features/{feature}",
        summary: "Says whether the account may use something, from now on; what networks enforce stays.",
        role: Role::Admin,
        query: &[],
        body: Body::Json("FeatureSetting"),
        answers: &[(200, Some("Feature"))],
        errors: &[ErrorCode::FeatureNotFound, ErrorCode::InvalidField],
        handler: set,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.features();
        let mut features = Vec::new();
        for &feature in Feature::ALL {
            features.push(view(feature, service.has(&call.caller, feature).await?));
        }
        Reply::json(StatusCode::OK, &v1::Features { features })
    })
}

fn set(call: Call) -> Answer {
    Box::pin(async move {
        let code = ErrorCode::FeatureNotFound;
        let feature = call.thing("feature", Feature::from_text, "feature", code)?;
        let setting: v1::FeatureSetting = body::typed(body::parse(&call.body)?)?;
        let service = call.controller.features();
        service.set(&call.caller, feature, setting.enabled).await?;
        Reply::json(StatusCode::OK, &view(feature, setting.enabled))
    })
}

fn view(feature: Feature, enabled: bool) -> v1::Feature {
    v1::Feature {
        name: feature.as_str().to_owned(),
        enabled,
        description: feature.description().to_owned(),
    }
}
