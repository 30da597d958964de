//! For whom a deployment of an edge certificate changes who may come in, before anybody asks for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_snapshot::{
    Binding, CaSetId, CipherProfile, ClientAuth, ClientAuthMode, NamePattern, Network, Snapshot,
    TlsPolicy, TlsVersion,
};
use countersign_trust::{Certificate, RevocationMode};

use super::presenting::require_deployable;
use super::{EdgeCertificates, EnforcedEdgeCertificate, find_in};
use crate::app::input::invalid;
use crate::app::materials::{Materials, server_certificate};
use crate::app::sites::CheckedEdgeCertificate;
use crate::app::{ErrorCode, ServiceError};
use crate::model::{Caller, EdgeCertificate, EdgeCertificateId};

/// What a deployment changes for a server name about who may come in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostnameImpact {
    /// The server name, maybe with a wildcard.
    pub hostname: String,
    /// The site or property that it belongs to, by its name.
    pub used_by: Option<String>,
    /// What changes; never empty.
    pub changes: Vec<AdmissionChange>,
}

/// One way in which it changes who may come in.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct AdmissionChange {
    /// A stable word.
    pub code: &'static str,
    /// A sentence.
    pub detail: String,
}

impl EdgeCertificates<'_> {
    /// The names for which it changes who may come in when a network presents the certificate as it is now.
    ///
    /// # Errors
    /// When it could not be deployed: for the reasons of [`EdgeCertificates::deploy`].
    pub async fn impact(
        &self,
        caller: &Caller,
        id: EdgeCertificateId,
        network: Network,
    ) -> Result<(EdgeCertificate, Vec<HostnameImpact>), ServiceError> {
        let mut write = self.context.store.write().await?;
        let certificate = find_in(write.connection(), caller, id).await?;
        require_deployable(self.context, &mut write, caller, &certificate, network).await?;
        let mut materials = Materials::default();
        let plan = materials.plan_in(write.connection(), network).await?;
        // Nothing was written, and compiling takes its time.
        drop(write);
        let before = materials.after(&plan).unwrap_or(plan.state);
        let mut after = before.clone();
        after
            .edge_certificates
            .insert(id, Arc::new(as_enforced(&certificate)?));
        let compiled = tokio::task::spawn_blocking(move || {
            let after = after.checked(network)?;
            // What is enforced now was checked when it came to be; nothing to compare with is no obstacle.
            let changes = before.checked(network).map(|it| between(&it, &after));
            Ok::<_, crate::app::compile::CompileError>(changes.unwrap_or_default())
        });
        let impact = compiled
            .await
            .map_err(ServiceError::internal)?
            .map_err(|why| {
                ServiceError::new(
                    ErrorCode::EdgeCertificateValidationFailure,
                    format!("With `{}`, {why}.", certificate.name),
                )
                .with("edgeCertificateId", id.to_string())
            })?;
        Ok((certificate, impact))
    }
}

fn as_enforced(certificate: &EdgeCertificate) -> Result<EnforcedEdgeCertificate, ServiceError> {
    Ok(EnforcedEdgeCertificate {
        settings: CheckedEdgeCertificate::new(&certificate.settings).map_err(invalid)?,
        certificates: certificate
            .key_pairs
            .iter()
            .cloned()
            .map(server_certificate)
            .collect(),
    })
}

fn between(before: &Snapshot, after: &Snapshot) -> Vec<HostnameImpact> {
    let known: BTreeMap<&NamePattern, &Binding> = names(before).collect();
    names(after)
        .filter_map(|(name, now)| {
            let was = known.get(name)?;
            let mut changes = Vec::new();
            client_auth(
                (&was.client_auth, before),
                (&now.client_auth, after),
                &mut changes,
            );
            tls(was.tls, now.tls, &mut changes);
            lost_keys((was, before), (now, after), &mut changes);
            (!changes.is_empty()).then(|| HostnameImpact {
                hostname: name.to_string(),
                used_by: now.property.as_ref().map(|it| it.name.clone()),
                changes,
            })
        })
        .collect()
}

fn names(snapshot: &Snapshot) -> impl Iterator<Item = (&NamePattern, &Binding)> {
    let bindings = snapshot.bindings.iter();
    bindings.flat_map(|binding| binding.names.iter().map(move |name| (name, binding)))
}

fn client_auth(
    (was, before): (&ClientAuth, &Snapshot),
    (now, after): (&ClientAuth, &Snapshot),
    changes: &mut Vec<AdmissionChange>,
) {
    use ClientAuthMode::{Off, Request, Require};
    let mut note = |code, detail: String| changes.push(AdmissionChange { code, detail });
    match (was.mode, now.mode) {
        (Off, Request) => note(
            "CERTIFICATE_REQUESTED",
            "clients are asked for a certificate, and those without a valid one come in only where the rules let them".to_owned(),
        ),
        (Off | Request, Require) => note(
            "CERTIFICATE_REQUIRED",
            "handshakes without a valid client certificate fail".to_owned(),
        ),
        (Require, Request) => note(
            "CERTIFICATE_NOT_REQUIRED",
            "handshakes without a valid client certificate succeed, and the rules decide".to_owned(),
        ),
        (Request | Require, Off) => note(
            "CERTIFICATE_NOT_REQUESTED",
            "nobody is asked for a certificate, so that everybody comes in where no rule refuses them".to_owned(),
        ),
        (Off, Off) | (Request, Request) | (Require, Require) => {}
    }
    if was.mode == Off || now.mode == Off {
        return;
    }
    let sets = |of: &ClientAuth| BTreeSet::from_iter(of.ca_sets.iter().copied());
    let (had, has) = (sets(was), sets(now));
    for gone in had.difference(&has) {
        note(
            "CA_SET_REMOVED",
            format!(
                "clients of the CA set {} are not known any more",
                called(*gone, before)
            ),
        );
    }
    for new in has.difference(&had) {
        note(
            "CA_SET_ADDED",
            format!("clients of the CA set {} are known", called(*new, after)),
        );
    }
    let asks = |of: &ClientAuth| of.policy.revocation.mode != RevocationMode::Off;
    match (asks(was), asks(now)) {
        (false, true) => note(
            "REVOCATION_CHECKED",
            "client certificates that are known as revoked are refused".to_owned(),
        ),
        (true, false) => note(
            "REVOCATION_NOT_CHECKED",
            "whether client certificates are revoked is asked only where their CA set says so"
                .to_owned(),
        ),
        (true, true) | (false, false) => {}
    }
}

fn called(id: CaSetId, snapshot: &Snapshot) -> String {
    let set = snapshot.ca_sets.iter().find(|set| set.id == id);
    set.map_or_else(|| id.to_string(), |set| format!("`{}` ({id})", set.name))
}

fn tls(was: TlsPolicy, now: TlsPolicy, changes: &mut Vec<AdmissionChange>) {
    let spoken = |version: TlsVersion| match version {
        TlsVersion::Tls12 => "TLS 1.2",
        TlsVersion::Tls13 => "TLS 1.3",
    };
    let mut note = |code, detail: String| changes.push(AdmissionChange { code, detail });
    if now.minimum_version > was.minimum_version {
        note(
            "TLS_MINIMUM_RAISED",
            format!(
                "clients that do not speak {} get no connection",
                spoken(now.minimum_version)
            ),
        );
    }
    if now.maximum_version < was.maximum_version {
        note(
            "TLS_MAXIMUM_LOWERED",
            format!(
                "clients that speak nothing below {} get no connection",
                spoken(was.maximum_version)
            ),
        );
    }
    if (was.ciphers, now.ciphers) == (CipherProfile::Compatible, CipherProfile::Modern) {
        note(
            "CIPHERS_REDUCED",
            "clients that know neither 256-bit suites nor ChaCha20-Poly1305 get no connection"
                .to_owned(),
        );
    }
}

/// Clients that understand only a kind of key that is not presented any more get no connection.
fn lost_keys(
    (was, before): (&Binding, &Snapshot),
    (now, after): (&Binding, &Snapshot),
    changes: &mut Vec<AdmissionChange>,
) {
    let has = kinds(now, after);
    for lost in kinds(was, before).difference(&has) {
        changes.push(AdmissionChange {
            code: "KEY_KIND_REMOVED",
            detail: format!("clients that understand {lost} only get no connection"),
        });
    }
}

fn kinds(binding: &Binding, snapshot: &Snapshot) -> BTreeSet<String> {
    let presented = |id| snapshot.server_certificates.iter().find(|it| it.id == id);
    binding
        .server_certificates
        .iter()
        .filter_map(|id| presented(id.clone()))
        .filter_map(|it| Certificate::from_der(it.chain.first()?).ok())
        .map(|leaf| leaf.public_key().algorithm.to_string())
        .collect()
}
