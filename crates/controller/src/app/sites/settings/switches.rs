//! The switches of a site: TLS, terminate only, mutual TLS with clients (downstream) and with the origin (upstream). Each is set on its own;
//! what they cannot mean together is refused instead of one winning over the other.

use countersign_api::v1::sites::SiteSettings;
use countersign_api::v1::tls::{ClientCertificateMode, HttpsSettings};

use crate::app::input::Problems;

pub(super) fn refuse_contradictions(settings: &SiteSettings, problems: &mut Problems) {
    if settings.plain_http {
        refuse_tls(settings, problems);
    }
    if settings.terminate_only {
        refuse_tls_behind(settings, problems);
    }
}

/// Refuses what has no meaning without TLS.
fn refuse_tls(settings: &SiteSettings, problems: &mut Problems) {
    let clients = settings.mutual_authentication.as_ref();
    let https = settings
        .https
        .is_some_and(|it| it != HttpsSettings::default());
    let told = [
        (
            clients.is_some_and(|clients| clients.mode != ClientCertificateMode::Off),
            "/mutualAuthentication",
            "needs-tls",
            "Downstream mTLS without TLS: clients prove who they are in the TLS handshake, and a site with `plainHttp` has none. Leave `plainHttp` out, or take no client certificates.",
        ),
        (
            settings.origin.client_credential_id.is_some(),
            "/origin/clientCredentialId",
            "needs-tls",
            "Upstream mTLS without TLS: whoever comes over plain HTTP would speak to the origin in the edge's name, and anybody on the way could read and change it. Leave `plainHttp` out, or show the origin no certificate.",
        ),
        (
            settings.terminate_only,
            "/terminateOnly",
            "needs-tls",
            "A site with `plainHttp` has no TLS that could end here; leave `terminateOnly` out, or `plainHttp`.",
        ),
        (
            !settings.edge_certificate_ids.is_empty(),
            "/edgeCertificateIds",
            "needs-tls",
            "A site with `plainHttp` presents no certificate; leave the certificate out, or `plainHttp`.",
        ),
        (
            settings.tls.is_some(),
            "/tls",
            "needs-tls",
            "A site with `plainHttp` speaks no TLS; leave this out, or `plainHttp`.",
        ),
        (
            https,
            "/https",
            "needs-tls",
            "A site with `plainHttp` is nowhere over HTTPS to send clients to; leave this out, or `plainHttp`.",
        ),
        (
            settings.tcp.is_some(),
            "/tcp",
            "needs-http",
            "Bytes are passed on over TLS only; leave `tcp` out, or `plainHttp`.",
        ),
    ];
    add(&told, problems);
}

/// Refuses TLS with the origin where TLS ends at the edge.
fn refuse_tls_behind(settings: &SiteSettings, problems: &mut Problems) {
    let scheme = settings
        .origin
        .url
        .split_once("://")
        .map(|(scheme, _)| scheme);
    let told = [
        (
            matches!(scheme, Some("https" | "tls")),
            "/origin/url",
            "terminate-only",
            "With `terminateOnly` TLS ends at the edge, and this origin wants TLS; write an `http://` (or `tcp://`) URL, or leave `terminateOnly` out.",
        ),
        (
            settings.origin.client_credential_id.is_some(),
            "/origin/clientCredentialId",
            "terminate-only",
            "Upstream mTLS with `terminateOnly`: TLS ends at the edge, so that there is no handshake in which the origin could be shown a certificate. Leave `terminateOnly` out and give the origin an `https://` URL, or show it no certificate.",
        ),
    ];
    add(&told, problems);
}

fn add(told: &[(bool, &str, &str, &str)], problems: &mut Problems) {
    for (_, pointer, code, detail) in told.iter().filter(|(is_told, ..)| *is_told) {
        problems.add(*pointer, code, *detail);
    }
}
