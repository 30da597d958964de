//! A typed client of the REST APIs.

mod client_credentials;
mod control;
mod crls;
mod declaration;
mod edge_certificates;
mod edgegrid;
mod explain;
mod properties;
mod revocations;
mod sites;
mod truststore;

use std::fmt;

use reqwest::header::{AUTHORIZATION, ETAG, HeaderValue, IF_MATCH};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Problem;
use crate::v1::SecretText;
pub use edgegrid::EdgeGridCredentials;
pub use truststore::{CaSetQuery, CertificateQuery, VersionQuery};

/// More than the largest answer there is: every version of a full CA set with its certificates.
const ANSWER_MAX_BYTES: usize = 256 * 1024 * 1024;

/// A client of one controller, for one account.
///
/// It is given a configured [`reqwest::Client`]: whose certificates are believed, time limits and proxies are its matter.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    credentials: Credentials,
}

/// What a client proves who it is with.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A token.
    Bearer(SecretText),
    /// Signed requests.
    EdgeGrid(EdgeGridCredentials),
    /// Nothing that would be sent with a request: the HTTP client has a certificate.
    Certificate,
}

impl From<String> for Credentials {
    fn from(token: String) -> Self {
        Self::Bearer(SecretText::new(token))
    }
}

impl From<&str> for Credentials {
    fn from(token: &str) -> Self {
        token.to_owned().into()
    }
}

/// The address of a controller cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{address}` is not the address of a controller, such as `https://127.0.0.1:8443`")]
pub struct ParseAddressError {
    address: String,
}

/// A request was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The controller refused it, and says why.
    #[error("{}: {}", .0.title, .0.detail)]
    Problem(Box<Problem>),
    /// The controller could not be reached, or the connection broke.
    #[error("the controller cannot be reached")]
    Transport(#[from] reqwest::Error),
    /// What answered is not a controller of this version.
    #[error("the answer (status {status}) is not one of a controller")]
    Unexpected {
        /// Its status.
        status: u16,
        /// What could not be read.
        #[source]
        cause: Option<serde_json::Error>,
    },
    /// The answer is larger than any good one.
    #[error("the answer has more than {ANSWER_MAX_BYTES} bytes")]
    TooLarge,
    /// The credentials cannot be sent: they are no text for a header, or this machine gives no random numbers.
    #[error("the credentials cannot be used")]
    Credentials,
}

impl ClientError {
    /// The problem document, when the controller sent one.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}

impl Client {
    /// A client of the controller at `address`, with a bearer token or [`EdgeGridCredentials`].
    ///
    /// # Errors
    /// When the address is no `https` or `http` URL.
    ///
    /// # Security
    /// The token goes wherever the address leads; plain `http` is for a controller on the same machine.
    pub fn new(
        http: reqwest::Client,
        address: &str,
        credentials: impl Into<Credentials>,
    ) -> Result<Self, ParseAddressError> {
        let error = || ParseAddressError {
            address: address.chars().take(200).collect(),
        };
        let mut base: Url = address.parse().map_err(|_| error())?;
        if !matches!(base.scheme(), "https" | "http") || base.host_str().is_none() {
            return Err(error());
        }
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self {
            http,
            base,
            credentials: credentials.into(),
        })
    }

    /// The OpenAPI document of the controller.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        self.get(&["openapi.json"], &[]).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, Option<String>)],
    ) -> Result<T, ClientError> {
        decode(self.send(self.request(Method::GET, path, query)).await?)
    }

    /// As [`Client::get`], with the tag that names the state of what is there.
    async fn get_tagged<T: DeserializeOwned>(
        &self,
        path: &[&str],
    ) -> Result<(T, Option<String>), ClientError> {
        let mut answer = self.send(self.request(Method::GET, path, &[])).await?;
        let tag = answer.tag.take();
        Ok((decode(answer)?, tag))
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        self.post_with(path, &[], body).await
    }

    async fn post_with<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, Option<String>)],
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        decode(
            self.send(self.request(Method::POST, path, query).json(body))
                .await?,
        )
    }

    async fn post_empty<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ClientError> {
        decode(self.send(self.request(Method::POST, path, &[])).await?)
    }

    async fn put<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        decode(
            self.send(self.request(Method::PUT, path, &[]).json(body))
                .await?,
        )
    }

    /// As [`Client::put`], and only if what is there has this tag.
    async fn put_if<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &(impl Serialize + Sync),
        seen: Option<&str>,
    ) -> Result<T, ClientError> {
        let mut request = self.request(Method::PUT, path, &[]).json(body);
        if let Some(seen) = seen {
            request = request.header(IF_MATCH, format!("\"{seen}\""));
        }
        decode(self.send(request).await?)
    }

    async fn delete(&self, path: &[&str]) -> Result<(), ClientError> {
        self.send(self.request(Method::DELETE, path, &[]))
            .await
            .map(drop)
    }

    /// A request with each part of the path and of the query encoded.
    fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, Option<String>)],
    ) -> RequestBuilder {
        let mut url = self.base.clone();
        // An address with a host can always be extended.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        self.http.request(method, url)
    }

    /// Sends a request with the credentials; hands back a good answer.
    async fn send(&self, request: RequestBuilder) -> Result<Answer, ClientError> {
        let mut request = request.build()?;
        let header = match &self.credentials {
            Credentials::Bearer(token) => Some(format!("Bearer {}", token.expose())),
            Credentials::EdgeGrid(credentials) => Some(
                credentials
                    .sign(&request)
                    .map_err(|_| ClientError::Credentials)?,
            ),
            Credentials::Certificate => None,
        };
        if let Some(header) = header {
            let mut value = HeaderValue::try_from(header).map_err(|_| ClientError::Credentials)?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let mut response = self.http.execute(request).await?;
        let status = response.status();
        let tag = response
            .headers()
            .get(ETAG)
            .and_then(|tag| tag.to_str().ok());
        let tag = tag.map(|tag| tag.trim_matches('"').to_owned());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > ANSWER_MAX_BYTES {
                return Err(ClientError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(Answer { status, tag, body });
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) if !problem.kind.is_empty() => Err(ClientError::Problem(Box::new(problem))),
            other => Err(ClientError::Unexpected {
                status: status.as_u16(),
                cause: other.err(),
            }),
        }
    }
}

/// A good answer.
struct Answer {
    status: StatusCode,
    /// Names the state of what it shows.
    tag: Option<String>,
    body: Vec<u8>,
}

fn decode<T: DeserializeOwned>(answer: Answer) -> Result<T, ClientError> {
    serde_json::from_slice(&answer.body).map_err(|cause| ClientError::Unexpected {
        status: answer.status.as_u16(),
        cause: Some(cause),
    })
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base.as_str())
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
