//! Edge certificates of a declaration.

use countersign_api::v1::declaration::DeclaredEdgeCertificate;
use countersign_api::v1::edge_certificates::CertificateUpload;
use countersign_trust::parse_bundle;

use super::{Making, Uploads, not_among};
use crate::app::declarations::names::Unknown;
use crate::app::sites::network_of;
use crate::app::{Context, ErrorCode, ServiceError, deployments, edge_certificates};
use crate::model::{Caller, Deployable, EdgeCertificate};
use crate::store::{self, Write};

/// Judges its certificates, when their keys are given.
pub(super) async fn read_upload(
    context: &Context,
    caller: &Caller,
    uploads: &mut Uploads,
    name: &str,
    declared: &DeclaredEdgeCertificate,
) -> Result<(), ServiceError> {
    let given: Vec<CertificateUpload> = declared
        .certificates
        .iter()
        .filter_map(|certificate| {
            Some(CertificateUpload {
                certificate_pem: certificate.certificate_pem.clone(),
                private_key_pem: certificate.private_key_pem.clone()?,
            })
        })
        .collect();
    // One that waits for its first certificate is declared without any.
    if !given.is_empty() && given.len() == declared.certificates.len() {
        let (chains, _) =
            edge_certificates::check_uploads(context, caller, &given, &[], "/certificates").await?;
        uploads.edge_certificates.insert(name.to_owned(), chains);
    }
    Ok(())
}

impl Making<'_> {
    pub(super) async fn edge_certificate(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredEdgeCertificate,
    ) -> Result<(), ServiceError> {
        let mut settings = declared.settings.clone();
        self.names
            .edge_certificate(&mut settings, Unknown::Refused)?;
        let chains = self.uploads.edge_certificates.remove(name);
        let known = self.find_edge_certificate(write, name).await?;
        let certificate = match known {
            None => {
                let chains = chains.ok_or_else(|| needs_key(name, declared))?;
                let made = edge_certificates::insert(
                    self.context,
                    write,
                    self.caller,
                    Some(name),
                    &chains,
                    &settings,
                    None,
                )
                .await?;
                self.note("CREATE", "edgeCertificate", name, made.version, None);
                let names = &mut self.names.edge_certificates;
                names.insert(name.to_owned(), made.id.to_string());
                made
            }
            Some(known) => {
                let is_same = holds(&known, declared)?;
                if is_same && known.settings == settings {
                    known
                } else {
                    let chains = match (is_same, chains) {
                        (true, _) => Vec::new(),
                        (false, Some(chains)) => chains,
                        (false, None) => return Err(needs_key(name, declared)),
                    };
                    let updated = edge_certificates::update(
                        self.context,
                        write,
                        self.caller,
                        known,
                        None,
                        &chains,
                        &settings,
                    )
                    .await?;
                    self.note("UPDATE", "edgeCertificate", name, updated.version, None);
                    updated
                }
            }
        };
        for network in declared.networks.iter().copied().map(network_of) {
            if certificate.coming_to(network) == Some(certificate.version) {
                continue;
            }
            let (context, caller) = (self.context, self.caller);
            edge_certificates::deploy_in(context, write, caller, &certificate, network).await?;
            let version = certificate.version;
            self.note("ENFORCE", "edgeCertificate", name, version, Some(network));
        }
        Ok(())
    }

    pub(super) async fn forget_edge_certificate(
        &mut self,
        write: &mut Write,
        name: &str,
        declared: &DeclaredEdgeCertificate,
    ) -> Result<(), ServiceError> {
        let Some(certificate) = self.find_edge_certificate(write, name).await? else {
            return Ok(());
        };
        for network in not_among(&declared.networks) {
            let Some(version) = certificate.coming_to(network) else {
                continue;
            };
            let users =
                store::holdings::of_edge_certificate(write.connection(), certificate.id, network)
                    .await?;
            edge_certificates::refuse_in_use(&certificate, &users)?;
            let (context, caller) = (self.context, self.caller);
            deployments::forget(context, write, caller, &certificate, network).await?;
            self.note("FORGET", "edgeCertificate", name, version, Some(network));
        }
        Ok(())
    }

    async fn find_edge_certificate(
        &self,
        write: &mut Write,
        name: &str,
    ) -> Result<Option<EdgeCertificate>, ServiceError> {
        let known = edge_certificates::all_in(write.connection(), self.caller).await?;
        Ok(known
            .into_iter()
            .find(|it| it.name.to_lowercase() == name.to_lowercase()))
    }
}

/// Whether an edge certificate has exactly the declared certificates, in their order.
fn holds(
    known: &EdgeCertificate,
    declared: &DeclaredEdgeCertificate,
) -> Result<bool, ServiceError> {
    if known.key_pairs.len() != declared.certificates.len() {
        return Ok(false);
    }
    let pairs = known.key_pairs.iter().zip(&declared.certificates);
    for (index, (pair, declared)) in pairs.enumerate() {
        let bundle = parse_bundle(declared.certificate_pem.as_bytes()).map_err(|error| {
            ServiceError::new(
                ErrorCode::EdgeCertificateValidationFailure,
                format!("A certificate cannot be read: {error}."),
            )
            .at(format!("/certificates/{index}/certificatePem"))
        })?;
        // Roots that came along are not presented, so a chain may have less than was declared.
        let has = |der: &[u8]| {
            let mut entries = bundle.certificates.iter();
            entries.any(|entry| entry.certificate.der() == der)
        };
        if !pair.chain.iter().all(|certificate| has(certificate.der())) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn needs_key(name: &str, declared: &DeclaredEdgeCertificate) -> ServiceError {
    let (why, pointer) = if declared.certificates.is_empty() {
        (
            "is not one that waits for its first certificate, so a certificate must be declared",
            "/certificates",
        )
    } else {
        (
            "does not have these certificates yet, so their keys are needed",
            "/certificates/0/privateKeyPem",
        )
    };
    ServiceError::new(
        ErrorCode::InvalidField,
        format!("The edge certificate `{name}` {why}."),
    )
    .at(pointer)
}
