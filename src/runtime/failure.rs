//! The first fatal error of a run, seen by all workers of the process.

use std::sync::{Arc, OnceLock};

use crate::error::Error;

/// The place where the first fatal error is kept.
#[derive(Clone, Default)]
pub(super) struct Failure(Arc<OnceLock<Error>>);

impl Failure {
    /// Keeps an error, unless one is kept already.
    pub(super) fn set(&self, error: Error) {
        // A later error is a consequence of the first: it is not told.
        let _first = self.0.set(error).is_ok();
    }

    /// Returns whether the run has failed.
    pub(super) fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    /// Returns the error, once all workers have let go of the cell.
    pub(super) fn take(self) -> Option<Error> {
        Arc::into_inner(self.0).and_then(OnceLock::into_inner)
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
