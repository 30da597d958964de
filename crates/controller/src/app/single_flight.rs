//! One of several that want the same does it; the others wait for its end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// What is under way, by what it is about.
pub(crate) struct SingleFlight<K>(Arc<Mutex<HashMap<K, watch::Receiver<()>>>>);

impl<K> Default for SingleFlight<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Eq + Hash + Send + 'static> SingleFlight<K> {
    /// Returns when the work about `key` is done: that of somebody else which is under way, or `work`. It goes on when nobody waits any more.
    pub(crate) async fn run<F>(&self, key: K, work: impl FnOnce() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut done = {
            let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match under_way.entry(key.clone()) {
                Entry::Occupied(entry) => entry.get().clone(),
                Entry::Vacant(entry) => {
                    let (end, done) = watch::channel(());
                    entry.insert(done.clone());
                    let landing = Landing {
                        under_way: Arc::clone(&self.0),
                        key,
                        end: Some(end),
                    };
                    let work = work();
                    tokio::spawn(async move {
                        work.await;
                        drop(landing);
                    });
                    done
                }
            }
        };
        // The channel only ever closes.
        let _ = done.changed().await;
    }
}

/// Takes the work off the list, also when it panics.
struct Landing<K: Eq + Hash> {
    under_way: Arc<Mutex<HashMap<K, watch::Receiver<()>>>>,
    key: K,
    end: Option<watch::Sender<()>>,
}

impl<K: Eq + Hash> Drop for Landing<K> {
    fn drop(&mut self) {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        under_way.remove(&self.key);
        // Whoever comes from now on begins anew; whoever waits looks.
        drop(self.end.take());
    }
}

impl<K> fmt::Debug for SingleFlight<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SingleFlight")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_wait_for_one() {
        let flights = Arc::new(SingleFlight::<u8>::default());
        let begun = Arc::new(AtomicUsize::new(0));
        let (open, gate) = watch::channel(());
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                let (flights, begun, mut gate) =
                    (Arc::clone(&flights), Arc::clone(&begun), gate.clone());
                tokio::spawn(async move {
                    let work = || async move {
                        begun.fetch_add(1, Ordering::SeqCst);
                        let _ = gate.changed().await;
                    };
                    flights.run(7, work).await;
                })
            })
            .collect();
        while begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        // Somebody who does not wait to the end takes nothing away.
        waiting[3].abort();
        drop(open);
        for waiting in waiting {
            let _ = waiting.await;
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        flights.run(7, || async {}).await;
        assert!(flights.0.lock().unwrap().is_empty());
    }
}
