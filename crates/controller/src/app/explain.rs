//! What a network says to a client and its request, and why: judged with the functions that the edge judges with, on the snapshot and the
//! revocations that the network enforces.

mod asked;
mod case;
mod decision;
mod loaded;
mod remedy;
mod verdict;

use std::sync::Arc;

use countersign_api::v1::explain::{
    ExplainRequest, ExplainedBinding, ExplainedCertificate, ExplainedKind, ExplainedRequest,
    Explanation,
};
use countersign_api::v1::tls::ClientCertificateMode;
use countersign_api::{Timestamp, ValidityDate, truststore};
use countersign_snapshot::{
    CheckedBinding, CheckedSnapshot, ClientAuthMode, Network, ServerName, Verdicts,
};
use countersign_trust::ocsp::OcspAnswer;
use countersign_trust::{Certificate, RevocationIndex, UnixTime};

use self::asked::Asked;
use self::case::Case;
pub(crate) use self::loaded::{Loaded, revocations};
use self::remedy::Known;
use super::{Context, ErrorCode, ServiceError};
use crate::model::{Caller, PropertyId, Revocation, SiteId};
use crate::store;

/// Explanations.
#[derive(Clone, Copy, Debug)]
pub struct Explanations<'c> {
    context: &'c Context,
}

/// What the two names of a request are bound to: mostly one and the same.
#[derive(Default)]
struct Names {
    /// That of the handshake.
    connection: Option<Bound>,
    /// That of the request.
    host: Option<Bound>,
}

/// What a hostname of the caller is bound to.
#[derive(Clone)]
struct Bound {
    binding: Arc<CheckedBinding>,
    owner: Owner,
}

impl Bound {
    fn verdicts(
        &self,
        case: &Case,
        revocations: &RevocationIndex,
        answers: &[Arc<OcspAnswer>],
    ) -> Verdicts {
        let binding = &self.binding;
        let policy = &binding.binding.client_auth.policy;
        let (ca_sets, peer) = (&binding.ca_sets, &case.peer);
        Verdicts::evaluate_with_answers(ca_sets, policy, peer, revocations, answers, case.now)
    }
}

/// What a binding was made of.
#[derive(Clone)]
struct Owner {
    kind: ExplainedKind,
    name: String,
}

impl<'c> Explanations<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Says what the network says.
    ///
    /// # Errors
    /// When the request cannot be understood, or the hostname is that of another account.
    pub async fn explain(
        &self,
        caller: &Caller,
        request: &ExplainRequest,
    ) -> Result<Explanation, ServiceError> {
        let case = Case::read(request, self.context.clock.now())?;
        let snapshot = loaded::snapshot(self.context, case.network).await?;
        let revocations = loaded::revocations(self.context).await?;
        let names = match &snapshot {
            None => Names::default(),
            Some(snapshot) => self.names(caller, snapshot, &case).await?,
        };
        let asked = match &names.connection {
            None => Asked::default(),
            Some(bound) => {
                let verdicts = bound.verdicts(&case, &revocations, &[]);
                asked::about(self.context, verdicts.unanswered().collect()).await?
            }
        };
        let by_hand = {
            let mut read = self.context.store.read().await?;
            store::revocations::list(&mut read, &caller.account, None).await?
        };
        // Evaluation is bounded, and it is still work.
        tokio::task::spawn_blocking(move || {
            explanation(
                &case,
                snapshot.as_deref(),
                &names,
                &revocations,
                &asked,
                &by_hand,
            )
        })
        .await
        .map_err(ServiceError::internal)
    }

    async fn names(
        &self,
        caller: &Caller,
        snapshot: &CheckedSnapshot,
        case: &Case,
    ) -> Result<Names, ServiceError> {
        let host = self
            .bound(caller, snapshot, &case.name, "/hostname")
            .await?;
        let connection = if case.server_name == case.name {
            host.clone()
        } else {
            self.bound(caller, snapshot, &case.server_name, "/serverName")
                .await?
        };
        Ok(Names { connection, host })
    }

    /// Looks a hostname up. Nobody learns what another account's hostname is bound to.
    async fn bound(
        &self,
        caller: &Caller,
        snapshot: &CheckedSnapshot,
        name: &ServerName,
        pointer: &str,
    ) -> Result<Option<Bound>, ServiceError> {
        let found = snapshot.resolve(name);
        let Some(binding) = found.and_then(|place| snapshot.bindings().get(place)) else {
            return Ok(None);
        };
        let owner = self.owner(caller, binding.binding.id.as_str()).await?;
        let Some(owner) = owner else {
            return Err(ServiceError::new(
                ErrorCode::Forbidden,
                format!("`{name}` belongs to another account."),
            )
            .at(pointer));
        };
        Ok(Some(Bound {
            binding: Arc::clone(binding),
            owner,
        }))
    }

    /// The site or property of the caller that a binding was made of: the ids of bindings are `site-N`, `property-N` and `property-N-M`.
    async fn owner(&self, caller: &Caller, binding: &str) -> Result<Option<Owner>, ServiceError> {
        let Some((kind, rest)) = binding.split_once('-') else {
            return Ok(None);
        };
        let number = rest.split('-').next().unwrap_or_default();
        let mut read = self.context.store.read().await?;
        let (kind, name) = match (
            kind,
            SiteId::from_text(number),
            PropertyId::from_text(number),
        ) {
            ("site", Some(id), _) => {
                let sites = store::sites::list(&mut read, &caller.account, Some(id)).await?;
                let site = sites.into_iter().next();
                (ExplainedKind::Site, site.map(|site| site.name))
            }
            ("property", _, Some(id)) => {
                let found = store::properties::list(&mut read, &caller.account, Some(id)).await?;
                let property = found.into_iter().next();
                (
                    ExplainedKind::Property,
                    property.map(|property| property.name),
                )
            }
            _ => return Ok(None),
        };
        Ok(name.map(|name| Owner { kind, name }))
    }
}

/// The whole tree: a function of what is enforced, what is asked and the time.
fn explanation(
    case: &Case,
    snapshot: Option<&CheckedSnapshot>,
    names: &Names,
    revocations: &RevocationIndex,
    asked: &Asked,
    by_hand: &[Revocation],
) -> Explanation {
    let (connection, host) = (names.connection.as_ref(), names.host.as_ref());
    let verdicts = connection.map(|bound| bound.verdicts(case, revocations, &asked.answers));
    let judged = connection.zip(verdicts.as_ref());
    let (rules, refused, decision) = decision::decide(
        case,
        snapshot.is_some(),
        judged.map(|(bound, verdicts)| (&*bound.binding, verdicts)),
        host.map(|host| &*host.binding),
    );
    let decided_by = if rules.is_some() { host } else { connection };
    let known = Known {
        case,
        bound: decided_by.map(|bound| (&*bound.binding, &bound.owner)),
        verdicts: verdicts.as_ref(),
        asked,
        by_hand,
    };
    Explanation {
        network: match case.network {
            Network::Production => truststore::Network::Production,
            Network::Staging => truststore::Network::Staging,
        },
        generation: snapshot.map(|snapshot| snapshot.generation().number()),
        time: time(case.now),
        request: ExplainedRequest {
            hostname: case.name.to_string(),
            server_name: case.server_name.to_string(),
            method: case.method.clone(),
            path: case.path.clone(),
            query: case.query.clone(),
            removed_headers: case.removed.clone(),
        },
        certificates: case.certificates.iter().map(certificate).collect(),
        binding: host.map(|bound| ExplainedBinding {
            binding_id: bound.binding.binding.id.to_string(),
            kind: bound.owner.kind,
            name: bound.owner.name.clone(),
            hostnames: bound
                .binding
                .binding
                .names
                .iter()
                .map(ToString::to_string)
                .collect(),
            client_certificate: match bound.binding.binding.client_auth.mode {
                ClientAuthMode::Off => ClientCertificateMode::Off,
                ClientAuthMode::Request => ClientCertificateMode::Request,
                ClientAuthMode::Require => ClientCertificateMode::Require,
            },
        }),
        verdicts: judged
            .map(|(bound, verdicts)| {
                verdict::all(&bound.binding, verdicts, case, revocations, asked)
            })
            .unwrap_or_default(),
        rules,
        decision: remedy::complete(decision, refused.as_ref(), &known),
    }
}

fn certificate(certificate: &Certificate) -> ExplainedCertificate {
    let validity = certificate.validity();
    ExplainedCertificate {
        subject: certificate.subject().to_rfc2253(),
        issuer: certificate.issuer().to_rfc2253(),
        serial_number: certificate.serial().to_string(),
        sha256: certificate.fingerprint().to_string(),
        spki_sha256: certificate.spki_fingerprint().to_string(),
        not_before: date(validity.not_before),
        not_after: date(validity.not_after),
    }
}

const fn time(time: UnixTime) -> Timestamp {
    Timestamp::from_micros(time.as_micros())
}

const fn date(time: UnixTime) -> ValidityDate {
    ValidityDate::from_micros(time.as_micros())
}
