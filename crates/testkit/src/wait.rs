//! Waiting for a condition, never for a time.

use std::{
    fmt::Debug,
    thread,
    time::{Duration, Instant},
};

/// How long anything in a test may take before it counts as never. Generous, since it is only spent by tests that fail.
pub const PATIENCE: Duration = Duration::from_secs(30);

const INTERVAL: Duration = Duration::from_millis(5);

/// Looks again and again until `look` has a value, blocking the thread. `look` says with `Err` what it saw instead.
///
/// # Panics
///
/// With `what` and the last state seen, when [`PATIENCE`] is over.
pub fn until<T, E: Debug>(what: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(value) => return value,
            Err(state) if Instant::now() > deadline => {
                panic!("waited for {what}, last saw {state:?}")
            }
            Err(_) => thread::sleep(INTERVAL),
        }
    }
}

/// As [`until`], for async tests.
///
/// # Panics
///
/// With `what` and the last state seen, when [`PATIENCE`] is over.
pub async fn until_async<T, E: Debug>(
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(value) => return value,
            Err(state) if Instant::now() > deadline => {
                panic!("waited for {what}, last saw {state:?}")
            }
            Err(_) => tokio::time::sleep(INTERVAL).await,
        }
    }
}
