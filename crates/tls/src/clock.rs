//! The injected clock, in the form that rustls asks for.

use std::sync::Arc;
use std::time::Duration;

use countersign_trust::Clock;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;

/// Shows our clock to rustls, so that tickets, certificates and verdicts agree about the time.
#[derive(Debug)]
pub(crate) struct RustlsClock(pub(crate) Arc<dyn Clock>);

impl TimeProvider for RustlsClock {
    fn current_time(&self) -> Option<UnixTime> {
        // A time before the epoch is no time: rustls then fails the handshake.
        let micros = u64::try_from(self.0.now().as_micros()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_micros(micros)))
    }
}
