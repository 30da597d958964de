//! Open connections to one endpoint of an origin.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use countersign_snapshot::Endpoint;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;

use super::connect::{Sender, connect};
use super::{Origin, OriginError};
use crate::http::RequestBody;

/// Idle connections, the last used on top, so that those that are not needed grow old.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    sender: Sender,
    address: SocketAddr,
    since: Instant,
}

/// A connection on loan for one request.
#[derive(Debug)]
pub(crate) struct Lease {
    origin: Arc<Origin>,
    endpoint: usize,
    sender: Sender,
    address: SocketAddr,
    reused: bool,
}

/// Which connection will do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wanted {
    /// One that is open, or a new one.
    Any,
    /// A new one.
    New,
}

impl Origin {
    /// Takes a connection out of the pool, or makes one.
    pub(crate) async fn lease(self: &Arc<Self>, wanted: Wanted) -> Result<Lease, OriginError> {
        let missing = || {
            OriginError::new(
                countersign_trust::Reason::OriginUnreachable,
                "the origin has no endpoint",
            )
        };
        let index = self.next_endpoint().ok_or_else(missing)?;
        let pool = self.endpoints.get(index).ok_or_else(missing)?;
        if wanted == Wanted::Any
            && let Some(idle) = pool.take(self.max_idle_time)
        {
            return Ok(Lease {
                origin: Arc::clone(self),
                endpoint: index,
                sender: idle.sender,
                address: idle.address,
                reused: true,
            });
        }
        let endpoint = self.endpoint(index).ok_or_else(missing)?;
        let (sender, address) = connect(self, endpoint).await?;
        Ok(Lease {
            origin: Arc::clone(self),
            endpoint: index,
            sender,
            address,
            reused: false,
        })
    }
}

impl Pool {
    fn take(&self, max_idle_time: Duration) -> Option<Idle> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(candidate) = idle.pop() {
            // One that its origin closed meanwhile is not ready any more.
            if candidate.sender.is_ready() && candidate.since.elapsed() < max_idle_time {
                return Some(candidate);
            }
        }
        None
    }

    fn put(&self, sender: Sender, address: SocketAddr, max_idle: usize) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < max_idle {
            idle.push(Idle {
                sender,
                address,
                since: Instant::now(),
            });
        }
    }

    pub(super) fn prune(&self, max_idle_time: Duration) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < max_idle_time);
    }
}

impl Lease {
    /// Sends the request. An error holds the request when not a byte of it was sent.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        self.sender.try_send_request(request).await
    }

    /// Whether another request used the connection before, so that the origin may have closed it just now.
    pub(crate) fn is_reused(&self) -> bool {
        self.reused
    }

    /// What it is connected to.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        self.origin.endpoint(self.endpoint)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The response was read to its end: the connection can serve another request as soon as the engine says so.
    pub(crate) fn give_back(mut self: Box<Self>) {
        if self.sender.is_ready() {
            self.put_back();
        } else if !self.sender.is_closed() {
            tokio::spawn(async move {
                if self.sender.ready().await.is_ok() {
                    self.put_back();
                }
            });
        }
    }

    fn put_back(self) {
        if let Some(pool) = self.origin.endpoints.get(self.endpoint) {
            pool.put(self.sender, self.address, self.origin.max_idle);
        }
    }
}
