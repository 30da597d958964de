//! One request to an origin, sent again where that is safe.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::{Endpoint, HostHeader};
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;

use super::lease::{Lease, Needs};
use super::retry::is_repeatable;
use super::{Origin, OriginError};
use crate::http::{RequestBody, Upload};

/// A request that is ready to go.
pub(crate) struct Outgoing<'a> {
    /// Of the target only path and query count.
    pub(crate) parts: Parts,
    pub(crate) body: RequestBody,
    /// What is known about a body that comes from the client.
    pub(crate) upload: Option<Arc<Upload>>,
    /// What the origin is asked for.
    pub(crate) host: AskedHost<'a>,
    pub(crate) needs: Needs,
    /// The number of the client's connection.
    pub(crate) client_connection: u64,
}

/// Which host an origin is asked for.
pub(crate) enum AskedHost<'a> {
    /// The endpoint's own.
    Endpoint,
    Named(Cow<'a, str>),
}

/// How sending ended without an answer.
enum Unanswered {
    /// It took too long.
    Late(OriginError),
    /// Whether the origin acted on it is not known.
    Lost(OriginError),
    /// The origin said that it did nothing (RFC 9113 §8.7).
    Refused(OriginError),
    /// Not a byte of it was sent.
    Unsent(Box<Request<RequestBody>>, OriginError),
}

impl Origin {
    /// Sends a request and waits for the head of the answer. `attempts` counts how often it was sent.
    pub(crate) async fn send(
        self: &Arc<Self>,
        outgoing: Outgoing<'_>,
        attempts: &mut u32,
    ) -> Result<(Response<Incoming>, Lease), OriginError> {
        let Outgoing {
            mut parts,
            mut body,
            upload,
            host,
            needs,
            client_connection,
        } = outgoing;
        self.retries.earn();
        let owner = self.owner(client_connection);
        let mut avoid = Vec::new();
        let mut fresh = false;
        let mut retries_left = self.model.policy.retries.attempts;
        loop {
            let mut lease = self.lease(needs, owner, fresh, &mut avoid).await?;
            *attempts += 1;
            let spare = self.spare(&parts, &body, &lease);
            let request = self.request(parts, body, &host, &lease)?;
            let sent = self.answer(&mut lease, request, upload.as_deref()).await;
            let unanswered = match sent {
                Ok(response) => {
                    self.note(&lease, response.status());
                    return Ok((response, lease));
                }
                Err(unanswered) => unanswered,
            };
            // What the client spoiled says nothing about the origin.
            let is_the_clients = upload.as_ref().is_some_and(|upload| upload.failed());
            // An origin may close an idle connection while the request is on its way: no fault of its, and a new one will do.
            let is_stale = lease.is_reused() && !fresh;
            let (again, error) = match unanswered {
                Unanswered::Unsent(request, error) => {
                    lease.leave();
                    (Some(request.into_parts()), error)
                }
                Unanswered::Refused(error) => {
                    lease.leave();
                    (spare, error)
                }
                Unanswered::Lost(error) => (
                    spare.filter(|(parts, _)| is_repeatable(&parts.method)),
                    error,
                ),
                Unanswered::Late(error) => {
                    self.address_failed(lease.address());
                    return Err(error);
                }
            };
            if !is_stale && !is_the_clients {
                self.address_failed(lease.address());
            }
            let Some(again) = again.filter(|_| !is_the_clients) else {
                return Err(error);
            };
            if !is_stale {
                if retries_left == 0 {
                    return Err(error);
                }
                if !self.retries.spend() {
                    self.counts.retry_denied();
                    return Err(error);
                }
                retries_left -= 1;
                self.counts.retried();
                avoid.push(Arc::clone(lease.address()));
                // Where there is one address only, it is the one to try again.
                if avoid.len() >= self.states().len() {
                    avoid.clear();
                }
            }
            fresh = true;
            (parts, body) = again;
        }
    }

    /// The request once more, when it may have to be sent again and can be.
    fn spare(
        &self,
        parts: &Parts,
        body: &RequestBody,
        lease: &Lease,
    ) -> Option<(Parts, RequestBody)> {
        let may = self.model.policy.retries.attempts > 0 || lease.is_reused();
        let is_safe = is_repeatable(&parts.method) || lease.is_http2();
        (may && is_safe && matches!(body, RequestBody::Empty))
            .then(|| (parts.clone(), RequestBody::Empty))
    }

    /// A request made anew from parsed parts: no byte of the client's framing reaches the origin (threats C5.2).
    fn request(
        &self,
        mut parts: Parts,
        body: RequestBody,
        host: &AskedHost<'_>,
        lease: &Lease,
    ) -> Result<Request<RequestBody>, OriginError> {
        let host = match (host, lease.endpoint()) {
            (AskedHost::Named(name), _) => Cow::Borrowed(name.as_ref()),
            (AskedHost::Endpoint, Some(endpoint)) => {
                Cow::Owned(host_and_port(endpoint, self.is_tls()))
            }
            (AskedHost::Endpoint, None) => Cow::Borrowed(""),
        };
        // Path and query byte for byte those that the rules saw (invariant I4).
        let target = parts.uri.path_and_query().cloned();
        if lease.is_http2() {
            parts.headers.remove(header::HOST);
            let mut uri = Uri::builder()
                .scheme(if self.is_tls() { "https" } else { "http" })
                .authority(host.as_ref());
            if let Some(target) = target {
                uri = uri.path_and_query(target);
            }
            parts.uri = uri.build().map_err(|_| OriginError::host(&host))?;
            parts.version = Version::HTTP_2;
        } else {
            // RFC 9112 §3.2.1: the origin form.
            parts.uri = target.map_or_else(Uri::default, Uri::from);
            let value = HeaderValue::from_str(&host).map_err(|_| OriginError::host(&host))?;
            parts.headers.insert(header::HOST, value);
            parts.version = Version::HTTP_11;
        }
        // What the engine of the client's side left there is not for the other one.
        parts.extensions.clear();
        Ok(Request::from_parts(parts, body))
    }

    async fn answer(
        &self,
        lease: &mut Lease,
        request: Request<RequestBody>,
        upload: Option<&Upload>,
    ) -> Result<Response<Incoming>, Unanswered> {
        let limit = self.timeouts().first_byte;
        let answer = within(limit, upload, lease.send(request)).await;
        let mut error = match answer {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(error)) => error,
            Err(Late) => return Err(Unanswered::Late(OriginError::first_byte_timeout(limit))),
        };
        let unsent = error.take_message();
        let error = error.error();
        let told = match lease.refusal() {
            Some(alert) => OriginError::refused(alert),
            // Some origins say nothing at all, as those of gRPC do.
            None if self.wants_what_is_missing() => OriginError::refused_silently(),
            None => OriginError::http(error),
        };
        Err(match unsent {
            Some(request) => Unanswered::Unsent(Box::new(request), told),
            None if is_refused(error) => Unanswered::Refused(told),
            None => Unanswered::Lost(told),
        })
    }

    /// What the answer says about its address.
    fn note(&self, lease: &Lease, status: StatusCode) {
        match status {
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => self.address_failed(lease.address()),
            _ => lease.address().health.succeeded(),
        }
    }

    /// What the origin is asked for when no rule says otherwise.
    pub(crate) fn asked_host(&self, request: impl FnOnce() -> String) -> AskedHost<'_> {
        match &self.model.host_header {
            HostHeader::Custom(name) => AskedHost::Named(Cow::Borrowed(name)),
            HostHeader::Origin => AskedHost::Endpoint,
            HostHeader::Request => AskedHost::Named(Cow::Owned(request())),
        }
    }
}

struct Late;

/// Waits for as long as the request's body moves, and `limit` beyond.
async fn within<T>(
    limit: Duration,
    upload: Option<&Upload>,
    sending: impl Future<Output = T>,
) -> Result<T, Late> {
    let Some(upload) = upload else {
        return tokio::time::timeout(limit, sending).await.map_err(|_| Late);
    };
    let mut sending = std::pin::pin!(sending);
    let mut seen = upload.bytes();
    loop {
        if let Ok(sent) = tokio::time::timeout(limit, &mut sending).await {
            return Ok(sent);
        }
        let now = upload.bytes();
        if now == seen {
            return Err(Late);
        }
        seen = now;
    }
}

fn is_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(error) = current.downcast_ref::<h2::Error>() {
            return error.is_reset()
                && error.is_remote()
                && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        }
        cause = current.source();
    }
    false
}

/// An endpoint as the authority of a request.
pub(super) fn host_and_port(endpoint: &Endpoint, tls: bool) -> String {
    let host = if endpoint.host.contains(':') {
        format!("[{}]", endpoint.host)
    } else {
        endpoint.host.clone()
    };
    match (endpoint.port, tls) {
        (443, true) | (80, false) => host,
        (port, _) => format!("{host}:{port}"),
    }
}
