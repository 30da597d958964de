//! The schemas of sites and edge certificates.

use serde_json::{Value, json};

use super::{
    boolean, choice, integer, list, network, nullable, object, percent, progress, reference, text,
    time,
};

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let mut schemas = requests();
    schemas.extend(super::origins::schemas());
    schemas.extend(parts());
    schemas.extend(answers());
    schemas
}

fn requests() -> Vec<(&'static str, Value)> {
    let mut site = vec![
        ("certificate?", reference("CertificateUpload")),
        ("clientCaPem?", text()),
        (
            "clientCredential?",
            reference("ClientCredentialVersionRequest"),
        ),
        ("deployTo?", json!({"type": "array", "items": network()})),
        ("name?", text()),
    ];
    site.extend(site_settings());
    vec![
        ("DeployRequest", object(&[("network", network())])),
        ("FeatureSetting", object(&[("enabled", boolean())])),
        ("SiteRequest", object(&site)),
        (
            "EdgeCertificateRequest",
            object(&[
                ("certificates?", list("CertificateUpload")),
                ("keyRequest?", reference("KeyRequestInput")),
                ("name?", text()),
                ("settings?", reference("EdgeCertificateSettings")),
            ]),
        ),
        (
            "CertificateUpload",
            object(&[
                ("certificatePem", text()),
                (
                    "privateKeyPem?",
                    json!({"type": "string", "writeOnly": true}),
                ),
            ]),
        ),
        (
            "KeyRequestInput",
            object(&[
                ("commonName?", text()),
                ("country?", text()),
                (
                    "keyType?",
                    choice(&["P256", "P384", "ED25519", "RSA2048", "RSA4096"]),
                ),
                ("names", texts()),
                ("organization?", text()),
                ("organizationalUnit?", text()),
            ]),
        ),
    ]
}

fn parts() -> Vec<(&'static str, Value)> {
    vec![
        (
            "EdgeCertificateSettings",
            object(&[
                ("https?", reference("HttpsSettings")),
                ("mutualAuthentication?", reference("MutualAuthentication")),
                ("ocspStapling?", choice(&["on", "privateNetwork", "off"])),
                ("tls?", reference("TlsSettings")),
            ]),
        ),
        (
            "HttpsSettings",
            object(&[
                ("redirect?", boolean()),
                (
                    "strictTransportSecurity?",
                    reference("StrictTransportSecurity"),
                ),
            ]),
        ),
        (
            "StrictTransportSecurity",
            object(&[
                ("includeSubDomains?", boolean()),
                ("maxAgeSeconds", integer()),
                ("preload?", boolean()),
            ]),
        ),
        (
            "MutualAuthentication",
            object(&[
                ("additionalCaSetIds?", texts()),
                ("caSetId", text()),
                ("mode?", mode()),
                ("ocsp?", boolean()),
                ("sendCaList?", choice(&["all", "none"])),
            ]),
        ),
        (
            "SiteMutualAuthentication",
            object(&[
                ("caSetIds?", texts()),
                ("certificatePaths?", texts()),
                ("enforcement?", choice(&["deny", "record"])),
                ("mode?", mode()),
                ("ocsp?", boolean()),
                ("openPaths?", texts()),
                ("sendCaList?", choice(&["all", "none"])),
            ]),
        ),
        (
            "TcpSettings",
            object(&[
                ("alpn?", texts()),
                ("idleSeconds?", integer()),
                (
                    "proxyProtocol?",
                    choice(&["off", "v1", "v2", "v2Certificate"]),
                ),
            ]),
        ),
        (
            "TlsSettings",
            object(&[
                ("cipherProfile?", choice(&["compatible", "modern"])),
                (
                    "httpVersions?",
                    choice(&["http1", "http1AndHttp2", "http1ToHttp3"]),
                ),
                ("maximumVersion?", choice(&["1.2", "1.3"])),
                ("minimumVersion?", choice(&["1.2", "1.3"])),
            ]),
        ),
    ]
}

fn answers() -> Vec<(&'static str, Value)> {
    let mut site = vec![("name", text()), ("siteId", text()), ("siteLink", text())];
    site.push(("hidden?", texts()));
    site.extend(site_settings());
    site.extend(history());
    let mut edge_certificate = vec![
        ("certificates", list("PresentedCertificate")),
        ("edgeCertificateId", text()),
        ("edgeCertificateLink", text()),
        ("keyRequests?", list("OpenKeyRequest")),
        ("name", text()),
        ("ownerSiteId", nullable(text())),
        ("settings", reference("EdgeCertificateSettings")),
    ];
    edge_certificate.extend(history());
    vec![
        (
            "Feature",
            object(&[
                ("description", text()),
                ("enabled", boolean()),
                ("name", text()),
            ]),
        ),
        ("Features", object(&[("features", list("Feature"))])),
        ("Site", object(&site)),
        ("Sites", object(&[("sites", list("Site"))])),
        ("EdgeCertificate", object(&edge_certificate)),
        (
            "EdgeCertificates",
            object(&[("edgeCertificates", list("EdgeCertificate"))]),
        ),
        (
            "OpenKeyRequest",
            object(&[
                ("createdBy", text()),
                ("createdDate", time()),
                ("requestPem", text()),
            ]),
        ),
        (
            "PresentedCertificate",
            object(&[
                ("certificatePem", text()),
                ("endDate", time()),
                ("expiring", boolean()),
                ("fingerprint", text()),
                ("issuer", text()),
                ("keyAlgorithm", text()),
                ("names", texts()),
                ("startDate", time()),
                ("subject", text()),
            ]),
        ),
        (
            "Deployed",
            object(&[
                ("deployment", nullable(reference("Deployment"))),
                ("version", nullable(integer())),
            ]),
        ),
        ("Deployment", object(&deployment())),
        (
            "EdgeCertificateImpact",
            object(&[
                ("affected", list("HostnameImpact")),
                ("edgeCertificateId", text()),
                ("network", network()),
                ("version", integer()),
            ]),
        ),
        (
            "HostnameImpact",
            object(&[
                ("changes", list("AdmissionChange")),
                ("hostname", text()),
                ("usedBy", nullable(text())),
            ]),
        ),
        (
            "AdmissionChange",
            object(&[("code", text()), ("detail", text())]),
        ),
        (
            "Deployments",
            object(&[("deployments", list("Deployment"))]),
        ),
    ]
}

pub(super) fn deployment() -> Vec<(&'static str, Value)> {
    vec![
        ("action", choice(&["DEPLOY", "REMOVE"])),
        ("createdBy", text()),
        ("createdDate", time()),
        ("deploymentId", integer()),
        ("deploymentLink", text()),
        ("failureReason", nullable(text())),
        ("modifiedDate", nullable(time())),
        ("network", network()),
        ("percentComplete", percent()),
        ("status", progress()),
        ("version", integer()),
    ]
}

pub(super) fn site_settings() -> Vec<(&'static str, Value)> {
    let forms: Vec<_> = countersign_rules::IdentityPresets::ALL
        .iter()
        .map(|(_, name)| *name)
        .collect();
    vec![
        ("deniedPaths?", texts()),
        ("edgeCertificateIds?", texts()),
        (
            "forwardIdentity?",
            json!({"type": "array", "items": choice(&forms)}),
        ),
        (
            "hostnames",
            json!({"type": "array", "minItems": 1, "items": text()}),
        ),
        ("https?", reference("HttpsSettings")),
        (
            "mutualAuthentication?",
            reference("SiteMutualAuthentication"),
        ),
        ("plainHttp?", boolean()),
        ("signRequests?", boolean()),
        ("origin", reference("SiteOrigin")),
        ("tcp?", reference("TcpSettings")),
        ("terminateOnly?", boolean()),
        ("tls?", reference("TlsSettings")),
    ]
}

/// What is known of every thing that has versions and is deployed.
fn history() -> Vec<(&'static str, Value)> {
    vec![
        ("createdBy", text()),
        ("createdDate", time()),
        ("modifiedBy", nullable(text())),
        ("modifiedDate", nullable(time())),
        ("production", nullable(reference("Deployed"))),
        ("staging", nullable(reference("Deployed"))),
        ("validation?", reference("Validation")),
        ("version", integer()),
    ]
}

fn mode() -> Value {
    choice(&["off", "request", "require"])
}

pub(super) fn texts() -> Value {
    json!({"type": "array", "items": text()})
}
