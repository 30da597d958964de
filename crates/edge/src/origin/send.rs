//! One request to an origin, sent again where that is safe.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::{Endpoint, HostHeader};
use http::header;
use http::request::Parts;
use http::{Request, StatusCode, Uri, Version, response};
use hyper::client::conn::TrySendError;

use super::lease::{Lease, Needs};
use super::retry::is_repeatable;
use super::{Origin, OriginError};
use crate::http::{RequestBody, Signing, Upload};

/// A request that is ready to go.
pub(crate) struct Outgoing<'a> {
    /// Of the target only path and query count.
    pub(crate) parts: Parts,
    pub(crate) body: RequestBody,
    /// What is known about a body that comes from the client.
    pub(crate) upload: Option<Arc<Upload>>,
    /// What the origin is asked for.
    pub(crate) host: AskedHost<'a>,
    pub(crate) signing: Option<Signing<'a>>,
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
pub(super) enum Unanswered {
    /// It took too long.
    Late(OriginError),
    /// Whether the origin acted on it is not known.
    Lost(OriginError),
    /// The origin said that it did nothing (RFC 9113 §8.7).
    Refused(OriginError),
    /// Not a byte of it was sent.
    Unsent(RequestBody, OriginError),
}

impl Unanswered {
    pub(super) fn late(limit: Duration) -> Self {
        Self::Late(OriginError::first_byte_timeout(limit))
    }

    /// What the engine of HTTP/2 says.
    pub(super) fn of_http2(mut error: TrySendError<Request<RequestBody>>) -> Self {
        let unsent = error.take_message();
        let error = error.into_error();
        let told = OriginError::http(&error);
        match unsent {
            Some(request) => Self::Unsent(request.into_body(), told),
            None if is_refused(&error) => Self::Refused(told),
            None => Self::Lost(told),
        }
    }

    /// The same with another explanation.
    fn because(self, error: OriginError) -> Self {
        match self {
            Self::Late(_) => Self::Late(error),
            Self::Lost(_) => Self::Lost(error),
            Self::Refused(_) => Self::Refused(error),
            Self::Unsent(body, _) => Self::Unsent(body, error),
        }
    }
}

impl Origin {
    /// Sends a request and waits for the head of the answer; its body is the lease's. `attempts` counts how often it was sent.
    pub(crate) async fn send(
        self: &Arc<Self>,
        outgoing: Outgoing<'_>,
        attempts: &mut u32,
    ) -> Result<(response::Parts, Lease), OriginError> {
        let Outgoing {
            mut parts,
            mut body,
            upload,
            host,
            signing,
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
            let sent = self
                .answer(
                    &mut lease,
                    &mut parts,
                    body,
                    (&host, signing),
                    upload.as_deref(),
                )
                .await;
            let unanswered = match sent {
                Ok(head) => {
                    self.note(&lease, head.status);
                    return Ok((head, lease));
                }
                Err(unanswered) => unanswered,
            };
            // What the client spoiled says nothing about the origin.
            let is_the_clients = upload.as_ref().is_some_and(|upload| upload.failed());
            // An origin may close an idle connection while the request is on its way: no fault of its, and a new one will do.
            let is_stale = lease.is_reused() && !fresh;
            let (again, error) = match unanswered {
                Unanswered::Unsent(body, error) => {
                    lease.leave();
                    (Some(body), error)
                }
                Unanswered::Refused(error) => {
                    lease.leave();
                    (spare, error)
                }
                Unanswered::Lost(error) => (spare.filter(|_| is_repeatable(&parts.method)), error),
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
            body = again;
        }
    }

    /// The body once more, when the request may have to be sent again and can be.
    fn spare(&self, parts: &Parts, body: &RequestBody, lease: &Lease) -> Option<RequestBody> {
        let may = self.model.policy.retries.attempts > 0 || lease.is_reused();
        let is_safe = is_repeatable(&parts.method) || lease.is_http2();
        (may && is_safe && matches!(body, RequestBody::Empty)).then_some(RequestBody::Empty)
    }

    async fn answer(
        &self,
        lease: &mut Lease,
        parts: &mut Parts,
        body: RequestBody,
        (host, signing): (&AskedHost<'_>, Option<Signing<'_>>),
        upload: Option<&Upload>,
    ) -> Result<response::Parts, Unanswered> {
        let host = match (host, lease.endpoint()) {
            (AskedHost::Named(name), _) => Cow::Borrowed(name.as_ref()),
            (AskedHost::Endpoint, Some(endpoint)) => {
                Cow::Owned(host_and_port(endpoint, self.is_tls()))
            }
            (AskedHost::Endpoint, None) => Cow::Borrowed(""),
        };
        if !host.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Unanswered::Lost(OriginError::host(&host)));
        }
        if let Some(signing) = signing
            && signing.sign(parts, &host, self.is_tls()).is_none()
        {
            return Err(Unanswered::Lost(OriginError::unsigned()));
        }
        let uploaded = || upload.map_or(0, Upload::bytes);
        let limit = self.timeouts().first_byte;
        let sent = lease.send(parts, body, &host, limit, uploaded).await;
        sent.map_err(|unanswered| match (&unanswered, lease.refusal()) {
            (Unanswered::Late(_), _) => unanswered,
            (_, Some(alert)) => unanswered.because(OriginError::refused(alert)),
            // Some origins say nothing at all, as those of gRPC do.
            (_, None) if self.wants_what_is_missing() => {
                unanswered.because(OriginError::refused_silently())
            }
            (_, None) => unanswered,
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

/// A request of HTTP/2 made anew from parsed parts.
pub(super) fn request_http2(
    parts: &Parts,
    body: RequestBody,
    host: &str,
    tls: bool,
) -> Result<Request<RequestBody>, OriginError> {
    let mut uri = Uri::builder()
        .scheme(if tls { "https" } else { "http" })
        .authority(host);
    // Path and query byte for byte those that the rules saw (invariant I4).
    if let Some(target) = parts.uri.path_and_query() {
        uri = uri.path_and_query(target.clone());
    }
    let mut request = Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = uri.build().map_err(|_| OriginError::host(host))?;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = parts.headers.clone();
    request.headers_mut().remove(header::HOST);
    Ok(request)
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
