//! Threads that work on tasks one by one, for callers that want the results in an order of their own.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender, SyncSender},
    },
    thread,
};

/// Threads that turn tasks into results; they end when this is dropped.
#[derive(Debug)]
pub struct Crew<T, R> {
    tasks: Sender<(T, SyncSender<R>)>,
}

/// A result to come.
#[derive(Debug)]
pub struct Promise<R>(Receiver<R>);

impl<T: Send + 'static, R: Send + 'static> Crew<T, R> {
    /// Starts so many threads, at least one, that all do this work.
    pub fn new(n_threads: usize, work: impl Fn(T) -> R + Send + Sync + 'static) -> Crew<T, R> {
        let (tasks, taken) = mpsc::channel::<(T, SyncSender<R>)>();
        let shared = Arc::new((Mutex::new(taken), work));
        for _ in 0..n_threads.max(1) {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (taken, work) = &*shared;
                loop {
                    let task = taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    // Nobody sends any more: the crew was dropped.
                    let Ok((task, reply)) = task else { break };
                    // Nobody may be waiting for it, as after an error.
                    let _heard = reply.send(work(task)).is_ok();
                }
            });
        }
        Crew { tasks }
    }

    /// Hands a task to the first thread that is free; how many wait is for the caller to bound.
    pub fn start(&self, task: T) -> Promise<R> {
        let (reply, result) = mpsc::sync_channel(1);
        // Where all threads have panicked, the task and its reply are dropped, and the promise tells.
        let _taken = self.tasks.send((task, reply)).is_ok();
        Promise(result)
    }
}

impl<R> Promise<R> {
    /// Waits for the result; `None` if the thread that was to give it has panicked.
    pub fn wait(self) -> Option<R> {
        self.0.recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_as_the_caller_asks_for_them() {
        let crew = Crew::new(3, |n: u64| n * n);
        let promises: Vec<_> = (0..100).map(|n| crew.start(n)).collect();
        let squares: Vec<_> = promises.into_iter().map(Promise::wait).collect();
        assert_eq!(squares, (0..100).map(|n| Some(n * n)).collect::<Vec<_>>());
    }

    #[test]
    fn a_thread_that_is_gone_is_noticed() {
        let crew = Crew::new(1, |n: u64| 10_u64.checked_div(n).unwrap());
        let (good, bad, late) = (crew.start(5), crew.start(0), crew.start(2));
        assert_eq!((good.wait(), bad.wait(), late.wait()), (Some(2), None, None));
    }
}
