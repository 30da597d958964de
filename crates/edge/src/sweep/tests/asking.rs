//! Clients that ask all the time, and how long that takes.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign_testkit::{TlsClient, wait};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Between an answer and the next request of the same client.
const BREATH: Duration = Duration::from_millis(2);

/// Threads of their own for one side, as processes would have.
pub(super) struct Elsewhere(Option<Runtime>);

impl Elsewhere {
    pub(super) fn new(threads: usize) -> Self {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(threads).enable_all().build();
        Self(Some(runtime.unwrap()))
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        self.0.as_ref().unwrap().spawn(work).await.unwrap()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Requests from their beginnings to their ends, in the order of these.
type Times = Arc<Mutex<Vec<(Instant, Instant)>>>;

/// Running clients; they stop when this is dropped.
pub(super) struct Asking {
    clients: usize,
    times: Times,
    count: watch::Receiver<usize>,
    _thread: Elsewhere,
}

impl Asking {
    pub(super) async fn begin(edge: SocketAddr, clients: Vec<TlsClient>) -> Self {
        let (thread, number) = (Elsewhere::new(1), clients.len());
        let times = Times::default();
        let (counter, count) = watch::channel(0);
        for client in clients {
            let (times, counter) = (Arc::clone(&times), counter.clone());
            let connected = async move {
                let connection = client.connect(edge).await.unwrap();
                let mut http = connection.http().await.unwrap();
                tokio::spawn(async move {
                    loop {
                        let began = Instant::now();
                        // Noticed by `go_on`, except at the end, when the edge goes first.
                        let Ok(answer) = http.get("/").await else {
                            return;
                        };
                        assert_eq!(answer.status, 200);
                        times.lock().unwrap().push((began, Instant::now()));
                        counter.send_modify(|count| *count += 1);
                        sleep(BREATH).await;
                    }
                });
            };
            thread.run(connected).await;
        }
        Self {
            clients: number,
            times,
            count,
            _thread: thread,
        }
    }

    /// Whether every client is still there.
    pub(super) fn go_on(&self) -> bool {
        // Each has a share of it, and so have we.
        Arc::strong_count(&self.times) == self.clients + 1
    }

    /// Until so many more requests have ended.
    pub(super) async fn more(&mut self, requests: usize) {
        let wanted = *self.count.borrow() + requests;
        timeout(
            wait::PATIENCE,
            self.count.wait_for(|count| *count >= wanted),
        )
        .await
        .expect("requests")
        .unwrap();
    }

    /// How long the requests took that touch a span of time.
    pub(super) fn between(&self, from: Instant, to: Instant) -> Vec<Duration> {
        let times = self.times.lock().unwrap();
        times
            .iter()
            .rev()
            .take_while(|(_, ended)| *ended > from)
            .filter(|(began, _)| *began < to)
            .map(|(began, ended)| *ended - *began)
            .collect()
    }
}
