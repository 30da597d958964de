//! Sites that pass bytes on. What is about requests has no meaning there, and is refused instead of ignored.

use std::time::Duration;

use countersign_api::v1::sites::{ProxyProtocol as WireProxyProtocol, SiteSettings, TcpSettings};
use countersign_api::v1::tls::{HttpVersions, HttpsSettings};
use countersign_snapshot::{ProxyProtocol, Service, TcpService};

use crate::app::input::{Problems, short};

const ALPN_MAX: usize = 16;
/// A week; nobody waits longer for a byte.
const IDLE_MAX_SECONDS: u32 = 7 * 24 * 3600;

pub(super) fn service(
    settings: &SiteSettings,
    tcp: &TcpSettings,
    problems: &mut Problems,
) -> Service {
    refuse_http(settings, problems);
    if !(1..=IDLE_MAX_SECONDS).contains(&tcp.idle_seconds) {
        problems.add(
            "/tcp/idleSeconds",
            "invalid-idle-seconds",
            format!(
                "{} is not a number of seconds from 1 to {IDLE_MAX_SECONDS}.",
                tcp.idle_seconds
            ),
        );
    }
    if tcp.alpn.len() > ALPN_MAX {
        problems.add(
            "/tcp/alpn",
            "too-many-alpn-protocols",
            format!("{ALPN_MAX} protocols are the most."),
        );
    }
    for (index, name) in tcp.alpn.iter().enumerate() {
        let is_good =
            (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_good {
            problems.add(
                format!("/tcp/alpn/{index}"),
                "invalid-alpn-protocol",
                format!("`{}` cannot be an ALPN protocol: 1 to 255 visible ASCII characters, such as `postgresql`.", short(name)),
            );
        }
    }
    Service::Tcp(TcpService {
        proxy_protocol: match tcp.proxy_protocol {
            WireProxyProtocol::Off => ProxyProtocol::Off,
            WireProxyProtocol::V1 => ProxyProtocol::V1,
            WireProxyProtocol::V2 => ProxyProtocol::V2,
            WireProxyProtocol::V2Certificate => ProxyProtocol::V2WithCertificate,
        },
        idle: Duration::from_secs(tcp.idle_seconds.into()),
        alpn: tcp.alpn.clone(),
    })
}

fn refuse_http(settings: &SiteSettings, problems: &mut Problems) {
    const NO_PATHS: &str = "A site with `tcp` passes bytes on and sees no paths; leave this out, or make an HTTP site.";
    let clients = settings.mutual_authentication.as_ref();
    let has_open_paths = clients.is_some_and(|clients| !clients.open_paths.is_empty());
    let has_certificate_paths =
        clients.is_some_and(|clients| !clients.certificate_paths.is_empty());
    for (has_paths, pointer) in [
        (!settings.denied_paths.is_empty(), "/deniedPaths"),
        (has_open_paths, "/mutualAuthentication/openPaths"),
        (
            has_certificate_paths,
            "/mutualAuthentication/certificatePaths",
        ),
    ] {
        if has_paths {
            problems.add(pointer, "needs-http", NO_PATHS);
        }
    }
    if !settings.forward_identity.is_empty() {
        problems.add(
            "/forwardIdentity",
            "needs-http",
            "A site with `tcp` has no headers to forward an identity in; tell the origin who the client is with `tcp.proxyProtocol`: `v2` or `v2Certificate`.",
        );
    }
    if settings.sign_requests {
        problems.add(
            "/signRequests",
            "needs-http",
            "A site with `tcp` has no requests to sign; leave this out.",
        );
    }
    if settings.origin.host_header.is_some() {
        problems.add(
            "/origin/hostHeader",
            "needs-http",
            "A site with `tcp` sends no Host header to its origin; leave this out.",
        );
    }
    if settings
        .https
        .is_some_and(|https| https != HttpsSettings::default())
    {
        problems.add(
            "/https",
            "needs-http",
            "A site with `tcp` speaks no HTTP to say this in; leave it out.",
        );
    }
    let http = settings
        .tls
        .map_or(HttpVersions::Http1AndHttp2, |tls| tls.http_versions);
    if http != HttpVersions::Http1AndHttp2 {
        problems.add(
            "/tls/httpVersions",
            "needs-http",
            "A site with `tcp` speaks no HTTP; leave this out, and name application protocols in `tcp.alpn` where clients need one.",
        );
    }
}
