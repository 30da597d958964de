//! CRLs of CA sets: uploaded or fetched, and what is done about revocation for each set.

mod fetch;
mod fetcher;
mod named;

use countersign_snapshot::CaSetId;
use countersign_trust::{Certificate, Crl, RevocationPolicy, Sha1Signatures, UnixTime};
use serde_json::{Value, json};

pub(crate) use fetcher::run;
pub(crate) use named::fetch_named;

use super::outbound;
use super::{Context, ErrorCode, ServiceError, ca_sets, change};
use crate::model::{Caller, CrlSource, HeldCrl};
use crate::store::{self, Write};

const COUNTER: &str = "crl";
const SOURCES_MAX: usize = 100;

/// CRLs of CA sets.
#[derive(Clone, Copy, Debug)]
pub struct Crls<'c> {
    context: &'c Context,
}

/// Where a CRL comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NewCrl {
    /// It is given here, DER or PEM.
    Upload(Vec<u8>),
    /// It is fetched, and fetched again.
    Url {
        /// From where: `http` only, since a CRL proves itself by its signature.
        url: String,
        /// Whether the host may be in a private network.
        private_network: bool,
    },
}

impl<'c> Crls<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Adds a CRL to a CA set, or an address to fetch one from. One that is here already takes over how it is to be fetched.
    ///
    /// # Errors
    /// When no certificate of the set signed the CRL, it cannot be read, or the address is none that is fetched from.
    pub async fn add(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        new: NewCrl,
    ) -> Result<CrlSource, ServiceError> {
        let at = self.context.clock.now();
        let (signers, sha1) = {
            let mut read = self.context.store.read().await?;
            ca_sets::find_in(&mut read, caller, ca_set).await?;
            store::crls::signers(&mut read, ca_set).await?
        };
        let mut source = CrlSource {
            id: 0,
            ca_set,
            url: None,
            private_network: false,
            from_certificate: false,
            created_at: at,
            created_by: caller.name.clone(),
            crl: None,
            checked_at: None,
            check_at: None,
            failures: 0,
            error: None,
            etag: None,
            last_modified: None,
        };
        match new {
            NewCrl::Upload(bytes) => {
                let held = load(self.context, bytes, signers, sha1, at).await?;
                source.crl = Some(held.map_err(|why| refused(&why))?);
            }
            NewCrl::Url {
                url,
                private_network,
            } => {
                check_url(&url)?;
                source.url = Some(url);
                source.private_network = private_network;
                source.check_at = Some(at);
            }
        }
        let mut write = self.context.store.write().await?;
        ca_sets::live(&mut write, caller, ca_set).await?;
        let known = store::crls::list(write.connection(), ca_set).await?;
        let same = |other: &CrlSource| match (&other.url, &source.url) {
            (Some(other), Some(url)) => other == url,
            (None, None) => digest(other) == digest(&source),
            _ => false,
        };
        if let Some(same) = known.iter().find(|other| same(other)) {
            return self.replace(caller, write, same, &source).await;
        }
        if known.len() >= SOURCES_MAX {
            return Err(ServiceError::new(
                ErrorCode::InvalidField,
                format!(
                    "The CA set has {SOURCES_MAX} CRLs already; remove one that is not needed."
                ),
            ));
        }
        source.id = write.next_number(COUNTER).await?;
        store::crls::put(write.connection(), &source).await?;
        write
            .record(&change(
                caller,
                at,
                "crl.create",
                resource(&source),
                None,
                Some(state(&source)),
            ))
            .await?;
        write.commit().await?;
        self.context.revocations.changed();
        self.context.crls_due.notify_one();
        Ok(source)
    }

    /// What is here already is from now on as it was asked for.
    async fn replace(
        &self,
        caller: &Caller,
        mut write: Write,
        known: &CrlSource,
        asked: &CrlSource,
    ) -> Result<CrlSource, ServiceError> {
        let mut source = CrlSource {
            private_network: asked.private_network,
            from_certificate: false,
            ..known.clone()
        };
        if source == *known {
            return Ok(source);
        }
        source.failures = 0;
        source.check_at = asked.check_at;
        store::crls::put(write.connection(), &source).await?;
        write
            .record(&change(
                caller,
                asked.created_at,
                "crl.replace",
                resource(&source),
                Some(state(known)),
                Some(state(&source)),
            ))
            .await?;
        write.commit().await?;
        self.context.crls_due.notify_one();
        Ok(source)
    }

    /// The CRLs of a CA set, oldest source first, with the grace of its policy.
    ///
    /// # Errors
    /// When the account has no such set.
    pub async fn list(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
    ) -> Result<(Vec<CrlSource>, RevocationPolicy), ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        ca_sets::find_in(&mut read, caller, ca_set).await?;
        let sources = store::crls::list(&mut read, ca_set).await?;
        let policies = store::crls::policies(&mut read, Some(ca_set)).await?;
        Ok((sources, only(policies)))
    }

    /// Forgets a CRL: what it alone said is not known any more.
    ///
    /// # Errors
    /// When the set has no such CRL.
    pub async fn remove(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        id: i64,
    ) -> Result<(), ServiceError> {
        let mut write = self.context.store.write().await?;
        ca_sets::find_in(write.connection(), caller, ca_set).await?;
        let source = store::crls::find(write.connection(), id)
            .await?
            .filter(|source| source.ca_set == ca_set)
            .ok_or_else(|| not_found(&id.to_string()))?;
        store::crls::delete(write.connection(), id).await?;
        let at = self.context.clock.now();
        write
            .record(&change(
                caller,
                at,
                "crl.delete",
                resource(&source),
                Some(state(&source)),
                None,
            ))
            .await?;
        write.commit().await?;
        self.context.revocations.changed();
        Ok(())
    }

    /// What is done about revocation for the clients of a CA set.
    ///
    /// # Errors
    /// When the account has no such set.
    pub async fn policy(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
    ) -> Result<RevocationPolicy, ServiceError> {
        Ok(self.list(caller, ca_set).await?.1)
    }

    /// Says what is done about revocation for the clients of a CA set, in all its versions; the networks that enforce it follow.
    ///
    /// # Errors
    /// When the account has no such set.
    pub async fn set_policy(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        policy: RevocationPolicy,
    ) -> Result<RevocationPolicy, ServiceError> {
        let at = self.context.clock.now();
        let mut write = self.context.store.write().await?;
        ca_sets::live(&mut write, caller, ca_set).await?;
        let before = only(store::crls::policies(write.connection(), Some(ca_set)).await?);
        store::crls::set_policy(write.connection(), ca_set, &policy, at, &caller.name).await?;
        write
            .record(&change(
                caller,
                at,
                "revocation-policy.replace",
                format!("ca-set/{ca_set}/revocation-policy"),
                Some(policy_state(&before)),
                Some(policy_state(&policy)),
            ))
            .await?;
        write.commit().await?;
        self.context.policies.send_modify(|count| *count += 1);
        self.context.work.notify_waiters();
        Ok(policy)
    }
}

/// What somebody is told who names a CRL that is not there.
pub(crate) fn not_found(id: &str) -> ServiceError {
    let shown: String = id.chars().take(64).collect();
    ServiceError::new(
        ErrorCode::CrlNotFound,
        format!("The CA set has no CRL with the id `{shown}`."),
    )
    .with("crlId", shown)
}

/// Reads and verifies a CRL and keeps its bytes. The inner error says why it cannot be used.
async fn load(
    context: &Context,
    bytes: Vec<u8>,
    signers: Vec<Certificate>,
    sha1: Sha1Signatures,
    at: UnixTime,
) -> Result<Result<HeldCrl, String>, ServiceError> {
    let bodies = std::sync::Arc::clone(context.revocations.bodies());
    // A large one takes seconds: not on the threads that answer.
    tokio::task::spawn_blocking(move || {
        let crl = match Crl::load(&bytes, &signers, sha1) {
            Ok(crl) => crl,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let digest = bodies.keep(&bytes).map_err(ServiceError::internal)?;
        Ok(Ok(HeldCrl {
            digest,
            signer: crl.signer().clone(),
            issuer: crl.issuer().to_rfc2253(),
            number: crl.number(),
            is_delta: crl.is_delta(),
            entries: i64::try_from(crl.len()).unwrap_or(i64::MAX),
            this_update: crl.this_update(),
            next_update: crl.next_update(),
            received_at: at,
        }))
    })
    .await
    .map_err(ServiceError::internal)?
}

fn refused(why: &str) -> ServiceError {
    ServiceError::new(
        ErrorCode::CrlValidationFailure,
        format!("Nothing can be learnt from it: {why}."),
    )
    .at("/crl")
}

fn check_url(url: &str) -> Result<(), ServiceError> {
    outbound::problem_of(url).map_or(Ok(()), |why| {
        Err(ServiceError::new(
            ErrorCode::InvalidField,
            format!("The address cannot be used: {why}."),
        )
        .at("/url"))
    })
}

fn digest(source: &CrlSource) -> Option<countersign_snapshot::BodyDigest> {
    source.crl.as_ref().map(|crl| crl.digest)
}

pub(crate) fn only(policies: Vec<(CaSetId, RevocationPolicy)>) -> RevocationPolicy {
    policies
        .into_iter()
        .next()
        .map_or_else(RevocationPolicy::default, |(_, policy)| policy)
}

fn resource(source: &CrlSource) -> String {
    format!("ca-set/{}/crl/{}", source.ca_set, source.id)
}

fn state(source: &CrlSource) -> Value {
    json!({
        "url": source.url,
        "privateNetwork": source.private_network,
        "fromCertificate": source.from_certificate,
        "issuer": source.crl.as_ref().map(|crl| &crl.issuer),
        "sha256": source.crl.as_ref().map(|crl| crl.digest.to_string()),
    })
}

fn policy_state(policy: &RevocationPolicy) -> Value {
    json!({
        "mode": store::crls::mode_text(policy.mode),
        "scope": store::crls::scope_text(policy.scope),
        "staleGraceSeconds": policy.stale_grace.as_secs(),
    })
}
