//! The record of a connection whose bytes are passed on. Written when it is dropped, however that comes about.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use countersign_rules::{Decision, EnforcementResult};
use countersign_snapshot::RequestFacts;
use countersign_trust::{Reason, UnixTime};

use crate::access_log::{PassageRecord, Property, Tls};
use crate::connection::{Admission, Connection, Trust};
use crate::http::{Rejection, render};
use crate::metrics::RequestDone;
use crate::origin::Origin;

#[derive(Debug)]
pub(super) struct Passage {
    connection: Arc<Connection>,
    id: String,
    began: Instant,
    time: UnixTime,
    admission: Admission,
    trust: Arc<Trust>,
    reason: Option<Reason>,
    detail: Option<Cow<'static, str>>,
    rule: Option<String>,
    would_deny: Option<String>,
    custom_log: Option<String>,
    origin: Option<Arc<Origin>>,
    origin_address: Option<SocketAddr>,
    connected: Option<Duration>,
    received: u64,
    sent: u64,
    complete: bool,
}

impl Passage {
    pub(super) fn begin(connection: &Arc<Connection>) -> Self {
        let node = connection.node();
        // What could go wrong comes before anything is counted.
        let time = node.now();
        node.requests.fetch_add(1, Ordering::Relaxed);
        Self {
            id: node.request_id(connection.id(), connection.request_begun(Instant::now())),
            began: Instant::now(),
            time,
            admission: Admission::Other,
            trust: connection.latest(),
            reason: None,
            detail: None,
            rule: None,
            would_deny: None,
            custom_log: None,
            origin: None,
            origin_address: None,
            connected: None,
            received: 0,
            sent: 0,
            complete: false,
            connection: Arc::clone(connection),
        }
    }

    /// The id that the origin and the log share.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn admitted(&mut self, trust: &Arc<Trust>, admission: Admission) {
        self.trust = Arc::clone(trust);
        self.admission = admission;
    }

    /// What the rules say, also when that is no.
    pub(super) fn decided(&mut self, decision: &Decision<'_>, facts: &RequestFacts<'_>) {
        if !self.connection.node().access_log.is_on() {
            return;
        }
        self.custom_log = decision
            .custom_log
            .map(|template| render::for_log(template, facts));
        self.rule = decision.enforced.map(|check| check.rule.to_owned());
        self.would_deny = decision
            .enforced
            .filter(|check| check.result == EnforcementResult::Failed && !check.denies)
            .map(|check| check.rule.to_owned());
    }

    pub(super) fn refused(&mut self, rejection: Rejection) {
        self.reason = Some(rejection.reason);
        self.detail = rejection.detail;
        self.rule = rejection.rule.or(self.rule.take());
    }

    pub(super) fn origin(&mut self, origin: &Arc<Origin>) {
        self.origin = Some(Arc::clone(origin));
    }

    pub(super) fn connected(&mut self, address: SocketAddr) {
        self.origin_address = Some(address);
        self.connected = Some(self.began.elapsed());
    }

    pub(super) fn moved(&mut self, received: u64, sent: u64) {
        self.received = received;
        self.sent = sent;
    }

    /// Both sides ended it.
    pub(super) fn completed(&mut self) {
        self.complete = true;
    }

    /// It ended in another way.
    pub(super) fn ended(&mut self, how: &'static str) {
        self.detail = Some(Cow::Borrowed(how));
    }

    fn count(&self) {
        let connection = &self.connection;
        connection.node().metrics.request_done(&RequestDone {
            protocol: connection.protocol(),
            status: 0,
            verdict: self.trust.verdicts().overall(),
            reason: self.reason,
            took: self.began.elapsed(),
            first_byte: self.connected,
            received: self.received,
            sent: self.sent,
        });
        if let Some(origin) = &self.origin {
            origin.count(self.connected.map(|_| false), self.reason);
        }
    }

    fn write_record(&self, sampled_one_in: Option<u32>) {
        let (connection, trust) = (&self.connection, &self.trust);
        let node = connection.node();
        let record = PassageRecord {
            event: "connection",
            time: self.time.to_string(),
            network: node.network.as_str(),
            node: node.id.as_str(),
            generation: trust.enforced().generation().number(),
            request_id: &self.id,
            connection_id: connection.id(),
            client_address: connection.client().ip().to_canonical(),
            client_port: connection.client().port(),
            tls: connection.tls().map(Tls::of),
            server_name: connection.server_name().as_str(),
            binding: trust.binding().id(),
            property: Property::of(&trust.binding().checked().binding),
            protocol: connection.protocol().as_str(),
            verdict: trust.word(),
            reason: self.reason.map(Reason::code),
            detail: self.detail.as_deref(),
            rule: self.rule.as_deref(),
            would_deny: self.would_deny.as_deref(),
            client: connection.who_judged_by(trust),
            origin: self.origin.as_ref().map(|origin| origin.id()),
            origin_address: self.origin_address.map(|address| address.to_string()),
            request_bytes: self.received,
            response_bytes: self.sent,
            complete: self.complete,
            origin_connected_ms: self
                .connected
                .map(|duration| duration.as_secs_f64() * 1000.0),
            duration_ms: self.began.elapsed().as_secs_f64() * 1000.0,
            custom_log: self.custom_log.as_deref(),
            client_chain: self.reason.and_then(|_| connection.chain_to_tell()),
            sampled_one_in,
        };
        node.access_log.write(self.time, &record);
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.count();
        let node = self.connection.node();
        if node.access_log.is_on() {
            // Refusals and failures are never left out.
            let went_well = self.complete && self.would_deny.is_none();
            let sample = if went_well {
                node.access_log.sample()
            } else {
                Some(None)
            };
            if let Some(stands_for) = sample {
                self.write_record(stands_for);
            }
        }
        self.connection.request_done(self.admission, Instant::now());
        node.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
