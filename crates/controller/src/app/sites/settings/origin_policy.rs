//! How an origin's addresses and connections are used, as people write it.

use std::time::Duration;

use countersign_api::v1::origins::{
    ConnectionSharing as WireSharing, ForwardedForm as WireForm, OriginAddress,
    OriginProtocol as WireProtocol, OriginTimeouts as WireTimeouts,
};
use countersign_api::v1::sites::SiteOrigin;
use countersign_snapshot::{
    ConnectionSharing, Endpoint, ForwardedForm, ForwardedHeaders, HostHeader, OriginAsks,
    OriginLimits, OriginPolicy, OriginProtocol, OriginTimeouts, Outliers, Retries, ServerName,
};

use crate::app::input::{Problems, short};

mod health_check;

const ADDRESSES_MAX: usize = 64;
const FRONTS_MAX: usize = 64;
const WEIGHT_MAX: u16 = 1_000;
const ATTEMPTS_MAX: u32 = 5;
/// A day: who wants to wait longer wants no limit.
const MILLISECONDS_MAX: u64 = 24 * 3600 * 1000;

/// Where to connect to, and the host of the URL where that is another.
pub(super) struct Where {
    pub(super) endpoints: Vec<Endpoint>,
    /// Set when the addresses stand beside the URL: its host is still the one that is verified and asked for.
    pub(super) host: Option<String>,
}

/// The addresses, or that of the URL when there are none.
pub(super) fn endpoints(
    settings: &SiteOrigin,
    host: String,
    port: u16,
    problems: &mut Problems,
) -> Where {
    if settings.addresses.is_empty() {
        let endpoints = vec![Endpoint {
            host,
            port,
            weight: 1,
        }];
        return Where {
            endpoints,
            host: None,
        };
    }
    if settings.addresses.len() > ADDRESSES_MAX {
        problems.add(
            "/origin/addresses",
            "too-many-addresses",
            format!("{ADDRESSES_MAX} addresses are the most."),
        );
    }
    if settings.addresses.iter().all(|address| address.weight == 0) {
        problems.add(
            "/origin/addresses",
            "no-address-with-weight",
            "Every address has the weight 0, so that none could ever be chosen.",
        );
    }
    let endpoints = settings
        .addresses
        .iter()
        .enumerate()
        .map(|(index, address)| endpoint(index, address, port, problems))
        .collect();
    Where {
        endpoints,
        host: Some(host),
    }
}

fn endpoint(index: usize, address: &OriginAddress, port: u16, problems: &mut Problems) -> Endpoint {
    let host = address
        .host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_ascii_lowercase();
    let is_host = ServerName::new(&host).is_ok() || host.parse::<std::net::IpAddr>().is_ok();
    if !is_host {
        problems.add(
            format!("/origin/addresses/{index}/host"),
            "invalid-address",
            format!(
                "`{}` is neither a DNS name nor an IP address.",
                short(&address.host)
            ),
        );
    }
    if address.port == Some(0) {
        problems.add(
            format!("/origin/addresses/{index}/port"),
            "invalid-port",
            "A port is a number from 1 to 65535.",
        );
    }
    if address.weight > WEIGHT_MAX {
        problems.add(
            format!("/origin/addresses/{index}/weight"),
            "invalid-weight",
            format!("A weight is a number from 0 to {WEIGHT_MAX}."),
        );
    }
    Endpoint {
        host,
        port: address.port.unwrap_or(port),
        weight: address.weight,
    }
}

/// The `Host` of the URL, for origins whose addresses stand beside it.
pub(super) fn host_of_url(header: HostHeader, host: Option<&str>, authority: &str) -> HostHeader {
    match (header, host) {
        (HostHeader::Origin, Some(_)) => HostHeader::Custom(authority.to_owned()),
        (header, _) => header,
    }
}

pub(super) fn timeouts(settings: &SiteOrigin, problems: &mut Problems) -> OriginTimeouts {
    let wire = settings.timeouts.unwrap_or_default();
    let WireTimeouts {
        connect_ms,
        first_byte_ms,
        idle_ms,
    } = wire;
    OriginTimeouts {
        connect: time(connect_ms, "timeouts/connectMs", problems),
        first_byte: time(first_byte_ms, "timeouts/firstByteMs", problems),
        idle: time(idle_ms, "timeouts/idleMs", problems),
    }
}

pub(super) fn policy(settings: &SiteOrigin, is_tcp: bool, problems: &mut Problems) -> OriginPolicy {
    if is_tcp {
        refuse_http(settings, problems);
    }
    let default = OriginPolicy::default();
    OriginPolicy {
        protocol: match settings.protocol {
            None | Some(WireProtocol::Automatic) => OriginProtocol::Automatic,
            Some(WireProtocol::Http1) => OriginProtocol::Http1,
            Some(WireProtocol::Http2) => OriginProtocol::Http2,
            Some(WireProtocol::Negotiated) => OriginProtocol::Negotiated,
        },
        asks: if settings.must_ask {
            OriginAsks::Always
        } else {
            OriginAsks::Maybe
        },
        sharing: match settings.connection_sharing {
            Some(WireSharing::PerClientConnection) => ConnectionSharing::PerClientConnection,
            None | Some(WireSharing::Shared) => ConnectionSharing::Shared,
        },
        forwarded: forwarded(settings, problems),
        health_check: settings
            .health_check
            .as_ref()
            .map(|check| health_check::checked(check, settings, is_tcp, problems)),
        outliers: outliers(settings, problems),
        retries: retries(settings, problems),
        limits: limits(settings, problems),
        slow_start: settings
            .slow_start_ms
            .map_or(default.slow_start, |milliseconds| {
                at_most_a_day(milliseconds, "slowStartMs", problems)
            }),
        resolve_every: settings
            .resolve_every_ms
            .map_or(default.resolve_every, |milliseconds| {
                time(milliseconds, "resolveEveryMs", problems)
            }),
    }
}

fn refuse_http(settings: &SiteOrigin, problems: &mut Problems) {
    for (is_set, field) in [
        (settings.protocol.is_some(), "protocol"),
        (settings.connection_sharing.is_some(), "connectionSharing"),
        (settings.forwarded_headers.is_some(), "forwardedHeaders"),
        (settings.retries.is_some(), "retries"),
    ] {
        if is_set {
            problems.add(
                format!("/origin/{field}"),
                "needs-http",
                "A site with `tcp` passes bytes on and knows no requests; leave this out, or make an HTTP site.",
            );
        }
    }
}

fn forwarded(settings: &SiteOrigin, problems: &mut Problems) -> ForwardedHeaders {
    let wire = settings.forwarded_headers.clone().unwrap_or_default();
    if wire.trusted_fronts.len() > FRONTS_MAX {
        problems.add(
            "/origin/forwardedHeaders/trustedFronts",
            "too-many-fronts",
            format!("{FRONTS_MAX} addresses and ranges are the most."),
        );
    }
    let mut trusted_fronts = Vec::with_capacity(wire.trusted_fronts.len());
    for (index, text) in wire.trusted_fronts.iter().enumerate() {
        match text.parse() {
            Ok(range) => trusted_fronts.push(range),
            Err(error) => problems.add(
                format!("/origin/forwardedHeaders/trustedFronts/{index}"),
                "invalid-ip-range",
                format!(
                    "`{}` is no address and no range such as `10.0.0.0/8`: {error}.",
                    short(text)
                ),
            ),
        }
    }
    ForwardedHeaders {
        form: match wire.form {
            WireForm::Both => ForwardedForm::Both,
            WireForm::Forwarded => ForwardedForm::Forwarded,
            WireForm::None => ForwardedForm::None,
            WireForm::XForwarded => ForwardedForm::XForwarded,
        },
        trusted_fronts,
    }
}

fn outliers(settings: &SiteOrigin, problems: &mut Problems) -> Outliers {
    let wire = settings.outliers.unwrap_or_default();
    if wire.max_ejected_percent > 100 {
        problems.add(
            "/origin/outliers/maxEjectedPercent",
            "invalid-percent",
            "A percentage is a number from 0 to 100.",
        );
    }
    Outliers {
        consecutive_failures: wire.consecutive_failures,
        ejection: time(wire.ejection_ms, "outliers/ejectionMs", problems),
        max_ejected_percent: wire.max_ejected_percent,
    }
}

fn retries(settings: &SiteOrigin, problems: &mut Problems) -> Retries {
    let wire = settings.retries.unwrap_or_default();
    if wire.attempts > ATTEMPTS_MAX {
        problems.add(
            "/origin/retries/attempts",
            "too-many-attempts",
            format!("{ATTEMPTS_MAX} retries are the most; what fails so often fails."),
        );
    }
    if wire.budget_percent > 100 {
        problems.add(
            "/origin/retries/budgetPercent",
            "invalid-percent",
            "A percentage is a number from 0 to 100.",
        );
    }
    Retries {
        attempts: wire.attempts,
        budget_percent: wire.budget_percent,
    }
}

fn limits(settings: &SiteOrigin, problems: &mut Problems) -> OriginLimits {
    let wire = settings.limits.unwrap_or_default();
    for (limit, field) in [(wire.requests, "requests"), (wire.connecting, "connecting")] {
        if limit == 0 {
            problems.add(
                format!("/origin/limits/{field}"),
                "invalid-limit",
                "A limit of 0 would refuse every request.",
            );
        }
    }
    OriginLimits {
        requests: wire.requests,
        connecting: wire.connecting,
    }
}

/// Refuses what cannot be asked for as host.
pub(super) fn check_authority(host: &str, pointer: &str, problems: &mut Problems) {
    let is_authority = host
        .parse::<http::uri::Authority>()
        .is_ok_and(|authority| !authority.as_str().contains('@'));
    if !is_authority {
        problems.add(
            pointer,
            "invalid-host-header",
            format!("`{}` is no host with or without a port.", short(host)),
        );
    }
}

fn time(milliseconds: u64, field: &str, problems: &mut Problems) -> Duration {
    if milliseconds == 0 {
        problems.add(
            format!("/origin/{field}"),
            "invalid-milliseconds",
            format!("0 is not a number of milliseconds from 1 to {MILLISECONDS_MAX}."),
        );
    }
    at_most_a_day(milliseconds, field, problems)
}

fn at_most_a_day(milliseconds: u64, field: &str, problems: &mut Problems) -> Duration {
    if milliseconds > MILLISECONDS_MAX {
        problems.add(
            format!("/origin/{field}"),
            "invalid-milliseconds",
            format!("{milliseconds} milliseconds are more than {MILLISECONDS_MAX}, a day."),
        );
    }
    Duration::from_millis(milliseconds)
}
