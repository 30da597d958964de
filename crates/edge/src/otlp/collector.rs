//! One connection to the collector, made anew when it is gone.

use std::time::Duration;

use bytes::Bytes;
use countersign_snapshot::{OriginTls, TlsVersion};
use countersign_tls::{OriginAlpn, OriginConnector, TlsContext};
use http::header::{CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{OtlpLogs, StartOtlpError};
use crate::causes::with_causes;

/// Connecting, sending and the answer together.
const PATIENCE: Duration = Duration::from_secs(10);
const ANSWER_MAX_OCTETS: usize = 64 << 10;

/// Where requests go.
pub(super) struct Collector {
    endpoint: Uri,
    host: String,
    port: u16,
    connector: Option<OriginConnector>,
    headers: HeaderMap,
    open: Option<SendRequest<Full<Bytes>>>,
}

/// Why a request was not taken.
pub(super) struct Failure {
    /// For a person.
    pub(super) error: String,
    /// Whether it would be refused again.
    pub(super) is_final: bool,
    /// When the collector wants it again, if it says.
    pub(super) wait: Option<Duration>,
}

impl Failure {
    fn passing(what: &str, error: &dyn std::error::Error) -> Self {
        Self {
            error: format!("{what}: {}", with_causes(error)),
            is_final: false,
            wait: None,
        }
    }
}

impl Collector {
    pub(super) fn new(logs: OtlpLogs, tls: &TlsContext) -> Result<Self, StartOtlpError> {
        let host = logs.endpoint.host().ok_or(StartOtlpError::Endpoint)?;
        let connector = match logs.endpoint.scheme_str() {
            Some("http") => None,
            Some("https") => {
                let policy = OriginTls {
                    trust: logs.trust,
                    server_name: None,
                    minimum_version: TlsVersion::Tls12,
                    client_credential: None,
                };
                Some(OriginConnector::build(&policy, None, tls).map_err(StartOtlpError::Trust)?)
            }
            _ => return Err(StartOtlpError::Endpoint),
        };
        let default_port = if connector.is_some() { 443 } else { 80 };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: logs.endpoint.port_u16().unwrap_or(default_port),
            connector,
            headers: logs.headers,
            endpoint: logs.endpoint,
            open: None,
        })
    }

    /// Sends one request; how many of its records the collector rejected.
    pub(super) async fn post(&mut self, body: Bytes) -> Result<u64, Failure> {
        let result = timeout(PATIENCE, self.exchange(body)).await;
        let result = result.unwrap_or_else(|_| {
            Err(Failure {
                error: format!("there is no answer within {} s", PATIENCE.as_secs()),
                is_final: false,
                wait: None,
            })
        });
        if result.is_err() {
            self.open = None;
        }
        result
    }

    async fn exchange(&mut self, body: Bytes) -> Result<u64, Failure> {
        let kept = match self.open.take() {
            Some(mut sender) => sender.ready().await.is_ok().then_some(sender),
            None => None,
        };
        let mut sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let path = self
            .endpoint
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = Uri::try_from(path).unwrap_or_default();
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("countersign"));
        let authority = self.endpoint.authority().map_or("", |it| it.as_str());
        if let Ok(host) = HeaderValue::from_str(authority) {
            headers.insert(HOST, host);
        }
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| Failure::passing("the request broke off", &error))?;
        if !response.status().is_success() {
            return Err(refused(&response));
        }
        let answer = Limited::new(response.into_body(), ANSWER_MAX_OCTETS);
        // It is taken, whatever else the collector says about it.
        let rejected = match answer.collect().await {
            Ok(answer) => rejected(&answer.to_bytes()),
            Err(_) => 0,
        };
        self.open = Some(sender);
        Ok(rejected)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let connected = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = connected.map_err(|error| Failure::passing("it cannot be reached", &error))?;
        let _ = stream.set_nodelay(true);
        match &self.connector {
            None => speak(stream).await,
            Some(connector) => {
                let secured = connector
                    .connect(stream, &self.host, OriginAlpn::Http1)
                    .await;
                let secured =
                    secured.map_err(|error| Failure::passing("it cannot be trusted", &error))?;
                speak(secured).await
            }
        }
    }
}

async fn speak<IO>(stream: IO) -> Result<SendRequest<Full<Bytes>>, Failure>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Failure::passing("it does not speak HTTP", &error))?;
    // Errors reach the request.
    tokio::spawn(connection);
    Ok(sender)
}

/// OTLP 1.x, "Failures": these four statuses ask for another try, all others refuse.
fn refused(response: &Response<Incoming>) -> Failure {
    let status = response.status();
    let passes = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    let wait = response.headers().get(RETRY_AFTER);
    let seconds = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
    Failure {
        error: format!("the answer is {status}"),
        is_final: !passes.contains(&status),
        wait: seconds.map(Duration::from_secs),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    partial_success: Option<PartialSuccess>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PartialSuccess {
    /// A 64-bit number, which JSON has as a text.
    rejected_log_records: Option<Number>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

fn rejected(answer: &[u8]) -> u64 {
    let answer: Answer = serde_json::from_slice(answer).unwrap_or_default();
    let rejected = answer
        .partial_success
        .and_then(|it| it.rejected_log_records);
    match rejected {
        Some(Number::Number(number)) => number,
        Some(Number::Text(text)) => text.parse().unwrap_or(0),
        None => 0,
    }
}
