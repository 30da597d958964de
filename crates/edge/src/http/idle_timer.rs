//! A deadline between two events.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Says when nothing happened for too long. Costs nothing while events come without waiting, and one look at the clock when one has to wait:
/// the runtime's timer is left where it is until it fires, and moved to the deadline only then.
#[derive(Debug, Default)]
pub(crate) struct IdleTimer {
    /// While something is waited for.
    deadline: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// What the count of the other direction was when the waiting began.
    elsewhere: u64,
}

impl IdleTimer {
    /// Something happened.
    pub(crate) fn progress(&mut self) {
        self.deadline = None;
    }

    /// Whether nothing happened for as long as `limit`; otherwise the task is woken when that is so. A stream that is quiet in one direction
    /// may go on for as long as the other one moves, whose events `elsewhere` counts.
    pub(crate) fn has_expired(
        &mut self,
        limit: Duration,
        elsewhere: impl Fn() -> u64,
        context: &mut Context<'_>,
    ) -> bool {
        let mut deadline = match self.deadline {
            Some(deadline) => deadline,
            None => {
                self.elsewhere = elsewhere();
                *self.deadline.insert(Instant::now() + limit)
            }
        };
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // One that is left from another wait may be too late.
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while let Poll::Ready(()) = sleep.as_mut().poll(context) {
            if sleep.deadline() >= deadline {
                let now = elsewhere();
                if now == self.elsewhere {
                    return true;
                }
                self.elsewhere = now;
                deadline = *self.deadline.insert(Instant::now() + limit);
            }
            sleep.as_mut().reset(deadline);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    /// How long it took until it was too long.
    async fn waited(
        timer: &mut IdleTimer,
        limit: Duration,
        elsewhere: impl Fn() -> u64,
    ) -> Duration {
        let began = Instant::now();
        poll_fn(
            |context| match timer.has_expired(limit, &elsewhere, context) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            },
        )
        .await;
        timer.progress();
        began.elapsed()
    }

    #[tokio::test]
    async fn every_wait_has_its_own_limit() {
        let mut timer = IdleTimer::default();
        for limit in [SHORT, 3 * SHORT, SHORT, SHORT] {
            let waited = waited(&mut timer, limit, || 0).await;
            assert!((limit..LONG).contains(&waited), "{limit:?}: {waited:?}");
        }
    }

    #[tokio::test]
    async fn a_wait_that_something_ended_does_not_matter_to_the_next() {
        let mut timer = IdleTimer::default();
        for (ended, next) in [(LONG, SHORT), (SHORT, 3 * SHORT)] {
            let began = poll_fn(|context| Poll::Ready(timer.has_expired(ended, || 0, context)));
            assert!(!began.await);
            timer.progress();
            let waited = waited(&mut timer, next, || 0).await;
            assert!((next..LONG).contains(&waited), "{next:?}: {waited:?}");
        }
    }

    #[tokio::test]
    async fn what_moves_elsewhere_is_waited_for() {
        let mut timer = IdleTimer::default();
        let began = Instant::now();
        let moves = || u64::from(began.elapsed() >= SHORT / 2);
        let waited = waited(&mut timer, SHORT, moves).await;
        assert!(waited >= 2 * SHORT, "{waited:?}");
    }
}
