//! Where clients are until it is known who they are.

use std::io;
use std::num::NonZeroUsize;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// Threads and a runtime of their own for accepting connections and for handshakes, so that no request of a known client ever waits behind
/// the work that strangers cause. An established connection leaves for the runtime that serves.
///
/// It ends when dropped.
#[derive(Debug)]
pub(crate) struct Reception(Option<Runtime>);

/// Tasks between two looks at the sockets. Handshakes are long tasks: whoever has just come should not miss dozens of turns.
const TASKS_BETWEEN_LOOKS: u32 = 8;

impl Reception {
    pub(crate) fn open(threads: NonZeroUsize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.get())
            .thread_name("reception")
            .event_interval(TASKS_BETWEEN_LOOKS)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Moves a listener here. The tasks that `accept` spawns run here too.
    pub(crate) fn listen<T>(
        &self,
        listener: TcpListener,
        accept: impl FnOnce(TcpListener) -> T,
    ) -> io::Result<()> {
        let Some(runtime) = &self.0 else {
            return Ok(());
        };
        let listener = listener.into_std()?;
        let _here = runtime.enter();
        accept(TcpListener::from_std(listener)?);
        Ok(())
    }
}

impl Drop for Reception {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Dropping would wait for its threads, which must not be done in a task of another runtime.
            runtime.shutdown_background();
        }
    }
}

/// Lets other tasks of this thread, and other threads of this core, go on.
///
/// Without it the scheduler would let a busy thread work for milliseconds before those have the core whose work takes microseconds.
pub(crate) async fn let_others_work() {
    std::thread::yield_now();
    tokio::task::yield_now().await;
}
