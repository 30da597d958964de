//! What a site can be told about its origin.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use clap::{Args, ValueEnum};
use countersign_api::v1::origins::{
    ConnectionSharing, ForwardedForm, HealthCheck, HealthCheckKind, OriginAddress, OriginProtocol,
};
use countersign_api::v1::sites::{OriginHost, SiteOrigin};
use countersign_api::v1::tls::TlsVersion;

use crate::deployed::concatenate;

/// What a site can be told about its origin. Times are in milliseconds.
#[derive(Debug, Args)]
#[command(next_help_heading = "Origin")]
pub(super) struct OriginOptions {
    /// CA certificates (PEM) that vouch for the origin, or the origin's own certificate; the edge machine's store when absent.
    #[arg(long, value_name = "FILE")]
    origin_ca: Vec<PathBuf>,
    /// The name to verify at the origin; its URL's host when absent.
    #[arg(long, value_name = "NAME")]
    origin_name: Option<String>,
    /// Whether an origin that does not ask for the edge's certificate gets no request.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    origin_must_ask: Option<bool>,
    /// The lowest TLS version to accept of the origin.
    #[arg(long, value_enum, value_name = "VERSION")]
    origin_minimum_tls: Option<Tls>,
    /// Addresses to connect to instead of the URL's host, with their share of the requests. Names are looked up, and all their addresses used.
    #[arg(long, value_name = "HOST[:PORT][=WEIGHT]")]
    origin_address: Vec<Address>,
    /// The host to ask for: `request` for the client's, `origin` for the URL's, or another one.
    #[arg(long, value_name = "HOST")]
    origin_host: Option<String>,
    /// What is spoken: automatic is HTTP/2 for gRPC and HTTP/1.1 for everything else, negotiated what the origin chooses by ALPN.
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    origin_protocol: Option<Protocol>,
    /// Who may use a connection that is open: any request, or those of one client connection only.
    #[arg(long, value_enum, value_name = "WHO")]
    connection_sharing: Option<Sharing>,
    /// For name look-up, TCP connection and TLS handshake together.
    #[arg(long, value_name = "MS")]
    connect_timeout: Option<u64>,
    /// To the head of the answer, from the last part of the request that was passed on.
    #[arg(long, value_name = "MS")]
    first_byte_timeout: Option<u64>,
    /// Between two parts of a body, in whichever direction.
    #[arg(long, value_name = "MS")]
    idle_timeout: Option<u64>,
    /// Which headers tell the origin where a request came from.
    #[arg(long, value_enum, value_name = "FORM")]
    forwarded: Option<Form>,
    /// Client addresses or ranges whose own X-Forwarded-* or Forwarded headers are kept and added to.
    #[arg(long, value_name = "RANGE")]
    trusted_front: Vec<String>,
    /// Ask every address for this path, and leave those out that fail.
    #[arg(long, value_name = "PATH")]
    health_check: Option<String>,
    /// Ask every address about this service, or the whole server, by the health protocol of gRPC.
    #[arg(long, value_name = "SERVICE", num_args = 0..=1, default_missing_value = "", conflicts_with = "health_check")]
    health_check_grpc: Option<String>,
    /// Connect to every address, and leave those out that cannot be connected to.
    #[arg(long, conflicts_with_all = ["health_check", "health_check_grpc"])]
    health_check_tcp: bool,
    /// The host that health checks ask for.
    #[arg(long, value_name = "HOST")]
    health_check_host: Option<String>,
    /// Between two health checks of one address.
    #[arg(long, value_name = "MS")]
    health_check_interval: Option<u64>,
    /// For one health check.
    #[arg(long, value_name = "MS")]
    health_check_timeout: Option<u64>,
    /// The answers to health checks that are good: a status, or a range such as 200-399.
    #[arg(long, value_name = "STATUSES")]
    health_check_statuses: Option<String>,
    /// An address is used again after so many good health checks in a row.
    #[arg(long, value_name = "COUNT")]
    healthy_after: Option<u32>,
    /// An address is left out after so many failed health checks in a row.
    #[arg(long, value_name = "COUNT")]
    unhealthy_after: Option<u32>,
    /// An address is left out for a while after so many failed requests in a row; 0 is never.
    #[arg(long, value_name = "COUNT")]
    eject_after: Option<u32>,
    /// For how long the first time.
    #[arg(long, value_name = "MS")]
    ejection: Option<u64>,
    /// At most so many of a hundred addresses are left out because requests failed.
    #[arg(long, value_name = "PERCENT")]
    max_ejected: Option<u8>,
    /// How often a request is sent again, where that is safe.
    #[arg(long, value_name = "COUNT")]
    retries: Option<u32>,
    /// So many retries per hundred requests, beyond the first ten.
    #[arg(long, value_name = "PERCENT")]
    retry_budget: Option<u32>,
    /// Requests that the origin may have in flight; more are refused.
    #[arg(long, value_name = "COUNT")]
    max_requests: Option<u32>,
    /// Connections to the origin that may be in the making; more are refused.
    #[arg(long, value_name = "COUNT")]
    max_connecting: Option<u32>,
    /// For how long an address that came into use gets less than its share.
    #[arg(long, value_name = "MS")]
    slow_start: Option<u64>,
    /// After which a name is looked up again.
    #[arg(long, value_name = "MS")]
    resolve_every: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Tls {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Protocol {
    Automatic,
    Http1,
    Http2,
    Negotiated,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sharing {
    PerClientConnection,
    Shared,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Both,
    Forwarded,
    None,
    XForwarded,
}

/// `10.0.0.1`, `origin.example:8443`, `[2001:db8::1]:443=2`.
#[derive(Clone, Debug)]
struct Address(OriginAddress);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (place, weight) = match text.rsplit_once('=') {
            None => (text, 1),
            Some((place, weight)) => {
                let weight = weight
                    .parse()
                    .map_err(|_| format!("`{weight}` is no weight: a number"))?;
                (place, weight)
            }
        };
        let (host, port) = match place.rsplit_once(':') {
            // An IPv6 address without brackets has more colons and no port.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let port = port
                    .parse()
                    .map_err(|_| format!("`{port}` is no port: a number up to 65535"))?;
                (host, Some(port))
            }
            _ => (place, None),
        };
        Ok(Self(OriginAddress {
            host: host.to_owned(),
            port,
            weight,
        }))
    }
}

impl OriginOptions {
    /// Changes what is told; what is not told stays.
    pub(super) fn tell(&self, origin: &mut SiteOrigin) -> Result<()> {
        if !self.origin_ca.is_empty() {
            origin.ca_pem = Some(concatenate(&self.origin_ca)?);
        }
        if let Some(name) = &self.origin_name {
            origin.server_name = Some(name.clone());
        }
        set(&mut origin.must_ask, self.origin_must_ask.as_ref());
        if let Some(version) = self.origin_minimum_tls {
            origin.minimum_tls_version = Some(match version {
                Tls::Tls12 => TlsVersion::Tls12,
                Tls::Tls13 => TlsVersion::Tls13,
            });
        }
        if !self.origin_address.is_empty() {
            let addresses = self.origin_address.iter();
            origin.addresses = addresses.map(|address| address.0.clone()).collect();
        }
        if let Some(host) = &self.origin_host {
            origin.host_header = Some(match host.as_str() {
                "origin" => OriginHost::Origin,
                "request" => OriginHost::Request,
                other => OriginHost::Custom(other.to_owned()),
            });
        }
        if let Some(protocol) = self.origin_protocol {
            origin.protocol = Some(match protocol {
                Protocol::Automatic => OriginProtocol::Automatic,
                Protocol::Http1 => OriginProtocol::Http1,
                Protocol::Http2 => OriginProtocol::Http2,
                Protocol::Negotiated => OriginProtocol::Negotiated,
            });
        }
        if let Some(sharing) = self.connection_sharing {
            origin.connection_sharing = Some(match sharing {
                Sharing::PerClientConnection => ConnectionSharing::PerClientConnection,
                Sharing::Shared => ConnectionSharing::Shared,
            });
        }
        self.tell_forwarded(origin);
        self.tell_health(origin);
        self.tell_limits(origin);
        Ok(())
    }

    fn tell_forwarded(&self, origin: &mut SiteOrigin) {
        if self.forwarded.is_none() && self.trusted_front.is_empty() {
            return;
        }
        let forwarded = origin.forwarded_headers.get_or_insert_default();
        if let Some(form) = self.forwarded {
            forwarded.form = match form {
                Form::Both => ForwardedForm::Both,
                Form::Forwarded => ForwardedForm::Forwarded,
                Form::None => ForwardedForm::None,
                Form::XForwarded => ForwardedForm::XForwarded,
            };
        }
        super::replace(&mut forwarded.trusted_fronts, &self.trusted_front);
    }

    fn tell_health(&self, origin: &mut SiteOrigin) {
        let tells_check = self.health_check.is_some()
            || self.health_check_grpc.is_some()
            || self.health_check_tcp
            || self.health_check_host.is_some()
            || self.health_check_interval.is_some()
            || self.health_check_timeout.is_some()
            || self.health_check_statuses.is_some()
            || self.healthy_after.is_some()
            || self.unhealthy_after.is_some();
        if tells_check {
            let check = origin.health_check.get_or_insert_default();
            // What the kind before needed would be refused with another one.
            if let Some(path) = &self.health_check {
                check.kind = HealthCheckKind::Http;
                check.service = None;
                check.path.clone_from(path);
            } else if let Some(service) = &self.health_check_grpc {
                let service = Some(service.clone()).filter(|service| !service.is_empty());
                *check = without_path(check, HealthCheckKind::Grpc, service);
            } else if self.health_check_tcp {
                *check = without_path(check, HealthCheckKind::Tcp, None);
                check.host = None;
            }
            if self.health_check_host.is_some() {
                check.host.clone_from(&self.health_check_host);
            }
            set(&mut check.interval_ms, self.health_check_interval.as_ref());
            set(&mut check.timeout_ms, self.health_check_timeout.as_ref());
            set(
                &mut check.expected_statuses,
                self.health_check_statuses.as_ref(),
            );
            set(&mut check.healthy_after, self.healthy_after.as_ref());
            set(&mut check.unhealthy_after, self.unhealthy_after.as_ref());
        }
        let tells_outliers =
            self.eject_after.is_some() || self.ejection.is_some() || self.max_ejected.is_some();
        if tells_outliers {
            let outliers = origin.outliers.get_or_insert_default();
            set(
                &mut outliers.consecutive_failures,
                self.eject_after.as_ref(),
            );
            set(&mut outliers.ejection_ms, self.ejection.as_ref());
            set(&mut outliers.max_ejected_percent, self.max_ejected.as_ref());
        }
        if self.slow_start.is_some() {
            origin.slow_start_ms = self.slow_start;
        }
        if self.resolve_every.is_some() {
            origin.resolve_every_ms = self.resolve_every;
        }
    }

    fn tell_limits(&self, origin: &mut SiteOrigin) {
        let tells_timeouts = self.connect_timeout.is_some()
            || self.first_byte_timeout.is_some()
            || self.idle_timeout.is_some();
        if tells_timeouts {
            let timeouts = origin.timeouts.get_or_insert_default();
            set(&mut timeouts.connect_ms, self.connect_timeout.as_ref());
            set(
                &mut timeouts.first_byte_ms,
                self.first_byte_timeout.as_ref(),
            );
            set(&mut timeouts.idle_ms, self.idle_timeout.as_ref());
        }
        if self.retries.is_some() || self.retry_budget.is_some() {
            let retries = origin.retries.get_or_insert_default();
            set(&mut retries.attempts, self.retries.as_ref());
            set(&mut retries.budget_percent, self.retry_budget.as_ref());
        }
        if self.max_requests.is_some() || self.max_connecting.is_some() {
            let limits = origin.limits.get_or_insert_default();
            set(&mut limits.requests, self.max_requests.as_ref());
            set(&mut limits.connecting, self.max_connecting.as_ref());
        }
    }
}

fn without_path(
    check: &HealthCheck,
    kind: HealthCheckKind,
    service: Option<String>,
) -> HealthCheck {
    let unsaid = HealthCheck::default();
    HealthCheck {
        kind,
        service,
        path: unsaid.path,
        expected_statuses: unsaid.expected_statuses,
        ..check.clone()
    }
}

fn set<T: Clone>(known: &mut T, told: Option<&T>) {
    if let Some(told) = told {
        known.clone_from(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, host: &str, port: Option<u16>, weight: u16) {
        let Address(address) = text.parse().unwrap();
        let expected = OriginAddress {
            host: host.to_owned(),
            port,
            weight,
        };
        assert_eq!(address, expected, "{text}");
    }

    #[test]
    fn addresses_are_written_with_or_without_port_and_weight() {
        check("10.0.0.1", "10.0.0.1", None, 1);
        check("origin.example:8443", "origin.example", Some(8443), 1);
        check("10.0.0.1:80=3", "10.0.0.1", Some(80), 3);
        check("2001:db8::1", "2001:db8::1", None, 1);
        check("[2001:db8::1]:443=2", "[2001:db8::1]", Some(443), 2);
        assert!("10.0.0.1:http".parse::<Address>().is_err());
        assert!("10.0.0.1=heavy".parse::<Address>().is_err());
    }
}
