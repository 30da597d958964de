//! Who is locked out by a revocation, as far as that can be known: no CA tells us what it issued.

use std::collections::BTreeSet;

use anyhow::Result;
use countersign_api::truststore::CaSet;
use countersign_api::v1::revocations::RevocationRequest;
use countersign_api::{CaSetQuery, Client};
use countersign_trust::{Certificate, Fingerprint, parse_bundle};

use crate::ca_set::impact::users;
use crate::output::time;

/// What is known about the aim of a revocation.
#[derive(Debug, Default)]
pub(super) struct Aim {
    /// The certificate and what came with it.
    pub(super) chain: Vec<Certificate>,
    pub(super) issuer_key: Option<Fingerprint>,
}

/// The impact, for people.
pub(super) async fn of(client: &Client, request: &RevocationRequest, aim: &Aim) -> Result<String> {
    let mut text = format!(
        "{} refused on staging and production from now on, and the connections that they opened end.\n",
        described(request, aim)
    );
    for (set, issuer) in concerned(client, aim).await? {
        text.push_str(&format!(
            "`{}` lets in clients of {issuer}. {}",
            set.ca_set_name,
            users(client, &set, None).await?
        ));
    }
    Ok(text)
}

fn described(request: &RevocationRequest, aim: &Aim) -> String {
    let subject = aim.chain.first();
    let subject = subject.map(|certificate| certificate.subject().to_rfc2253());
    if let Some(before) = request.issued_before {
        return format!(
            "All certificates that the CA issued before {} are",
            time(before)
        );
    }
    if let Some(sha256) = &request.spki_sha256 {
        return match subject {
            Some(subject) => format!("All certificates with the key of {subject} are"),
            None => format!("All certificates with the key {sha256} are"),
        };
    }
    if let Some(serial) = &request.serial_number {
        return format!("Certificates of the CA with the serial number {serial} are");
    }
    match (subject, &request.certificate_sha256) {
        (Some(subject), _) => format!("Clients with this certificate of {subject} are"),
        (None, sha256) => format!(
            "Clients with the certificate {} are",
            sha256.as_deref().unwrap_or_default()
        ),
    }
}

/// The CA sets whose active versions hold the issuer, with its name.
async fn concerned(client: &Client, aim: &Aim) -> Result<Vec<(CaSet, String)>> {
    let mut found = Vec::new();
    for set in client.ca_sets(&CaSetQuery::default()).await?.ca_sets {
        let active: BTreeSet<u32> = [set.staging_version, set.production_version]
            .into_iter()
            .flatten()
            .collect();
        let mut issuer = None;
        for version in active {
            let version = client.version(&set.ca_set_id, version).await?;
            let certificates = version.certificates.unwrap_or_default();
            issuer = issuer.or_else(|| {
                certificates.iter().find_map(|held| {
                    let bundle = parse_bundle(held.certificate_pem.as_bytes()).ok()?;
                    let authority = &bundle.certificates.first()?.certificate;
                    concerns(authority, aim).then(|| authority.subject().to_rfc2253())
                })
            });
        }
        found.extend(issuer.map(|issuer| (set, issuer)));
    }
    Ok(found)
}

/// Whether the CA is the issuer, or may have issued what the revocation is about.
fn concerns(authority: &Certificate, aim: &Aim) -> bool {
    if let Some(key) = aim.issuer_key {
        return authority.spki_fingerprint() == key;
    }
    aim.chain.iter().any(|certificate| {
        certificate.issuer() == authority.subject()
            || certificate.spki_fingerprint() == authority.spki_fingerprint()
    })
}
