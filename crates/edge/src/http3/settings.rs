//! How quinn is set up.

use std::sync::Arc;
use std::time::Duration;

use quinn::{IdleTimeout, ServerConfig, TransportConfig, VarInt};

use crate::Limits;

/// Three are needed (RFC 9114 §6.2); clients open a few more to see whether unknown ones are let be.
const UNIDIRECTIONAL_STREAMS: u32 = 8;
/// What one slow stream may hold, as for HTTP/2.
const STREAM_WINDOW: u32 = 256 * 1024;
/// What all streams of a connection may hold, in each direction.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// A client chain of the largest size that is read, out of order.
const CRYPTO_BYTES: usize = 64 * 1024;
/// What may come from a client before its first packet is looked at, and from all of them.
const EARLY_BYTES: u64 = 16 * 1024;
const EARLY_BYTES_TOTAL: u64 = 16 * 1024 * 1024;

/// Completes the configuration of connections.
pub(super) fn complete(config: &mut ServerConfig, limits: &Limits) {
    config
        .transport_config(Arc::new(transport(limits)))
        .max_incoming(limits.handshakes)
        .incoming_buffer_size(EARLY_BYTES)
        .incoming_buffer_size_total(EARLY_BYTES_TOTAL);
    // Tokens for later connections would save a round trip under load only, and there is no log to see them used twice.
    config.validation_token.sent(0);
}

fn transport(limits: &Limits) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(limits.streams_per_connection.into())
        .max_concurrent_uni_streams(UNIDIRECTIONAL_STREAMS.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(u64::from(CONNECTION_WINDOW))
        .crypto_buffer_size(CRYPTO_BYTES)
        .datagram_receive_buffer_size(None)
        // A client that is gone is noticed, and one that waits for a slow response is kept.
        .keep_alive_interval(Some(limits.ping_interval))
        .max_idle_timeout(Some(idle_timeout(
            limits.ping_interval + limits.ping_timeout,
        )));
    transport
}

fn idle_timeout(after: Duration) -> IdleTimeout {
    let millis = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
    IdleTimeout::from(VarInt::from_u32(millis))
}
