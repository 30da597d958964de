//! Sites: a hostname, who may come in, and where requests go, on one page.

use serde::{Deserialize, Serialize};

use super::Network;
use super::client_credentials::ClientCredentialVersionInput;
use super::deployment::Deployed;
use super::edge_certificates::CertificateUpload;
use super::origins::{
    ConnectionSharing, ForwardedHeaders, HealthCheck, OriginAddress, OriginLimits, OriginProtocol,
    OriginTimeouts, Outliers, Retries,
};
use super::tls::{CaList, ClientCertificateMode, HttpsSettings, TlsSettings, TlsVersion};
use crate::Timestamp;
use crate::truststore::Validation;

/// The fields of [`SiteInput`] beside the settings.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SiteRequestFields {
    /// See [`SiteInput::name`].
    pub name: Option<String>,
    /// See [`SiteInput::certificate`].
    pub certificate: Option<CertificateUpload>,
    /// See [`SiteInput::deploy_to`].
    pub deploy_to: Vec<Network>,
    /// See [`SiteInput::client_ca_pem`].
    pub client_ca_pem: Option<String>,
    /// See [`SiteInput::client_credential`].
    pub client_credential: Option<ClientCredentialVersionInput>,
}

/// A request to make or change a site.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteInput {
    /// Its name, unique in the account; the first hostname when absent. Never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A certificate to upload for this site, instead of `edgeCertificateIds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateUpload>,
    /// The networks to deploy it to at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deploy_to: Vec<Network>,
    /// CA certificates, PEM, whose clients may come in: kept in a CA set named after the site, which is activated on the networks of
    /// `deployTo` first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca_pem: Option<String>,
    /// A certificate with its key that the origin is shown, instead of `origin.clientCredentialId`: kept in a client credential named after
    /// the site, which is activated on the networks of `deployTo` first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_credential: Option<ClientCredentialVersionInput>,
    /// What is enforced.
    #[serde(flatten)]
    pub settings: SiteSettings,
}

/// What a site's network enforces.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SiteSettings {
    /// The server names; `*.example.com` is a wildcard for one label.
    pub hostnames: Vec<String>,
    /// The edge certificates to present, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edge_certificate_ids: Vec<String>,
    /// The TLS policy; the first edge certificate's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSettings>,
    /// What is said to those who come without TLS; the first edge certificate's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<HttpsSettings>,
    /// The site is served without TLS, where the edge listens for HTTP, and nowhere else. It has no certificate and asks nobody for one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub plain_http: bool,
    /// TLS ends at the edge: the origin is reached without it, and cannot be shown a certificate. Refuses an origin with TLS.
    #[serde(default, skip_serializing_if = "is_false")]
    pub terminate_only: bool,
    /// Who may come in; the first edge certificate says when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutual_authentication: Option<SiteMutualAuthentication>,
    /// Paths that nobody reaches; patterns with `?` and `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied_paths: Vec<String>,
    /// How the origin learns who the client is: `RFC9440`, `AKAMAI_CC_DER`, `CLIENT_TO_EDGE`, `XFCC`, `ALB`, `NGINX`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forward_identity: Vec<String>,
    /// Requests are signed on their way to the origin, with everything that they say about the client (RFC 9421).
    #[serde(default, skip_serializing_if = "is_false")]
    pub sign_requests: bool,
    /// Where requests go.
    pub origin: SiteOrigin,
    /// The site passes the bytes of its connections on as they are, instead of speaking HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpSettings>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_false(value: &bool) -> bool {
    !value
}

/// How bytes are passed on. Who may come in is decided once per connection, and again whenever trust changes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TcpSettings {
    /// How the origin learns who the client is.
    pub proxy_protocol: ProxyProtocol,
    /// Seconds without a byte in either direction, after which a connection is closed.
    pub idle_seconds: u32,
    /// The application protocols to agree to by ALPN, best first; what clients offer is not looked at when there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alpn: Vec<String>,
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self {
            proxy_protocol: ProxyProtocol::Off,
            // Applications keep connections for later; the systems between forget them at about this time.
            idle_seconds: 3600,
            alpn: Vec::new(),
        }
    }
}

/// The header with which a connection to an origin begins.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ProxyProtocol {
    /// None.
    #[default]
    Off,
    /// A line of text with the client's address.
    V1,
    /// In binary, with what TLS and the client's certificate say.
    V2,
    /// The same, with the client's certificate itself.
    V2Certificate,
}

/// Who may come in.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SiteMutualAuthentication {
    /// The CA sets whose clients are known; whichever versions are active on the network.
    #[serde(default)]
    pub ca_set_ids: Vec<String>,
    /// When a certificate is asked for.
    #[serde(default)]
    pub mode: ClientCertificateMode,
    /// What happens to a client without a valid certificate.
    #[serde(default)]
    pub enforcement: Enforcement,
    /// Paths that need no certificate; patterns with `?` and `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_paths: Vec<String>,
    /// If not empty, a certificate is needed on these paths only; patterns with `?` and `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate_paths: Vec<String>,
    /// Whether the handshake names the CAs.
    #[serde(default)]
    pub send_ca_list: CaList,
    /// Whether a client certificate known as revoked is refused.
    #[serde(default)]
    pub ocsp: bool,
}

/// What happens to a client without a valid certificate.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// It is refused.
    #[default]
    Deny,
    /// It is let through and the log says that it would have been refused.
    Record,
}

/// Where requests go.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SiteOrigin {
    /// `http://host[:port]` or `https://host[:port]`; of a site with `tcp` `tcp://host:port` or `tls://host:port`.
    pub url: String,
    /// CA certificates, PEM, that vouch for the origin; the edge machine's own store when absent. Only with `https` and `tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// The name to send as SNI and to verify; the URL's host when absent. Only with `https` and `tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The client credential that the edge proves its own identity with when the origin asks; whichever version is active on the network.
    /// Only with `https` and `tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_credential_id: Option<String>,
    /// An origin that does not ask for that certificate gets no request.
    #[serde(default, skip_serializing_if = "is_false")]
    pub must_ask: bool,
    /// Which `Host` the origin is asked for: the client's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_header: Option<OriginHost>,
    /// The lowest TLS version to accept; 1.2 when absent. Only with `https` and `tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_tls_version: Option<TlsVersion>,
    /// Where to connect to, instead of the URL's host, which is still the one that is verified and asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<OriginAddress>,
    /// What is spoken; HTTP/2 for gRPC and HTTP/1.1 for everything else when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<OriginProtocol>,
    /// Who may use a connection that is open; any request when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_sharing: Option<ConnectionSharing>,
    /// How long it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<OriginTimeouts>,
    /// How it learns where a request came from; by `X-Forwarded-*` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded_headers: Option<ForwardedHeaders>,
    /// How its addresses are watched; not at all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// When an address that fails requests is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outliers: Option<Outliers>,
    /// When a request is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,
    /// How much of an edge node it may take up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<OriginLimits>,
    /// Milliseconds in which an address that came into use gets less than its share; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_start_ms: Option<u64>,
    /// Milliseconds after which a name is looked up again; 30,000 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve_every_ms: Option<u64>,
}

/// Which `Host` an origin is asked for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OriginHost {
    /// This one.
    Custom(String),
    /// The URL's host and port.
    Origin,
    /// The one that the client asked for.
    Request,
}

/// A site as it is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Site {
    /// Its id.
    pub site_id: String,
    /// Where it is.
    pub site_link: String,
    /// Its name.
    pub name: String,
    /// Grows with each change.
    pub version: u32,
    /// What is enforced where this version is deployed.
    #[serde(flatten)]
    pub settings: SiteSettings,
    /// The settings that the account does not see, whether there are any or not, as JSON Pointers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<String>,
    /// What staging has.
    pub staging: Option<Deployed>,
    /// What production has.
    pub production: Option<Deployed>,
    /// When it was made.
    pub created_date: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was last changed.
    pub modified_date: Option<Timestamp>,
    /// By whom.
    pub modified_by: Option<String>,
    /// Remarks about the request that made or changed it; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

/// The answer to a list request.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sites {
    /// All of the account, by name.
    pub sites: Vec<Site>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_read_as_it_is_written_with_its_settings_beside_the_rest() {
        let text = r#"{"siteId":"1","siteLink":"/v1/sites/1","name":"a.test","version":1,"hostnames":["a.test"],
            "edgeCertificateIds":["1"],"origin":{"url":"http://127.0.0.1"},"staging":null,"production":null,
            "createdDate":"2026-06-01T00:00:00.000000Z","createdBy":"x","modifiedDate":null,"modifiedBy":null}"#;
        let site: Site = serde_json::from_str(text).unwrap();
        assert_eq!(site.settings.hostnames, ["a.test"]);
        let written = serde_json::to_value(&site).unwrap();
        assert_eq!(
            written,
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
    }

    #[test]
    fn a_field_that_is_not_known_is_refused() {
        let text =
            r#"{"hostnames":["a.test"],"origin":{"url":"http://127.0.0.1"},"openPaths":["/"]}"#;
        assert!(serde_json::from_str::<SiteSettings>(text).is_err());
    }
}
