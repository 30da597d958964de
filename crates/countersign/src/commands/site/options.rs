//! What a site can be told, the same for `create` and `update`.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use countersign_api::Client;
use countersign_api::v1::Network as WireNetwork;
use countersign_api::v1::sites::{Enforcement, ProxyProtocol, SiteInput, SiteSettings};
use countersign_api::v1::tls::{ClientCertificateMode, HttpVersions};

use crate::ca_set::{Network, find};
use crate::commands::https::HttpsOptions;
use crate::deployed::{concatenate, upload};
use origin::OriginOptions;
use upstream::UpstreamOptions;

mod origin;
mod upstream;

/// What a site can be told.
#[derive(Debug, Args)]
pub(crate) struct SiteOptions {
    /// CA certificates (PEM) whose clients may come in; kept in a CA set of the site's own.
    #[arg(long, value_name = "FILE")]
    client_ca: Vec<PathBuf>,
    /// CA sets whose clients may come in, by name or id.
    #[arg(long, value_name = "SET")]
    ca_set: Vec<String>,
    /// The server certificate with its intermediates, PEM.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Edge certificates to present, by id, best first.
    #[arg(long, value_name = "ID", conflicts_with = "certificate")]
    edge_certificate: Vec<String>,
    /// Ask for a certificate in the handshake and decide per request, or fail the handshake without a valid one.
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Refuse clients without a valid certificate, or let them through and say so in the log.
    #[arg(long, value_enum)]
    enforcement: Option<Enforce>,
    /// Paths that need no certificate, such as /health or /open/*.
    #[arg(long, value_name = "PATTERN")]
    open_path: Vec<String>,
    /// Paths that nobody reaches.
    #[arg(long, value_name = "PATTERN")]
    denied_path: Vec<String>,
    /// How the origin learns who the client is: RFC9440, AKAMAI_CC_DER, CLIENT_TO_EDGE, XFCC, ALB or NGINX.
    #[arg(long, value_name = "FORM")]
    forward_identity: Vec<String>,
    /// Sign requests on their way to the origin, with everything that they say about the client (RFC 9421).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", conflicts_with = "tcp")]
    sign_requests: Option<bool>,
    /// The HTTP versions to offer; `http1-to-http3` tells clients of HTTP/3, which many cannot present a certificate over.
    #[arg(long, value_enum, value_name = "VERSIONS", conflicts_with = "tcp")]
    http_versions: Option<Http>,
    /// Serve without TLS, where the edge listens for HTTP (`listen_http`), and nowhere else.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    plain_http: Option<bool>,
    /// End TLS at the edge: the origin is reached without it, and cannot be shown a certificate.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    terminate_only: Option<bool>,
    #[command(flatten)]
    https: HttpsOptions,
    /// Pass the bytes of connections on as they are, instead of speaking HTTP. Unless --mode says otherwise, the handshake fails without
    /// a valid certificate.
    #[arg(long)]
    tcp: bool,
    /// How a TCP origin learns who the client is.
    #[arg(long, value_enum, value_name = "VERSION")]
    proxy_protocol: Option<Proxy>,
    /// Seconds without a byte, after which a TCP connection is closed.
    #[arg(long, value_name = "SECONDS")]
    idle_seconds: Option<u32>,
    /// Application protocols of a TCP site to agree to by ALPN, best first, such as postgresql.
    #[arg(long, value_name = "PROTOCOL")]
    alpn: Vec<String>,
    /// Where to deploy at once.
    #[arg(long, value_enum, value_name = "NETWORK", value_delimiter = ',')]
    deploy: Option<Vec<Deploy>>,
    #[command(flatten)]
    upstream: UpstreamOptions,
    #[command(flatten)]
    origin: OriginOptions,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    Off,
    Request,
    Require,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Http {
    #[value(name = "http1")]
    One,
    #[value(name = "http1-and-http2")]
    OneAndTwo,
    #[value(name = "http1-to-http3")]
    OneToThree,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Proxy {
    Off,
    V1,
    V2,
    V2Certificate,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Enforce {
    Deny,
    Record,
}

/// Where to deploy.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Deploy {
    None,
    Production,
    Staging,
}

impl SiteOptions {
    /// A request out of what is known and what is told; what is not told stays.
    pub(super) async fn request(
        &self,
        client: &Client,
        mut settings: SiteSettings,
        networks: Vec<WireNetwork>,
    ) -> Result<SiteInput> {
        let mut ca_sets = Vec::new();
        for set in &self.ca_set {
            ca_sets.push(find::ca_set(client, set).await?.ca_set_id);
        }
        let tells_about_clients = !ca_sets.is_empty()
            || self.mode.is_some()
            || self.enforcement.is_some()
            || !self.open_path.is_empty()
            || !self.client_ca.is_empty();
        if tells_about_clients {
            let clients = settings.mutual_authentication.get_or_insert_default();
            replace(&mut clients.ca_set_ids, &ca_sets);
            replace(&mut clients.open_paths, &self.open_path);
            if let Some(mode) = self.mode {
                clients.mode = match mode {
                    Mode::Off => ClientCertificateMode::Off,
                    Mode::Request => ClientCertificateMode::Request,
                    Mode::Require => ClientCertificateMode::Require,
                };
            }
            if let Some(enforcement) = self.enforcement {
                clients.enforcement = match enforcement {
                    Enforce::Deny => Enforcement::Deny,
                    Enforce::Record => Enforcement::Record,
                };
            }
        }
        if let Some(plain) = self.plain_http {
            settings.plain_http = plain;
            if plain {
                // They stood there for TLS.
                settings.edge_certificate_ids.clear();
            }
        }
        if let Some(terminate_only) = self.terminate_only {
            settings.terminate_only = terminate_only;
        }
        self.tell_protocols(&mut settings);
        if self.https.tells() {
            self.https.tell(settings.https.get_or_insert_default());
        }
        replace(&mut settings.denied_paths, &self.denied_path);
        replace(&mut settings.forward_identity, &self.forward_identity);
        if let Some(sign) = self.sign_requests {
            settings.sign_requests = sign;
        }
        replace(&mut settings.edge_certificate_ids, &self.edge_certificate);
        self.origin.tell(&mut settings.origin)?;
        let client_credential = self.upstream.tell(client, &mut settings.origin).await?;
        let certificate = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                // The uploaded one takes the place of what was named.
                settings.edge_certificate_ids.clear();
                Some(upload(certificate, key)?)
            }
            _ => None,
        };
        Ok(SiteInput {
            name: None,
            certificate,
            deploy_to: self.networks(networks),
            client_ca_pem: match self.client_ca.as_slice() {
                [] => None,
                files => Some(concatenate(files)?),
            },
            client_credential,
            settings,
        })
    }

    /// What is spoken: HTTP in these versions, or bytes.
    fn tell_protocols(&self, settings: &mut SiteSettings) {
        if let Some(http) = self.http_versions {
            settings.tls.get_or_insert_default().http_versions = match http {
                Http::One => HttpVersions::Http1,
                Http::OneAndTwo => HttpVersions::Http1AndHttp2,
                Http::OneToThree => HttpVersions::Http1ToHttp3,
            };
        }
        let becomes_tcp = self.tcp && settings.tcp.is_none();
        let tells = self.tcp
            || self.proxy_protocol.is_some()
            || self.idle_seconds.is_some()
            || !self.alpn.is_empty();
        if tells {
            let tcp = settings.tcp.get_or_insert_default();
            if let Some(proxy) = self.proxy_protocol {
                tcp.proxy_protocol = match proxy {
                    Proxy::Off => ProxyProtocol::Off,
                    Proxy::V1 => ProxyProtocol::V1,
                    Proxy::V2 => ProxyProtocol::V2,
                    Proxy::V2Certificate => ProxyProtocol::V2Certificate,
                };
            }
            if let Some(seconds) = self.idle_seconds {
                tcp.idle_seconds = seconds;
            }
            replace(&mut tcp.alpn, &self.alpn);
        }
        if !settings.origin.url.contains("://") {
            if settings.tcp.is_some() {
                settings.origin.url.insert_str(0, "tcp://");
            } else if settings.terminate_only {
                settings.origin.url.insert_str(0, "http://");
            }
        }
        if becomes_tcp {
            // A client cannot be told in any other way why it is refused.
            if let Some(clients) = &mut settings.mutual_authentication
                && self.mode.is_none()
                && self.enforcement.is_none()
            {
                clients.mode = ClientCertificateMode::Require;
            }
        }
    }

    fn networks(&self, otherwise: Vec<WireNetwork>) -> Vec<WireNetwork> {
        let Some(chosen) = &self.deploy else {
            return otherwise;
        };
        [
            (Deploy::Staging, Network::Staging),
            (Deploy::Production, Network::Production),
        ]
        .into_iter()
        .filter(|(deploy, _)| chosen.contains(deploy))
        .map(|(_, network)| network.wire())
        .collect()
    }
}

fn replace(known: &mut Vec<String>, told: &[String]) {
    if !told.is_empty() {
        *known = told.to_vec();
    }
}
