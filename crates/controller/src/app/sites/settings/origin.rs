//! Where requests go: the origin's address, its TLS, and what it is shown.

use countersign_api::v1::sites::{OriginHost, SiteOrigin};
use countersign_api::v1::tls::TlsVersion as WireTlsVersion;
use countersign_snapshot::{
    HostHeader, Origin, OriginScheme, OriginTls, OriginTrust, ServerName, TlsVersion,
};
use countersign_trust::parse_bundle;

use super::origin_policy;
use crate::app::ErrorItem;
use crate::app::compile::made_id;
use crate::app::input::{Problems, short};
use crate::model::{CredentialId, CredentialReference};

/// What an origin is shown.
pub(crate) fn credential_of(origin: &Origin) -> Option<CredentialReference> {
    let tls = match &origin.scheme {
        OriginScheme::Https(tls) | OriginScheme::Tls(tls) => tls,
        _ => return None,
    };
    CredentialReference::from_text(tls.client_credential.as_ref()?.as_str())
}

/// An origin that stands beside a rule tree, under an id that its owner gives it; problems have pointers below `/origin`.
///
/// # Errors
/// Every problem found.
pub(crate) fn checked_origin(settings: &SiteOrigin) -> Result<Origin, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let origin = origin(settings, false, &mut problems);
    problems.or(origin)
}

pub(super) fn origin(settings: &SiteOrigin, is_tcp: bool, problems: &mut Problems) -> Origin {
    let (is_tls, host, port) = origin_url(&settings.url, is_tcp).unwrap_or_else(|detail| {
        problems.add("/origin/url", "invalid-origin-url", detail);
        (true, String::new(), 0)
    });
    if !is_tls {
        refuse_tls(settings, is_tcp, problems);
    }
    if settings.must_ask && settings.client_credential_id.is_none() {
        problems.add(
            "/origin/mustAsk",
            "needs-client-credential",
            "There is no certificate that the origin could ask for; name one in `clientCredentialId`, or leave this out.",
        );
    }
    let is_name =
        |name: &str| ServerName::new(name).is_ok() || name.parse::<std::net::IpAddr>().is_ok();
    if let Some(name) = settings
        .server_name
        .as_deref()
        .filter(|name| !is_name(name))
    {
        problems.add(
            "/origin/serverName",
            "invalid-server-name",
            format!("`{}` is neither a DNS name nor an IP address.", short(name)),
        );
    }
    let trust = settings
        .ca_pem
        .as_deref()
        .map_or(OriginTrust::System, |pem| {
            OriginTrust::Bundle(match parse_bundle(pem.as_bytes()) {
                Ok(bundle) => bundle
                    .certificates
                    .iter()
                    .map(|entry| entry.certificate.der().to_vec())
                    .collect(),
                Err(error) => {
                    problems.add("/origin/caPem", "invalid-origin-ca", format!("{error}."));
                    Vec::new()
                }
            })
        });
    let credential = settings.client_credential_id.as_deref().and_then(|text| {
        let id = CredentialId::from_text(text);
        if id.is_none() {
            problems.add(
                "/origin/clientCredentialId",
                "invalid-client-credential",
                format!("`{}` is no id of a client credential.", short(text)),
            );
        }
        id
    });
    let authority = authority_of(&settings.url);
    let place = origin_policy::endpoints(settings, host, port, problems);
    let tls = || OriginTls {
        trust: trust.clone(),
        server_name: settings.server_name.clone().or_else(|| place.host.clone()),
        minimum_version: match settings.minimum_tls_version {
            None | Some(WireTlsVersion::Tls12) => TlsVersion::Tls12,
            Some(WireTlsVersion::Tls13) => TlsVersion::Tls13,
        },
        client_credential: credential.map(|id| made_id("client-credential", id)),
    };
    let host_header = host_header(settings.host_header.as_ref(), problems);
    Origin {
        id: made_id("site", 0),
        scheme: match (is_tls, is_tcp) {
            (true, false) => OriginScheme::Https(tls()),
            (true, true) => OriginScheme::Tls(tls()),
            (false, false) => OriginScheme::Http,
            (false, true) => OriginScheme::Tcp,
        },
        host_header: origin_policy::host_of_url(host_header, place.host.as_deref(), authority),
        endpoints: place.endpoints,
        timeouts: origin_policy::timeouts(settings, problems),
        policy: origin_policy::policy(settings, is_tcp, problems),
    }
}

/// Refuses what an origin without TLS has no use for.
fn refuse_tls(settings: &SiteOrigin, is_tcp: bool, problems: &mut Problems) {
    let scheme = if is_tcp { "tls" } else { "https" };
    let verified = format!(
        "Only an origin with `{scheme}://` has a certificate that could be verified; write its URL so, or leave this out."
    );
    let shown = format!(
        "Upstream mTLS needs an origin with TLS: a certificate is shown in its handshake. Write the origin's URL with `{scheme}://`, or show it no certificate."
    );
    for (is_set, field, detail) in [
        (settings.ca_pem.is_some(), "caPem", &verified),
        (settings.server_name.is_some(), "serverName", &verified),
        (
            settings.minimum_tls_version.is_some(),
            "minimumTlsVersion",
            &verified,
        ),
        (
            settings.client_credential_id.is_some(),
            "clientCredentialId",
            &shown,
        ),
        (settings.must_ask, "mustAsk", &shown),
    ] {
        if is_set {
            let pointer = format!("/origin/{field}");
            problems.add(pointer, "needs-https-origin", detail);
        }
    }
}

/// Host and port as they stand in a URL.
fn authority_of(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    behind.split('/').next().unwrap_or_default()
}

fn host_header(setting: Option<&OriginHost>, problems: &mut Problems) -> HostHeader {
    match setting {
        None | Some(OriginHost::Request) => HostHeader::Request,
        Some(OriginHost::Origin) => HostHeader::Origin,
        Some(OriginHost::Custom(host)) => {
            origin_policy::check_authority(host, "/origin/hostHeader/custom", problems);
            HostHeader::Custom(host.clone())
        }
    }
}

/// Whether it is TLS, the host without brackets, the port.
fn origin_url(text: &str, is_tcp: bool) -> Result<(bool, String, u16), String> {
    let shape = || {
        let form = if is_tcp {
            "`tcp://host:port` or `tls://host:port`"
        } else {
            "`https://host[:port]` or `http://host[:port]`"
        };
        format!(
            "`{}` is no origin URL; write {form}, without a path.",
            short(text)
        )
    };
    let uri: http::Uri = text.parse().map_err(|_| shape())?;
    let is_tls = match (uri.scheme_str(), is_tcp) {
        (Some("https"), false) | (Some("tls"), true) => true,
        (Some("http"), false) | (Some("tcp"), true) => false,
        _ => return Err(shape()),
    };
    let authority = uri.authority().ok_or_else(shape)?;
    let path_is_empty = matches!(uri.path(), "" | "/") && uri.query().is_none();
    if !path_is_empty || authority.as_str().contains('@') || text.contains('#') {
        return Err(shape());
    }
    let port = match (authority.port_u16(), authority.port()) {
        (Some(0), _) => return Err(shape()),
        (Some(port), _) => port,
        // A port that is no number has been refused with the URL.
        // A service that passes bytes on has no port of its own.
        (None, _) if is_tcp => return Err(shape()),
        (None, _) if is_tls => 443,
        (None, _) => 80,
    };
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let is_host = ServerName::new(host).is_ok() || host.parse::<std::net::IpAddr>().is_ok();
    if !is_host {
        return Err(shape());
    }
    Ok((is_tls, host.to_ascii_lowercase(), port))
}
