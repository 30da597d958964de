//! Appended to the body: how origins are used, for those that are not used in the default way.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DecodeError, milliseconds};
use crate::IpRange;
use crate::model::{
    ConnectionSharing, ForwardedForm, ForwardedHeaders, HealthCheck, HealthCheckKind, Origin,
    OriginAsks, OriginLimits, OriginPolicy, OriginProtocol, Outliers, Retries,
};

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct WireOriginPolicy {
    pub(super) origin: String,
    protocol: WireProtocol,
    sharing: WireSharing,
    forwarded: WireForwarded,
    trusted_fronts: Vec<(IpAddr, u8)>,
    health_check: Option<WireHealthCheck>,
    consecutive_failures: u32,
    ejection_ms: u64,
    max_ejected_percent: u8,
    retry_attempts: u32,
    retry_budget_percent: u32,
    max_requests: u32,
    max_connecting: u32,
    slow_start_ms: u64,
    resolve_every_ms: u64,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireProtocol {
    Automatic,
    Http1,
    Http2,
    Negotiated,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireSharing {
    PerClientConnection,
    Shared,
}

#[derive(Debug, Deserialize, Serialize)]
enum WireForwarded {
    Both,
    Forwarded,
    None,
    XForwarded,
}

#[derive(Debug, Deserialize, Serialize)]
struct WireHealthCheck {
    path: String,
    host: Option<String>,
    interval_ms: u64,
    timeout_ms: u64,
    healthy_after: u32,
    unhealthy_after: u32,
    expected_statuses: (u16, u16),
}

impl WireOriginPolicy {
    /// None when it says nothing: equal snapshots have equal bytes.
    pub(super) fn of(origin: &Origin) -> Option<Self> {
        let policy = &origin.policy;
        // What stands in a section of its own is not said here.
        let said_here = OriginPolicy {
            asks: OriginAsks::default(),
            ..policy.clone()
        };
        (said_here != OriginPolicy::default()).then(|| Self {
            origin: origin.id.to_string(),
            protocol: match policy.protocol {
                OriginProtocol::Automatic => WireProtocol::Automatic,
                OriginProtocol::Http1 => WireProtocol::Http1,
                OriginProtocol::Http2 => WireProtocol::Http2,
                OriginProtocol::Negotiated => WireProtocol::Negotiated,
            },
            sharing: match policy.sharing {
                ConnectionSharing::PerClientConnection => WireSharing::PerClientConnection,
                ConnectionSharing::Shared => WireSharing::Shared,
            },
            forwarded: match policy.forwarded.form {
                ForwardedForm::Both => WireForwarded::Both,
                ForwardedForm::Forwarded => WireForwarded::Forwarded,
                ForwardedForm::None => WireForwarded::None,
                ForwardedForm::XForwarded => WireForwarded::XForwarded,
            },
            trusted_fronts: policy
                .forwarded
                .trusted_fronts
                .iter()
                .map(|range| (range.first(), range.prefix()))
                .collect(),
            health_check: policy.health_check.as_ref().map(Into::into),
            consecutive_failures: policy.outliers.consecutive_failures,
            ejection_ms: milliseconds(policy.outliers.ejection),
            max_ejected_percent: policy.outliers.max_ejected_percent,
            retry_attempts: policy.retries.attempts,
            retry_budget_percent: policy.retries.budget_percent,
            max_requests: policy.limits.requests,
            max_connecting: policy.limits.connecting,
            slow_start_ms: milliseconds(policy.slow_start),
            resolve_every_ms: milliseconds(policy.resolve_every),
        })
    }

    pub(super) fn read(self) -> Result<OriginPolicy, DecodeError> {
        let range = |(first, prefix)| IpRange::new(first, prefix);
        Ok(OriginPolicy {
            protocol: match self.protocol {
                WireProtocol::Automatic => OriginProtocol::Automatic,
                WireProtocol::Http1 => OriginProtocol::Http1,
                WireProtocol::Http2 => OriginProtocol::Http2,
                WireProtocol::Negotiated => OriginProtocol::Negotiated,
            },
            asks: OriginAsks::default(),
            sharing: match self.sharing {
                WireSharing::PerClientConnection => ConnectionSharing::PerClientConnection,
                WireSharing::Shared => ConnectionSharing::Shared,
            },
            forwarded: ForwardedHeaders {
                form: match self.forwarded {
                    WireForwarded::Both => ForwardedForm::Both,
                    WireForwarded::Forwarded => ForwardedForm::Forwarded,
                    WireForwarded::None => ForwardedForm::None,
                    WireForwarded::XForwarded => ForwardedForm::XForwarded,
                },
                trusted_fronts: self
                    .trusted_fronts
                    .into_iter()
                    .map(range)
                    .collect::<Result<_, _>>()
                    .map_err(|_| DecodeError::Structure)?,
            },
            health_check: self.health_check.map(Into::into),
            outliers: Outliers {
                consecutive_failures: self.consecutive_failures,
                ejection: Duration::from_millis(self.ejection_ms),
                max_ejected_percent: self.max_ejected_percent,
            },
            retries: Retries {
                attempts: self.retry_attempts,
                budget_percent: self.retry_budget_percent,
            },
            limits: OriginLimits {
                requests: self.max_requests,
                connecting: self.max_connecting,
            },
            slow_start: Duration::from_millis(self.slow_start_ms),
            resolve_every: Duration::from_millis(self.resolve_every_ms),
        })
    }
}

impl From<&HealthCheck> for WireHealthCheck {
    fn from(check: &HealthCheck) -> Self {
        Self {
            path: check.path.clone(),
            host: check.host.clone(),
            interval_ms: milliseconds(check.interval),
            timeout_ms: milliseconds(check.timeout),
            healthy_after: check.healthy_after,
            unhealthy_after: check.unhealthy_after,
            expected_statuses: check.expected_statuses,
        }
    }
}

impl From<WireHealthCheck> for HealthCheck {
    fn from(wire: WireHealthCheck) -> Self {
        Self {
            kind: HealthCheckKind::default(),
            path: wire.path,
            host: wire.host,
            interval: Duration::from_millis(wire.interval_ms),
            timeout: Duration::from_millis(wire.timeout_ms),
            healthy_after: wire.healthy_after,
            unhealthy_after: wire.unhealthy_after,
            expected_statuses: wire.expected_statuses,
        }
    }
}
