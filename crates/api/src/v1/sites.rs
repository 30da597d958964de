//! Sites: a hostname, who may come in, and where requests go, on one page.

use serde::{Deserialize, Serialize};

use super::Network;
use super::deployment::Deployed;
use super::edge_certificates::CertificateUpload;
use super::tls::{CaList, ClientCertificateMode, TlsSettings};

/// A request to make or change a site.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    /// What is enforced.
    #[serde(flatten)]
    pub settings: SiteSettings,
}

/// What a site's network enforces.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteSettings {
    /// The server names; `*.example.com` is a wildcard for one label.
    pub hostnames: Vec<String>,
    /// The edge certificates to present, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edge_certificate_ids: Vec<String>,
    /// The TLS policy; the first edge certificate's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSettings>,
    /// Who may come in; the first edge certificate says when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutual_authentication: Option<SiteMutualAuthentication>,
    /// Paths that nobody reaches; patterns with `?` and `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied_paths: Vec<String>,
    /// How the origin learns who the client is: `RFC9440`, `AKAMAI_CC_DER`, `CLIENT_TO_EDGE`, `XFCC`, `ALB`, `NGINX`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forward_identity: Vec<String>,
    /// Where requests go.
    pub origin: SiteOrigin,
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
    /// `http://host[:port]` or `https://host[:port]`.
    pub url: String,
    /// CA certificates, PEM, that vouch for the origin; the edge machine's own store when absent. Only with `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// The name to send as SNI and to verify; the URL's host when absent. Only with `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// Which `Host` the origin is asked for: the client's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_header: Option<OriginHost>,
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
    /// What staging has.
    pub staging: Option<Deployed>,
    /// What production has.
    pub production: Option<Deployed>,
    /// When it was made.
    pub created_date: String,
    /// By whom.
    pub created_by: String,
    /// When it was last changed.
    pub modified_date: Option<String>,
    /// By whom.
    pub modified_by: Option<String>,
}

/// The answer to a list request.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sites {
    /// All of the account, by name.
    pub sites: Vec<Site>,
}
