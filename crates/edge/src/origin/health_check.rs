//! How the edge finds out by itself how each address of an origin is.

use std::future::poll_fn;
use std::sync::{Arc, Weak};

use countersign_snapshot::{HealthCheck, HealthCheckKind, OriginProtocol};
use http::header::{HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, Uri, Version};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::connect::{Engine, Speak, connect};
use super::endpoint::Address;
use super::health::State;
use super::http1::Asked;
use super::send::host_and_port;
use super::{Origin, OriginError};
use crate::http::RequestBody;

mod grpc;

const AGENT: HeaderValue = HeaderValue::from_static("countersign-health-check");

/// Begins to watch an origin, if that is asked for. It ends with the origin.
pub(super) fn begin(origin: &Arc<Origin>) {
    if let Some(check) = origin.model.policy.health_check.clone() {
        tokio::spawn(run(Arc::downgrade(origin), check));
    }
}

async fn run(origin: Weak<Origin>, check: HealthCheck) {
    let check = Arc::new(check);
    let mut ticks = interval(check.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(origin) = origin.upgrade() else {
            return;
        };
        if let Err(error) = origin.resolve().await {
            tracing::warn!(
                origin = origin.id(),
                detail = error.detail,
                "the health check has no address"
            );
        }
        let mut checks = JoinSet::new();
        for (index, endpoint) in origin.endpoints.iter().enumerate() {
            for address in endpoint.addresses().iter() {
                let (origin, check) = (Arc::clone(&origin), Arc::clone(&check));
                let address = Arc::clone(address);
                checks.spawn(async move { judge(&origin, index, &address, &check).await });
            }
        }
        checks.join_all().await;
    }
}

async fn judge(origin: &Origin, endpoint: usize, address: &Address, check: &HealthCheck) {
    let asked = tokio::time::timeout(check.timeout, ask(origin, endpoint, address, check)).await;
    let found = asked.unwrap_or_else(|_| {
        let limit = check.timeout.as_millis();
        Err(format!("no answer within {limit} ms"))
    });
    origin.counts.checked(found.is_ok());
    match (address.health.checked(found.is_ok(), check), found) {
        (Some(State::Used), _) => {
            tracing::info!(origin = origin.id(), address = %address.socket, "the origin's address passes its health check again");
        }
        (Some(_), Err(detail)) => {
            tracing::warn!(origin = origin.id(), address = %address.socket, detail, "the origin's address fails its health check; it gets no requests");
        }
        _ => {}
    }
}

/// Asks on a connection of its own, so that connecting is checked as well.
async fn ask(
    origin: &Origin,
    endpoint: usize,
    address: &Address,
    check: &HealthCheck,
) -> Result<(), String> {
    let detail = |error: OriginError| error.detail;
    match &check.kind {
        HealthCheckKind::Grpc { service } => {
            grpc::ask(origin, endpoint, address, check, service).await
        }
        HealthCheckKind::Http => {
            let status = ask_http(origin, endpoint, address, check).await;
            let status = status.map_err(detail)?;
            let (first, last) = check.expected_statuses;
            if (first..=last).contains(&status) {
                Ok(())
            } else {
                Err(format!("the answer has the status {status}"))
            }
        }
        // Not a byte is sent, and no TLS begun: before it some origins wait for a PROXY header, and there is no client to tell of.
        HealthCheckKind::Tcp => match TcpStream::connect(address.socket).await {
            Ok(_) => Ok(()),
            Err(error) => Err(OriginError::connect(address.socket, &error).detail),
        },
    }
}

async fn ask_http(
    origin: &Origin,
    endpoint: usize,
    address: &Address,
    check: &HealthCheck,
) -> Result<u16, OriginError> {
    let speak = match origin.model.policy.protocol {
        OriginProtocol::Http2 => Speak::Http2,
        OriginProtocol::Negotiated if origin.is_tls() => Speak::Either,
        _ => Speak::Http1,
    };
    let endpoint = origin
        .endpoints
        .get(endpoint)
        .ok_or_else(OriginError::unhealthy)?;
    let host = check
        .host
        .clone()
        .unwrap_or_else(|| host_and_port(&endpoint.model, origin.is_tls()));
    let engine = connect(origin, endpoint, address.socket, speak, check.timeout).await?;
    let headers = HeaderMap::from_iter([(USER_AGENT, AGENT)]);
    match engine {
        Engine::Http1(mut http1) => {
            let asked = Asked {
                method: &Method::GET,
                target: &check.path,
                host: &host,
                headers: &headers,
            };
            http1
                .begin(&asked, RequestBody::Empty)
                .map_err(|error| OriginError::http(&error))?;
            let answer = poll_fn(|context| http1.poll_answer(context)).await;
            answer
                .map(|head| head.status.as_u16())
                .map_err(|error| OriginError::http(&error))
        }
        Engine::Http2(mut sender, _) => {
            let mut request = Request::new(RequestBody::Empty);
            *request.headers_mut() = headers;
            *request.version_mut() = Version::HTTP_2;
            *request.uri_mut() = Uri::builder()
                .scheme(if origin.is_tls() { "https" } else { "http" })
                .authority(host.as_str())
                .path_and_query(check.path.as_str())
                .build()
                .map_err(|_| OriginError::host(&host))?;
            sender
                .send_request(request)
                .await
                .map(|response| response.status().as_u16())
                .map_err(|error| OriginError::http(&error))
        }
    }
}
