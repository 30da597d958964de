//! One request and its response, from the head of the one to the last byte of the other.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_snapshot::ServerName;
use countersign_trust::{Reason, UnixTime};
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body::Frame;

use super::body::Upload;
use super::grpc;
use super::tunnel::Tunnel;
use crate::access_log::{Property, RequestRecord, Tls};
use crate::connection::{Admission, Connection, Trust};
use crate::enforced::EnforcedBinding;
use crate::metrics::RequestDone;
use crate::origin::{Lease, Origin};

/// As much of a path as the log keeps.
const PATH_MAX_BYTES: usize = 2048;

/// What the log will say. Counted as in flight while it exists; the record is written when it is dropped, however that comes about.
#[derive(Debug)]
pub(crate) struct Exchange {
    connection: Arc<Connection>,
    number: u64,
    began: Instant,
    time: UnixTime,
    method: Method,
    target: Uri,
    pub(crate) admission: Admission,
    pub(crate) trust: Option<Arc<Trust>>,
    pub(crate) binding: Option<Arc<EnforcedBinding>>,
    pub(crate) host: Option<Arc<ServerName>>,
    pub(crate) reason: Option<Reason>,
    pub(crate) detail: Option<Cow<'static, str>>,
    pub(crate) rule: Option<String>,
    pub(crate) would_deny: Option<String>,
    pub(crate) custom_log: Option<String>,
    pub(crate) origin: Option<Arc<Origin>>,
    pub(crate) origin_address: Option<SocketAddr>,
    pub(crate) origin_reused: bool,
    origin_protocol: Option<&'static str>,
    /// How often the request was sent.
    pub(crate) origin_attempts: u32,
    /// The request is gRPC.
    pub(crate) is_grpc: bool,
    grpc_status: Option<u16>,
    pub(crate) upload: Option<Arc<Upload>>,
    /// What the request becomes, once both sides agreed to a WebSocket.
    pub(crate) tunnel: Option<Box<Tunnel>>,
    first_byte: Option<Duration>,
    status: u16,
    sent: u64,
    received: u64,
    complete: bool,
}

impl Exchange {
    pub(crate) fn begin(connection: &Arc<Connection>, method: &Method, target: &Uri) -> Box<Self> {
        let node = connection.node();
        // What could go wrong comes before anything is counted.
        let time = node.now();
        let began = Instant::now();
        node.requests.fetch_add(1, Ordering::Relaxed);
        Box::new(Self {
            connection: Arc::clone(connection),
            number: connection.request_begun(began),
            began,
            time,
            method: method.clone(),
            target: target.clone(),
            admission: Admission::Other,
            trust: None,
            binding: None,
            host: None,
            reason: None,
            detail: None,
            rule: None,
            would_deny: None,
            custom_log: None,
            origin: None,
            origin_address: None,
            origin_reused: false,
            origin_protocol: None,
            origin_attempts: 0,
            is_grpc: false,
            grpc_status: None,
            upload: None,
            tunnel: None,
            first_byte: None,
            status: 0,
            sent: 0,
            received: 0,
            complete: false,
        })
    }

    /// The id that the client, the log and `explain` share.
    pub(crate) fn request_id(&self) -> String {
        self.connection
            .node()
            .request_id(self.connection.id(), self.number)
    }

    /// When the request came.
    pub(crate) fn time(&self) -> UnixTime {
        self.time
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Whether the record will be read, so that making its texts is worth it.
    pub(crate) fn is_logged(&self) -> bool {
        self.connection.node().access_log.is_on()
    }

    /// The head of the origin's response came.
    pub(crate) fn origin_answered(&mut self, lease: &Lease) {
        self.first_byte = Some(self.began.elapsed());
        self.origin_address = Some(lease.socket());
        self.origin_reused = lease.is_reused();
        self.origin_protocol = Some(if lease.is_http2() { "h2" } else { "http/1.1" });
    }

    /// The head of the response is on its way.
    pub(crate) fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.status = status.as_u16();
        if self.is_grpc {
            self.grpc_status = grpc::status_in(headers);
        }
    }

    /// A part of the response came from the origin.
    pub(crate) fn response_part(&mut self, part: &Frame<Bytes>) {
        if let Some(upload) = &self.upload {
            upload.answered();
        }
        if let Some(data) = part.data_ref() {
            self.sent(data.len() as u64);
        } else if self.is_grpc
            && let Some(trailers) = part.trailers_ref()
        {
            self.grpc_status = grpc::status_in(trailers);
        }
    }

    /// The origin did not finish its response.
    pub(crate) fn broken(&mut self, reason: Reason, detail: String) {
        self.reason.get_or_insert(reason);
        self.detail.get_or_insert(Cow::Owned(detail));
    }

    /// Bytes of the response's body, or of a tunnel, went to the client.
    pub(crate) fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
        self.connection.progress();
    }

    /// Bytes of a tunnel came from the client.
    pub(crate) fn received(&mut self, bytes: u64) {
        self.received += bytes;
    }

    /// The response reached its end.
    pub(crate) fn completed(&mut self) {
        self.complete = true;
    }

    fn count(&self, took: Duration) {
        let connection = &self.connection;
        let trust = self.trust.clone().unwrap_or_else(|| connection.latest());
        connection.node().metrics.request_done(&RequestDone {
            protocol: connection.protocol(),
            status: self.status,
            verdict: trust.verdicts().overall(),
            reason: self.reason,
            took,
            first_byte: self.first_byte,
            received: self.request_bytes(),
            sent: self.sent,
        });
        if let Some(origin) = &self.origin {
            let answered = self.first_byte.is_some();
            origin.count(answered.then_some(self.origin_reused), self.reason);
        }
    }

    fn request_bytes(&self) -> u64 {
        self.upload
            .as_ref()
            .map_or(self.received, |upload| upload.bytes())
    }

    /// Whether nothing was refused and nothing failed.
    fn went_well(&self) -> bool {
        self.reason.is_none() && self.would_deny.is_none() && (100..500).contains(&self.status)
    }

    fn write_record(&self, sampled_one_in: Option<u32>) {
        let connection = &self.connection;
        let node = connection.node();
        let trust = self.trust.clone().unwrap_or_else(|| connection.latest());
        let binding = self.binding.as_ref().unwrap_or_else(|| trust.binding());
        let path = self.target.path();
        let path_end = (0..=path.len().min(PATH_MAX_BYTES))
            .rev()
            .find(|end| path.is_char_boundary(*end))
            .unwrap_or_default();
        let record = RequestRecord {
            event: "request",
            time: self.time.to_string(),
            network: node.network.as_str(),
            node: node.id.as_str(),
            generation: trust.enforced().generation().number(),
            request_id: &self.request_id(),
            connection_id: connection.id(),
            client_address: connection.client().ip().to_canonical(),
            client_port: connection.client().port(),
            tls: connection.tls().map(Tls::of),
            server_name: connection.server_name().as_str(),
            binding: Some(binding.id()),
            property: Property::of(&binding.checked().binding),
            protocol: connection.protocol().as_str(),
            method: self.method.as_str(),
            host: self.host.as_ref().map(|host| host.as_str()),
            path: path.get(..path_end).unwrap_or_default(),
            status: self.status,
            verdict: trust.word(),
            reason: self.reason.map(Reason::code),
            detail: self.detail.as_deref(),
            rule: self.rule.as_deref(),
            would_deny: self.would_deny.as_deref(),
            client: connection.who_judged_by(&trust),
            origin: self.origin.as_ref().map(|origin| origin.id()),
            origin_address: self.origin_address.map(|address| address.to_string()),
            origin_reused: self.origin_address.map(|_| self.origin_reused),
            origin_protocol: self.origin_protocol,
            origin_attempts: (self.origin_attempts > 1).then_some(self.origin_attempts),
            grpc_status: self.grpc_status,
            request_bytes: self.request_bytes(),
            response_bytes: self.sent,
            complete: self.complete,
            origin_first_byte_ms: self
                .first_byte
                .map(|duration| duration.as_secs_f64() * 1000.0),
            duration_ms: self.began.elapsed().as_secs_f64() * 1000.0,
            custom_log: self.custom_log.as_deref(),
            client_chain: self.reason.and_then(|_| connection.chain_to_tell()),
            sampled_one_in,
        };
        node.access_log.write(self.time, &record);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let now = Instant::now();
        self.count(now.saturating_duration_since(self.began));
        if self.is_logged() {
            // Refusals and failures are never left out.
            let sample = if self.went_well() {
                self.connection.node().access_log.sample()
            } else {
                Some(None)
            };
            if let Some(stands_for) = sample {
                self.write_record(stands_for);
            }
        }
        self.connection.request_done(self.admission, now);
        self.connection
            .node()
            .requests
            .fetch_sub(1, Ordering::Relaxed);
    }
}
