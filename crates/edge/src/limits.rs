//! Bounds on everything that the network can make an edge node hold (invariant I7). Those before authentication are the smaller ones.

use std::num::NonZeroUsize;
use std::time::Duration;

/// How much of everything an edge node accepts. Every field has a default that suits a node with a few GiB of memory.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections that are open at the same time, over all listeners. More are closed at once.
    pub connections: usize,
    /// Threads on which clients over TCP are received: accepted, and known by the end of their handshake. `None`: one for each core that the
    /// process may use.
    pub handshake_threads: Option<NonZeroUsize>,
    /// TLS handshakes that run at the same time, over all clients. When there are more, the address that has most of them loses its oldest
    /// to an address that has fewer, and whoever began longest ago, but a second at least, to an address that has none.
    pub handshakes: usize,
    /// TLS handshakes that run at the same time from one client address (IPv6: from one /64).
    pub handshakes_per_address: usize,
    /// From the accepted connection to the end of its TLS handshake.
    pub handshake: Duration,
    /// For the head of an HTTP/1.1 request, from its first byte to its end; and the longest that an HTTP/1.1 connection is without a request.
    pub request_head: Duration,
    /// Without a request in flight, after which a connection is closed.
    pub idle_connection: Duration,
    /// Between two parts of a request body.
    pub request_body_idle: Duration,
    /// Headers of one request, by number.
    pub request_headers: usize,
    /// Headers of one request together with the request line, in bytes.
    pub request_head_bytes: usize,
    /// For a client that does not take its response, beyond the longest time that an origin may be silent. Looked at whenever
    /// `idle_connection` has passed.
    pub stalled_client: Duration,
    /// Requests that are in flight at the same time, over all connections. More are answered with 503.
    pub requests: usize,
    /// Requests that are in flight at the same time on one HTTP/2 connection.
    pub streams_per_connection: u32,
    /// Streams that a client may reset before the edge looked at them, and that the edge may reset for protocol errors, before the
    /// connection is closed (CVE-2023-44487, CVE-2025-8671).
    pub resets_per_connection: usize,
    /// Between two HTTP/2 pings on a connection that is open.
    pub ping_interval: Duration,
    /// For the answer to a ping.
    pub ping_timeout: Duration,
    /// Connections that an origin's pool keeps open without a request.
    pub idle_origin_connections: usize,
    /// After which an origin connection without a request is closed.
    pub idle_origin_connection: Duration,
    /// Without a byte in either direction, after which a WebSocket is closed.
    pub idle_tunnel: Duration,
    /// For the answer of a CA about a client that was never seen before, after its handshake; then the revocation policy decides by what is known.
    pub status_wait: Duration,
    /// For the requests in flight on a connection whose client is no longer trusted.
    pub cut_off: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            handshake_threads: None,
            handshakes: 4_096,
            handshakes_per_address: 256,
            handshake: Duration::from_secs(10),
            request_head: Duration::from_secs(30),
            idle_connection: Duration::from_secs(75),
            request_body_idle: Duration::from_secs(60),
            request_headers: 100,
            request_head_bytes: 64 * 1024,
            stalled_client: Duration::from_secs(60),
            requests: 100_000,
            streams_per_connection: 128,
            resets_per_connection: 64,
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(20),
            idle_origin_connections: 256,
            idle_origin_connection: Duration::from_secs(30),
            idle_tunnel: Duration::from_secs(300),
            // What a person does not notice, and a responder nearby needs ten times less.
            status_wait: Duration::from_millis(500),
            // Together with the sweep itself this keeps the promise of one second.
            cut_off: Duration::from_millis(700),
        }
    }
}
