//! Does numbered jobs on several threads and hands over the results in order, with few results
//! waiting at any time.

use std::{sync::mpsc, thread};

/// Results that a thread may have waiting before it pauses.
const N_WAITING: usize = 2;

/// Calls `make` for every number in `0..n_jobs` on `n_threads` threads, and `take` with each result
/// in order.
///
/// Returns the first error of either; the threads stop after it.
pub fn for_each<T, E, M, F>(n_jobs: u64, n_threads: usize, make: M, mut take: F) -> Result<(), E>
where
    T: Send,
    E: Send,
    M: Fn(u64) -> Result<T, E> + Sync,
    F: FnMut(T) -> Result<(), E>,
{
    let make = &make;
    let n_threads = n_threads.max(1) as u64;
    thread::scope(|scope| {
        // Each thread has every n-th job and its own channel, so the results need no sorting.
        let mut receivers = Vec::new();
        for first in 0..n_threads {
            let (sender, receiver) = mpsc::sync_channel(N_WAITING);
            receivers.push(receiver);
            scope.spawn(move || {
                let mut job = first;
                // A failed send means that the taker has stopped.
                while job < n_jobs && sender.send(make(job)).is_ok() {
                    job += n_threads;
                }
            });
        }
        let turns = receivers.iter().cycle();
        for (_, receiver) in (0..n_jobs).zip(turns) {
            match receiver.recv() {
                Ok(result) => take(result?)?,
                // The thread has panicked; leaving the scope passes the panic on.
                Err(_) => break,
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(n_jobs: u64, n_threads: usize) {
        let mut taken = Vec::new();
        for_each::<u64, (), _, _>(n_jobs, n_threads, Ok, |job| {
            taken.push(job);
            Ok(())
        })
        .unwrap();
        assert_eq!(taken, (0..n_jobs).collect::<Vec<_>>());
    }

    #[test]
    fn results_come_in_order() {
        check(0, 3);
        check(1, 3);
        check(100, 1);
        check(100, 3);
    }

    #[test]
    fn an_error_ends_the_work() {
        let failing = |job| if job == 5 { Err("five") } else { Ok(job) };
        assert_eq!(for_each(1000, 3, failing, |_| Ok(())), Err("five"));
        assert_eq!(
            for_each(1000, 3, Ok, |job| if job == 7 { Err("seven") } else { Ok(()) }),
            Err("seven")
        );
    }
}
