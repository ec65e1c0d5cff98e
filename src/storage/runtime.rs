//! The one thread that talks to the network, and how others wait for it.
//!
//! The workers of the dataflow block while they read, as they do on a disk. So the library's futures
//! run on a thread of their own, and every wait for one has a deadline.

use std::{
    future::{Future, pending},
    io,
    sync::{
        OnceLock,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle},
    task::AbortHandle,
};

/// The longest wait for one operation, with all its retries; each request has a shorter one.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// An operation under way; dropping this ends it.
#[derive(Debug)]
pub(super) struct Pending<T> {
    receiver: Receiver<T>,
    task: AbortHandle,
}

impl<T: Send + 'static> Pending<T> {
    /// Starts an operation. Fails if the thread cannot be started.
    pub(super) fn start(
        operation: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<Pending<T>> {
        let (sender, receiver) = sync_channel(1);
        let task = handle()?.spawn(async move {
            // Whoever asked may have lost interest.
            sender.send(operation.await).ok();
        });
        Ok(Pending { receiver, task: task.abort_handle() })
    }

    /// Waits for the operation's end. Fails if it does not come.
    pub(super) fn wait(self) -> io::Result<T> {
        self.receiver.recv_timeout(LONGEST).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                io::Error::new(io::ErrorKind::TimedOut, "the network took longer than 15 minutes")
            }
            RecvTimeoutError::Disconnected => {
                io::Error::other("the thread for the network has stopped")
            }
        })
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs an operation to its end.
pub(super) fn wait<T: Send + 'static>(
    operation: impl Future<Output = T> + Send + 'static,
) -> io::Result<T> {
    Pending::start(operation)?.wait()
}

/// Returns the way to the thread, which the first caller starts.
fn handle() -> io::Result<&'static Handle> {
    static HANDLE: OnceLock<io::Result<Handle>> = OnceLock::new();
    let handle = HANDLE.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let run = move || runtime.block_on(pending::<()>());
        thread::Builder::new().name("network".to_owned()).spawn(run)?;
        Ok(handle)
    });
    handle.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))
}
