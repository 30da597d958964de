//! From our values to those of the wire.

use std::collections::BTreeMap;

use countersign_api::truststore::{self, links};
use countersign_api::{Timestamp, ValidityDate, control};
use countersign_snapshot::{Network, VersionNumber};
use countersign_trust::{Sha1Signatures, UnixTime, to_pem};

use crate::app::deletions::estimated_end;
use crate::model::{
    Activation, ActivationKind, ActivationStatus, Activity, ApiClient, ApiClientKind, Association,
    AssociationKind, CaSet, CaSetStatus, Deletion, HeldCertificate, OperatorCertificate, Version,
    VersionStatus, Warning,
};

pub(crate) const fn time(time: UnixTime) -> Timestamp {
    Timestamp::from_micros(time.as_micros())
}

fn optional(at: Option<UnixTime>) -> Option<Timestamp> {
    at.map(time)
}

pub(crate) const fn network(network: Network) -> truststore::Network {
    match network {
        Network::Staging => truststore::Network::Staging,
        Network::Production => truststore::Network::Production,
    }
}

pub(crate) const fn network_of(network: truststore::Network) -> Network {
    match network {
        truststore::Network::Staging => Network::Staging,
        truststore::Network::Production => Network::Production,
    }
}

const fn status(status: ActivationStatus) -> truststore::ActivationStatus {
    match status {
        ActivationStatus::InProgress => truststore::ActivationStatus::InProgress,
        ActivationStatus::Complete => truststore::ActivationStatus::Complete,
        ActivationStatus::Failed => truststore::ActivationStatus::Failed,
    }
}

const fn ca_set_status(status: CaSetStatus) -> truststore::CaSetStatus {
    match status {
        CaSetStatus::NotDeleted => truststore::CaSetStatus::NotDeleted,
        CaSetStatus::Deleting => truststore::CaSetStatus::Deleting,
        CaSetStatus::Deleted => truststore::CaSetStatus::Deleted,
    }
}

pub(crate) fn ca_set(ca_set: &CaSet) -> truststore::CaSet {
    let id = ca_set.id.number();
    let link = |version: Option<VersionNumber>| {
        version.map(|version| links::version(id, version.number()))
    };
    truststore::CaSet {
        account_id: ca_set.account.as_str().to_owned(),
        ca_set_id: id.to_string(),
        ca_set_link: links::ca_set(id),
        ca_set_name: ca_set.name.clone(),
        ca_set_status: ca_set_status(ca_set.status),
        created_by: ca_set.created_by.clone(),
        created_date: time(ca_set.created_at),
        deleted_by: ca_set.deleted_by.clone(),
        deleted_date: optional(ca_set.deleted_at),
        description: ca_set.description.clone(),
        latest_version: ca_set.latest_version.map(VersionNumber::number),
        latest_version_link: link(ca_set.latest_version),
        production_version: ca_set.production_version.map(VersionNumber::number),
        production_version_link: link(ca_set.production_version),
        removal_date: optional(ca_set.removal_at),
        staging_version: ca_set.staging_version.map(VersionNumber::number),
        staging_version_link: link(ca_set.staging_version),
        versions_link: links::versions(id),
    }
}

pub(crate) fn version(version: &Version, warnings: Option<Vec<Warning>>) -> truststore::Version {
    let active = |active| {
        if active {
            truststore::ActiveStatus::Active
        } else {
            truststore::ActiveStatus::Inactive
        }
    };
    truststore::Version {
        allow_insecure_sha1: version.sha1 == Sha1Signatures::Allow,
        ca_set_id: version.ca_set.to_string(),
        ca_set_name: version.ca_set_name.clone(),
        ca_set_version_status: match version.status() {
            VersionStatus::NotDeleted => truststore::VersionStatus::NotDeleted,
            VersionStatus::Deleted => truststore::VersionStatus::Deleted,
        },
        certificates: version
            .certificates
            .as_ref()
            .map(|held| held.iter().map(certificate).collect()),
        created_by: version.created_by.clone(),
        created_date: time(version.created_at),
        description: version.description.clone(),
        modified_by: version.modified_by.clone(),
        modified_date: optional(version.modified_at),
        production_status: active(version.active_on_production),
        removal_date: optional(version.removal_at),
        staging_status: active(version.active_on_staging),
        validation: warnings.map(validation),
        version: version.number.number(),
        version_link: links::version(version.ca_set.number(), version.number.number()),
    }
}

pub(crate) fn certificate(held: &HeldCertificate) -> truststore::Certificate {
    truststore::Certificate {
        certificate_pem: to_pem(&held.der),
        created_by: Some(held.created_by.clone()),
        created_date: Some(time(held.created_at)),
        ..judged_certificate(held)
    }
}

/// A certificate that is not kept: nobody brought it in.
pub(crate) fn judged_certificate(held: &HeldCertificate) -> truststore::Certificate {
    truststore::Certificate {
        certificate_pem: to_pem(&held.der),
        created_by: None,
        created_date: None,
        description: held.description.clone(),
        end_date: ValidityDate::from_micros(held.not_after.as_micros()),
        fingerprint: held.fingerprint.to_string(),
        issuer: held.issuer.clone(),
        serial_number: held.serial_number.clone(),
        signature_algorithm: held.signature_algorithm.clone(),
        start_date: ValidityDate::from_micros(held.not_before.as_micros()),
        subject: held.subject.clone(),
    }
}

pub(crate) fn validation(warnings: Vec<Warning>) -> truststore::Validation {
    truststore::Validation {
        warnings: warnings
            .into_iter()
            .map(|warning| truststore::Warning {
                kind: format!("/mtls-edge-truststore/error-types/{}", warning.code),
                title: warning.title,
                detail: warning.detail,
                pointer: warning.pointer,
                context_info: warning.context,
            })
            .collect(),
    }
}

pub(crate) fn activation(activation: &Activation) -> truststore::Activation {
    let (id, number) = (activation.ca_set.number(), activation.version.number());
    truststore::Activation {
        activation_id: activation.id.number(),
        activation_link: links::activation(id, number, activation.id.number()),
        activation_status: status(activation.status),
        activation_type: match activation.kind {
            ActivationKind::Activate => truststore::ActivationType::Activate,
            ActivationKind::Deactivate => truststore::ActivationType::Deactivate,
        },
        ca_set_id: id.to_string(),
        ca_set_link: links::ca_set(id),
        ca_set_name: activation.ca_set_name.clone(),
        created_by: activation.created_by.clone(),
        created_date: time(activation.created_at),
        failure_reason: activation.failure_reason.clone(),
        modified_by: activation.modified_by.clone(),
        modified_date: optional(activation.modified_at),
        network: network(activation.network),
        percent_complete: activation.percent,
        validation: Some(validation(activation.warnings.clone())),
        version: number,
        version_link: links::version(id, number),
    }
}

pub(crate) fn activities(ca_set: &CaSet, activities: &[Activity]) -> truststore::Activities {
    let id = ca_set.id.number();
    truststore::Activities {
        activities: activities
            .iter()
            .map(|activity| truststore::Activity {
                kind: activity.kind.as_str().to_owned(),
                activity_by: activity.by.clone(),
                activity_date: time(activity.at),
                network: activity.network.map(network),
                version: activity.version.map(VersionNumber::number),
            })
            .collect(),
        ca_set_id: id.to_string(),
        ca_set_link: links::ca_set(id),
        ca_set_name: ca_set.name.clone(),
        ca_set_status: ca_set_status(ca_set.status),
        created_by: ca_set.created_by.clone(),
        created_date: time(ca_set.created_at),
        deleted_by: ca_set.deleted_by.clone(),
        deleted_date: optional(ca_set.deleted_at),
    }
}

/// The deletion of a set as a whole; FAILED as soon as one network's failed and none runs.
pub(crate) fn deletion(ca_set: &CaSet, deletions: &[Deletion]) -> truststore::DeletionStatus {
    let id = ca_set.id.number();
    let start = deletions
        .iter()
        .map(|deletion| deletion.started_at)
        .min()
        .unwrap_or(ca_set.created_at);
    let any = |status| deletions.iter().any(|deletion| deletion.status == status);
    let overall = if any(ActivationStatus::InProgress) {
        ActivationStatus::InProgress
    } else if any(ActivationStatus::Failed) {
        ActivationStatus::Failed
    } else {
        ActivationStatus::Complete
    };
    let running = overall == ActivationStatus::InProgress;
    let end = deletions
        .iter()
        .filter_map(|deletion| deletion.ended_at)
        .max();
    truststore::DeletionStatus {
        ca_set_id: id.to_string(),
        ca_set_link: links::ca_set(id),
        ca_set_name: ca_set.name.clone(),
        deletions: deletions
            .iter()
            .map(|deletion| truststore::DeletionOfNetwork {
                failure_reason: deletion.failure_reason.clone(),
                network: network(deletion.network),
                percent_complete: deletion.percent,
                status: status(deletion.status),
            })
            .collect(),
        end_time: optional(end).filter(|_| !running),
        estimated_end_time: running.then(|| time(estimated_end(start))),
        failure_reason: deletions
            .iter()
            .find_map(|deletion| deletion.failure_reason.clone()),
        removal_date: optional(ca_set.removal_at),
        resource_method: Some("delete".to_owned()),
        start_time: time(start),
        status: status(overall),
        status_link: links::deletion(id),
    }
}

/// Also for the command line, which works on a stopped instance's store by itself.
#[must_use]
pub fn api_client(client: ApiClient) -> control::ApiClient {
    control::ApiClient {
        id: client.id,
        name: client.name,
        role: client.role.as_str().to_owned(),
        kind: match client.kind {
            ApiClientKind::Bearer => control::ApiClientKind::Bearer,
            ApiClientKind::EdgeGrid => control::ApiClientKind::Edgegrid,
            ApiClientKind::Certificate => control::ApiClientKind::Certificate,
        },
        certificate: client.certificate.map(operator_certificate),
        created_date: time(client.created_at),
        created_by: client.created_by,
        revoked_date: client.revoked_at.map(time),
        revoked_by: client.revoked_by,
    }
}

fn operator_certificate(certificate: OperatorCertificate) -> control::OperatorCertificate {
    let date = |at: UnixTime| ValidityDate::from_micros(at.as_micros());
    match certificate {
        OperatorCertificate::Pinned(certificate) => control::OperatorCertificate {
            subject: certificate.subject().to_rfc2253(),
            fingerprint: Some(certificate.fingerprint().to_string()),
            authorities: Vec::new(),
            end_date: date(certificate.validity().not_after),
        },
        OperatorCertificate::Issued {
            authorities,
            subject,
        } => control::OperatorCertificate {
            subject,
            fingerprint: None,
            end_date: date(
                authorities
                    .iter()
                    .map(|authority| authority.validity().not_after)
                    .max()
                    .unwrap_or(UnixTime::from_micros(0)),
            ),
            authorities: authorities
                .iter()
                .map(|authority| authority.fingerprint().to_string())
                .collect(),
        },
    }
}

/// Uses of a set by kind; a kind that was not asked for is null.
pub(crate) fn associations(
    users: &[Association],
    only: Option<AssociationKind>,
) -> truststore::Associations {
    let mut by_user = BTreeMap::<(AssociationKind, i64), Vec<&Association>>::new();
    for user in users {
        by_user
            .entry((user.kind, user.user_id))
            .or_default()
            .push(user);
    }
    let of = |kind| {
        by_user
            .iter()
            .filter(move |((of, _), _)| *of == kind)
            .map(|((_, id), users)| (*id, users.as_slice()))
    };
    let wanted = |kind| only.is_none_or(|only| only == kind);
    truststore::Associations {
        associations: truststore::Association {
            enrollments: wanted(AssociationKind::Enrollment).then(|| {
                of(AssociationKind::Enrollment)
                    .map(|(id, users)| enrollment(id, users))
                    .collect()
            }),
            properties: wanted(AssociationKind::Property).then(|| {
                of(AssociationKind::Property)
                    .map(|(id, users)| property(id, users))
                    .collect()
            }),
        },
    }
}

fn name(users: &[&Association]) -> String {
    users
        .first()
        .map_or_else(String::new, |user| user.user_name.clone())
}

fn enrollment(id: i64, users: &[&Association]) -> truststore::EnrollmentAssociation {
    let slots = |network| {
        let on = users.iter().any(|user| user.network == network);
        on.then_some(id).into_iter().collect()
    };
    truststore::EnrollmentAssociation {
        cn: name(users),
        enrollment_id: id,
        enrollment_link: links::enrollment(id),
        production_slots: slots(Network::Production),
        staging_slots: slots(Network::Staging),
    }
}

fn property(id: i64, users: &[&Association]) -> truststore::PropertyAssociation {
    truststore::PropertyAssociation {
        asset_id: None,
        group_id: None,
        hostnames: users
            .iter()
            .map(|user| truststore::HostnameAssociation {
                host_name: user.hostname.clone(),
                network: network(user.network),
                status: user.status.as_str().to_owned(),
            })
            .collect(),
        property_id: id.to_string(),
        property_link: links::property(id),
        property_name: Some(name(users)),
    }
}
