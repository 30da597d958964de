//! OCSP: who is asked about the clients of a CA set, and what is answered.

mod asker;
mod client;
mod keeper;
mod responders;
mod staples;

use countersign_api::v1::ocsp::RevocationSources;
use countersign_snapshot::CaSetId;
use countersign_trust::{Fingerprint, RevocationPolicy};
use serde_json::json;

pub(crate) use asker::{Asking, Source, settings, wanted};
pub(crate) use keeper::run;

use super::outbound::{self, AllowedHosts};
use super::{Context, ErrorCode, ErrorItem, ServiceError, ca_sets, change};
use crate::model::{AskedCertificate, Caller};
use crate::store;

const HOSTS_MAX: usize = 100;
const RESPONDERS_MAX: usize = 20;

/// OCSP, and who may be asked.
#[derive(Clone, Copy, Debug)]
pub struct Ocsp<'c> {
    context: &'c Context,
}

impl<'c> Ocsp<'c> {
    pub(crate) const fn new(context: &'c Context) -> Self {
        Self { context }
    }

    /// Who may be asked about the clients of a CA set, and how.
    ///
    /// # Errors
    /// When the account has no such set.
    pub async fn sources(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
    ) -> Result<RevocationSources, ServiceError> {
        let mut read = self.context.store.read().await?;
        ca_sets::find_in(&mut read, caller, ca_set).await?;
        let sources = store::ocsp::sources(&mut read, ca_set).await?;
        Ok(sources.unwrap_or_default())
    }

    /// Says who may be asked about the clients of a CA set, and how. Holds for the next question.
    ///
    /// # Errors
    /// When the account has no such set, or a field is not good.
    pub async fn set_sources(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        sources: RevocationSources,
    ) -> Result<RevocationSources, ServiceError> {
        check(&sources)?;
        let at = self.context.clock.now();
        let mut write = self.context.store.write().await?;
        ca_sets::live(&mut write, caller, ca_set).await?;
        let before = store::ocsp::sources(write.connection(), ca_set).await?;
        store::ocsp::set_sources(write.connection(), ca_set, &sources, at, &caller.name).await?;
        write
            .record(&change(
                caller,
                at,
                "revocation-sources.replace",
                format!("ca-set/{ca_set}/revocation-sources"),
                Some(json!(before.unwrap_or_default())),
                Some(json!(sources)),
            ))
            .await?;
        write.commit().await?;
        self.context.ocsp_due.notify_one();
        Ok(sources)
    }

    /// The clients of a CA set that somebody was asked about, at most so many, with how many there are and the policy whose grace they have.
    ///
    /// # Errors
    /// When the account has no such set.
    pub async fn answers(
        &self,
        caller: &Caller,
        ca_set: CaSetId,
        limit: u32,
    ) -> Result<(Vec<AskedCertificate>, i64, RevocationPolicy), ServiceError> {
        let mut read = self.context.store.read_consistently().await?;
        ca_sets::find_in(&mut read, caller, ca_set).await?;
        let (answers, total) = store::ocsp::list(&mut read, ca_set, limit).await?;
        let policies = store::crls::policies(&mut read, Some(ca_set)).await?;
        Ok((answers, total, super::crls::only(policies)))
    }
}

fn check(sources: &RevocationSources) -> Result<(), ServiceError> {
    let mut problems = Vec::new();
    let mut note = |pointer: String, detail: String| {
        problems.push(ErrorItem {
            code: ErrorCode::InvalidField.slug().to_owned(),
            title: ErrorCode::InvalidField.title().to_owned(),
            detail,
            pointer: Some(pointer),
            context: serde_json::Map::new(),
        });
    };
    for (field, count, most) in [
        ("hosts", sources.hosts.len(), HOSTS_MAX),
        ("responders", sources.responders.len(), RESPONDERS_MAX),
    ] {
        if count > most {
            note(format!("/{field}"), format!("There can be {most} of them."));
        }
    }
    for (position, pattern) in sources.hosts.iter().enumerate() {
        if let Err(why) = AllowedHosts::check(pattern) {
            note(format!("/hosts/{position}"), format!("Not a host: {why}."));
        }
    }
    for (position, responder) in sources.responders.iter().enumerate() {
        let base = format!("/responders/{position}");
        if let Some(why) = outbound::problem_of(&responder.url) {
            let detail = format!("The address cannot be used: {why}.");
            note(format!("{base}/url"), detail);
        }
        let key = responder.issuer_spki_sha256.as_deref();
        if let Some(Err(why)) = key.map(str::parse::<Fingerprint>) {
            let detail = format!("The key of the CA cannot be read: {why}.");
            note(format!("{base}/issuerSpkiSha256"), detail);
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let detail = "The sources of revocation data cannot be used.";
    Err(ServiceError::new(ErrorCode::InvalidField, detail).with_items(problems))
}
