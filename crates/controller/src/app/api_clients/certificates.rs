//! Client certificates of operators: registering them, and judging those that come in.

use countersign_trust::{
    CaSetVersion, Certificate, PeerChain, Policy, Refusal, RevocationIndex, Severity,
    Sha1Signatures, UnixTime, Verdict, evaluate, evaluate_pinned, validate_ca_set,
};
use serde_json::{Value, json};

use super::revocation::Known;
use super::{ApiClients, subject};
use crate::app::{ErrorCode, ServiceError};
use crate::model::{ApiClient, ApiClientKind, Caller, OperatorCertificate, Role};
use crate::store::{self, api_clients::StoredProof};

/// Whoever has more CAs for its operators than this means something else.
const AUTHORITIES_MAX: usize = 10;

/// An API client that proves who it is by a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewCertificateClient {
    /// Its name, as logs show it: 1 to 64 characters.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Which certificates are its.
    pub certificate: OperatorCertificate,
}

impl ApiClients<'_> {
    /// Registers an API client with its certificate.
    ///
    /// # Errors
    /// When its name or certificate is not good, another client has the certificate, or its role is above the caller's.
    pub async fn register(
        &self,
        caller: &Caller,
        new: NewCertificateClient,
    ) -> Result<ApiClient, ServiceError> {
        let certificate = check(new.certificate, self.context.clock.now())?;
        let kind = ApiClientKind::Certificate;
        let client = ApiClient {
            certificate: Some(certificate.clone()),
            ..self.blank(caller, new.name, new.role, kind)?
        };
        let inserted = self
            .insert(caller, &client, &StoredProof::Certificate(certificate))
            .await;
        match (inserted, &client.certificate) {
            (Ok(()), _) => Ok(client),
            (Err(error), Some(OperatorCertificate::Pinned(certificate)))
                if error.is_unique_violation() =>
            {
                Err(taken(certificate))
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    /// The API client whose certificate this is, unless revoked, in the account that is named. A certificate that was registered itself goes
    /// before a CA and a subject, and the client that was registered first before others: what another account registers later changes
    /// nothing.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] with the reason when the certificate is unknown, out of time, revoked, or its issuer not the registered one.
    pub(crate) async fn by_certificate(
        &self,
        chain: &PeerChain,
        account: Option<&str>,
    ) -> Result<ApiClient, ServiceError> {
        let now = self.context.clock.now();
        let leaf = chain.leaf();
        let mut read = self.context.store.read_consistently().await?;
        let mut candidates = store::api_clients::find_by_certificate(
            &mut read,
            leaf.fingerprint().as_bytes(),
            &leaf.subject().to_rfc2253(),
        )
        .await?;
        candidates.retain(|it| account.is_none_or(|account| it.account.as_str() == account));
        if candidates.is_empty() {
            return Err(unknown(leaf));
        }
        let revoked = store::revocations::in_force(&mut read, now).await?;
        drop(read);
        let mut first_refusal = None;
        for client in candidates {
            let known = Known::of(self.context, &client.account, &revoked).await?;
            let refusal = match judge(&client, chain, &known.index, now) {
                Ok(()) => match known.refusal(chain, now).await? {
                    None => return Ok(client),
                    refusal => refusal,
                },
                Err(refusal) => refusal,
            };
            first_refusal = first_refusal.or(refusal);
        }
        Err(first_refusal.map_or_else(|| unknown(leaf), |refusal| refused(leaf, &refusal)))
    }
}

/// What the audit log says of it.
pub(super) fn state(certificate: &OperatorCertificate) -> Value {
    match certificate {
        OperatorCertificate::Pinned(certificate) => json!({
            "certificateSha256": certificate.fingerprint().to_string(),
            "subject": certificate.subject().to_rfc2253(),
        }),
        OperatorCertificate::Issued {
            authorities,
            subject,
        } => json!({
            "authoritiesSha256": authorities
                .iter()
                .map(|authority| authority.fingerprint().to_string())
                .collect::<Vec<_>>(),
            "subject": subject,
        }),
    }
}

/// Whether the chain is the client's; without a refusal when there is nobody to vouch for it.
fn judge(
    client: &ApiClient,
    chain: &PeerChain,
    revocations: &RevocationIndex,
    now: UnixTime,
) -> Result<(), Option<Refusal>> {
    let policy = Policy::default();
    match &client.certificate {
        None => Err(None),
        Some(OperatorCertificate::Pinned(_)) => {
            evaluate_pinned(chain.leaf(), revocations, &policy, now).map_err(Some)
        }
        Some(OperatorCertificate::Issued { authorities, .. }) => {
            // Invariant I1: an empty set believes nobody.
            let set =
                CaSetVersion::new(authorities.clone(), Sha1Signatures::Refuse).map_err(|_| None)?;
            match evaluate(chain, &set, revocations, &policy, now) {
                Verdict::Valid(_) => Ok(()),
                Verdict::Invalid(refusal) => Err(Some(refusal)),
                Verdict::Missing => Err(None),
            }
        }
    }
}

/// Checks what is to be registered, and brings the subject into the form that it is compared in.
fn check(
    certificate: OperatorCertificate,
    now: UnixTime,
) -> Result<OperatorCertificate, ServiceError> {
    match certificate {
        OperatorCertificate::Pinned(certificate) => {
            let nothing_revoked = RevocationIndex::empty();
            evaluate_pinned(&certificate, &nothing_revoked, &Policy::default(), now).map_err(
                |refusal| {
                    let why = format!("{} {}", refusal.explanation(), refusal.remedy());
                    invalid("/certificate", why)
                },
            )?;
            Ok(OperatorCertificate::Pinned(certificate))
        }
        OperatorCertificate::Issued {
            authorities,
            subject,
        } => {
            check_authorities(&authorities, now)?;
            let subject = subject::normalise(&subject)
                .map_err(|error| invalid("/subject", error.to_string()))?;
            Ok(OperatorCertificate::Issued {
                authorities,
                subject,
            })
        }
    }
}

fn check_authorities(authorities: &[Certificate], now: UnixTime) -> Result<(), ServiceError> {
    if !(1..=AUTHORITIES_MAX).contains(&authorities.len()) {
        return Err(invalid(
            "/authorities",
            format!(
                "There are {} CA certificates; 1 to {AUTHORITIES_MAX} are possible.",
                authorities.len()
            ),
        ));
    }
    let errors: Vec<_> = validate_ca_set(authorities, Sha1Signatures::Refuse, now)
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| format!("{} {}", finding.detail, finding.remedy))
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(invalid("/authorities", errors.join(" ")))
    }
}

fn invalid(pointer: &str, detail: String) -> ServiceError {
    ServiceError::new(ErrorCode::InvalidField, detail).at(pointer)
}

fn taken(certificate: &Certificate) -> ServiceError {
    let fingerprint = certificate.fingerprint().to_string();
    ServiceError::new(
        ErrorCode::CertificateRegistered,
        format!(
            "The certificate `{}` (SHA-256 {fingerprint}) is registered already; revoke that API client first.",
            certificate.subject().to_rfc2253()
        ),
    )
    .with("fingerPrint", fingerprint)
}

fn unknown(leaf: &Certificate) -> ServiceError {
    about(
        leaf,
        format!(
            "No API client has the certificate `{}` (SHA-256 {}); `countersign api-client create NAME --role ROLE --certificate FILE` registers it.",
            leaf.subject().to_rfc2253(),
            leaf.fingerprint()
        ),
    )
}

fn refused(leaf: &Certificate, refusal: &Refusal) -> ServiceError {
    let detail = format!("{} {}", refusal.explanation(), refusal.remedy());
    about(leaf, detail).with("reason", refusal.reason().code())
}

fn about(leaf: &Certificate, detail: String) -> ServiceError {
    ServiceError::new(ErrorCode::Unauthorized, detail)
        .with("subject", leaf.subject().to_rfc2253())
        .with("fingerPrint", leaf.fingerprint().to_string())
}
