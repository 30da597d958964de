//! A connection on loan for one request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use countersign_snapshot::{ConnectionSharing, Endpoint, OriginProtocol};
use countersign_tls::Alert;
use countersign_trust::Reason;
use hyper::body::Incoming;

use super::beside::Beside;
use super::choose::Choice;
use super::connect::{Engine, Speak, connect};
use super::counts::Counted;
use super::dial::OriginIo;
use super::endpoint::Address;
use super::http1::Http1;
use super::pool::{Owner, Pool, Stream};
use super::{Origin, OriginError};
use crate::http::IdleTimer;

mod answer;

/// What a request needs of its connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Needs {
    /// It becomes a WebSocket: HTTP/1.1, for itself alone.
    AnUpgrade,
    /// It is gRPC, which is HTTP/2 only.
    Grpc,
    Nothing,
}

/// A connection on loan; once there is an answer, also its body.
#[derive(Debug)]
pub(crate) struct Lease {
    origin: Arc<Origin>,
    endpoint: usize,
    address: Arc<Address>,
    channel: Channel,
    owner: Owner,
    is_reused: bool,
    /// The request counts as in flight for as long.
    _in_flight: Counted,
}

#[derive(Debug)]
enum Channel {
    Http1(Box<Http1>),
    Http2 {
        stream: Stream,
        answer: Option<Incoming>,
        timer: IdleTimer,
    },
    Beside(Beside),
    /// For the moment in which it becomes another one.
    Gone,
}

impl From<Stream> for Channel {
    fn from(stream: Stream) -> Self {
        Self::Http2 {
            stream,
            answer: None,
            timer: IdleTimer::default(),
        }
    }
}

/// So many addresses are tried for one connection.
const ADDRESSES_TRIED: usize = 4;

impl Origin {
    fn speak(&self, needs: Needs) -> Result<Speak, OriginError> {
        Ok(match (self.model.policy.protocol, needs) {
            (OriginProtocol::Http2, Needs::AnUpgrade) if !self.is_tls() => {
                return Err(OriginError::no_websocket());
            }
            (_, Needs::AnUpgrade) | (OriginProtocol::Http1, _) => Speak::Http1,
            (OriginProtocol::Http2, _) | (_, Needs::Grpc) => Speak::Http2,
            (OriginProtocol::Negotiated, Needs::Nothing) if self.is_tls() => Speak::Either,
            (OriginProtocol::Automatic | OriginProtocol::Negotiated, Needs::Nothing) => {
                Speak::Http1
            }
        })
    }

    pub(super) fn owner(&self, client_connection: u64) -> Owner {
        match self.model.policy.sharing {
            ConnectionSharing::PerClientConnection => Some(client_connection),
            ConnectionSharing::Shared => None,
        }
    }

    /// Takes a connection out of a pool, or makes one; `fresh` makes one in any case. When an address does not answer, others are tried
    /// within the same time.
    pub(super) async fn lease(
        self: &Arc<Self>,
        needs: Needs,
        owner: Owner,
        fresh: bool,
        avoid: &mut Vec<Arc<Address>>,
    ) -> Result<Lease, OriginError> {
        let speak = self.speak(needs)?;
        let in_flight = self.begin_request()?;
        let mut deadline = None;
        if self.has_names {
            deadline = Some(Instant::now() + self.timeouts().connect);
            Box::pin(self.resolve()).await?;
        }
        let mut last = None;
        for tries_left in (1..=ADDRESSES_TRIED).rev() {
            let Some(choice) = self.choose(avoid) else {
                break;
            };
            let pooled = if fresh || needs == Needs::AnUpgrade {
                // An upgrade would end the connection for others.
                None
            } else {
                self.pooled(&choice.address.pool, speak, owner)
            };
            let is_reused = pooled.is_some();
            let channel = match pooled {
                Some(channel) => Ok(channel),
                None => {
                    let deadline =
                        *deadline.get_or_insert_with(|| Instant::now() + self.timeouts().connect);
                    let left = deadline.saturating_duration_since(Instant::now());
                    // The others get their part of the time. A single address gets all of it.
                    let others = self.states().len().saturating_sub(avoid.len() + 1);
                    let parts = u32::try_from(others.min(tries_left - 1) + 1).unwrap_or(1);
                    let limit = left.checked_div(parts).unwrap_or(left);
                    // Rare, and large: without the box every idle client connection would hold room for it.
                    Box::pin(self.connected(&choice, speak, owner, fresh, limit)).await
                }
            };
            match channel {
                Ok(channel) => {
                    return Ok(Lease {
                        origin: Arc::clone(self),
                        endpoint: choice.endpoint,
                        address: choice.address,
                        channel,
                        owner,
                        is_reused,
                        _in_flight: in_flight,
                    });
                }
                Err(error) if error.reason == Reason::OriginOverloaded => return Err(error),
                Err(error) => {
                    self.address_failed(&choice.address);
                    avoid.push(choice.address);
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(OriginError::unhealthy))
    }

    /// A connection that is open.
    fn pooled(&self, pool: &Pool, speak: Speak, owner: Owner) -> Option<Channel> {
        if speak != Speak::Http1
            && let Some(stream) = pool.take_http2(owner)
        {
            return Some(stream.into());
        }
        (speak != Speak::Http2)
            .then(|| pool.take_http1(owner, self.max_idle_time))
            .flatten()
            .map(Channel::Http1)
    }

    /// A new connection, or a place on the one that another request is just making.
    async fn connected(
        &self,
        choice: &Choice,
        speak: Speak,
        owner: Owner,
        fresh: bool,
        limit: Duration,
    ) -> Result<Channel, OriginError> {
        let endpoint = self
            .endpoints
            .get(choice.endpoint)
            .ok_or_else(OriginError::unhealthy)?;
        let (pool, socket) = (&choice.address.pool, choice.address.socket);
        let mut left = limit;
        // One connection serves many requests of HTTP/2; without this, each of the first ones would make its own.
        let is_for_many = match speak {
            Speak::Http1 => false,
            Speak::Http2 => true,
            Speak::Either => pool.chose_http2.load(Ordering::Relaxed),
        };
        let turn = if is_for_many {
            let began = Instant::now();
            let turn = tokio::time::timeout(limit, pool.gate.lock()).await;
            let turn = turn.map_err(|_| OriginError::connect_timeout(socket, limit))?;
            left = limit.saturating_sub(began.elapsed());
            if !fresh && let Some(stream) = pool.take_http2(owner) {
                return Ok(stream.into());
            }
            Some(turn)
        } else {
            None
        };
        let engine = connect(self, endpoint, socket, speak, left).await?;
        let is_http2 = matches!(engine, Engine::Http2(..));
        if speak == Speak::Either {
            pool.chose_http2.store(is_http2, Ordering::Relaxed);
        }
        let channel = match engine {
            Engine::Http1(http1) => Channel::Http1(http1),
            Engine::Http2(sender, told) => pool.put_http2(sender, told, owner).into(),
        };
        drop(turn);
        Ok(channel)
    }
}

impl Lease {
    /// Whether another request used the connection before, so that the origin may have closed it just now.
    pub(crate) fn is_reused(&self) -> bool {
        self.is_reused
    }

    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.channel, Channel::Http2 { .. })
    }

    /// What it is connected to.
    pub(super) fn endpoint(&self) -> Option<&Endpoint> {
        self.origin
            .endpoints
            .get(self.endpoint)
            .map(|endpoint| &endpoint.model)
    }

    pub(super) fn address(&self) -> &Arc<Address> {
        &self.address
    }

    pub(crate) fn socket(&self) -> SocketAddr {
        self.address.socket
    }

    /// With which alert the origin refused our certificate, where the engine does not say it.
    pub(super) fn refusal(&self) -> Option<Alert> {
        match &self.channel {
            Channel::Http2 { stream, .. } => stream.refusal(),
            Channel::Http1(_) | Channel::Beside(_) | Channel::Gone => None,
        }
    }

    /// The connection takes no more requests.
    pub(super) fn leave(&self) {
        if let Channel::Http2 { stream, .. } = &self.channel {
            stream.leave();
        }
    }

    /// The response was read to its end: the connection can serve another request, when that was the end of both.
    pub(crate) fn give_back(self) {
        if let Channel::Http1(http1) = self.channel
            && http1.is_reusable()
        {
            let max_idle = self.origin.max_idle;
            self.address.pool.put_http1(http1, self.owner, max_idle);
        }
    }

    /// What the connection is when the origin agreed to another protocol.
    pub(crate) fn upgraded(self) -> Option<OriginIo> {
        match self.channel {
            Channel::Http1(http1) => Some(OriginIo::upgraded(*http1)),
            Channel::Http2 { .. } | Channel::Beside(_) | Channel::Gone => None,
        }
    }
}
