//! Versions of CA sets: operations 10 to 16 of the truststore.

use countersign_api::truststore::{self, links};
use countersign_snapshot::{CaSetId, VersionNumber};
use countersign_trust::UnixTime;
use http::StatusCode;
use http::header::{ETAG, LOCATION};
use std::time::Duration;

use super::call::{Call, Reply};
use super::operation::{Body, Operation, Parameter, ParameterKind, Verb};
use super::{body, stream, wire};
use crate::app::{ErrorCode, Expiry, ServiceError, VersionFilter};
use crate::model::{Version, VersionStatus, Warning};
use crate::{BoxFuture, Role};

const DEFAULT_THRESHOLD_DAYS: i64 = 30;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "createCaSetVersion",
        method: Verb::Post,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/versions",
        summary: "Makes the next version of a CA set.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("VersionRequest"),
        answers: &[(201, Some("Version"))],
        errors: &[
            ErrorCode::CaSetNotFound,
            ErrorCode::CertificateLimitReached,
            ErrorCode::CertificateValidationFailureCreate,
            ErrorCode::DeleteInProgress,
            ErrorCode::DuplicateVersion,
            ErrorCode::VersionLimitReached,
        ],
        handler: create,
    },
    Operation {
        id: "listCaSetVersions",
        method: Verb::Get,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/versions",
        summary: "Lists the versions of a CA set, newest first.",
        role: Role::Viewer,
        query: &[
            Parameter {
                name: "includeCertificates",
                kind: ParameterKind::Boolean,
                summary: "With their certificates.",
            },
            Parameter {
                name: "activeVersionsOnly",
                kind: ParameterKind::Boolean,
                summary: "Only those that a network enforces.",
            },
            Parameter {
                name: "caSetVersionStatus",
                kind: ParameterKind::Choices(&["NOT_DELETED", "DELETED"]),
                summary: "Those with one of these; NOT_DELETED when absent.",
            },
        ],
        body: Body::Ignored,
        answers: &[(200, Some("Versions"))],
        errors: &[
            ErrorCode::CaSetNotFound,
            ErrorCode::InvalidField,
            ErrorCode::TypeMismatch,
        ],
        handler: list,
    },
    Operation {
        id: "getCaSetVersion",
        method: Verb::Get,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/versions/{version}",
        summary: "Shows a version, deleted or not.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Version"))],
        errors: &[
            ErrorCode::CaSetNotFound,
            ErrorCode::TypeMismatch,
            ErrorCode::VersionNotFound,
        ],
        handler: show,
    },
    Operation {
        id: "updateCaSetVersion",
        method: Verb::Put,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/versions/{version}",
        summary: "Replaces what a version says and holds, as long as no network ever was asked to enforce it. With If-Match, only if its ETag is still the same.",
        role: Role::Operator,
        query: &[],
        body: Body::Json("VersionRequest"),
        answers: &[(200, Some("Version"))],
        errors: &[
            ErrorCode::AnotherActivationInProgress,
            ErrorCode::AnotherDeactivationInProgress,
            ErrorCode::CaSetNotFound,
            ErrorCode::CertificateLimitReached,
            ErrorCode::CertificateValidationFailureUpdate,
            ErrorCode::DeleteInProgress,
            ErrorCode::PreconditionFailed,
            ErrorCode::TypeMismatch,
            ErrorCode::VersionIsActive,
            ErrorCode::VersionNotFound,
            ErrorCode::VersionWasActive,
        ],
        handler: replace,
    },
    Operation {
        id: "deleteCaSetVersion",
        method: Verb::Delete,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/versions/{version}",
        summary: "Marks a version that no network enforces for removal.",
        role: Role::Operator,
        query: &[],
        body: Body::Ignored,
        answers: &[(204, None)],
        errors: &[
            ErrorCode::AnotherActivationInProgress,
            ErrorCode::AnotherDeactivationInProgress,
            ErrorCode::CaSetNotFound,
            ErrorCode::DeleteInProgress,
            ErrorCode::TypeMismatch,
            ErrorCode::VersionIsActive,
            ErrorCode::VersionNotFound,
        ],
        handler: delete,
    },
    Operation {
        id: "cloneCaSetVersion",
        method: Verb::Post,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/versions/{version}/clone",
        summary: "Makes the next version of a CA set with what another version of it holds.",
        role: Role::Operator,
        query: &[],
        body: Body::Ignored,
        answers: &[(201, Some("Version"))],
        errors: &[
            ErrorCode::CaSetNotFound,
            ErrorCode::DeleteInProgress,
            ErrorCode::TypeMismatch,
            ErrorCode::VersionLimitReached,
            ErrorCode::VersionNotFound,
        ],
        handler: duplicate,
    },
    Operation {
        id: "listCaSetVersionCertificates",
        method: Verb::Get,
        path: "/mtls-edge-truststore/v2/ca-sets/{caSetId}/versions/{version}/certificates",
        summary: "Lists the certificates of a version, also by expiry.",
        role: Role::Viewer,
        query: &[
            Parameter {
                name: "certificateStatus",
                kind: ParameterKind::Choice(&[
                    "ACTIVE",
                    "EXPIRED",
                    "EXPIRING",
                    "ACTIVE,EXPIRED",
                    "EXPIRED,ACTIVE",
                    "EXPIRED,EXPIRING",
                    "EXPIRING,EXPIRED",
                ]),
                summary: "Those that are one of these.",
            },
            Parameter {
                name: "expiryThresholdInDays",
                kind: ParameterKind::Integer(0),
                summary: "How far from now EXPIRING and EXPIRED reach; 30 when absent. Wants certificateStatus.",
            },
            Parameter {
                name: "expiryThresholdTimestamp",
                kind: ParameterKind::Time,
                summary: "Until when EXPIRING, or since when EXPIRED reaches. Wants certificateStatus with one of them alone.",
            },
        ],
        body: Body::Ignored,
        answers: &[(200, Some("Certificates"))],
        errors: &[
            ErrorCode::CaSetNotFound,
            ErrorCode::InvalidField,
            ErrorCode::MissingQueryParameter,
            ErrorCode::TypeMismatch,
            ErrorCode::VersionNotFound,
        ],
        handler: certificates,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn create(call: Call) -> Answer {
    Box::pin(async move {
        let id = call.ca_set()?;
        let new = body::new_version(&call.body)?;
        let created = call
            .controller
            .versions()
            .create(&call.caller, id, new)
            .await?;
        made(&created)
    })
}

fn made((version, warnings): &(Version, Vec<Warning>)) -> Result<Reply, ServiceError> {
    let link = links::version(version.ca_set.number(), version.number.number());
    Reply::json(
        StatusCode::CREATED,
        &wire::version(version, Some(warnings.clone())),
    )?
    .with(LOCATION, &link)?
    .with(ETAG, &format!("\"{}\"", version.tag()))
}

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let id = call.ca_set()?;
        let filter = VersionFilter {
            active_only: call.query.is_true("activeVersionsOnly"),
            statuses: call
                .query
                .list("caSetVersionStatus")
                .filter_map(VersionStatus::from_text)
                .collect(),
        };
        let versions = call
            .controller
            .versions()
            .list(&call.caller, id, &filter)
            .await?;
        if call.query.is_true("includeCertificates") {
            let numbers = versions.iter().map(|version| version.number).collect();
            return Ok(with_certificates(call, id, numbers));
        }
        let versions = versions
            .iter()
            .map(|version| wire::version(version, None))
            .collect();
        Reply::json(StatusCode::OK, &truststore::Versions { versions })
    })
}

/// The versions with what they hold. A full set has 30,000 certificates in its versions, 60 MB: they are read version by version, each as
/// it is at that moment, while those before are on their way.
fn with_certificates(call: Call, id: CaSetId, numbers: Vec<VersionNumber>) -> Reply {
    let (sender, body) = stream::body();
    tokio::spawn(async move {
        let mut separator = "{\"versions\":[";
        for number in numbers {
            let chunk = match version_after(separator, &call, id, number).await {
                Ok(chunk) => chunk,
                // Its time came while we were at others.
                Err(error) if error.code == ErrorCode::VersionNotFound => continue,
                Err(error) => return sender.fail(error).await,
            };
            if !sender.send(chunk).await {
                return;
            }
            separator = ",";
        }
        let end = match separator {
            "," => "]}",
            _ => "{\"versions\":[]}",
        };
        sender.send(end.into()).await;
    });
    Reply::stream(StatusCode::OK, body)
}

async fn version_after(
    separator: &str,
    call: &Call,
    id: CaSetId,
    number: VersionNumber,
) -> Result<Vec<u8>, ServiceError> {
    let versions = call.controller.versions();
    let version = versions.find(&call.caller, id, number).await?;
    let mut chunk = separator.as_bytes().to_vec();
    serde_json::to_writer(&mut chunk, &wire::version(&version, None))
        .map_err(ServiceError::internal)?;
    Ok(chunk)
}

fn show(call: Call) -> Answer {
    Box::pin(async move {
        let version = call
            .controller
            .versions()
            .find(&call.caller, call.ca_set()?, call.version()?)
            .await?;
        Reply::json(StatusCode::OK, &wire::version(&version, None))?
            .with(ETAG, &format!("\"{}\"", version.tag()))
    })
}

fn replace(call: Call) -> Answer {
    Box::pin(async move {
        let (id, number) = (call.ca_set()?, call.version()?);
        let new = body::new_version(&call.body)?;
        let (version, warnings) = call
            .controller
            .versions()
            .replace(&call.caller, id, number, call.if_match.as_deref(), new)
            .await?;
        Reply::json(StatusCode::OK, &wire::version(&version, Some(warnings)))?
            .with(ETAG, &format!("\"{}\"", version.tag()))
    })
}

fn delete(call: Call) -> Answer {
    Box::pin(async move {
        call.controller
            .versions()
            .delete(&call.caller, call.ca_set()?, call.version()?)
            .await?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    })
}

fn duplicate(call: Call) -> Answer {
    Box::pin(async move {
        let copied = call
            .controller
            .versions()
            .duplicate(&call.caller, call.ca_set()?, call.version()?)
            .await?;
        made(&copied)
    })
}

fn certificates(call: Call) -> Answer {
    Box::pin(async move {
        let (id, number) = (call.ca_set()?, call.version()?);
        let filter = expiry(&call)?;
        let version = call
            .controller
            .versions()
            .certificates(&call.caller, id, number, &filter)
            .await?;
        Reply::json(
            StatusCode::OK,
            &truststore::Certificates {
                ca_set_id: version.ca_set.to_string(),
                ca_set_name: version.ca_set_name,
                certificates: version
                    .certificates
                    .unwrap_or_default()
                    .iter()
                    .map(wire::certificate)
                    .collect(),
                version: version.number.number(),
            },
        )
    })
}

/// What the three parameters ask for together.
fn expiry(call: &Call) -> Result<Vec<Expiry>, ServiceError> {
    let query = &call.query;
    let (days, timestamp) = (
        query.number("expiryThresholdInDays"),
        query.time("expiryThresholdTimestamp"),
    );
    let Some(statuses) = query.text("certificateStatus") else {
        let given = [
            days.map(|_| "expiryThresholdInDays"),
            timestamp.map(|_| "expiryThresholdTimestamp"),
        ];
        return match given.into_iter().flatten().next() {
            None => Ok(Vec::new()),
            Some(name) => Err(ServiceError::new(
                ErrorCode::MissingQueryParameter,
                format!("The query parameter `{name}` wants `certificateStatus` beside it."),
            )
            .with("missingParameters", vec!["certificateStatus"])),
        };
    };
    let now = call.controller.now();
    if let Some(timestamp) = timestamp {
        return threshold(statuses, days, timestamp, now).map(|expiry| vec![expiry]);
    }
    let days = u32::try_from(days.unwrap_or(DEFAULT_THRESHOLD_DAYS)).unwrap_or(u32::MAX);
    let span = DAY.saturating_mul(days);
    Ok(statuses
        .split(',')
        .map(|status| match status {
            "EXPIRED" => Expiry::ExpiredSince(now.saturating_sub(span)),
            "EXPIRING" => Expiry::ExpiringBy(now.saturating_add(span)),
            _ => Expiry::Active,
        })
        .collect())
}

fn threshold(
    statuses: &str,
    days: Option<i64>,
    timestamp: UnixTime,
    now: UnixTime,
) -> Result<Expiry, ServiceError> {
    let refuse = |why: &str| {
        Err(ServiceError::new(
            ErrorCode::InvalidField,
            format!("The query parameter `expiryThresholdTimestamp` {why}."),
        )
        .with("parameter", "expiryThresholdTimestamp"))
    };
    match statuses {
        _ if days.is_some() => refuse("excludes `expiryThresholdInDays`"),
        "EXPIRED" if timestamp < now => Ok(Expiry::ExpiredSince(timestamp)),
        "EXPIRED" => refuse("has to be in the past with `EXPIRED`"),
        "EXPIRING" if timestamp > now => Ok(Expiry::ExpiringBy(timestamp)),
        "EXPIRING" => refuse("has to be in the future with `EXPIRING`"),
        _ => refuse("goes with `EXPIRED` or `EXPIRING` alone"),
    }
}
