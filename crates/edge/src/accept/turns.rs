//! Whose handshake the processor works on next.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::budget::Source;

/// Lets handshakes work in turns: the addresses that clients have take turns, however many handshakes each of them wants.
///
/// A handshake works at two moments, each a few hundred microseconds: when the ClientHello is there, and when the client's certificate is.
/// After each of them in a row, its thread lets others have the processor, above all those that serve known clients.
#[derive(Debug)]
pub(crate) struct Turns {
    at_once: NonZeroUsize,
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    working: usize,
    /// Those that wait, by address; the first address is next.
    addresses: VecDeque<Source>,
    waiting: HashMap<Source, VecDeque<Arc<Place>>>,
}

/// A handshake's place in the line.
#[derive(Debug)]
struct Place {
    source: Source,
    its_turn: AtomicBool,
    waker: Mutex<Waker>,
}

/// A handshake that works in turns.
pub(crate) struct InTurns<F> {
    handshake: Pin<Box<F>>,
    turns: Arc<Turns>,
    place: Arc<Place>,
    /// Whether its place is in the line, or has its turn.
    waits: bool,
}

impl Turns {
    /// `at_once` is how many may work at the same time.
    pub(crate) fn new(at_once: NonZeroUsize) -> Arc<Self> {
        Arc::new(Self {
            at_once,
            line: Mutex::default(),
        })
    }

    /// Runs the handshake of a client at `source`.
    pub(crate) fn take<F: Future>(self: &Arc<Self>, source: Source, handshake: F) -> InTurns<F> {
        InTurns {
            handshake: Box::pin(handshake),
            turns: Arc::clone(self),
            place: Arc::new(Place {
                source,
                its_turn: AtomicBool::new(false),
                waker: Mutex::new(Waker::noop().clone()),
            }),
            waits: false,
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the turns that are free to those who are next. `caller` is awake.
    fn give(&self, mut line: MutexGuard<'_, Line>, caller: Option<&Arc<Place>>) {
        while line.working < self.at_once.get()
            && let Some(next) = line.next()
        {
            line.working += 1;
            next.its_turn.store(true, Ordering::Relaxed);
            if !caller.is_some_and(|caller| Arc::ptr_eq(caller, &next)) {
                next.wake();
            }
        }
    }

    fn done(&self) {
        let mut line = self.line();
        line.working = line.working.saturating_sub(1);
        let others_wait = !line.addresses.is_empty();
        self.give(line, None);
        if others_wait {
            // The scheduler would let this thread work for milliseconds before those have the core whose work takes microseconds.
            std::thread::yield_now();
        }
    }
}

impl Line {
    fn enter(&mut self, place: &Arc<Place>) {
        let of_address = self.waiting.entry(place.source).or_default();
        if of_address.is_empty() {
            self.addresses.push_back(place.source);
        }
        of_address.push_back(Arc::clone(place));
    }

    /// The oldest of the next address, which goes to the end of the line.
    fn next(&mut self) -> Option<Arc<Place>> {
        let source = self.addresses.pop_front()?;
        let of_address = self.waiting.get_mut(&source)?;
        let next = of_address.pop_front();
        if of_address.is_empty() {
            self.waiting.remove(&source);
        } else {
            self.addresses.push_back(source);
        }
        next
    }

    fn leave(&mut self, place: &Arc<Place>) {
        let Some(of_address) = self.waiting.get_mut(&place.source) else {
            return;
        };
        of_address.retain(|other| !Arc::ptr_eq(other, place));
        if of_address.is_empty() {
            self.waiting.remove(&place.source);
            self.addresses.retain(|other| *other != place.source);
        }
    }
}

impl Place {
    fn waker(&self) -> MutexGuard<'_, Waker> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let waker = self.waker().clone();
        waker.wake();
    }
}

impl<F: Future> Future for InTurns<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        this.place.waker().clone_from(context.waker());
        if !this.waits {
            this.waits = true;
            this.turns.line().enter(&this.place);
            // Everyone who can go on gets into the line before the next one is called.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.turns.give(this.turns.line(), Some(&this.place));
        if !this.place.its_turn.swap(false, Ordering::Relaxed) {
            return Poll::Pending;
        }
        let turn = Turn(&this.turns);
        this.waits = false;
        let result = this.handshake.as_mut().poll(context);
        drop(turn);
        result
    }
}

/// A turn that is given back even by a panic.
struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl<F> Drop for InTurns<F> {
    fn drop(&mut self) {
        if !self.waits {
            return;
        }
        let mut line = self.turns.line();
        if self.place.its_turn.swap(false, Ordering::Relaxed) {
            line.working = line.working.saturating_sub(1);
        } else {
            line.leave(&self.place);
        }
        self.turns.give(line, None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::task::JoinSet;

    use super::*;

    fn source(last: u8) -> Source {
        Source::V4([192, 0, 2, last])
    }

    #[tokio::test]
    async fn addresses_take_turns_however_many_handshakes_each_wants() {
        let (turns, order) = (
            Turns::new(NonZeroUsize::MIN),
            Arc::new(Mutex::new(Vec::new())),
        );
        let mut all = JoinSet::new();
        for last in [1, 1, 1, 1, 2, 2, 3] {
            let order = Arc::clone(&order);
            all.spawn(turns.take(source(last), async move {
                order.lock().unwrap().push(last);
            }));
        }
        all.join_all().await;
        assert_eq!(*order.lock().unwrap(), [1, 2, 3, 1, 2, 1, 1]);
        assert_eq!(turns.line().working, 0);
    }

    #[tokio::test]
    async fn whoever_waits_for_the_client_keeps_no_turn() {
        let turns = Turns::new(NonZeroUsize::MIN);
        let (send, receive) = tokio::sync::oneshot::channel::<()>();
        let slow = tokio::spawn(turns.take(source(1), receive));
        turns.take(source(1), async {}).await;
        turns.take(source(2), async {}).await;
        send.send(()).unwrap();
        slow.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn whoever_leaves_the_line_holds_up_nobody() {
        let turns = Turns::new(NonZeroUsize::MIN);
        let mut polled = Box::pin(turns.take(source(1), async {}));
        let mut called = Box::pin(turns.take(source(2), async {}));
        let context = &mut Context::from_waker(Waker::noop());
        assert!(polled.as_mut().poll(context).is_pending());
        assert!(called.as_mut().poll(context).is_pending());
        // The first one's turn, which it does not take.
        assert!(called.as_mut().poll(context).is_pending());
        drop(polled);
        assert!(called.as_mut().poll(context).is_ready());
        assert!(turns.line().waiting.is_empty());
    }

    #[tokio::test]
    async fn a_panic_gives_its_turn_back() {
        let turns = Turns::new(NonZeroUsize::MIN);
        let panics = tokio::spawn(turns.take(source(1), async { panic!("as a test") }));
        assert!(panics.await.is_err());
        turns.take(source(1), async {}).await;
    }
}
