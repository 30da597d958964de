//! API clients: making, listing and revoking them, and telling them apart.

mod certificates;
mod revocation;
mod subject;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_snapshot::{SealedSecret, Secret};
use countersign_trust::UnixTime;
use serde_json::{Value, json};

use super::{Context, ErrorCode, ServiceError, change};
use crate::model::{ApiClient, ApiClientKind, Caller, Role};
use crate::store::{self, StoreError, api_clients::StoredProof};
pub use certificates::NewCertificateClient;

/// What makes a leaked token recognisable to scanners.
const TOKEN_PREFIX: &str = "csgn_";
const EDGEGRID_PREFIX: &str = "akab";
const SECRET_OCTETS: usize = 32;
const NAME_MAX_CHARS: usize = 64;
/// What a sealed client secret is bound to.
const SEAL_CONTEXT: &str = "countersign edgegrid client secret";

/// Who may call for accounts.
#[derive(Clone, Copy, Debug)]
pub struct ApiClients<'c> {
    context: &'c Arc<Context>,
}

/// An API client to make.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewApiClient {
    /// Its name, as logs show it: 1 to 64 characters.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How it proves who it is.
    pub kind: ApiClientKind,
}

/// What a new API client proves who it is with. Cannot be shown a second time.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A token for `Authorization: Bearer`.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// What an `.edgerc` file has, but for the host.
    EdgeGrid {
        /// `client_token`.
        client_token: String,
        /// `access_token`.
        access_token: String,
        /// `client_secret`.
        client_secret: Secret,
    },
}

impl<'c> ApiClients<'c> {
    pub(crate) const fn new(context: &'c Arc<Context>) -> Self {
        Self { context }
    }

    /// Makes an API client and what it proves who it is with. A certificate is nothing that we could make: [`ApiClients::register`].
    ///
    /// # Errors
    /// When its name is not good, or its role is above the caller's.
    pub async fn create(
        &self,
        caller: &Caller,
        new: NewApiClient,
    ) -> Result<(ApiClient, Credentials), ServiceError> {
        let client = self.blank(caller, new.name, new.role, new.kind)?;
        let (credentials, proof) = match new.kind {
            ApiClientKind::Bearer => bearer()?,
            ApiClientKind::EdgeGrid => self.edgegrid(&client.id)?,
            ApiClientKind::Certificate => {
                return Err(ServiceError::new(
                    ErrorCode::InvalidField,
                    "A client of this kind is registered with its certificate.",
                )
                .at("/certificate"));
            }
        };
        self.insert(caller, &client, &proof).await?;
        Ok((client, credentials))
    }

    /// A client that is not stored yet, and has nothing to prove who it is with.
    fn blank(
        &self,
        caller: &Caller,
        name: String,
        role: Role,
        kind: ApiClientKind,
    ) -> Result<ApiClient, ServiceError> {
        super::require(caller, role)?;
        check_name(&name)?;
        Ok(ApiClient {
            id: URL_SAFE_NO_PAD.encode(random::<12>()?),
            account: caller.account.clone(),
            name,
            role,
            kind,
            certificate: None,
            created_at: self.context.clock.now(),
            created_by: caller.name.clone(),
            revoked_at: None,
            revoked_by: None,
        })
    }

    async fn insert(
        &self,
        caller: &Caller,
        client: &ApiClient,
        proof: &StoredProof,
    ) -> Result<(), StoreError> {
        let mut write = self.context.store.write().await?;
        store::api_clients::insert(write.connection(), client, proof).await?;
        write
            .record(&change(
                caller,
                client.created_at,
                "api-client.create",
                format!("api-client/{}", client.id),
                None,
                Some(state(client)),
            ))
            .await?;
        write.commit().await
    }

    /// The account's API clients, oldest first, revoked ones too.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<ApiClient>, ServiceError> {
        let mut connection = self.context.store.read().await?;
        Ok(store::api_clients::list(&mut connection, &caller.account).await?)
    }

    /// Takes an API client's access away, for good. Doing it again changes nothing.
    ///
    /// # Errors
    /// When the account has none with that id.
    pub async fn revoke(&self, caller: &Caller, id: &str) -> Result<(), ServiceError> {
        let mut write = self.context.store.write().await?;
        let client = store::api_clients::find(write.connection(), &caller.account, id)
            .await?
            .ok_or_else(|| {
                let shown: String = id.chars().take(64).collect();
                ServiceError::new(
                    ErrorCode::ApiClientNotFound,
                    format!("The account has no API client with the id `{shown}`."),
                )
            })?;
        if client.revoked_at.is_some() {
            return Ok(());
        }
        let at = self.context.clock.now();
        store::api_clients::revoke(write.connection(), id, at, &caller.name).await?;
        write
            .record(&change(
                caller,
                at,
                "api-client.revoke",
                format!("api-client/{id}"),
                Some(state(&client)),
                None,
            ))
            .await?;
        Ok(write.commit().await?)
    }

    /// The API client that has a bearer token, unless revoked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn by_token(&self, token: &str) -> Result<Option<ApiClient>, ServiceError> {
        let hash = digest(&SHA256, token.as_bytes());
        let mut connection = self.context.store.read().await?;
        Ok(store::api_clients::find_by_token_hash(&mut connection, hash.as_ref()).await?)
    }

    /// The API client that has an EdgeGrid client token, with its access token and client secret, unless revoked.
    pub(crate) async fn by_client_token(
        &self,
        client_token: &str,
    ) -> Result<Option<(ApiClient, String, Secret)>, ServiceError> {
        let mut connection = self.context.store.read().await?;
        let found = store::api_clients::find_by_client_token(&mut connection, client_token).await?;
        let Some((client, access_token, sealed)) = found else {
            return Ok(None);
        };
        let secret = SealedSecret::from_bytes(&sealed)
            .and_then(|sealed| {
                self.context
                    .sealing_key
                    .open(&seal_context(&client.id), &sealed)
            })
            .map_err(ServiceError::internal)?;
        Ok(Some((client, access_token, secret)))
    }

    /// Notes the nonce of a signed request; says whether it is new.
    pub(crate) async fn note_nonce(
        &self,
        client: &ApiClient,
        nonce: &str,
        expires_at: UnixTime,
    ) -> Result<bool, ServiceError> {
        let hash = digest(&SHA256, format!("{}\0{nonce}", client.id).as_bytes());
        let now = self.context.clock.now();
        Ok(self
            .context
            .store
            .note_nonce(hash.as_ref(), now, expires_at)
            .await?)
    }

    fn edgegrid(&self, id: &str) -> Result<(Credentials, StoredProof), ServiceError> {
        let client_secret = Secret::new(STANDARD.encode(random::<SECRET_OCTETS>()?).into_bytes());
        let sealed = self
            .context
            .sealing_key
            .seal(&seal_context(id), &client_secret)
            .map_err(ServiceError::internal)?;
        let (client_token, access_token) = (edgegrid_token()?, edgegrid_token()?);
        let proof = StoredProof::EdgeGrid {
            client_token: client_token.clone(),
            access_token: access_token.clone(),
            sealed_secret: sealed.to_bytes(),
        };
        let credentials = Credentials::EdgeGrid {
            client_token,
            access_token,
            client_secret,
        };
        Ok((credentials, proof))
    }
}

/// What the audit log says of a client.
fn state(client: &ApiClient) -> Value {
    let mut state = json!({
        "name": client.name,
        "role": client.role.as_str(),
        "kind": client.kind.as_str(),
    });
    if let (Some(fields), Some(certificate)) = (state.as_object_mut(), &client.certificate) {
        fields.insert("certificate".to_owned(), certificates::state(certificate));
    }
    state
}

fn bearer() -> Result<(Credentials, StoredProof), ServiceError> {
    let token = format!(
        "{TOKEN_PREFIX}{}",
        URL_SAFE_NO_PAD.encode(random::<SECRET_OCTETS>()?)
    );
    // The token has 256 random bits: there is nothing to guess that a slow hash would protect.
    let hash = digest(&SHA256, token.as_bytes()).as_ref().to_vec();
    let credentials = Credentials::Bearer {
        token: Secret::new(token.into_bytes()),
    };
    Ok((credentials, StoredProof::Bearer(hash)))
}

/// The vendor's form: `akab-`, 16 characters, `-`, 16 characters.
fn edgegrid_token() -> Result<String, ServiceError> {
    let part = || -> Result<String, ServiceError> {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        Ok(random::<16>()?
            .iter()
            .filter_map(|octet| ALPHABET.get(usize::from(octet & 31)))
            .map(|letter| char::from(*letter))
            .collect())
    };
    Ok(format!("{EDGEGRID_PREFIX}-{}-{}", part()?, part()?))
}

fn seal_context(id: &str) -> String {
    format!("{SEAL_CONTEXT} {id}")
}

fn random<const N: usize>() -> Result<[u8; N], ServiceError> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets).map_err(ServiceError::internal)?;
    Ok(octets)
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let length = name.chars().count();
    if (1..=NAME_MAX_CHARS).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ServiceError::new(
        ErrorCode::InvalidField,
        format!("The name has 1 to {NAME_MAX_CHARS} characters and no control characters."),
    )
    .at("/name"))
}
