//! How an origin is asked for its health, as people write it.

use countersign_api::v1::origins::{
    HealthCheck as WireHealthCheck, HealthCheckKind as WireKind, OriginProtocol as WireProtocol,
};
use countersign_api::v1::sites::SiteOrigin;
use countersign_snapshot::{HealthCheck, HealthCheckKind};

use super::{check_authority, time};
use crate::app::input::{Problems, short};

const SERVICE_MAX: usize = 255;

pub(super) fn checked(
    wire: &WireHealthCheck,
    origin: &SiteOrigin,
    is_tcp: bool,
    problems: &mut Problems,
) -> HealthCheck {
    let kind = kind(wire, origin, is_tcp, problems);
    if kind != HealthCheckKind::Http {
        refuse_http(wire, problems);
    }
    let is_path = wire.path.starts_with('/')
        && wire.path.len() <= 1_024
        && wire.path.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_path {
        problems.add(
            "/origin/healthCheck/path",
            "invalid-path",
            format!(
                "`{}` cannot be asked for: a path begins with `/`, and has no blanks and no characters outside ASCII.",
                short(&wire.path)
            ),
        );
    }
    if let Some(host) = &wire.host {
        check_authority(host, "/origin/healthCheck/host", problems);
    }
    for (count, field) in [
        (wire.healthy_after, "healthyAfter"),
        (wire.unhealthy_after, "unhealthyAfter"),
    ] {
        if !(1..=100).contains(&count) {
            problems.add(
                format!("/origin/healthCheck/{field}"),
                "invalid-count",
                format!("{count} is not a number of answers from 1 to 100."),
            );
        }
    }
    HealthCheck {
        kind,
        path: wire.path.clone(),
        host: wire.host.clone(),
        interval: time(wire.interval_ms, "healthCheck/intervalMs", problems),
        timeout: time(wire.timeout_ms, "healthCheck/timeoutMs", problems),
        healthy_after: wire.healthy_after,
        unhealthy_after: wire.unhealthy_after,
        expected_statuses: statuses(&wire.expected_statuses).unwrap_or_else(|| {
            problems.add(
                "/origin/healthCheck/expectedStatuses",
                "invalid-statuses",
                format!(
                    "`{}` is no status such as `200` and no range such as `200-399`.",
                    short(&wire.expected_statuses)
                ),
            );
            (200, 399)
        }),
    }
}

fn statuses(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let status = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|status| (100..600).contains(status))
    };
    let (first, last) = (status(first)?, status(last)?);
    (first <= last).then_some((first, last))
}

fn kind(
    wire: &WireHealthCheck,
    origin: &SiteOrigin,
    is_tcp: bool,
    problems: &mut Problems,
) -> HealthCheckKind {
    if is_tcp && wire.kind != WireKind::Tcp {
        problems.add(
            "/origin/healthCheck/kind",
            "needs-http",
            "A site with `tcp` passes bytes on, and its origin can be asked for a connection only: `tcp`.",
        );
    }
    if let Some(service) = &wire.service {
        let is_name =
            service.len() <= SERVICE_MAX && service.bytes().all(|byte| byte.is_ascii_graphic());
        if wire.kind != WireKind::Grpc {
            problems.add(
                "/origin/healthCheck/service",
                "needs-grpc-check",
                "Only a health check of the kind `grpc` asks about a service.",
            );
        } else if !is_name {
            problems.add(
                "/origin/healthCheck/service",
                "invalid-service",
                format!(
                    "`{}` cannot be the name of a service: at most {SERVICE_MAX} visible ASCII characters, such as `package.Service`.",
                    short(service)
                ),
            );
        }
    }
    match wire.kind {
        WireKind::Grpc => {
            if origin.protocol == Some(WireProtocol::Http1) {
                problems.add(
                    "/origin/healthCheck/kind",
                    "needs-http2",
                    "gRPC is HTTP/2, and `protocol` says that the origin speaks HTTP/1.1 only.",
                );
            }
            HealthCheckKind::Grpc {
                service: wire.service.clone().unwrap_or_default(),
            }
        }
        WireKind::Http => HealthCheckKind::Http,
        WireKind::Tcp => HealthCheckKind::Tcp,
    }
}

/// What only a request has is refused instead of ignored.
fn refuse_http(wire: &WireHealthCheck, problems: &mut Problems) {
    let unsaid = WireHealthCheck::default();
    for (is_set, field) in [
        (wire.path != unsaid.path, "path"),
        (
            wire.expected_statuses != unsaid.expected_statuses,
            "expectedStatuses",
        ),
        (wire.host.is_some() && wire.kind == WireKind::Tcp, "host"),
    ] {
        if is_set {
            problems.add(
                format!("/origin/healthCheck/{field}"),
                "needs-http-check",
                "A health check of this kind does not use this; leave it out.",
            );
        }
    }
}
