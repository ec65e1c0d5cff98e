//! The first fatal error of a run, seen by all workers of the process.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::error::Error;

/// The place where the first fatal error is kept.
#[derive(Clone, Default)]
pub(super) struct Failure(Arc<(AtomicBool, Mutex<Option<Error>>)>);

impl Failure {
    /// Keeps an error, unless one is kept already.
    pub(super) fn set(&self, error: Error) {
        let (is_set, first) = &*self.0;
        // A later error is a consequence of the first: it is not told.
        first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        is_set.store(true, Ordering::Release);
    }

    /// Returns whether the run has failed.
    pub(super) fn is_set(&self) -> bool {
        self.0.0.load(Ordering::Acquire)
    }

    /// Takes the error out; the run stays a failed one.
    pub(super) fn take(&self) -> Option<Error> {
        self.0.1.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps the value of a result, or its error.
    pub(super) fn catch<T>(&self, result: crate::error::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.set(error);
                None
            }
        }
    }
}

/// Tells the other workers when this one panics: timely alone would leave them waiting for ever.
pub(super) struct Alarm(pub Failure, pub usize);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.set(Error::Worker(format!(
                "worker {} panicked; this is a bug of crossic",
                self.1
            )));
        }
    }
}
